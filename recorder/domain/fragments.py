"""Reading what fragmented MP4 says of itself (ISO/IEC 14496-12): tracks, times, keyframes.

Hostile input is expected: whatever cannot be read is left out, and nothing here decides whether
footage is kept. No bytes are changed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from struct import unpack_from
from typing import Any

_MOST_BOXES = 10_000
#: A century, in microseconds.
_LONGEST_US = 100 * 366 * 86_400 * 1_000_000
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf"}
#: ISO/IEC 14496-12, 8.8.3.1: sample_is_non_sync_sample.
_NON_SYNC = 0x10000


@dataclass(frozen=True, slots=True)
class Track:
    """A track as the init segment describes it."""

    id: int
    #: vide, soun, or another handler.
    kind: str
    timescale: int
    #: As HLS and browsers name it (RFC 6381), or the four letters of the sample entry.
    codec: str
    default_duration: int = 0
    default_flags: int = 0
    width: int = 0
    height: int = 0
    #: Media time at which the presentation begins (edit list), in the track's units.
    begins: int = 0

    def to_json(self) -> dict[str, object]:
        """Plain values for a row."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Track:
        """The inverse of ``to_json``."""
        return cls(**plain)


@dataclass(frozen=True, slots=True)
class FragmentFacts:
    """What a media segment says of its own time."""

    media_time_us: int | None
    duration_us: int | None
    keyframe: bool | None


NOTHING = FragmentFacts(None, None, None)
Box = tuple[bytes, memoryview]


def boxes(content: memoryview) -> Iterator[Box]:
    position, seen = 0, 0
    while position + 8 <= len(content) and seen < _MOST_BOXES:
        size, kind = unpack_from(">I4s", content, position)
        header = 8
        if size == 1:
            (size,) = unpack_from(">Q", content, position + 8)
            header = 16
        elif size == 0:
            size = len(content) - position
        if size < header or position + size > len(content):
            return
        yield kind, content[position + header : position + size]
        position += size
        seen += 1


def find(content: memoryview, *path: bytes) -> Iterator[memoryview]:
    """The bodies of all boxes at this path."""
    for kind, body in boxes(content):
        if kind == path[0]:
            if len(path) == 1:
                yield body
            else:
                yield from find(body, *path[1:])


def read_init(content: bytes) -> tuple[Track, ...]:
    """The tracks of an init segment; empty where it is none that can be read."""
    view = memoryview(content)
    try:
        defaults = {
            track: (duration, flags)
            for body in find(view, b"moov", b"mvex", b"trex")
            for track, _, duration, _, flags in [unpack_from(">5I", body, 4)]
        }
        found = [_track(trak, defaults) for trak in find(view, b"moov", b"trak")]
    except (struct.error, IndexError, ValueError):
        return ()
    return tuple(track for track in found if track is not None)


def _track(trak: memoryview, defaults: dict[int, tuple[int, int]]) -> Track | None:
    header = next(find(trak, b"tkhd"), None)
    media = next(find(trak, b"mdia", b"mdhd"), None)
    handler = next(find(trak, b"mdia", b"hdlr"), None)
    entries = next(find(trak, b"mdia", b"minf", b"stbl", b"stsd"), None)
    if header is None or media is None or handler is None or entries is None:
        return None
    (number,) = unpack_from(">I", header, 20 if header[0] == 1 else 12)
    (timescale,) = unpack_from(">I", media, 20 if media[0] == 1 else 12)
    if not timescale:
        return None
    kind = _letters(handler[8:12])
    codec, width, height = _sample_entry(entries, kind)
    duration, flags = defaults.get(number, (0, 0))
    begins = _edit_start(trak)
    return Track(number, kind, timescale, codec, duration, flags, width, height, begins)


def _sample_entry(entries: memoryview, kind: str) -> tuple[str, int, int]:
    name, entry = next(boxes(entries[8:]), (b"    ", memoryview(b"")))
    letters = _letters(memoryview(name))
    if kind == "vide" and len(entry) >= 78:
        width, height = unpack_from(">HH", entry, 24)
        for inner, body in boxes(entry[78:]):
            if inner == b"avcC" and len(body) >= 4:
                return f"{letters}.{body[1]:02x}{body[2]:02x}{body[3]:02x}", width, height
        return letters, width, height
    if letters == "mp4a":
        # AAC-LC, the only AAC that cameras send; the exact object type changes no decision here.
        return "mp4a.40.2", 0, 0
    return letters, 0, 0


