"""Where the footage of a scene and its holes stand on the scene's own axis. Pure arithmetic."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.case import Stage
from recorder.domain.coverage import SceneCoverage
from recorder.domain.finding import FindingState
from recorder.store.coverage.findings import ToldFinding

#: In hundredths of the width: a hole of seconds must still be seen.
NARROWEST = 0.6


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the scene: recorded, or a hole with its reason and its finding."""

    x: float
    width: float
    began: datetime
    ended: datetime
    is_hole: bool
    reason: str | None = None
    finding: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class SceneRow:
    """A scene as the page of its case shows it."""

    scene: SceneCoverage
    pieces: tuple[Piece, ...]
    findings: tuple[ToldFinding, ...]

    @property
    def percent(self) -> int | None:
        """How much is recorded, rounded down: a hole never reads as 100."""
        expected = self.scene.expected_ms
        return 100 * self.scene.covered_ms // expected if expected else None


def by_stage(
    scenes: Iterable[SceneCoverage], findings: Sequence[ToldFinding]
) -> list[tuple[Stage | None, list[SceneRow]]]:
    """Stages in the order of the law with their scenes in the order of time."""
    rows: dict[Stage | None, list[SceneRow]] = {}
    for scene in sorted(scenes, key=lambda one: one.began_at):
        own = [f for f in findings if f.finding.scene == scene.key]
        rows.setdefault(scene.stage, []).append(SceneRow(scene, _pieces(scene, own), tuple(own)))
    order: list[Stage | None] = [*Stage, None]
    return [(stage, rows[stage]) for stage in order if stage in rows]


def _pieces(scene: SceneCoverage, findings: Sequence[ToldFinding]) -> tuple[Piece, ...]:
    if scene.ended_at is None:
        return ()
    whole = max(1.0, (scene.ended_at - scene.began_at).total_seconds())

    def placed(began: datetime, ended: datetime, *, is_hole: bool) -> tuple[float, float]:
        x = 100 * (began - scene.began_at).total_seconds() / whole
        width = 100 * (ended - began).total_seconds() / whole
        width = max(NARROWEST, width) if is_hole else width
        return min(x, 100 - width), width

    pieces, at = [], scene.began_at
    for hole in sorted(scene.holes, key=lambda one: one.span.began_at):
        began, ended = hole.span.began_at, hole.span.ended_at
        if at < began:
            pieces.append(Piece(*placed(at, began, is_hole=False), at, began, False))
        told = next((f.id for f in findings if _is_about(f, began)), None)
        place = placed(began, ended, is_hole=True)
        pieces.append(Piece(*place, began, ended, True, hole.reason, told))
        at = ended
    if at < scene.ended_at:
        pieces.append(Piece(*placed(at, scene.ended_at, is_hole=False), at, scene.ended_at, False))
    return tuple(pieces)


def _is_about(told: ToldFinding, began: datetime) -> bool:
    return told.finding.began_at == began and told.state is not FindingState.WITHDRAWN
