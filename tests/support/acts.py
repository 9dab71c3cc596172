"""Cases as the engine sees them, in few words: an act on one morning, its footage, its list."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from recorder.domain.case import Stage
from recorder.domain.case_event import (
    ActType,
    CaseDocument,
    CaseEvent,
    EventKind,
    EventOfficer,
    Exemption,
    Place,
)
from recorder.domain.coverage import CaseFacts, Footage, FootageMark, Interval
from recorder.domain.deadline import Calendar
from recorder.domain.duty import DutyLevel, DutyList, DutyRule
from recorder.domain.ids import AgencyId, CaseId, RecordingId

AGENCY = AgencyId(uuid.UUID(int=1))
CASE = CaseId(uuid.UUID(int=2))
#: A Monday, 09:00 in China.
NINE = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
#: Long after every deadline of that day.
LATER = NINE + timedelta(days=30)
OFFICERS = (EventOfficer("A1", "19000000001"), EventOfficer("A2", "19000000002"))
CALENDAR = Calendar(announced=frozenset({2025, 2026}))
BOTH_MARKS = ("announcement", "voice_statement")
HERE, FAR = Place(22.54, 114.05), Place(22.64, 114.05)


def at(minutes: float) -> datetime:
    """So many minutes after nine."""
    return NINE + timedelta(minutes=minutes)


def rule(
    level: DutyLevel = DutyLevel.FULL_UNINTERRUPTED,
    scene: EventKind | None = EventKind.SEIZURE,
    **changes: object,
) -> DutyRule:
    values: dict[str, object] = {
        "code": "1", "level": level, "scene": scene, "legal_basis": "规则第一条", **changes,
    }  # fmt: skip
    return DutyRule(**values)  # type: ignore[arg-type]


def duty_list(*rules: DutyRule, **changes: object) -> DutyList:
    values: dict[str, object] = {
        "id": uuid.UUID(int=3), "agency": None, "profile": "cn-gd", "version": 1, "title": "清单",
        "valid_from": date(2020, 1, 1), "valid_to": None, "rules": rules or (rule(),), **changes,
    }  # fmt: skip
    return DutyList(**values)  # type: ignore[arg-type]


def event(
    kind: EventKind = EventKind.SEIZURE,
    began: float = 0,
    ended: float | None = 60,
    *,
    key: str = "e1",
    officers: Sequence[EventOfficer] = OFFICERS,
    visit: str | None = None,
    place: Place | None = None,
    scan: str | None = None,
    exemption: Exemption | None = None,
    agency: AgencyId = AGENCY,
    act_type: ActType | None = ActType.COERCION,
    matter: str | None = None,
) -> CaseEvent:
    return CaseEvent(
        id=uuid.uuid5(uuid.NAMESPACE_OID, key),
        case=CASE,
        agency=agency,
        source="s",
        key=key,
        kind=kind,
        act_type=act_type,
        stage=Stage.INVESTIGATION,
        began_at=at(began),
        ended_at=None if ended is None or not kind.is_scene else at(ended),
        visit=visit,
        officers=tuple(officers),
        place=place,
        matter=matter,
        scan=scan,
        exemption=exemption,
        received_at=at(61),
    )


def clip(
    began: float,
    ended: float,
    *,
    n: int = 1,
    marks: Sequence[str] = BOTH_MARKS,
    gaps: Sequence[tuple[float, float]] = (),
    received: float | None = None,
    **changes: object,
) -> Footage:
    """Footage from minute to minute, by a clock that was compared, handed in after an hour."""
    values: dict[str, object] = {
        "recording": RecordingId(uuid.UUID(int=100 + n)),
        "officer": "A1",
        "began_at": at(began),
        "ended_at": at(ended),
        "clock_offset_ms": 0,
        "marks": tuple(FootageMark(kind, at(began)) for kind in marks),
        "gaps": tuple(Interval(at(a), at(b)) for a, b in gaps),
        "received_at": at(ended + 60 if received is None else received),
        **changes,
    }
    return Footage(**values)  # type: ignore[arg-type]


def document(began: float | None, ended: float | None, of: str | None = "e1") -> CaseDocument:
    return CaseDocument(
        id=uuid.UUID(int=50),
        case=CASE,
        agency=AGENCY,
        source="s",
        key="d1",
        document="现场笔录",
        event=of,
        occurred_at=NINE,
        began_at=None if began is None else at(began),
        ended_at=None if ended is None else at(ended),
        received_at=at(70),
    )


def facts(*footage: Footage, **changes: object) -> CaseFacts:
    """One seizure from nine to ten, judged a month later, unless said otherwise."""
    values: dict[str, object] = {
        "case": CASE, "agency": AGENCY, "at": LATER, "events": (event(),),
        "lists": (duty_list(),), "calendar": CALENDAR, "footage": footage, **changes,
    }  # fmt: skip
    return CaseFacts(**values)  # type: ignore[arg-type]
