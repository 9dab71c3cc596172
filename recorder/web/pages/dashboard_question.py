"""What the address of the dashboard asks: whose figures, which days, beside what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from aiohttp import web

from recorder.services.dashboard import Comparison, Question
from recorder.store.agencies import Agency
from recorder.web.api.dashboard import today as today_of
from recorder.web.pages.choosing import code_of
from recorder.web.pages.findings import day_of

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A span of days that one click asks for."""

    name: str
    first: date
    last: date


def spans(today: date) -> tuple[Span, ...]:
    """The last whole week, this week, the month, the quarter, and a year back."""
    monday = today - timedelta(days=today.weekday())
    month = today.replace(day=1)
    quarter = month.replace(month=(month.month - 1) // 3 * 3 + 1)
    return (
        Span("last_week", monday - 7 * _DAY, monday - _DAY),
        Span("week", monday, today),
        Span("month", month, today),
        Span("quarter", quarter, today),
        Span("year", today - 364 * _DAY, today),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """The question with the words that its address is made of."""

    question: Question
    today: date

    @classmethod
    def of(cls, request: web.Request) -> Asked:
        """Without days: the last whole week, which is what a Monday morning asks about."""
        told, today = request.query, today_of(request)
        usual = spans(today)[0]
        last = day_of(told.get("to", "")) or usual.last
        first = day_of(told.get("from", "")) or (
            usual.first if not told.get("to") else last - 6 * _DAY
        )
        compare = told.get("compare", "")
        return cls(
            Question(
                first=first,
                last=last,
                agency=told.get("agency", "").strip() or None,
                officer=told.get("officer", "").strip() or None,
                comparison=Comparison(compare)
                if compare in set(Comparison)
                else Comparison.PREVIOUS,
                beside=told.get("beside", "").strip() or None,
            ),
            today,
        )

    def beside_one_of(self, agencies: Iterable[Agency]) -> Asked:
        """The same, beside the organisation of that code where a whole name was typed."""
        beside = self.question.beside
        if beside is None:
            return self
        named = replace(self.question, beside=code_of(agencies, beside))
        return replace(self, question=named)

    def address(self, path: str = "/coverage", **others: object) -> str:
        """The same question at an address, with these words instead; None leaves one out."""
        asked = self.question
        words: dict[str, object] = {
            "agency": asked.agency,
            "officer": asked.officer,
            "from": asked.first,
            "to": asked.last,
            "compare": None if asked.comparison is Comparison.PREVIOUS else asked.comparison.value,
            "beside": asked.beside,
        }
        words.update({name.rstrip("_"): value for name, value in others.items()})
        return f"{path}?{urlencode({n: str(v) for n, v in words.items() if v is not None})}"
