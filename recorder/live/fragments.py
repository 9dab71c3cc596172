"""Cutting fragmented MP4, as the media tool writes it to a pipe, into its init and its fragments.

The bytes of all parts joined are the bytes that came. Facts of a fragment are read from its own
boxes (ISO/IEC 14496-12), so that what came out can be counted against what went in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from recorder.errors import Unprocessable

#: Longer boxes are a fault: our own media tool writes a fragment at least every two seconds.
_LONGEST_BOX = 256 << 20


@dataclass(frozen=True, slots=True)
class Init:
    """Everything up to and including ``moov``."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Fragment:
    """One ``moof`` with its ``mdat``."""

    content: bytes
    #: Track number → (samples, their bytes).
    samples: dict[int, tuple[int, int]]


FragmentPart: TypeAlias = Init | Fragment


class FragmentSplitter:
    """Give it bytes; it gives each part as soon as it is whole."""

    def __init__(self) -> None:
        self._data = bytearray()
        #: Where the box begins that is looked at next; what is before it belongs to this part.
        self._at = 0
        self._moof = (0, 0)

    @property
    def rest(self) -> int:
        """How many bytes belong to no finished part."""
        return len(self._data)

    def feed(self, data: bytes) -> Iterator[FragmentPart]:
        """The parts that are whole now. Raises Unprocessable ``fragment-malformed``."""
        self._data += data
        while (box := _box(self._data, self._at)) is not None:
            kind, begin, end = box
            if end > len(self._data):
                return
            if kind == b"moof":
                self._moof = (begin, end)
            self._at = end
            if kind == b"moov":
                yield Init(self._take())
            elif kind == b"mdat":
                begin, end = self._moof
                samples = dict(_tracks(bytes(self._data[begin:end])))
                self._moof = (0, 0)
                yield Fragment(self._take(), samples)

    def _take(self) -> bytes:
        part = bytes(memoryview(self._data)[: self._at])
        del self._data[: self._at]
        self._at = 0
        return part


def _box(data: bytes | bytearray, at: int) -> tuple[bytes, int, int] | None:
    """Kind, begin of the content and end of the box at ``at``; None while its head is missing."""
    if len(data) < at + 16:
        return None
    length, begin = int.from_bytes(data[at : at + 4], "big"), at + 8
    if length == 1:
        length, begin = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
    if not begin - at <= length <= _LONGEST_BOX:
        raise Unprocessable("fragment-malformed", "The media tool wrote no fragments.")
    return bytes(data[at + 4 : at + 8]), begin, at + length


def _children(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= end:
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8:
            return
        yield data[at + 4 : at + 8], at + 8, at + length
        at += length


def _tracks(moof: bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    """Each track's number with its samples; a moof holds a track once."""
    for kind, begin, end in _children(moof, 0, len(moof)):
        if kind != b"traf":
            continue
        track = default = count = size = 0
        for name, at, _ in _children(moof, begin, end):
            if name == b"tfhd":
                track, default = _fragment_header(moof, at)
            elif name == b"trun":
                run, length = _run(moof, at, default)
                count, size = count + run, size + length
        yield track, (count, size)


def _fragment_header(moof: bytes, at: int) -> tuple[int, int]:
    """Track number and default sample size."""
    flags = int.from_bytes(moof[at + 1 : at + 4], "big")
    track = int.from_bytes(moof[at + 4 : at + 8], "big")
    at += 8 + 8 * (flags & 1) + 4 * (flags >> 1 & 1) + 4 * (flags >> 3 & 1)
    return track, int.from_bytes(moof[at : at + 4], "big") if flags & 0x10 else 0


def _run(moof: bytes, at: int, default: int) -> tuple[int, int]:
    """Number of samples and the sum of their sizes."""
    flags = int.from_bytes(moof[at + 1 : at + 4], "big")
    count = int.from_bytes(moof[at + 4 : at + 8], "big")
    if not flags & 0x200:
        return count, count * default
    at += 8 + 4 * (flags & 1) + 4 * (flags >> 2 & 1)
    fields = sum(1 for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit)
    before = 1 if flags & 0x100 else 0
    numbers = struct.unpack_from(f">{count * fields}I", moof, at)
    return count, sum(numbers[before::fields])
