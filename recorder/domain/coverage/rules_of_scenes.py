"""What a scene's footage must show: all of it, with reasons for gaps, marks, a scan (R1 to R17)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from recorder.domain.case_event import CaseDocument, CaseEvent
from recorder.domain.coverage import spans
from recorder.domain.coverage.facts import ANNOUNCEMENT, VOICE_STATEMENT, CaseFacts
from recorder.domain.coverage.measure import USUAL_TERM, Hole, HolePlace, Measured
from recorder.domain.coverage.placing import PlacedFootage
from recorder.domain.coverage.words import found, moment
from recorder.domain.deadline import Deadline, deadline, parse_term
from recorder.domain.duty import DutyLevel
from recorder.domain.finding import Confidence, Finding, FindingKind, Severity
from recorder.domain.ids import RecordingId

#: Between what a document says and what the footage shows (R10).
DOCUMENT_TOLERANCE = timedelta(minutes=5)
#: Footage of a scan that belongs to no scene begins this soon after it.
_AFTER_SCAN = timedelta(hours=2)
_KINDS = {
    HolePlace.START: FindingKind.BEGINS_LATE,
    HolePlace.MIDDLE: FindingKind.GAP_UNEXPLAINED,
    HolePlace.END: FindingKind.ENDS_EARLY,
    HolePlace.WHOLE: FindingKind.UNRECORDED,
}


#: Source and key of an event → the documents that record it, in the order of their keys.
Documents = Mapping[tuple[str, str], Sequence[CaseDocument]]


def by_event(documents: Iterable[CaseDocument]) -> Documents:
    """Documents under the events that they record; those of none are left out."""
    told: dict[tuple[str, str], list[CaseDocument]] = {}
    for document in sorted(documents, key=lambda each: (each.source, each.key)):
        if document.event is not None:
            told.setdefault((document.source, document.event), []).append(document)
    return told


def of_scene(facts: CaseFacts, measured: Measured, documents: Documents) -> Iterable[Finding]:
    """Everything that is found about one scene and its footage."""
    scene = measured.scene
    if scene.exemption is not None and scene.rule and scene.rule.level.must:
        if not scene.exemption.approver:
            yield found(
                facts, FindingKind.EXEMPTION_UNAPPROVED, Severity.MINOR, scene=scene,
                facts_={"reason": scene.exemption.reason},
            )  # fmt: skip
        return
    if not scene.level.must or scene.rule is None:
        return
    if measured.is_due:
        if scene.ended_at is None:
            yield found(facts, FindingKind.END_UNKNOWN, Severity.NOTICE, scene=scene)
            if measured.is_missed:
                yield _endless(facts, measured)
        yield from _holes(facts, measured)
        if measured.footage:
            yield from _marks(facts, measured)
        if scene.scan is not None and not measured.footage:
            yield found(
                facts, FindingKind.SCAN_UNRECORDED, Severity.MINOR, scene=scene,
                confidence=measured.confidence, facts_={"scan": scene.scan},
            )  # fmt: skip
        yield from _documents(facts, measured, documents)
        # By then the word of a scan has come from wherever it was made.
        if scene.rule.scan and scene.scan is None and measured.footage:
            yield found(
                facts, FindingKind.RECORDING_UNSCANNED, Severity.MINOR, scene=scene,
                recordings=measured.recordings,
            )  # fmt: skip


def _endless(facts: CaseFacts, measured: Measured) -> Finding:
    """Nobody told the end of what was not recorded at all: how much is missing is not known."""
    return found(
        facts,
        FindingKind.UNRECORDED,
        _gravity(measured),
        scene=measured.scene,
        confidence=measured.confidence,
        facts_={"covered_ms": 0},
    )


def _gravity(measured: Measured) -> Severity:
    whole = measured.scene.level is DutyLevel.FULL_UNINTERRUPTED
    return Severity.CRITICAL if whole else Severity.MAJOR


def _holes(facts: CaseFacts, measured: Measured) -> Iterable[Finding]:
    whole = measured.scene.level is DutyLevel.FULL_UNINTERRUPTED
    for hole in measured.holes:
        kind = _KINDS[hole.place]
        if hole.place is HolePlace.WHOLE:
            severity = _gravity(measured)
        else:
            severity = Severity.MAJOR if whole else Severity.MINOR
        if hole.reason is not None:
            continue
        yield found(
            facts,
            kind,
            severity,
            scene=measured.scene,
            # A gap that became shorter from one side is the same gap: see differences.py.
            about=moment(hole.span.began_at) if hole.place is HolePlace.MIDDLE else "",
            span=hole.span,
            confidence=measured.confidence,
            recordings=_beside(measured, hole),
            facts_={
                "missing_ms": spans.milliseconds(hole.span.ended_at - hole.span.began_at),
                "covered_ms": measured.covered_ms,
            },
        )


def _beside(measured: Measured, hole: Hole) -> tuple[RecordingId, ...]:
    """The recordings between which the hole lies, else all of the scene."""
    before = [p for p in measured.footage if p.span.began_at < hole.span.began_at]
    after = [p for p in measured.footage if p.span.ended_at > hole.span.ended_at]
    near = [*before[-1:], *after[:1]]
    return tuple(dict.fromkeys(p.footage.recording for p in near)) or measured.recordings


def _marks(facts: CaseFacts, measured: Measured) -> Iterable[Finding]:
    rule = measured.scene.rule
    made = {mark.kind for mark in measured.marks}
    for wanted, mark, kind in (
        (rule and rule.announcement, ANNOUNCEMENT, FindingKind.ANNOUNCEMENT_MISSING),
        (rule and rule.voice_statement, VOICE_STATEMENT, FindingKind.VOICE_STATEMENT_MISSING),
    ):
        if wanted and mark not in made:
            yield found(
                facts, kind, Severity.NOTICE, scene=measured.scene,
                recordings=measured.recordings,
            )  # fmt: skip


def _documents(facts: CaseFacts, measured: Measured, documents: Documents) -> Iterable[Finding]:
    if not measured.footage:
        return
    keys = {(event.source, event.key) for event in measured.scene.events}
    for document in (each for key in sorted(keys) for each in documents.get(key, ())):
        differs = _difference(document, measured)
        if differs is not None:
            said, shown, length = differs
            yield found(
                facts,
                FindingKind.DOCUMENT_TIME_DIFFERS,
                Severity.MINOR,
                scene=measured.scene,
                about=f"{document.source}/{document.key}",
                confidence=measured.confidence,
                recordings=measured.recordings,
                facts_={
                    "document": document.document,
                    "said_at": moment(said),
                    "shown_at": moment(shown),
                    "difference_ms": spans.milliseconds(length),
                },
            )


def _difference(
    document: CaseDocument, measured: Measured
) -> tuple[datetime, datetime, timedelta] | None:
    """What the document says, what the footage shows, and how far they are apart, if too far."""
    first = min(each.span.began_at for each in measured.joined)
    last = max(each.span.ended_at for each in measured.joined)
    scene = measured.scene
    pairs = []
    if document.began_at is not None:
        # A camera that ran before the scene began shows its beginning all the same.
        pairs.append((document.began_at, _nearest(document.began_at, first, scene.began_at)))
    if document.ended_at is not None:
        end = scene.ended_at or last
        pairs.append((document.ended_at, _nearest(document.ended_at, end, last)))
    apart = [(said, shown, abs(said - shown)) for said, shown in pairs]
    worst = max(apart, key=lambda each: each[2], default=None)
    return worst if worst is not None and worst[2] > DOCUMENT_TOLERANCE else None


def _nearest(said: datetime, earlier: datetime, later: datetime) -> datetime:
    """The moment between the two that is nearest to the one said, if they are in this order."""
    if earlier > later:
        return earlier
    return min(max(said, earlier), later)


def scan_due(facts: CaseFacts, scan: CaseEvent) -> Deadline:
    """Until when the footage of a scan that belongs to no scene is waited for."""
    return deadline(scan.began_at, parse_term(USUAL_TERM), facts.calendar)


def _sure_of_none(placed: PlacedFootage, due: Deadline) -> Confidence:
    if placed.timeless:
        return Confidence.DOUBTFUL
    return Confidence.PROBABLE if due.provisional else Confidence.CERTAIN


def of_scans(
    facts: CaseFacts, scans: Iterable[CaseEvent], placed: PlacedFootage
) -> Iterable[Finding]:
    """Scans that belong to no scene and have no footage behind them when their time is up."""
    for scan in scans:
        due = scan_due(facts, scan)
        if due.at > facts.at:
            continue
        seen = any(
            each.span.began_at <= scan.began_at + _AFTER_SCAN
            and each.span.ended_at >= scan.began_at
            for each in placed.counted
        )
        if not seen:
            yield found(
                facts,
                FindingKind.SCAN_UNRECORDED,
                Severity.MINOR,
                about=f"{scan.source}/{scan.key}",
                agency=scan.agency,
                day_of=scan.began_at,
                confidence=_sure_of_none(placed, due),
                facts_={"scan": scan.scan or scan.key, "at": moment(scan.began_at)},
            )
