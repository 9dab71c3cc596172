"""evaluate(): the findings and the coverage of one case at one moment, from its facts alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from recorder.domain.coverage.facts import CaseFacts, Presence
from recorder.domain.coverage.measure import Measured, SceneCoverage, SceneState, coverage, measure
from recorder.domain.coverage.placing import PlacedFootage, place
from recorder.domain.coverage.rules_of_footage import of_footage
from recorder.domain.coverage.rules_of_people import of_officers, of_places, officers_of
from recorder.domain.coverage.rules_of_scenes import of_scans, of_scene
from recorder.domain.coverage.scenes import scenes_of
from recorder.domain.finding import Finding


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
    #: The scenes with what they were judged by; two answers are equal by what they say.
    measured: tuple[Measured, ...] = field(default=(), compare=False, repr=False)


def evaluate(facts: CaseFacts) -> Evaluation:
    """Say of one case what was recorded and what was not; never raises for odd facts."""
    placed = place(facts)
    scenes, scans = scenes_of(facts)
    measured = tuple(measure(facts, scene, placed) for scene in scenes)
    findings: dict[tuple[str, str, str], Finding] = {}
    for finding in (*_findings(facts, measured, placed), *of_scans(facts, scans, placed)):
        findings[(finding.scene or "", finding.kind, finding.about)] = finding
    covered = tuple(map(coverage, measured))
    return Evaluation(
        covered,
        tuple(findings[key] for key in sorted(findings)),
        _again(measured, covered),
        tuple(presence for scene in scenes for presence in officers_of(scene)),
        measured,
    )


def _findings(
    facts: CaseFacts, measured: tuple[Measured, ...], placed: PlacedFootage
) -> Iterable[Finding]:
    for each in measured:
        yield from of_scene(facts, each)
        yield from of_officers(facts, each)
    yield from of_places(facts, [each.scene for each in measured], placed)
    yield from of_footage(facts, measured, placed)


def _again(measured: tuple[Measured, ...], covered: tuple[SceneCoverage, ...]) -> datetime | None:
    """The next deadline that has not passed; marks and documents are asked for at it too."""
    waiting = (SceneState.RECORDED, SceneState.AWAITED, SceneState.OPEN)
    return min(
        (
            each.due.at
            for each, told in zip(measured, covered, strict=True)
            if not each.is_due and told.state in waiting
        ),
        default=None,
    )
