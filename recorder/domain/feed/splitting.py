"""Rows out of a body that comes in pieces: JSON lines, or a JSON array. Holds one row at most."""

from __future__ import annotations

import codecs
import json

from recorder.domain.feed import rows
from recorder.domain.feed.problems import Problem, ProblemCode
from recorder.domain.feed.rows import MAX_ROW_BYTES, FeedRow
from recorder.errors import InvalidInput

_BLANKS = " \t\r\n"
#: JSON may spell one character in six bytes, and space a row out as it likes.
_LONGEST_ELEMENT = 4 * MAX_ROW_BYTES


class LineSplitter:
    """JSON lines; a line that is no row is answered, and the next one is looked at."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, piece: bytes) -> list[FeedRow | Problem]:
        """The rows that this piece makes whole."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        found: list[FeedRow | Problem] = []
        for line in lines:
            if self._skipping:
                # The end of a line that has been answered already.
                self._skipping = False
            elif line.strip():
                found.append(rows.parse(line.strip()))
        if len(self._rest) > MAX_ROW_BYTES:
            self._rest = b""
            if not self._skipping:
                self._skipping = True
                found.append(Problem(ProblemCode.ROW_TOO_LARGE))
        return found

    def end(self) -> list[FeedRow | Problem]:
        """The last row, if no line end follows it."""
        last = b"" if self._skipping else self._rest.strip()
        return [rows.parse(last)] if last else []


class ArraySplitter:
    """One JSON array of rows, or a single row; what stands behind a mistake cannot be read."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._json = json.JSONDecoder(parse_constant=_refuse)
        self._text = ""
        #: Of a row that is not whole so many characters must be there before it is tried again, or
        #: one that comes letter by letter would be read as often as it has letters.
        self._enough = 0
        #: None: not begun; then whether it is an array.
        self._in_array: bool | None = None
        self._ended = False
        #: A comma has been read, so another row must come.
        self._owing = False

    def feed(self, piece: bytes) -> list[FeedRow | Problem]:
        """The rows that this piece makes whole. Raises InvalidInput ``feed-malformed``."""
        return self._read(piece, last=False)

    def end(self) -> list[FeedRow | Problem]:
        """The last row. Raises InvalidInput ``feed-malformed`` for a body that broke off."""
        found = self._read(b"", last=True)
        if not self._ended:
            raise _malformed()
        return found

    def _read(self, piece: bytes, *, last: bool) -> list[FeedRow | Problem]:
        try:
            self._text = (self._text + self._decoder.decode(piece, last)).lstrip(_BLANKS)
        except UnicodeDecodeError as error:
            raise _malformed() from error
        if self._in_array is None and self._text:
            self._in_array = self._text[0] == "["
            self._text = self._text[self._in_array :]
        found: list[FeedRow | Problem] = []
        if not last and len(self._text) < self._enough:
            return found
        place = 0
        while self._in_array is not None and not self._ended:
            after = self._next(place, found, last=last)
            if after is None:
                break
            place = after
        self._text = self._text[place:].lstrip(_BLANKS)
        if self._ended and self._text:
            raise _malformed()
        if len(self._text) > _LONGEST_ELEMENT:
            raise _malformed()
        self._enough = len(self._text) * 5 // 4
        return found

    def _next(self, place: int, found: list[FeedRow | Problem], *, last: bool) -> int | None:
        """Read one element and what parts it from the next; None: it is not whole."""
        place = self._skip(place)
        if self._in_array and self._text[place : place + 1] == "]" and not self._owing:
            self._ended = True
            return place + 1
        try:
            value, after = self._json.raw_decode(self._text, place)
        except RecursionError as error:
            raise _malformed() from error
        except ValueError:
            return None
        after = self._skip(after)
        if not self._in_array:
            if after == len(self._text) and not last:
                return None
            self._ended = True
        else:
            sign = self._text[after : after + 1]
            if not sign:
                return None
            if sign not in ",]":
                raise _malformed()
            self._owing = sign == ","
            self._ended = sign == "]"
            after += 1
        found.append(rows.of_value(value))
        return after

    def _skip(self, place: int) -> int:
        while place < len(self._text) and self._text[place] in _BLANKS:
            place += 1
        return place


def _refuse(word: str) -> object:
    raise ValueError(f"{word} is no number of JSON")


def _malformed() -> InvalidInput:
    return InvalidInput(
        "feed-malformed", "The body is no JSON array of rows; rows before the mistake count."
    )
