"""What an evaluation rests on: everything that is known of one case at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from recorder.domain.case import Stage
from recorder.domain.case_event import ActType, CaseDocument, CaseEvent
from recorder.domain.deadline import Calendar
from recorder.domain.duty import DutyList, list_in_force
from recorder.domain.ids import AgencyId, CaseId, RecordingId
from recorder.domain.instant import CHINA
from recorder.domain.matter import PassedMatter
from recorder.domain.organisation import Names, organs_of

#: A case with more events, named officers, documents and recordings than this together is not
#: evaluated: what is laid beside each other grows with the square of it.
MOST_ROWS = 5_000
#: Nor one whose scenes show more recordings than this, each counted in every scene that it shows:
#: where people are at work it shows one or two.
MOST_SHOWN = 50_000
#: Marks by which a recording shows that R6 was kept.
ANNOUNCEMENT = "announcement"
VOICE_STATEMENT = "voice_statement"


@dataclass(frozen=True, slots=True)
class Interval:
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class FootageMark:
    """A mark on footage: its kind, as in domain/mark.py, and its place in time."""

    kind: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GapReason:
    """Why nothing was recorded for a time, as the officer reported it (R5)."""

    began_at: datetime
    ended_at: datetime
    reason: str
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """One recording that is linked to the case."""

    recording: RecordingId
    device: str | None = None
    officer: str | None = None
    stage: Stage | None = None
    #: By the device's clock; without both it cannot be placed.
    began_at: datetime | None = None
    ended_at: datetime | None = None
    #: The device's clock minus ours; None where nobody compared.
    clock_offset_ms: int | None = None
    #: The offset is more than a clock may be off: times are corrected, and said to be.
    clock_doubtful: bool = False
    #: Times within the recording in which there are no pictures.
    gaps: tuple[Interval, ...] = ()
    marks: tuple[FootageMark, ...] = ()
    #: Why there is nothing before, within or behind it, by its clock; the newest last.
    reasons: tuple[GapReason, ...] = ()
    received_at: datetime
    #: Admitted, and its bytes not known to be others than were sent.
    admitted: bool = True
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """An enforcement certificate with the days on which it is valid, both counted."""

    number: str
    valid_from: date | None
    valid_to: date | None

    def is_valid(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


@dataclass(frozen=True, slots=True)
class PowerTerm:
    """The days, both counted, on which a publication or an entrustment holds, and its matter."""

    begins: date
    ends: date
    #: Of an entrustment: the code; empty: every matter.
    matter: str = ""

    def covers(self, day: date, matter: str | None = None) -> bool:
        """Whether it holds on the day for the matter; an act of which nobody named one fits any."""
        return self.begins <= day <= self.ends and (
            not self.matter or matter is None or matter == self.matter
        )


@dataclass(frozen=True, slots=True)
class Handover:
    """From when on an officer wears a device; None: handed back."""

    at: datetime
    officer: str | None


@dataclass(frozen=True, slots=True)
class Shift:
    """When an officer was on duty by the roster, and for what."""

    began_at: datetime
    ended_at: datetime
    duty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Where an officer or a device was, as another event or recording says (R76)."""

    #: The number of the officer or device.
    who: str
    #: The event's or recording's own name, to tell two apart.
    about: str
    #: The visit or event it belongs to: one and the same is no second place.
    scene: str | None
    began_at: datetime
    ended_at: datetime
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """Everything that one evaluation looks at."""

    case: CaseId
    agency: AgencyId
    #: The moment that is asked about: what comes later is not yet late.
    at: datetime
    act_type: ActType | None = None
    matter: str | None = None
    #: The day on which a system says that it was opened, the first of several.
    opened_on: date | None = None
    #: The case's numbers, the first one first.
    numbers: tuple[str, ...] = ()
    events: tuple[CaseEvent, ...] = ()
    documents: tuple[CaseDocument, ...] = ()
    footage: tuple[Footage, ...] = ()
    #: Officer's number → certificates; who is not on file is not among them.
    officers: Mapping[str, tuple[Certificate, ...]] = field(default_factory=dict)
    #: Officer's number → the last day on which somebody of that number was on file.
    last_days: Mapping[str, date] = field(default_factory=dict)
    #: Agencies that keep their officers here: of others nobody can be missing.
    officers_on_file: frozenset[AgencyId] = frozenset()
    #: Device → the lines of its log that count for this footage, for devices that have a log.
    handovers: Mapping[str, tuple[Handover, ...]] = field(default_factory=dict)
    #: Officer's number → shifts around the footage; who is on no roster is absent.
    shifts: Mapping[str, tuple[Shift, ...]] = field(default_factory=dict)
    #: Officers and devices of this case in other cases at about the same time.
    officers_elsewhere: tuple[Presence, ...] = ()
    devices_elsewhere: tuple[Presence, ...] = ()
    #: Versions that may be in force on the days of the events; those for everybody too.
    lists: tuple[DutyList, ...] = ()
    #: In whose name its agencies act: their lists count where an agency has none of its own.
    names: Names = field(default_factory=dict)
    #: Agency → when it was a published subject of enforcement; who never was is absent.
    published: Mapping[AgencyId, tuple[PowerTerm, ...]] = field(default_factory=dict)
    #: Agency → what others let it do in their names; whom nobody ever entrusted is absent.
    entrusted: Mapping[AgencyId, tuple[PowerTerm, ...]] = field(default_factory=dict)
    #: Code → whose the matter is when, of those that passed from one organ to another.
    matters: Mapping[str, PassedMatter] = field(default_factory=dict)
    calendar: Calendar = field(default_factory=Calendar)
    #: How many rows there are, where they are more than MOST_ROWS and were not read therefore.
    unread: int = 0

    def list_of(self, agency: AgencyId, moment: datetime) -> DutyList | None:
        """The list that is in force for the agency on the day of the moment, in China."""
        day = moment.astimezone(CHINA).date()
        return list_in_force(self.lists, agency, day, organs_of(self.names, agency, day))

    @property
    def rows(self) -> int:
        """Events with the officers that they name, documents and recordings together."""
        return self.unread or (
            sum(1 + len(event.officers) for event in self.events)
            + len(self.documents)
            + len(self.footage)
        )
