"""A simulated city as the parts of the service see it, read from what `recorder simulate` wrote."""

from __future__ import annotations

import csv
import json
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from typing_extensions import override

from recorder.domain import device_file_name
from recorder.domain.attribution import Clue, PossibleScene, attribute, window
from recorder.domain.case import Stage
from recorder.domain.case_number import CaseNumber
from recorder.domain.ids import CaseId, RecordingId

_NAMES = uuid.UUID("0b9e6f0e-0f0b-5a64-9d53-1d8a4e2f7c11")
Row = dict[str, Any]


def rows(folder: Path, name: str) -> Iterator[Row]:
    with (folder / f"{name}.ndjson").open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def name_of(key: str) -> uuid.UUID:
    """The id that a key of the city has in tests."""
    return uuid.uuid5(_NAMES, key)


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def messages(folder: Path) -> dict[str, Row]:
    """The winning revision of each message that is not withdrawn, by its key."""
    won: dict[str, Row] = {}
    void = set()
    for file in sorted((folder / "feed").glob("*.ndjson")):
        for row in rows(folder, f"feed/{file.stem}"):
            if row["kind"] == "withdrawal":
                void.add(row["of"])
            elif row["key"] not in won or won[row["key"]]["revision"] < row["revision"]:
                won[row["key"]] = row
    return {key: row for key, row in won.items() if key not in void}


@dataclass
class LinkingFigures:
    """What linking by rule made of the footage that names no case."""

    footage: int = 0
    #: Footage that shows a scene.
    linkable: int = 0
    linked: int = 0
    false: int = 0
    proposed: int = 0
    #: Proposals that hold the right case.
    proposed_rightly: int = 0

    @property
    def false_share(self) -> float:
        return self.false / self.linked if self.linked else 0.0

    @property
    def linked_share(self) -> float:
        return (self.linked - self.false) / self.linkable if self.linkable else 0.0

    @override
    def __str__(self) -> str:
        return (
            f"{self.footage} files without a number, {self.linkable} of a scene: "
            f"{self.linked} linked ({self.linked_share:.2%} of those), {self.false} falsely "
            f"({self.false_share:.3%}); {self.proposed} shown to a person, "
            f"{self.proposed_rightly} of them with the right case"
        )


class LinkingTrial:
    """Links the footage of a city by the rule alone, without a database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
        for row in table(folder, "handovers"):
            term = (when(row["at"]), when(row["returned_at"]), row["officer"])
            self._log[row["device"]].append(term)
        #: Agency → hour → scenes that touch it.
        self._scenes: dict[tuple[str, datetime], list[PossibleScene]] = defaultdict(list)
        self._file_scenes(messages(folder))

    def _file_scenes(self, won: dict[str, Row]) -> None:
        cases = {key: row for key, row in won.items() if row["kind"] == "case"}
        events = [row for row in won.values() if row["kind"] == "event"]
        ends = {e["visit"]: e["occurred_at"] for e in events if e.get("visit") and "place" not in e}
        scans = {
            e["case"]: when(e["occurred_at"]) for e in events if e.get("scan") and "place" not in e
        }
        for event in events:
            if "place" not in event:
                continue
            end = event.get("ended_at") or ends.get(event["key"])
            numbers = [i["number"] for i in cases[event["case"]]["identifiers"]]
            began = when(event["occurred_at"])
            ended = when(end) if end else began
            scene = PossibleScene(
                case=CaseId(name_of(event["case"])),
                event=name_of(event["key"]),
                stage=Stage(event["stage"]),
                began_at=began,
                ended_at=ended,
                officers=frozenset(o["number"] for o in event["officers"]),
                place=(event["place"]["lat"], event["place"]["lon"]),
                numbers=frozenset(CaseNumber.parse(number).key for number in numbers),
                scanned_at=scans.get(event["case"]),
            )
            hour = began.replace(minute=0, second=0, microsecond=0)
            while hour <= ended:
                self._scenes[event["organ"], hour].append(scene)
                hour += timedelta(hours=1)

    def run(self) -> LinkingFigures:
        figures = LinkingFigures()
        truth = {row["recording"]: row for row in rows(self._folder, "truth")}
        for row in rows(self._folder, "recordings"):
            if row["case_number"] is not None:
                continue
            right = truth[row["recording"]]["case"]
            figures.footage += 1
            figures.linkable += right is not None
            found = attribute(self._clue(row), self._near(row))
            if found.clear is not None:
                figures.linked += 1
                figures.false += right is None or found.clear.scene.case != name_of(right)
            elif found.proposals:
                figures.proposed += 1
                shown = {candidate.scene.case for candidate in found.proposals}
                figures.proposed_rightly += right is not None and name_of(right) in shown
        return figures

    def _near(self, row: Row) -> list[PossibleScene]:
        span = window(self._clue(row))
        assert span is not None
        hour = span[0].replace(minute=0, second=0, microsecond=0)
        found: dict[uuid.UUID | None, PossibleScene] = {}
        while hour <= span[1]:
            found |= {scene.event: scene for scene in self._scenes[row["agency"], hour]}
            hour += timedelta(hours=1)
        return list(found.values())

    def _clue(self, row: Row) -> Clue:
        said = device_file_name.parse(row["file_name"])
        assert said is not None
        began, offset = when(row["started_at"]), None
        if row["device_clock_at"]:
            ahead = when(row["device_clock_at"]) - when(row["received_at"])
            offset = int(ahead / timedelta(milliseconds=1))
        true_began = began - timedelta(milliseconds=offset or 0)
        wearers = [w for at, back, w in self._log[row["device"]] if at <= true_began < back]
        codes = [row["code"]] if row["code"] else []
        return Clue(
            recording=RecordingId(name_of(row["recording"])),
            began_at=began,
            ended_at=when(row["ended_at"]),
            clock_offset_ms=offset,
            wearer=wearers[0] if wearers else None,
            officer=said.officer_number,
            place=(row["latitude"], row["longitude"]) if row["latitude"] else None,
            filmed=frozenset(CaseNumber.parse(code).key for code in codes),
        )
