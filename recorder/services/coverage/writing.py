"""Writing an evaluation: the least that makes rows, figures and custody events say it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.coverage import CaseFacts, Evaluation, EventFact, SceneCoverage, event_facts
from recorder.domain.coverage.differences import Changed, KnownFinding, differences
from recorder.domain.coverage.scenes import scene_key
from recorder.domain.deadline import Calendar, deadline, parse_term
from recorder.domain.events import FindingChanged, FindingRaised, FindingWithdrawn
from recorder.domain.finding import Finding, FindingKind, FindingState
from recorder.domain.ids import CaseId, new_uuid
from recorder.domain.instant import CHINA
from recorder.store.change import Change
from recorder.store.coverage import days, findings, scenes
from recorder.store.coverage import event_facts as fact_rows
from recorder.store.coverage.days import CountedScene, FindingKey, SceneCount
from recorder.store.feed import withdrawals
from recorder.store.feed.withdrawals import TakenBack

#: How long an agency has for its answer.
ANSWER_TERM = parse_term("5wd")
#: Stands for the answer that a case is too large, however large.
TOO_LARGE = hashlib.sha256(b"too large").digest()


async def write(change: Change, answers: Sequence[tuple[CaseFacts, Evaluation]]) -> None:
    """Make everything say these answers; a case whose answer is the same costs nothing.

    Of a case that is too large that alone is written: the rest stays as it was.
    """
    known = await scenes.answers(change.connection, [facts.case for facts, _ in answers])
    told = {
        facts.case: event_facts(facts, answer) for facts, answer in answers if not answer.too_large
    }
    digests = {
        facts.case: TOO_LARGE if answer.too_large else digest_of(answer, told[facts.case])
        for facts, answer in answers
    }
    differ = [each for each in answers if known.get(each[0].case) != digests[each[0].case]]
    if not differ:
        return
    await _write_findings(change, differ)
    await _write_scenes(change, [each for each in differ if not each[1].too_large])
    await scenes.write_answers(
        change,
        [
            (facts.case, digests[facts.case], any(s.provisional for s in answer.scenes))
            for facts, answer in differ
        ],
    )
    # Last: until the commit nobody else tells facts.
    cases = [facts.case for facts, answer in differ if not answer.too_large]
    await fact_rows.tell(change, cases, [fact for case in cases for fact in told[case]])


def digest_of(answer: Evaluation, told: Sequence[EventFact]) -> bytes:
    """SHA-256 of everything an evaluation says but when it is to be made again."""
    said = [
        [
            [
                each.key, str(each.agency), each.kind, each.state, each.level, each.rule,
                each.legal_basis, _text(each.began_at), _text(each.ended_at), each.expected_ms,
                each.covered_ms, _text(each.due_at), each.provisional, each.confidence,
                each.act_type, each.stage, each.matter, each.officers,
                [
                    [_text(h.span.began_at), _text(h.span.ended_at), h.place, h.reason]
                    for h in each.holes
                ],
                list(map(str, each.recordings)),
            ]
            for each in answer.scenes
        ],
        [
            [
                each.kind, each.scene, each.about,
                str(each.agency), each.severity, each.confidence, each.rule,
                _text(each.began_at), _text(each.ended_at), list(map(str, each.recordings)),
                each.officers, dict(each.facts),
            ]
            for each in answer.findings
        ],
        [[str(each.id), each.body] for each in told],
    ]  # fmt: skip
    if late := [late_in(each, answer) for each in answer.scenes if late_in(each, answer)]:
        # Scenes that were written before anybody kept this are written again.
        said.append(late)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode("utf-8")).digest()


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def day_of(at: datetime) -> date:
    return at.astimezone(CHINA).date()


async def _write_findings(change: Change, answers: Sequence[tuple[CaseFacts, Evaluation]]) -> None:
    known = await findings.known_of(change.connection, [facts.case for facts, _ in answers])
    raised: list[tuple[uuid.UUID, Finding, date, datetime | None]] = []
    changed: list[tuple[Changed, date, datetime | None]] = []
    withdrawn: list[tuple[KnownFinding, frozenset[str]]] = []
    counts: dict[FindingKey, int] = defaultdict(int)
    for facts, answer in answers:
        found = differences(known.get(facts.case, []), answer.findings)
        answer_by = _answer_by(change.now, facts.calendar)
        for finding in found.raised:
            day = day_of(finding.began_at)
            raised.append((new_uuid(change.now), finding, day, answer_by))
            _count(counts, finding, day, FindingState.OPEN, 1)
        for each in found.changed:
            day = day_of(each.after.began_at)
            is_open_again = each.state is FindingState.OPEN and each.before.state is not each.state
            changed.append((each, day, answer_by if is_open_again else None))
            _count(counts, each.before.finding, day_of(each.before.finding.began_at),
                   each.before.state, -1)  # fmt: skip
            _count(counts, each.after, day, each.state, 1)
        for gone in () if answer.too_large else found.withdrawn:
            withdrawn.append((gone, lost_grounds(gone.finding, facts, answer)))
            _count(counts, gone.finding, day_of(gone.finding.began_at), gone.state, -1)
    if raised:
        await findings.insert(change, raised)
    if changed:
        await findings.amend(change, changed)
    reasons = await _withdraw(change, withdrawn) if withdrawn else {}
    if counts:
        await days.count_findings(change, counts)
    _record(change, raised, changed, [each for each, _ in withdrawn], reasons)


async def _withdraw(
    change: Change, withdrawn: Sequence[tuple[KnownFinding, frozenset[str]]]
) -> dict[uuid.UUID, str]:
    """Findings end; those whose ground a source took back say by which withdrawal, and why."""
    await findings.withdraw(change, [each.id for each, _ in withdrawn])
    cases = {each.finding.case for each, grounds in withdrawn if grounds}
    if not cases:
        return {}
    taken_back: dict[tuple[CaseId, str], TakenBack] = {}
    for row in await withdrawals.of_cases(change.connection, cases):
        event = f"{row.source}/{row.key}"
        names = [event] if row.visit is None else [
            event, scene_key(row.source, row.agency, row.key, row.visit)
        ]  # fmt: skip
        taken_back.update({(row.case, name): row for name in names})
    told: dict[uuid.UUID, tuple[str, str]] = {}
    for each, grounds in withdrawn:
        for name in sorted(grounds):
            if by := taken_back.get((each.finding.case, name)):
                told[each.id] = (by.source, f"{by.source}/{by.by}: {by.reason or '–'}")
    await findings.insert_grounds(change, [(one, *words) for one, words in told.items()])
    return {one: words for one, (_, words) in told.items()}


def lost_grounds(finding: Finding, facts: CaseFacts, answer: Evaluation) -> frozenset[str]:
    """The scene, event or document that a finding rested on, if there is none of that name now."""
    there = {scene.key for scene in answer.scenes}
    there.update(f"{event.source}/{event.key}" for event in facts.events)
    there.update(f"{document.source}/{document.key}" for document in facts.documents)
    return frozenset(name for name in (finding.scene, finding.about) if name) - there


def _answer_by(now: datetime, calendar: Calendar) -> datetime:
    return deadline(now, ANSWER_TERM, calendar).at


def _count(
    counts: dict[FindingKey, int], finding: Finding, day: date, state: FindingState, by: int
) -> None:
    if state is not FindingState.WITHDRAWN:
        counts[(finding.agency, day, finding.kind.value, state.value)] += by


def _record(
    change: Change,
    raised: Sequence[tuple[uuid.UUID, Finding, date, datetime | None]],
    changed: Sequence[tuple[Changed, date, datetime | None]],
    withdrawn: Sequence[KnownFinding],
    reasons: Mapping[uuid.UUID, str],
) -> None:
    for finding_id, finding, _, _ in raised:
        change.record(
            FindingRaised(
                subject=finding.case,
                agency=finding.agency,
                finding=finding_id,
                kind=finding.kind.value,
                severity=finding.severity.value,
                confidence=finding.confidence.value,
                rule=finding.rule,
                scene=finding.scene,
                about=finding.about,
                began_at=finding.began_at,
                ended_at=finding.ended_at,
                recordings=tuple(map(str, finding.recordings)),
            )
        )
    for each, _, _ in changed:
        before, after = _what_changed(each)
        change.record(
            FindingChanged(
                subject=each.after.case,
                agency=each.after.agency,
                finding=each.before.id,
                kind=each.after.kind.value,
                before=before,
                after=after,
            )
        )
    for gone in withdrawn:
        change.record(
            FindingWithdrawn(
                subject=gone.finding.case,
                agency=gone.finding.agency,
                finding=gone.id,
                kind=gone.finding.kind.value,
                state_before=gone.state.value,
                reason=reasons.get(gone.id),
            )
        )


def _what_changed(each: Changed) -> tuple[dict[str, object], dict[str, object]]:
    before, after = _told(each.before.finding), _told(each.after)
    before["state"], after["state"] = each.before.state.value, each.state.value
    differ = [name for name in after if before[name] != after[name]]
    return {n: before[n] for n in differ}, {n: after[n] for n in differ}


def _told(finding: Finding) -> dict[str, object]:
    return {
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "rule": finding.rule,
        "about": finding.about,
        "began_at": finding.began_at,
        "ended_at": finding.ended_at,
        "recordings": [str(each) for each in finding.recordings],
        "facts": dict(finding.facts),
    }


async def _write_scenes(change: Change, answers: Sequence[tuple[CaseFacts, Evaluation]]) -> None:
    cases = [facts.case for facts, _ in answers]
    now = [
        (facts.case, day_of(scene.began_at), scene, late_in(scene, answer))
        for facts, answer in answers
        for scene in answer.scenes
    ]
    figures = _Figures({}, {})
    for was in await days.counted_of(change.connection, cases):
        figures.add(was, -1)
    late: Counter[days.LateKey] = Counter()
    late.subtract(await days.late_of(change.connection, cases))
    await scenes.remove(change, cases)
    await scenes.insert(change, now)
    for counted in await days.counted_of(change.connection, cases):
        figures.add(counted, 1)
    late.update(await days.late_of(change.connection, cases))
    await days.count_scenes(change, figures.scenes)
    await days.count_late(change, late)
    await days.count_officers(change, figures.officers)


def late_in(scene: SceneCoverage, answer: Evaluation) -> list[int]:
    """By how many milliseconds which of the scene's recordings were handed in late."""
    late = {
        recording: each.facts["late_ms"]
        for each in answer.findings
        if each.kind is FindingKind.UPLOAD_LATE
        for recording in each.recordings
    }
    found = (late.get(recording) for recording in scene.recordings)
    return [ms for ms in found if isinstance(ms, int)]


@dataclass(frozen=True, slots=True)
class _Figures:
    """What figures of days change by."""

    scenes: dict[days.SceneKey, SceneCount]
    officers: dict[days.OfficerKey, SceneCount]

    def add(self, one: CountedScene, sign: int) -> None:
        key = (one.agency, one.day, one.kind, one.act_type, one.stage)
        self.scenes.setdefault(key, SceneCount()).add(one.count, sign)
        for officer in set(one.officers):
            own = (one.agency, one.day, officer)
            self.officers.setdefault(own, SceneCount()).add(one.count, sign)
