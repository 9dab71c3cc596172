"""What `recorder simulate` wrote, as the demo sends it: tables, messages case by case, footage."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from recorder.simulation.violations import Planted

Row = dict[str, Any]
#: Tables of which each line is about a moment.
_DATED = {"handovers": "at", "rosters": "from"}
#: In the order in which one names what the other says.
_TABLES = ("organisations", "officers", "matters", "devices", "handovers", "rosters")


@dataclass(slots=True)
class ToldCase:
    """A case with everything that is said of it, and the files that belong to it."""

    key: str
    opened_at: datetime
    rows: list[Row] = field(default_factory=list)
    footage: list[Row] = field(default_factory=list)


class CityFiles:
    """The part of a city that lies between two moments: cases opened in it, told until its end."""

    def __init__(self, folder: Path, since: datetime, until: datetime) -> None:
        self._folder, self._since, self._until = folder, since, until
        #: Source by source, its cases in the order in which they were opened.
        self.sources: dict[str, list[ToldCase]] = {}
        #: Footage of no case.
        self.footage: list[Row] = []
        cases: dict[str, ToldCase] = {}
        for file in sorted((folder / "feed").glob("*.ndjson")):
            own = self._cases(list(_lines(file)))
            if own:
                self.sources[file.stem] = sorted(own.values(), key=lambda case: case.opened_at)
                cases |= own
        self.cases = frozenset(cases)
        self.agencies = sorted({row["organ"] for case in cases.values() for row in case.rows})
        self._file_footage(cases)

    def tables(self) -> Iterator[tuple[str, bytes]]:
        """Kind and content of each registry's table, dated lines of these days only."""
        for kind in _TABLES:
            path = self._folder / f"{kind}.csv"
            column = _DATED.get(kind)
            yield kind, self._part(path, column) if column else path.read_bytes()

    def labels(self, judged_until: datetime) -> list[Row]:
        """What was planted in these cases and is over by then.

        Who is at two places is told by two cases; where one was opened before, nobody can see it.
        """
        told = [
            row
            for row in _lines(self._folder / "labels.ndjson")
            if row["case"] in self.cases and when(row["interval"][1]) < judged_until
        ]
        places = Counter(map(_act_of, told))
        return [
            row for row in told if row["kind"] != Planted.TWO_PLACES or places[_act_of(row)] > 1
        ]

    def _holds(self, at: datetime) -> bool:
        return self._since <= at <= self._until

    def _cases(self, rows: list[Row]) -> dict[str, ToldCase]:
        cases: dict[str, ToldCase] = {}
        of_event = {row["key"]: row["case"] for row in rows if row["kind"] == "event"}
        for row in rows:
            at = when(row["occurred_at"])
            if row["kind"] == "case" and self._holds(at):
                cases.setdefault(row["key"], ToldCase(row["key"], at))
        for row in rows:
            owner = row["key"] if row["kind"] == "case" else row.get("case")
            case = cases.get(owner or of_event[row["of"]])
            if case is not None and when(row["occurred_at"]) <= self._until:
                case.rows.append(row)
        return cases

    def _file_footage(self, cases: dict[str, ToldCase]) -> None:
        shown = {row["recording"]: row["case"] for row in _lines(self._folder / "truth.ndjson")}
        for row in _lines(self._folder / "recordings.ndjson"):
            if when(row["received_at"]) > self._until:
                continue
            case = shown[row["recording"]]
            if case in cases:
                cases[case].footage.append(row)
            elif case is None and self._holds(when(row["started_at"])):
                self.footage.append(row)

    def _part(self, path: Path, column: str) -> bytes:
        text = io.StringIO(newline="")
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            writer = csv.DictWriter(text, list(reader.fieldnames or ()), lineterminator="\n")
            writer.writeheader()
            writer.writerows(row for row in reader if self._holds(when(row[column])))
        return text.getvalue().encode()


def batches(cases: list[ToldCase], most: int) -> Iterator[list[ToldCase]]:
    """Whole cases together, as long as their rows are not more than ``most``."""
    batch: list[ToldCase] = []
    rows = 0
    for case in cases:
        if batch and rows + len(case.rows) > most:
            yield batch
            batch, rows = [], 0
        batch.append(case)
        rows += len(case.rows)
    if batch:
        yield batch


def _act_of(label: Row) -> tuple[str, str, str]:
    """Kind, team and end: the same for both places of one officer."""
    return label["kind"], label["case"].rpartition("-")[0], label["interval"][1]


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
