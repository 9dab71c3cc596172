"""What the engine finds in a simulated city against what was planted there."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from recorder.commands.demo.planted import FOUND_AS
from recorder.domain.finding import FindingKind
from recorder.runtime import Deps
from recorder.services import coverage
from recorder.simulation.violations import Planted
from tests.support import city
from tests.support.city import name_of

#: What else follows from it and is no mistake: footage whose clock nobody compared is elsewhere,
#: and a camera of another team may film in two places.
FOLLOWS: dict[str, frozenset[str]] = {
    Planted.CLOCK_UNKNOWN: frozenset(FindingKind),
    Planted.WRONG_DEVICE_USER: frozenset(
        {FindingKind.DEVICE_IN_TWO_PLACES, FindingKind.CERTIFICATE_INVALID}
    ),
    Planted.MISSING_RECORDING: frozenset({FindingKind.SCAN_UNRECORDED}),
}


@dataclass
class ViolationFigures:
    """Counts of planted violations and of findings, by kind."""

    planted: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return 1 - self.missed.total() / max(1, self.planted.total())

    @property
    def precision(self) -> float:
        return 1 - self.false.total() / max(1, self.findings.total())

    @override
    def __str__(self) -> str:
        return (
            f"{self.planted.total()} planted, recall {self.recall:.2%}"
            f" (missed {dict(self.missed)}); {self.findings.total()} findings, precision"
            f" {self.precision:.2%} (false {dict(self.false)})"
        )


async def evaluate_city(deps: Deps) -> None:
    """Evaluate every case that is due."""
    while await coverage.evaluate_due(deps):
        pass


async def compare(deps: Deps, folder: Path) -> ViolationFigures:
    """The findings that are there now against the labels."""
    figures = ViolationFigures()
    scene_of = {name_of(r["recording"]): r["scene"] for r in city.rows(folder, "truth")}
    labels: dict[str, set[str]] = defaultdict(set)
    for row in city.rows(folder, "labels"):
        labels[row["scene"]].add(row["kind"])
    found: dict[str, set[str]] = defaultdict(set)
    async with deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT f.kind, f.scene, f.about, f.recordings, f.facts, e.key AS event"
            " FROM finding f LEFT JOIN case_event e ON e.case_id = f.case_id AND e.kind = 'scan'"
            " WHERE f.state <> 'withdrawn'"
        )
    for told in rows:
        row = dict(told)
        scene = row["scene"].rsplit("/", 1)[-1] if row["scene"] else None
        if scene is None and row["recordings"]:
            scene = scene_of.get(row["recordings"][0])
        scene = scene or row["event"] or "?"
        found[scene].add(row["kind"])
        figures.findings[row["kind"]] += 1
        kinds = labels.get(scene, set())
        allowed = set().union(*(FOUND_AS.get(k, set()) | FOLLOWS.get(k, set()) for k in kinds))
        if row["kind"] not in allowed:
            figures.false[row["kind"]] += 1
            figures.examples.append(f"{row['kind']} at {scene} ({kinds}): {row['facts']}")
    for scene, kinds in labels.items():
        for kind in kinds & FOUND_AS.keys():
            figures.planted[kind] += 1
            if not found[scene] & FOUND_AS[kind]:
                figures.missed[kind] += 1
                figures.examples.append(f"missed {kind} at {scene}: {found[scene]}")
    return figures