def _edit_start(trak: memoryview) -> int:
    """Media time of the first edit that shows something."""
    listed = next(find(trak, b"edts", b"elst"), None)
    if listed is None:
        return 0
    (count,) = unpack_from(">I", listed, 4)
    form, size = (">Qq", 20) if listed[0] == 1 else (">Ii", 12)
    for n in range(min(count, 16)):
        _, begins = unpack_from(form, listed, 8 + n * size)
        if begins >= 0:
            return int(begins)
    return 0


def read_fragment(content: bytes | memoryview, tracks: Sequence[Track]) -> FragmentFacts:
    """Time, length and beginning of a media segment, by its picture if it has one."""
    known = {track.id: track for track in tracks}
    begins: dict[int, int] = {}
    lengths: dict[int, int] = {}
    keyframe: bool | None = None
    try:
        for body in find(memoryview(content), b"moof", b"traf"):
            track, decode_time, length, sync = _run(body, known)
            begins.setdefault(track.id, decode_time)
            if track.kind == "vide" and track.id not in lengths:
                keyframe = sync
            lengths[track.id] = lengths.get(track.id, 0) + length
    except (struct.error, IndexError, KeyError, ValueError):
        return NOTHING
    if not begins:
        return NOTHING
    chosen = min(begins, key=lambda number: (known[number].kind != "vide", number))
    track = known[chosen]
    return FragmentFacts(
        _possible(1_000_000 * (begins[chosen] - track.begins) // track.timescale),
        _possible(1_000_000 * lengths[chosen] // track.timescale),
        keyframe,
    )


def _possible(time_us: int) -> int | None:
    """The time, unless no stream can have come to it: then it is damage or a lie."""
    return time_us if -_LONGEST_US <= time_us <= _LONGEST_US else None


def _letters(name: memoryview) -> str:
    """Four letters as a file names a kind; whatever is no visible ASCII becomes a question mark."""
    return "".join(chr(byte) if 32 < byte < 127 else "?" for byte in name)


def _run(traf: memoryview, known: dict[int, Track]) -> tuple[Track, int, int, bool]:
    """One traf: its track, decode time, length in the track's units, whether it begins in sync."""
    header, timed = next(find(traf, b"tfhd"), None), next(find(traf, b"tfdt"), None)
    if header is None or timed is None:
        raise ValueError("a run without its header")
    flags, number = unpack_from(">II", header)
    flags &= 0xFFFFFF
    track = known[number]
    duration, sample_flags, position = track.default_duration, track.default_flags, 8
    for bit, width in ((0x1, 8), (0x2, 4), (0x8, 4), (0x10, 4), (0x20, 4)):
        if flags & bit:
            if bit == 0x8:
                (duration,) = unpack_from(">I", header, position)
            elif bit == 0x20:
                (sample_flags,) = unpack_from(">I", header, position)
            position += width
    (decode_time,) = unpack_from(">Q" if timed[0] == 1 else ">I", timed, 4)
    total, sync, first = 0, False, True
    for run in find(traf, b"trun"):
        length, begins = _samples(run, duration, sample_flags)
        total += length
        if first:
            sync, first = not begins & _NON_SYNC, False
    return track, decode_time, total, sync


def _samples(run: memoryview, duration: int, sample_flags: int) -> tuple[int, int]:
    """The length of a trun, and the flags of its first sample."""
    flags, count = unpack_from(">II", run)
    flags &= 0xFFFFFF
    position = 8 + (4 if flags & 0x1 else 0)
    first_flags = sample_flags
    if flags & 0x4:
        (first_flags,) = unpack_from(">I", run, position)
        position += 4
    step = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    if step * count > len(run) - position:
        raise ValueError("the samples do not fit")
    if flags & 0x400 and not flags & 0x4 and count:
        before = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200))
        (first_flags,) = unpack_from(">I", run, position + before)
    if not flags & 0x100:
        return duration * count, first_flags
    numbers = unpack_from(f">{count * step // 4}I", run, position)
    return sum(numbers[:: step // 4]), first_flags
