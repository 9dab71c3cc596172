"""What the simulated city consists of, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from recorder.domain.case import Stage
from recorder.domain.case_event import ActType, EventKind


@dataclass(frozen=True, slots=True)
class Officer:
    number: str
    name: str
    certificate: str
    #: Days, as the registry has them.
    certificate_from: str
    certificate_to: str


@dataclass(frozen=True, slots=True)
class Agency:
    code: str
    name: str
    #: The sign in its case numbers.
    sign: str
    kind: str
    parent: str
    source: int
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Team:
    """Two officers with a camera each, who work together all year."""

    number: int
    agency: Agency
    unit: str
    officers: tuple[Officer, Officer]
    devices: tuple[str, str]
    #: Of the same agency: one whose certificate is good, and one whose has run out.
    stand_in: Officer
    expired: Officer
    #: The camera of the stand-in.
    spare_device: str
    matters: tuple[str, ...]
    #: Its place among the teams of the agency, and how many they are.
    place: int
    siblings: int
    #: A third camera that is handed over and left in the cupboard; and that of the next team,
    #: taken by mistake.
    reserve: str
    borrowed: str


@dataclass(frozen=True, slots=True)
class Case:
    key: str
    number: str
    act_type: ActType
    matter: str
    team: Team
    #: The registration of the company code, for inspections.
    scan: str | None = None


@dataclass(slots=True)
class Scene:
    """Something that lasts, with what was filmed of it."""

    case: Case
    key: str
    kind: EventKind
    stage: Stage
    began: datetime
    ended: datetime
    officers: tuple[Officer, ...]
    latitude: float
    longitude: float
    #: What is wrong with it, one thing at most.
    planted: str | None = None
    exempt: bool = False
    clips: list[Clip] = field(default_factory=list)


@dataclass(slots=True)
class Clip:
    """One file of a camera, in true time; what the camera says of it is made of this."""

    key: str
    device: str
    #: Whom the camera names, and who it was.
    named_officer: str
    began: datetime
    ended: datetime
    received: datetime
    #: Seconds by which the camera's clock is ahead.
    clock_error: float = 0.0
    #: Whether the dock compared clocks.
    clock_known: bool = True
    marks: list[tuple[str, int]] = field(default_factory=list)
    #: Why the camera stopped before this clip, in the officer's words.
    reason: tuple[datetime, datetime, str] | None = None
    case_number: str | None = None
    #: What was held before the camera at the start.
    code: str | None = None
