"""Each recording by itself: handed in in time, by somebody's device, within a scene (R16, R22)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from recorder.domain.coverage import spans
from recorder.domain.coverage.facts import CaseFacts, Handover
from recorder.domain.coverage.measure import EDGE_TOLERANCE, USUAL_TERM, Measured
from recorder.domain.coverage.placing import Placed, PlacedFootage, least_sure
from recorder.domain.coverage.rules_of_people import last_certificate
from recorder.domain.coverage.scenes import Scene
from recorder.domain.coverage.words import found, moment
from recorder.domain.deadline import deadline, parse_term
from recorder.domain.finding import Confidence, Finding, FindingKind, Severity
from recorder.domain.ids import RecordingId
from recorder.domain.instant import CHINA

#: Work goes on before and after a shift.
OVERTIME = timedelta(minutes=30)
#: Who has no shift for longer than this around the footage is not on a roster at all.
ON_ROSTER = timedelta(days=31)


def of_footage(
    facts: CaseFacts, measured: Sequence[Measured], placed: PlacedFootage
) -> Iterable[Finding]:
    """Everything that is found about the recordings of a case."""
    ended = measured and all(each.scene.ended_at is not None for each in measured)
    shown: dict[RecordingId, list[Scene]] = {}
    joined: dict[RecordingId, list[Scene]] = {}
    for one in measured:
        for recording in one.recordings:
            shown.setdefault(recording, []).append(one.scene)
        for each in one.joined:
            joined.setdefault(each.footage.recording, []).append(one.scene)
    for each in placed.counted:
        # A file that a camera filled before the arrival belongs to the scene that it runs into.
        recording = each.footage.recording
        scenes = shown.get(recording) or joined.get(recording, [])
        yield from _late(facts, scenes, each)
        yield from _worn(facts, each)
        yield from _certified(facts, scenes, each)
        yield from _on_duty(facts, each)
        if ended and not scenes:
            yield found(
                facts,
                FindingKind.FOOTAGE_OUTSIDE_SCENES,
                Severity.NOTICE,
                about=str(each.footage.recording),
                day_of=each.span.began_at,
                span=each.span,
                confidence=each.confidence,
                recordings=[each.footage.recording],
                officers=_maker(each),
            )


def _late(facts: CaseFacts, scenes: Sequence[Scene], placed: Placed) -> Iterable[Finding]:
    scene = next((each for each in scenes if each.rule), None)
    term = parse_term(scene.rule.deadline if scene and scene.rule else USUAL_TERM)
    due = deadline(placed.span.ended_at, term, facts.calendar)
    if placed.footage.received_at <= due.at:
        return
    yield found(
        facts,
        FindingKind.UPLOAD_LATE,
        Severity.MINOR,
        scene=scene,
        about=str(placed.footage.recording),
        day_of=placed.span.ended_at,
        span=placed.span,
        confidence=least_sure(
            (placed.confidence, Confidence.PROBABLE if due.provisional else Confidence.CERTAIN)
        ),
        recordings=[placed.footage.recording],
        officers=_maker(placed),
        facts_={
            "term": str(term),
            "due_at": moment(due.at),
            "received_at": moment(placed.footage.received_at),
            "late_ms": spans.milliseconds(placed.footage.received_at - due.at),
            "provisional": due.provisional,
        },
    )


def _maker(placed: Placed) -> tuple[str, ...]:
    return (placed.footage.officer,) if placed.footage.officer else ()


def holder(log: Sequence[Handover], at: datetime) -> str | None:
    """Who had the device at a moment, by its log."""
    before = [each for each in log if each.at <= at]
    return max(before, key=lambda each: each.at).officer if before else None


def _holders(log: Sequence[Handover], placed: Placed) -> list[str]:
    """Who had the device while it filmed, in the order of time: it may be handed on meanwhile."""
    began_at, ended_at = placed.span.began_at, placed.span.ended_at
    later = sorted(
        (each for each in log if began_at < each.at < ended_at), key=lambda each: each.at
    )
    named = (holder(log, began_at), *(each.officer for each in later))
    return [officer for officer in named if officer is not None]


def _worn(facts: CaseFacts, placed: Placed) -> Iterable[Finding]:
    device = placed.footage.device
    log = facts.handovers.get(device) if device is not None else None
    if log is None:
        return
    # People write down to the minute when they take a device.
    worn_by = holder(log, placed.span.began_at) or holder(
        log, min(placed.span.began_at + EDGE_TOLERANCE, placed.span.ended_at)
    )
    kind, severity = FindingKind.DEVICE_UNASSIGNED, Severity.MINOR
    if worn_by is not None:
        if placed.footage.officer in (None, worn_by, *_holders(log, placed)):
            return
        kind = FindingKind.OFFICER_DISAGREES
    yield found(
        facts,
        kind,
        severity,
        about=str(placed.footage.recording),
        day_of=placed.span.began_at,
        span=placed.span,
        confidence=placed.confidence,
        recordings=[placed.footage.recording],
        officers=_maker(placed),
        facts_={"device": device, "officer": placed.footage.officer, "holder": worn_by},
    )


def _on_duty(facts: CaseFacts, placed: Placed) -> Iterable[Finding]:
    """Footage by somebody who is on a roster in these weeks and was not on duty then."""
    officer = placed.footage.officer
    shifts = facts.shifts.get(officer, ()) if officer is not None else ()
    began_at, ended_at = placed.span.began_at, placed.span.ended_at
    near = [each for each in shifts if abs(each.began_at - began_at) <= ON_ROSTER]
    if not near or any(
        each.began_at - OVERTIME < ended_at and began_at < each.ended_at + OVERTIME for each in near
    ):
        return
    nearest = min(near, key=lambda each: abs(each.began_at - began_at))
    yield found(
        facts,
        FindingKind.RECORDED_OFF_DUTY,
        Severity.MINOR,
        about=str(placed.footage.recording),
        day_of=began_at,
        span=placed.span,
        confidence=placed.confidence,
        recordings=[placed.footage.recording],
        officers=_maker(placed),
        facts_={
            "officer": officer,
            "shift_began_at": moment(nearest.began_at),
            "shift_ended_at": moment(nearest.ended_at),
        },
    )


def _certified(facts: CaseFacts, scenes: Sequence[Scene], placed: Placed) -> Iterable[Finding]:
    """Footage by somebody whose certificate was not valid, unless the scene says so already."""
    officer = placed.footage.officer
    certificates = facts.officers.get(officer) if officer is not None else None
    day = placed.span.began_at.astimezone(CHINA).date()
    if certificates is None or any(each.is_valid(day) for each in certificates):
        return
    if any(each.number == officer for scene in scenes for each in scene.officers):
        return
    yield found(
        facts,
        FindingKind.CERTIFICATE_INVALID,
        Severity.MAJOR,
        about=f"{officer} {placed.footage.recording}",
        day_of=placed.span.began_at,
        span=placed.span,
        confidence=placed.confidence,
        recordings=[placed.footage.recording],
        officers=_maker(placed),
        facts_={"officer": officer, **last_certificate(certificates, day)},
    )
