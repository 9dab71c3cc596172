"""Files of rows, in a folder or copied from elsewhere: JSON lines or CSV, read in pieces."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from recorder.domain.feed import rows
from recorder.domain.feed.problems import Problem, ProblemCode
from recorder.domain.feed.rows import MAX_ROW_BYTES, FeedRow
from recorder.domain.feed.splitting import LineSplitter
from recorder.errors import Unavailable

_ENDINGS = (".ndjson", ".jsonl", ".csv")
_PIECE = 1 << 20
#: Characters of a line of CSV: more than the largest row that is taken.
_LONGEST_LINE = 4 * MAX_ROW_BYTES
_NUMBER = re.compile(r"[0-9]{1,20}")
#: Members that are lists: their parts stand behind each other.
_PARTS = ";"


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as a folder names it, before anybody has read it."""

    path: Path
    length: int
    changed_ns: int

    @property
    def look(self) -> bytes:
        """SHA-256 of name, length and time of change: the same while nobody writes to it."""
        said = f"file\0{self.length}\0{self.changed_ns}\0{self.path.name}"
        return hashlib.sha256(said.encode("utf-8", "surrogateescape")).digest()


def listed(folder: Path, most: int) -> list[ListedFile]:
    """Files with rows, the oldest first. Raises Unavailable ``pull-unreachable``."""
    found: list[ListedFile] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not is_named_so(entry.name) or not entry.is_file():
                    continue
                if len(found) == most:
                    raise Unavailable(
                        "pull-unreachable",
                        f"The folder {folder} has more than {most} files; take old ones away.",
                    )
                facts = entry.stat()
                found.append(ListedFile(Path(entry.path), facts.st_size, facts.st_mtime_ns))
    except FileNotFoundError as error:
        if not folder.exists():
            raise Unavailable("pull-unreachable", f"The folder {folder} is not there.") from error
        # Somebody takes old files away at this moment: the next look sees the others.
    except OSError as error:
        raise Unavailable("pull-unreachable", f"The folder {folder}: {error.strerror}.") from error
    return sorted(found, key=lambda each: (each.changed_ns, each.path.name))


def digest_of(path: Path) -> bytes:
    """The digest of the file's contents. Raises Unavailable ``pull-unreachable``."""
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").digest()


def read(path: Path) -> Iterator[FeedRow | Problem]:
    """The rows of a file, one after another. Raises Unavailable ``pull-unreachable``."""
    with _opened(path) as raw:
        yield from rows_of(raw, path.name)


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise Unavailable("pull-unreachable", f"The file {path.name}: {error.strerror}.") from error


def is_named_so(name: str) -> bool:
    """Whether a file of this name holds rows. Hidden ones are still being written."""
    return name.lower().endswith(_ENDINGS) and name[0] != "."


def rows_of(raw: BinaryIO, name: str) -> Iterator[FeedRow | Problem]:
    """The rows in an open file of this name, whatever it holds; at most a few of them in memory."""
    return _csv(raw) if name.lower().endswith(".csv") else _lines(raw)


def _lines(raw: BinaryIO) -> Iterator[FeedRow | Problem]:
    splitter = LineSplitter()
    while piece := raw.read(_PIECE):
        yield from splitter.feed(piece)
    yield from splitter.end()


def _csv(raw: BinaryIO) -> Iterator[FeedRow | Problem]:
    # What Chinese spreadsheets write is no UTF-8.
    encoding = "utf-8-sig" if _is_utf8(raw) else "gb18030"
    raw.seek(0)
    text = io.TextIOWrapper(raw, encoding, errors="replace", newline="")
    try:
        for line in csv.DictReader(_short_lines(text)):
            yield rows.of_value(_members(line))
    except csv.Error:
        # An open quotation mark swallows lines: what stands behind it cannot be trusted.
        yield Problem(ProblemCode.ROW_TOO_LARGE)
    finally:
        text.detach()


def _is_utf8(raw: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := raw.read(_PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _short_lines(text: TextIO) -> Iterator[str]:
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise csv.Error("a line without end")
        yield line


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
        elif word == "revision" and _NUMBER.fullmatch(value):
            found[word] = int(value)
        else:
            found[word] = value
    if numbers:
        found["identifiers"] = numbers
    return found
