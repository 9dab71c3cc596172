"""Files of rows in a folder: JSON lines or CSV, read in pieces, told from each other by digest."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recorder.domain.feed import rows
from recorder.domain.feed.problems import Problem
from recorder.domain.feed.rows import FeedRow
from recorder.domain.feed.splitting import LineSplitter
from recorder.errors import Unavailable

_ENDINGS = (".ndjson", ".jsonl", ".csv")
_PIECE = 1 << 20
#: Members that are lists: their parts stand behind each other.
_PARTS = ";"


@dataclass(frozen=True, slots=True)
class RowFile:
    path: Path
    digest: bytes


def listed(folder: Path, most: int) -> list[RowFile]:
    """Files with rows, the oldest first. Hidden ones are still being written.

    Raises Unavailable ``pull-unreachable``.
    """
    try:
        found = [
            each
            for each in folder.iterdir()
            if each.suffix.lower() in _ENDINGS and each.name[0] != "." and each.is_file()
        ]
        found.sort(key=lambda each: (each.stat().st_mtime, each.name))
        return [RowFile(each, _digest(each)) for each in found[:most]]
    except OSError as error:
        raise Unavailable("pull-unreachable", f"The folder {folder}: {error.strerror}.") from error


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def read(file: RowFile) -> Iterator[FeedRow | Problem]:
    """The rows of a file, one after another. Raises Unavailable ``pull-unreachable``."""
    try:
        if file.path.suffix.lower() == ".csv":
            yield from _csv(file.path)
        else:
            yield from _lines(file.path)
    except OSError as error:
        raise Unavailable(
            "pull-unreachable", f"The file {file.path.name}: {error.strerror}."
        ) from error


def _lines(path: Path) -> Iterator[FeedRow | Problem]:
    splitter = LineSplitter()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield from splitter.feed(piece)
    yield from splitter.end()


def _csv(path: Path) -> Iterator[FeedRow | Problem]:
    with path.open("rb") as raw:
        try:
            raw.read().decode("utf-8")
            encoding = "utf-8-sig"
        except UnicodeDecodeError:
            # What Chinese spreadsheets write.
            encoding = "gb18030"
        raw.seek(0)
        text = io.TextIOWrapper(raw, encoding, errors="replace", newline="")
        for line in csv.DictReader(text):
            yield rows.of_value(_members(line))


def _members(line: dict[str, str | None]) -> dict[str, object]:
    """``number.case`` is a number of that scheme, ``officers`` are numbers with ; between."""
    found: dict[str, object] = {}
    numbers: list[dict[str, str]] = []
    for name, text in line.items():
        word = (name or "").strip()
        value = text.strip() if isinstance(text, str) else ""
        if not word or not value:
            continue
        if word.startswith("number."):
            numbers.append({"scheme": word.removeprefix("number."), "number": value})
        elif word == "officers":
            found[word] = [{"number": each.strip()} for each in value.split(_PARTS) if each.strip()]
        elif word == "revision" and value.isascii() and value.isdigit():
            found[word] = int(value)
        else:
            found[word] = value
    if numbers:
        found["identifiers"] = numbers
    return found
