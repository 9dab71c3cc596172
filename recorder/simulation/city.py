"""The whole city, team by team, written as it comes: memory does not grow with the scale."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

from recorder.domain.case import Stage
from recorder.domain.case_event import ActType, EventKind
from recorder.simulation import footage, organisations, violations
from recorder.simulation.calendar import Calendar
from recorder.simulation.casework import Day, TeamYear
from recorder.simulation.dice import Dice
from recorder.simulation.feed import Messages, Outbox, mapping
from recorder.simulation.footage import written
from recorder.simulation.model import Agency, Case, Clip, Scene, Team
from recorder.simulation.organisations import Shape
from recorder.simulation.violations import INNOCENT, Planted

#: Cases of one year at scale 1 (docs/design/city.md).
CASES = {ActType.PENALTY: 3_389_000, ActType.INSPECTION: 1_933_000, ActType.COERCION: 83_000}
#: Minutes of the day. The late shift leaves the first scene out by more than overtime explains, and
#: begins before any second one is over.
_SHIFT, _LATE_SHIFT, _SHIFT_ENDS = 8 * 60 + 15, 10 * 60 + 40, 18 * 60 + 45
#: What is wrong with each file and not with the scene.
_OF_EACH_CLIP = (
    Planted.LATE_UPLOAD,
    Planted.WRONG_DEVICE_USER,
    Planted.OFF_DUTY,
    Planted.CLOCK_ERROR,
    Planted.CLOCK_UNKNOWN,
)


@dataclass(slots=True)
class Tally:
    """What was made."""

    agencies: int = 0
    officers: int = 0
    cases: int = 0
    scenes: int = 0
    recordings: int = 0
    violations: int = 0


def simulate(scale: float, seed: int, year: int, folder: Path) -> Tally:
    """Fill the folder with a city; the same arguments give the same bytes."""
    with contextlib.ExitStack() as stack:
        return _City(scale, seed, year, _Files(folder, stack)).run()


class _Files:
    """The files of the city, all open until the end."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._tables: dict[str, csv.DictWriter[str]] = {}
        (folder / "feed").mkdir(parents=True, exist_ok=True)
        self._lines = {
            name: self.open(f"{name}.ndjson") for name in ("recordings", "labels", "truth")
        }

    def open(self, name: str) -> IO[str]:
        # \n everywhere, or the bytes would depend on the system.
        file = (self._folder / name).open("w", encoding="utf-8", newline="")
        return self._stack.enter_context(file)

    def table(self, name: str, rows: Iterable[dict[str, str]]) -> int:
        count = 0
        for row in rows:
            if name not in self._tables:
                file = self.open(f"{name}.csv")
                self._tables[name] = csv.DictWriter(file, list(row), lineterminator="\n")
                self._tables[name].writeheader()
            self._tables[name].writerow(row)
            count += 1
        return count

    def line(self, name: str, row: dict[str, object]) -> None:
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        self._lines[name].write(text + "\n")


class _City:
    def __init__(self, scale: float, seed: int, year: int, files: _Files) -> None:
        self._seed, self._files = seed, files
        self._calendar = Calendar(year)
        self._shape = Shape.of(scale)
        self._counts = {kind: max(1, round(count * scale)) for kind, count in CASES.items()}
        self._outboxes = [
            Outbox(n, seed, files.open(f"feed/source-{n}.ndjson").write)
            for n in range(organisations.SOURCES)
        ]
        self._tally = Tally()

    def run(self) -> Tally:
        shape, year = self._shape, self._calendar.year
        self._files.table("organisations", organisations.organisation_rows(shape, year))
        self._sources()
        for n, agency in enumerate(organisations.agencies(shape)):
            self._agency(n, agency)
        for outbox in self._outboxes:
            outbox.close()
        return self._tally

    def _sources(self) -> None:
        with contextlib.closing(self._files.open("sources.ndjson")) as file:
            for n in range(organisations.SOURCES):
                row = {"source": f"source-{n}", "events": mapping(n)}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def _agency(self, n: int, agency: Agency) -> None:
        teams = organisations.teams(self._shape, agency, n, self._calendar.year, self._seed)
        table = self._files.table
        table("organisations", organisations.unit_rows(agency, teams, self._calendar.year))
        self._tally.officers += table("officers", organisations.officer_rows(teams))
        table("devices", organisations.device_rows(teams))
        table("matters", organisations.matters(self._shape, agency, n))
        self._tally.agencies += 1
        messages = Messages(self._outboxes[agency.source])
        for team in teams:
            _TeamWriter(self._files, messages, self._calendar, self._tally, team, self._seed).run(
                self._cases_of(team)
            )

    def _cases_of(self, team: Team) -> dict[ActType, int]:
        teams = self._shape.teams
        return {
            kind: count * (team.number + 1) // teams - count * team.number // teams
            for kind, count in self._counts.items()
        }


