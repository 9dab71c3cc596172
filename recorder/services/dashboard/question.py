"""What is asked of the dashboard, and which days and agencies that comes to."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from recorder.domain.deadline import Calendar
from recorder.domain.ids import AgencyId
from recorder.domain.organisation_tree import Holding, OrganisationTree
from recorder.domain.people import Actor, Permission
from recorder.errors import Forbidden, InvalidInput, NotFound
from recorder.store import agencies
from recorder.store.agencies import Agency
from recorder.store.connection import Connection
from recorder.store.coverage import lines
from recorder.store.coverage.sums import AGES, YearOfSpan
from recorder.store.coverage.weeks import WholeWeeks

#: Three years and some days.
MOST_DAYS = 1100
_DAY = timedelta(days=1)
#: Before every day that has figures; a Thursday, and a month begins with it.
EARLIEST = date(1970, 1, 1)
#: Shorter spans are read day by day.
_WORTH_WEEKS = 28
#: First and last day.
Span = tuple[date, date]


class Comparison(enum.StrEnum):
    """What the figures stand beside."""

    #: As many days just before.
    PREVIOUS = "previous"
    #: The same days of the year before.
    LAST_YEAR = "last_year"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An organisation or an officer over some days, both included."""

    first: date
    last: date
    #: Code; None: everything in sight.
    agency: str | None = None
    officer: str | None = None
    comparison: Comparison = Comparison.PREVIOUS
    #: Code of an organisation to stand beside; it comes before ``comparison``.
    beside: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= (self.last - self.first).days < MOST_DAYS:
            raise InvalidInput(
                "days-invalid", f"The first day comes before the last, by {MOST_DAYS} at most."
            )

    @property
    def unit(self) -> str:
        """Of what a plot over time has its points."""
        days = (self.last - self.first).days + 1
        return "day" if days <= 62 else ("week" if days <= 400 else "month")

    @property
    def compared(self) -> tuple[date, date] | None:
        """The days that it is compared with; None: with no other ones."""
        if self.beside is not None:
            return self.first, self.last
        if self.comparison is Comparison.PREVIOUS:
            length = self.last - self.first + _DAY
            return self.first - length, self.last - length
        if self.comparison is Comparison.LAST_YEAR:
            return _year_before(self.first), _year_before(self.last)
        return None


def _year_before(day: date) -> date:
    # There is no 29 February then.
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


@dataclass(frozen=True, slots=True)
class Ground:
    """The tree and the names that a question is answered on."""

    tree: OrganisationTree
    #: Agencies in sight.
    named: dict[AgencyId, Agency]
    #: None: everything in sight.
    node: Agency | None

    def holdings(self, actor: Actor, first: date, last: date) -> list[Holding]:
        node = self.node.id if self.node else None
        return self.tree.holdings(node, first, last, actor.scope.agencies)

    def always(self, actor: Actor, today: date) -> list[Holding]:
        """All days until today of whoever stands below today: for what waits, however old."""
        return [
            Holding(each.agency, each.by_way_of, EARLIEST, today)
            for each in self.holdings(actor, today, today)
        ]


async def ground(connection: Connection, actor: Actor, agency: str | None, today: date) -> Ground:
    """Raises NotFound ``agency-not-found``.

    Without an agency it is the one above all that is in sight, where there is such a one.
    """
    named = {one.id: one for one in await agencies.listed(connection, actor.scope)}
    tree = OrganisationTree.of(await lines.standings(connection), named)
    if agency is not None:
        node = next((one for one in named.values() if one.code == agency), None)
        if node is None:
            raise NotFound("agency-not-found", f"There is no agency {agency}.")
    else:
        tops = tree.tops(today, actor.scope.agencies)
        node = named.get(tops[0]) if len(tops) == 1 else None
    return Ground(tree, named, node)


async def held(
    connection: Connection, actor: Actor, question: Question, today: date
) -> list[Holding]:
    """The days of agencies that a question about an organisation comes to.

    Raises NotFound ``agency-not-found``.
    """
    base = await ground(connection, actor, question.agency, today)
    return base.holdings(actor, question.first, question.last)


def officer_asked(actor: Actor, question: Question) -> str | None:
    """Whose figures they are to be; somebody who sees the own footage alone sees the own figures.

    Raises Forbidden ``permission-missing``.
    """
    own = actor.scope.officer
    if question.officer in (None, own):
        return own
    need_officers(actor)
    return question.officer


def need_officers(actor: Actor) -> None:
    """Raise Forbidden ``permission-missing`` where officers are not to be told apart."""
    permission = Permission.COMPARE_OFFICERS
    if actor.scope.officer is not None or not actor.may(permission):
        raise Forbidden(
            "permission-missing", "Your role does not allow this.", permission=permission.value
        )


def whole_weeks(first: date, last: date, holdings: Sequence[Holding]) -> WholeWeeks | None:
    """The weeks (cut at the ends of months) that lie in the span.

    None where days do as well: there are few, or some agency's are not all of them, since the tree
    changed.
    """
    few = (last - first).days < _WORTH_WEEKS
    if few or any((each.first, each.last) != (first, last) for each in holdings):
        return None
    begins = first if _week_since(first) == first else _week_until(first) + _DAY
    until = last if _week_until(last) == last else _week_since(last) - _DAY
    return WholeWeeks(begins, _week_since(until), until)


def oldest_weeks(today: date) -> WholeWeeks | None:
    """The weeks all of whose days are in the last class of age."""
    return whole_weeks(EARLIEST, today - AGES[-1] * _DAY, ())


def _week_since(day: date) -> date:
    return max(day - day.weekday() * _DAY, day.replace(day=1))


def _week_until(day: date) -> date:
    behind = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return min(day + (6 - day.weekday()) * _DAY, behind - _DAY)


def working_days(calendar: Calendar, first: date, last: date) -> list[date]:
    """The working days between two days."""
    days = (first + n * _DAY for n in range((last - first).days + 1))
    return [day for day in days if calendar.is_working(day)]


def by_years(spans: Collection[Span], working: Sequence[date]) -> list[YearOfSpan]:
    """Each year of each span, with those of its days that are in the span and that are worked."""
    found = []
    for first, last in spans:
        days = [first + n * _DAY for n in range((last - first).days + 1)]
        for year in range(first.year, last.year + 1):
            kept = {day for day in days if day.year == year}
            found.append(
                YearOfSpan(
                    first, last, year, _bits(kept), _bits(day for day in working if day in kept)
                )
            )
    return found


def _bits(days: Iterable[date]) -> str:
    """Days of a year as ``device_year`` has them: 32 bits a month, the last one its first day."""
    bits = 0
    for day in days:
        bits |= 1 << (32 * (12 - day.month) + day.day - 1)
    return format(bits, "0384b")
