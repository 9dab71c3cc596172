"""evaluate(): the findings and the coverage of one case at one moment, from its facts alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from recorder.domain.case_event import CaseEvent
from recorder.domain.coverage.facts import MOST_ROWS, MOST_SHOWN, CaseFacts, Presence
from recorder.domain.coverage.measure import Measured, SceneCoverage, SceneState, coverage, measure
from recorder.domain.coverage.placing import PlacedFootage, place
from recorder.domain.coverage.rules_of_footage import of_footage
from recorder.domain.coverage.rules_of_matters import of_matters
from recorder.domain.coverage.rules_of_people import of_officers, of_places, officers_of
from recorder.domain.coverage.rules_of_powers import of_powers
from recorder.domain.coverage.rules_of_scenes import by_event, of_scans, of_scene, scan_due
from recorder.domain.coverage.scenes import scenes_of
from recorder.domain.coverage.words import found
from recorder.domain.finding import Finding, FindingKind, Severity


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer; equal facts give equal answers."""

    scenes: tuple[SceneCoverage, ...]
    #: In the order of scenes, kinds and what they are about; none twice.
    findings: tuple[Finding, ...]
    #: When time alone will change the answer; None: never.
    again_at: datetime | None
    #: Where its officers were, for the evaluation of other cases.
    presences: tuple[Presence, ...]
    #: Nothing was looked at but how large the case is: what was said before stays.
    too_large: bool = False
    #: The scenes with what they were judged by; two answers are equal by what they say.
    measured: tuple[Measured, ...] = field(default=(), compare=False, repr=False)


def evaluate(facts: CaseFacts) -> Evaluation:
    """Say of one case what was recorded and what was not; never raises for odd facts.

    Of a case with more than MOST_ROWS rows, or MOST_SHOWN at the same time, it says that alone.
    """
    if facts.rows > MOST_ROWS:
        return _too_large(facts)
    placed = place(facts)
    scenes, scans = scenes_of(facts)
    measured: list[Measured] = []
    shown = 0
    for scene in scenes:
        measured.append(measure(facts, scene, placed))
        shown += len(measured[-1].footage)
        if shown > MOST_SHOWN:
            return _too_large(facts)
    findings: dict[tuple[str, str, str], Finding] = {}
    for finding in (*_findings(facts, measured, placed), *of_scans(facts, scans, placed)):
        findings[(finding.scene or "", finding.kind, finding.about)] = finding
    covered = tuple(map(coverage, measured))
    return Evaluation(
        covered,
        tuple(findings[key] for key in sorted(findings)),
        _again(facts, measured, covered, scans),
        tuple(presence for scene in scenes for presence in officers_of(scene)),
        measured=tuple(measured),
    )


def _too_large(facts: CaseFacts) -> Evaluation:
    finding = found(
        facts, FindingKind.CASE_TOO_LARGE, Severity.NOTICE, day_of=facts.at,
        facts_={"rows": facts.rows, "most": MOST_ROWS},
    )  # fmt: skip
    return Evaluation((), (finding,), None, (), too_large=True)


def _findings(
    facts: CaseFacts, measured: Sequence[Measured], placed: PlacedFootage
) -> Iterable[Finding]:
    documents = by_event(facts.documents)
    for each in measured:
        yield from of_scene(facts, each, documents)
        yield from of_officers(facts, each)
        yield from of_powers(facts, each)
        yield from of_matters(facts, each)
    yield from of_places(facts, [each.scene for each in measured], placed)
    yield from of_footage(facts, measured, placed)


def _again(
    facts: CaseFacts,
    measured: Sequence[Measured],
    covered: tuple[SceneCoverage, ...],
    scans: Iterable[CaseEvent],
) -> datetime | None:
    """The next deadline that has not passed; marks and documents are asked for at it too."""
    waiting = (SceneState.RECORDED, SceneState.AWAITED, SceneState.OPEN)
    dues = [
        each.due.at for each, told in zip(measured, covered, strict=True) if told.state in waiting
    ]
    dues += [scan_due(facts, scan).at for scan in scans]
    return min((at for at in dues if at > facts.at), default=None)
