"""Frames of one track out of a media segment (ISO/IEC 14496-12), as they lie there.

Nothing of a frame is opened. What does not fit its own description gives the frames before it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from struct import unpack_from

from recorder.domain import fragments
from recorder.domain.fragments import Track
from recorder.domain.mp4 import Sample

_NON_SYNC = 0x10000
#: More frames than this are no few seconds of anything.
_MOST = 20_000


def samples(content: bytes, track: Track) -> list[Sample]:
    """All frames of the track, in decoding order; times in its own ticks."""
    view = memoryview(content)
    found: list[Sample] = []
    length = 0
    try:
        for position, moof in _moofs(view):
            for traf in fragments.find(moof, b"traf"):
                for sample in _traf(view, position, traf, track):
                    length += len(sample.content)
                    # Bytes that are said to be frames over and over are no footage.
                    if len(found) == _MOST or length > len(view):
                        return found
                    found.append(sample)
    except (struct.error, IndexError, ValueError):
        pass
    return found


def sample_entry(init: bytes, track: Track) -> bytes | None:
    """The description of the track's codec, whole, out of an init segment."""
    for trak in fragments.find(memoryview(init), b"moov", b"trak"):
        header = next(fragments.find(trak, b"tkhd"), None)
        entries = next(fragments.find(trak, b"mdia", b"minf", b"stbl", b"stsd"), None)
        if header is None or entries is None or len(header) < 24 or len(entries) < 16:
            continue
        if unpack_from(">I", header, 20 if header[0] == 1 else 12)[0] == track.id:
            (size,) = unpack_from(">I", entries, 8)
            return bytes(entries[8 : 8 + size])
    return None


def _moofs(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Where each ``moof`` begins, and what is in it."""
    position = 0
    while position + 8 <= len(view):
        size, kind = unpack_from(">I4s", view, position)
        header = 8
        if size == 1:
            (size,) = unpack_from(">Q", view, position + 8)
            header = 16
        if size < header or position + size > len(view):
            return
        if kind == b"moof":
            yield position, view[position + header : position + size]
        position += size


def _traf(view: memoryview, base: int, traf: memoryview, track: Track) -> Iterator[Sample]:
    header = next(fragments.find(traf, b"tfhd"), None)
    timed = next(fragments.find(traf, b"tfdt"), None)
    if header is None or timed is None:
        return
    flags, number = unpack_from(">II", header)
    if number != track.id:
        return
    usual = {0x8: track.default_duration, 0x10: 0, 0x20: track.default_flags}
    position = 8
    for bit, width in ((0x1, 8), (0x2, 4), (0x8, 4), (0x10, 4), (0x20, 4)):
        if flags & bit:
            if bit in usual:
                (usual[bit],) = unpack_from(">I", header, position)
            position += width
    (time,) = unpack_from(">Q" if timed[0] == 1 else ">I", timed, 4)
    at = base
    for run in fragments.find(traf, b"trun"):
        for duration, size, sample_flags, later, offset in _rows(run, usual):
            at = base + offset if offset is not None else at
            if at < 0 or at + size > len(view):
                raise ValueError("a frame outside the segment")
            is_key = not sample_flags & _NON_SYNC
            yield Sample(time, duration, later, is_key, view[at : at + size])
            time, at = time + duration, at + size


def _rows(
    run: memoryview, usual: dict[int, int]
) -> Iterator[tuple[int, int, int, int, int | None]]:
    """Of each frame of a run: duration, size, flags, composition, and where the first one lies."""
    flags, count = unpack_from(">II", run)
    position, offset, first = 8, None, None
    if flags & 0x1:
        (offset,) = unpack_from(">i", run, position)
        position += 4
    if flags & 0x4:
        (first,) = unpack_from(">I", run, position)
        position += 4
    form = ">" + "".join(
        letter for bit, letter in ((0x100, "I"), (0x200, "I"), (0x400, "I"), (0x800, "i"))
        if flags & bit
    )  # fmt: skip
    for n in range(min(count, _MOST)):
        told = list(unpack_from(form, run, position + n * struct.calcsize(form)))
        duration = told.pop(0) if flags & 0x100 else usual[0x8]
        size = told.pop(0) if flags & 0x200 else usual[0x10]
        sample_flags = told.pop(0) if flags & 0x400 else usual[0x20]
        if n == 0 and first is not None:
            sample_flags = first
        later = told.pop(0) if flags & 0x800 else 0
        yield duration, size, sample_flags, later, offset if n == 0 else None
