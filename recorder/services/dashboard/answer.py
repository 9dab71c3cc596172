"""What the dashboard answers, as plain values."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from recorder.domain.ids import AgencyId
from recorder.store.coverage.days import SceneCount
from recorder.store.coverage.sums import DeviceUse

_NOBODY = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation as a step of the way."""

    id: AgencyId
    code: str
    name: str
    #: None: no register says.
    kind: str | None


@dataclass(slots=True)
class Settled:
    """Findings by what became of them."""

    open: int = 0
    replied: int = 0
    appealed: int = 0
    closed: int = 0

    @property
    def waiting(self) -> int:
        return self.open + self.replied + self.appealed

    @property
    def all(self) -> int:
        return self.waiting + self.closed


@dataclass(slots=True)
class Lateness:
    """How late recordings came: how many in which hour behind their term."""

    hours: Counter[int] = field(default_factory=Counter)

    def add(self, hours: Mapping[int, int]) -> None:
        self.hours.update(hours)

    def within(self, permille: int) -> int | None:
        """The least number of hours within which so many of a thousand came; None: none did."""
        wanted, so_far = -(-self.hours.total() * permille // 1000), 0
        for hour in sorted(self.hours):
            so_far += self.hours[hour]
            if so_far >= wanted:
                return hour
        return None

    @property
    def median_h(self) -> int | None:
        return self.within(500)

    @property
    def p90_h(self) -> int | None:
        return self.within(900)


@dataclass(slots=True, kw_only=True)
class Line:
    """Somebody directly below, or the organisation by itself."""

    place: Place
    #: The organisation by itself, without those below.
    is_own: bool
    scenes: SceneCount = field(default_factory=SceneCount)
    #: In the other time; None: there is none.
    before: SceneCount | None = None
    lateness: Lateness = field(default_factory=Lateness)
    findings: Settled = field(default_factory=Settled)
    #: Of the days asked about, unanswered now although the time for that is over.
    overdue: int = 0
    unlinked: int = 0
    unlinked_ms: int = 0
    recordings: int = 0
    footage_ms: int = 0
    #: Those of the recordings that bear marks (R49).
    marked: int = 0
    #: Of the days asked about, without a mark now although the term for that is over (R49).
    unmarked_overdue: int = 0
    devices: DeviceUse = field(default_factory=DeviceUse)

    @property
    def marked_permille(self) -> int | None:
        """The share of marked footage; None where there is none."""
        return 1000 * self.marked // self.recordings if self.recordings else None

    @property
    def burns(self) -> tuple[int, int, int]:
        """Whoever has most to mend comes first."""
        return (-self.scenes.missing_ms, -self.findings.waiting, -self.scenes.late)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """An organisation or an officer over some days."""

    first: date
    last: date
    #: Today in China: ages are counted from it.
    today: date
    #: Of what the points over time are: day, week or month.
    unit: str
    #: The way from the top; the last one is whom it is about. Empty: everything in sight.
    path: tuple[Place, ...]
    #: Number and name, where it is about an officer.
    officer: tuple[str, str] | None
    compared: tuple[date, date] | None
    #: The organisation that it stands beside.
    beside: Place | None
    #: Those directly below, who has most to mend first.
    lines: tuple[Line, ...]
    total: Line
    stages: tuple[tuple[str, SceneCount], ...]
    act_types: tuple[tuple[str, SceneCount], ...]
    times: tuple[tuple[date, SceneCount], ...]
    #: The same of what it is compared with.
    times_before: tuple[tuple[date, SceneCount], ...]
    kinds: tuple[tuple[str, Settled], ...]
    #: By classes of age: findings that wait; recordings without a case, and their time.
    waiting: tuple[int, ...]
    unlinked: tuple[tuple[int, int], ...]
    #: Working days among the days that have come.
    workdays: int
    officers: int
    #: Whether officers and devices may be told apart here.
    has_officers: bool

    @property
    def place(self) -> Place | None:
        return self.path[-1] if self.path else None

    @property
    def silent_days(self) -> int:
        """Working days of devices on the register without footage."""
        use = self.total.devices
        return max(0, use.registered * self.workdays - use.workdays)


def settle(into: Settled, state: str, findings: int) -> None:
    setattr(into, state, getattr(into, state) + findings)


def sum_of(lines: Sequence[Line], place: Place | None = None) -> Line:
    """All of them as one line; what they are compared with too, as far as they have it."""
    total = Line(place=place or Place(AgencyId(_NOBODY), "", "", None), is_own=False)
    for each in lines:
        total.scenes.add(each.scenes)
        if each.before is not None:
            total.before = total.before or SceneCount()
            total.before.add(each.before)
        total.lateness.add(each.lateness.hours)
        total.overdue += each.overdue
        for state in ("open", "replied", "appealed", "closed"):
            settle(total.findings, state, getattr(each.findings, state))
        total.unlinked += each.unlinked
        total.unlinked_ms += each.unlinked_ms
        total.recordings += each.recordings
        total.footage_ms += each.footage_ms
        total.marked += each.marked
        total.unmarked_overdue += each.unmarked_overdue
        total.devices = total.devices.plus(each.devices)
    return total