class _TeamWriter:
    """Writes one team's year: messages, files of cameras, labels and truth."""

    def __init__(
        self,
        files: _Files,
        messages: Messages,
        calendar: Calendar,
        tally: Tally,
        team: Team,
        seed: int,
    ) -> None:
        self._files, self._messages, self._calendar = files, messages, calendar
        self._tally, self._team, self._seed = tally, team, seed
        self._dice = Dice(seed, f"writing/{team.number}")

    def run(self, counts: dict[ActType, int]) -> None:
        for day in TeamYear(self._team, counts, self._calendar, self._seed).days():
            for case in day.opened:
                self._tally.cases += 1
                opened = min([s.began for s in day.scenes if s.case is case], default=None)
                at = opened or footage.moment(day.day, 8 * 60)
                self._messages.case(case, day.day, at)
            for case, kind, stage, at in day.moments:
                self._messages.moment(case, kind, stage.value, at)
            for case, at in day.empty_scans:
                self._messages.moment(case, EventKind.SCAN, Stage.INVESTIGATION.value, at)
                self._label(Planted.SCAN_WITHOUT_RECORDING, case, f"{case.key}-scan", at, at)
            for scene in day.scenes:
                self._scene(scene)
            self._files.table("handovers", _handovers(self._team, day))
            self._files.table("rosters", _rosters(self._team, day))
            if self._dice.chance(0.2):
                self._patrol(day)

    def _scene(self, scene: Scene) -> None:
        dice = self._dice
        self._tally.scenes += 1
        case = scene.case
        if scene.kind in violations.MUST:
            footage.film(scene, dice, self._calendar)
        is_unscanned = scene.planted == Planted.RECORDING_WITHOUT_SCAN
        if case.scan and not is_unscanned:
            at = scene.began + timedelta(seconds=30)
            self._messages.moment(case, EventKind.SCAN, scene.stage.value, at)
        self._messages.scene(scene)
        apart = timedelta(seconds=dice.whole(-60, 60))
        if scene.planted == Planted.DOCUMENT_MISMATCH:
            apart = timedelta(minutes=dice.whole(9, 45)) * (1 if dice.chance(0.5) else -1)
        if scene.kind in violations.MUST:
            self._messages.record(scene, apart)
        if dice.chance(0.01):
            self._void(scene)
        for clip in scene.clips:
            self._clip(scene, clip)
        self._labels(scene)

    def _void(self, scene: Scene) -> None:
        """An entry made by mistake and withdrawn: nothing may be expected of it."""
        ghost = Scene(
            scene.case, f"{scene.key}-void", EventKind.SEIZURE, scene.stage,
            scene.began, scene.ended, scene.officers, scene.latitude, scene.longitude,
        )  # fmt: skip
        self._messages.scene(ghost)
        self._messages.withdrawal(scene.case, ghost.key, scene.ended)

    def _clip(self, scene: Scene | None, clip: Clip) -> None:
        self._tally.recordings += 1
        agency = self._team.agency.code
        self._files.line("recordings", footage.row(scene, clip, self._dice, agency))
        case = scene.case.key if scene else None
        key = scene.key if scene else None
        self._files.line("truth", {"recording": clip.key, "case": case, "scene": key})

    def _patrol(self, day: Day) -> None:
        """Footage of no case: at noon, or shortly after a scene was over."""
        began = footage.moment(day.day, 12 * 60 + 20)
        if day.scenes and self._dice.chance(0.5):
            began = day.scenes[-1].ended + timedelta(seconds=self._dice.whole(60, 240))
        ended = began + timedelta(minutes=self._dice.whole(3, 8))
        team = self._team
        clip = Clip(
            f"{team.agency.code}-{team.number}-P{day.day:%m%d}",
            team.devices[0],
            team.officers[0].number,
            began,
            ended,
            footage.moment(day.day, 20 * 60),
        )
        self._clip(None, clip)

    def _labels(self, scene: Scene) -> None:
        if scene.planted is None:
            return
        planted = Planted(scene.planted)
        began, ended = scene.began, scene.ended
        if planted in (Planted.UNEXPLAINED_GAP, Planted.EXPLAINED_GAP):
            began, ended = footage.hole_of(scene)
        for clip in scene.clips if planted in _OF_EACH_CLIP else [None]:
            recording = clip.key if clip else None
            self._label(planted, scene.case, scene.key, began, ended, recording)

    def _label(
        self,
        planted: Planted,
        case: Case,
        scene: str,
        began: object,
        ended: object,
        recording: str | None = None,
    ) -> None:
        self._tally.violations += planted not in INNOCENT
        self._files.line(
            "labels",
            {
                "kind": planted.value,
                "violation": planted not in INNOCENT,
                "case": case.key,
                "scene": scene,
                "recording": recording,
                "interval": [written(began), written(ended)],  # type: ignore[arg-type]
            },
        )


def _handovers(team: Team, day: Day) -> Iterator[dict[str, str]]:
    """The log of the day: each its own camera, and the stand-in's when it is needed."""
    worn = organisations.worn(team)
    if any(clip.device == team.spare_device for scene in day.scenes for clip in scene.clips):
        worn.append((team.spare_device, team.stand_in))
    for device, officer in worn:
        yield {
            "device": device,
            "officer": officer.number,
            "at": written(footage.moment(day.day, 8 * 60 + 15)),
            "returned_at": written(footage.moment(day.day, 18 * 60 + 45)),
        }


def _rosters(team: Team, day: Day) -> Iterator[dict[str, str]]:
    """Both on duty for the day; the stand-in stands on no roster."""
    for officer in team.officers:
        is_late = day.late_shift and officer == team.officers[0]
        yield {
            "officer": officer.number,
            "organisation": team.unit,
            "from": written(footage.moment(day.day, _LATE_SHIFT if is_late else _SHIFT)),
            "to": written(footage.moment(day.day, _SHIFT_ENDS)),
            "duty": "日常执法",
            "state": "planned",
        }
