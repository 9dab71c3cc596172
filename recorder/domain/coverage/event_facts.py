"""Event facts: what other systems' models are told of each event of a case (R76).

Every event and every finding of a case stands in exactly one of them, so that nothing is counted
twice. Times are RFC 3339 in UTC, lengths are seconds.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.case_event import ActType, CaseEvent, EventKind, EventOfficer, Place
from recorder.domain.coverage import spans
from recorder.domain.coverage.engine import Evaluation
from recorder.domain.coverage.facts import ANNOUNCEMENT, VOICE_STATEMENT, CaseFacts, Footage
from recorder.domain.coverage.measure import Hole, Measured, SceneCoverage, SceneState
from recorder.domain.finding import Finding, FindingKind
from recorder.domain.ids import AgencyId, CaseId, RecordingId
from recorder.domain.instant import CHINA, format_utc

_NAMES = uuid.UUID("1b1f5c8a-7c55-5d0e-8c39-0a4a5e0f7d76")
#: What is found of a case's footage beside all of its events.
FOOTAGE = ""
_COERCIVE = frozenset({EventKind.SEIZURE, EventKind.DEMOLITION, EventKind.EXECUTION})
#: The indicators that models ask for by name, and the findings they are.
INDICATORS = (
    FindingKind.DOCUMENT_TIME_DIFFERS,
    FindingKind.OFFICER_IN_TWO_PLACES,
    FindingKind.CERTIFICATE_INVALID,
    FindingKind.UPLOAD_LATE,
    FindingKind.TOO_FEW_OFFICERS,
)


@dataclass(frozen=True, slots=True)
class EventFact:
    """One event of a case with its duty and coverage, as it stands by one evaluation."""

    case: CaseId
    #: The scene's key, an event's, or FOOTAGE.
    key: str
    agency: AgencyId
    #: In China.
    day: date
    officers: tuple[str, ...]
    #: A JSON object, written the same way each time.
    body: str

    @property
    def id(self) -> uuid.UUID:
        return fact_id(self.case, self.key, self.agency)


def fact_id(case: CaseId, key: str, agency: AgencyId) -> uuid.UUID:
    """The name of a fact: the same for the same event, however often it is told."""
    return uuid.uuid5(_NAMES, f"{case}\n{key}\n{agency}")


def event_facts(facts: CaseFacts, answer: Evaluation) -> list[EventFact]:
    """Everything that models are told of a case, in the order of its scenes and then of time."""
    placed = _placed(answer)
    late = {
        recording
        for finding in answer.findings
        if finding.kind is FindingKind.UPLOAD_LATE
        for recording in finding.recordings
    }
    told = [
        _of_scene(facts, measured, scene, placed.pop(scene.key, []), late)
        for measured, scene in zip(answer.measured, answer.scenes, strict=True)
    ]
    within = {event.id for each in answer.measured for event in each.scene.events}
    told += [
        _of_moment(facts, event, placed.pop(f"{event.source}/{event.key}", []))
        for event in sorted(facts.events, key=lambda each: (each.began_at, each.source, each.key))
        if event.id not in within
    ]
    left = [finding for findings in placed.values() for finding in findings]
    by_agency: dict[AgencyId, list[Finding]] = {}
    for finding in left:
        by_agency.setdefault(finding.agency, []).append(finding)
    told += [_of_footage(facts, found, late) for found in by_agency.values()]
    return told


def _placed(answer: Evaluation) -> dict[str, list[Finding]]:
    """Each finding under the key of one fact; what is about footage under its first scene."""
    scenes: dict[RecordingId, str] = {}
    for scene in answer.scenes:
        for recording in scene.recordings:
            scenes.setdefault(recording, scene.key)
    found: dict[str, list[Finding]] = {}
    for finding in answer.findings:
        key = finding.scene
        if key is None and finding.kind is FindingKind.SCAN_UNRECORDED:
            key = finding.about
        elif key is None:
            key = next((scenes[each] for each in finding.recordings if each in scenes), FOOTAGE)
        found.setdefault(key, []).append(finding)
    return found


def _of_scene(
    facts: CaseFacts,
    measured: Measured,
    told: SceneCoverage,
    findings: Sequence[Finding],
    late: set[RecordingId],
) -> EventFact:
    scene = measured.scene
    footage = [each.footage for each in measured.footage]
    coercive = scene.act_type is ActType.COERCION or scene.kind in _COERCIVE
    body = {
        **_event(facts, scene.kind, scene.events),
        "act_type": scene.act_type,
        "stage": scene.stage,
        "matter": scene.matter,
        "began_at": _text(scene.began_at),
        "ended_at": _text(scene.ended_at),
        "place": _place(scene.place),
        "officers": _officers(facts, scene.officers, scene.began_at),
        "scan": scene.scan,
        "exempt": scene.exemption
        and {"reason": scene.exemption.reason, "approver": scene.exemption.approver},
        "duty": {"level": told.level, "rule": told.rule, "legal_basis": told.legal_basis},
        "coverage": {
            "state": told.state,
            "expected_s": _seconds(told.expected_ms),
            "covered_s": _seconds(told.covered_ms),
            "share": round(told.covered_ms / told.expected_ms, 4) if told.expected_ms else None,
            "due_at": _text(told.due_at),
            "provisional": told.provisional,
            "confidence": told.confidence,
        },
        "gaps": [_gap(hole) for hole in told.holes if told.level.must],
        "marks": {
            mark: any(each.kind == mark for each in measured.marks)
            for mark in (ANNOUNCEMENT, VOICE_STATEMENT)
        },
        **_footage(footage, late),
        **_found(
            findings,
            any(each.recording in late for each in footage),
            coercive and told.state is SceneState.UNRECORDED,
        ),
    }
    return EventFact(
        facts.case, scene.key, scene.agency, _day(scene.began_at), told.officers, _json(body)
    )


def _of_moment(facts: CaseFacts, event: CaseEvent, findings: Sequence[Finding]) -> EventFact:
    """An event that lasts no time, or of which only the end is known: nothing of it is owed."""
    body = {
        **_event(facts, event.kind, [event]),
        "act_type": event.act_type or facts.act_type,
        "stage": event.stage,
        "matter": event.matter or facts.matter,
        "began_at": _text(event.began_at),
        "ended_at": _text(event.ended_at),
        "place": _place(event.place),
        "officers": _officers(facts, event.officers, event.began_at),
        "scan": event.scan,
        "exempt": None,
        "duty": None,
        "coverage": None,
        "gaps": [],
        "marks": None,
        **_footage((), set()),
        **_found(findings, False, False),
    }
    numbers = tuple(officer.number for officer in event.officers)
    key = f"{event.source}/{event.key}"
    return EventFact(facts.case, key, event.agency, _day(event.began_at), numbers, _json(body))


def _of_footage(facts: CaseFacts, findings: Sequence[Finding], late: set[RecordingId]) -> EventFact:
    """What is found of footage that lies beside every event."""
    named = {recording for finding in findings for recording in finding.recordings}
    footage = [each for each in facts.footage if each.recording in named]
    began_at = min(finding.began_at for finding in findings)
    body = {
        **_event(facts, None, ()),
        "act_type": facts.act_type,
        "stage": None,
        "matter": facts.matter,
        "began_at": _text(began_at),
        "ended_at": None,
        "place": None,
        "officers": [],
        "scan": None,
        "exempt": None,
        "duty": None,
        "coverage": None,
        "gaps": [],
        "marks": None,
        **_footage(sorted(footage, key=lambda each: each.recording), late),
        **_found(findings, any(each.recording in late for each in footage), False),
    }
    numbers = tuple(sorted({number for finding in findings for number in finding.officers}))
    return EventFact(facts.case, FOOTAGE, findings[0].agency, _day(began_at), numbers, _json(body))


def _event(
    facts: CaseFacts, kind: EventKind | None, events: Iterable[CaseEvent]
) -> dict[str, object]:
    return {
        "numbers": list(facts.numbers),
        "kind": kind,
        "events": [
            {"source": event.source, "key": event.key, "kind": event.kind} for event in events
        ],
    }


def _officers(
    facts: CaseFacts, officers: Iterable[EventOfficer], began_at: datetime
) -> list[dict[str, object]]:
    """Each with the number that the event names; whether one on file was valid, where it is."""
    day = _day(began_at)
    return [
        {
            "number": officer.number,
            "certificate": officer.certificate,
            "valid": any(each.is_valid(day) for each in facts.officers[officer.number])
            if officer.number in facts.officers
            else None,
        }
        for officer in officers
    ]


def _gap(hole: Hole) -> dict[str, object]:
    return {
        "place": hole.place,
        "began_at": _text(hole.span.began_at),
        "ended_at": _text(hole.span.ended_at),
        "seconds": _seconds(spans.milliseconds(hole.span.ended_at - hole.span.began_at)),
        "explained": hole.reason is not None,
        "reason": hole.reason,
    }


def _footage(footage: Sequence[Footage], late: set[RecordingId]) -> dict[str, object]:
    lags = [
        _seconds(spans.milliseconds(each.received_at - each.ended_at)) if each.ended_at else None
        for each in footage
    ]
    return {
        "recordings": [
            {
                "recording": str(each.recording),
                "device": each.device,
                "officer": each.officer,
                "began_at": _text(each.began_at),
                "ended_at": _text(each.ended_at),
                "received_at": _text(each.received_at),
                "lag_s": lag,
                "late": each.recording in late,
            }
            for each, lag in zip(footage, lags, strict=True)
        ],
        "lag_s": max((lag for lag in lags if lag is not None), default=None),
        "late": any(each.recording in late for each in footage),
    }


def _found(findings: Sequence[Finding], late: bool, unrecorded: bool) -> dict[str, object]:
    counts = Counter(finding.kind for finding in findings)
    indicators = {kind.value: counts[kind] > 0 for kind in INDICATORS}
    indicators[FindingKind.UPLOAD_LATE.value] = late
    return {
        "findings": {kind.value: counts[kind] for kind in sorted(counts)},
        "indicators": {"coercion_unrecorded": unrecorded, **indicators},
    }


def _place(place: Place | None) -> dict[str, object] | None:
    if place is None:
        return None
    return {"lat": place.latitude, "lon": place.longitude, "text": place.text}


def _day(at: datetime) -> date:
    return at.astimezone(CHINA).date()


def _text(at: datetime | None) -> str | None:
    return format_utc(at) if at else None


def _seconds(milliseconds: int) -> float:
    return milliseconds / 1000


def _json(body: dict[str, object]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
