"""What a source's codes mean, from a day on."""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from recorder.domain.case import Stage
from recorder.domain.case_event import ActType, EventKind


class MappedField(enum.StrEnum):
    """Members of a row whose codes are a source's own."""

    EVENT = "event"
    DOCUMENT = "document"
    ACT_TYPE = "act_type"
    STAGE = "stage"


#: Our own words, which mean themselves where nothing else is said. Documents have any word.
WORDS: dict[MappedField, frozenset[str]] = {
    MappedField.EVENT: frozenset(EventKind),
    MappedField.ACT_TYPE: frozenset(ActType),
    MappedField.STAGE: frozenset(Stage),
}


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """From a day on a code means this word; None: rows with it tell of nothing."""

    field: MappedField
    code: str
    value: str | None
    valid_from: date


class Mapping:
    """All meanings of one source; those given later replace earlier ones of the same day."""

    def __init__(self, meanings: Iterable[CodeMeaning] = ()):
        found: dict[tuple[MappedField, str], dict[date, str | None]] = {}
        for each in meanings:
            found.setdefault((each.field, each.code), {})[each.valid_from] = each.value
        self._found = {place: sorted(days.items()) for place, days in found.items()}

    def meaning(self, field: MappedField, code: str, day: date) -> tuple[bool, str | None]:
        """Whether the code is known on that day, and the word that it means."""
        days = self._found.get((field, code))
        if days:
            place = bisect_right(days, day, key=lambda each: each[0])
            if place:
                return True, days[place - 1][1]
        if field is MappedField.DOCUMENT or code in WORDS[field]:
            return True, code
        return False, None
