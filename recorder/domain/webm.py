"""Reading what WebM says of itself (RFC 8794, RFC 9559) while it comes in slices cut anywhere.

Nothing here decides whether footage is kept, and no bytes are changed. Hostile input is expected:
each slice costs a bounded number of steps, a walk keeps a few bytes, and whoever lies about sizes
or times hurts the showing of their own livestream and nothing else. After bytes that cannot be
followed, a walk goes on with the next cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from recorder.domain.fragments import Track

#: Longer descriptions are none that a recorder writes.
LONGEST_HEADER_BYTES = 1 << 20
#: More elements than this are no few seconds of a recorder.
_MOST_ELEMENTS = 20_000
#: Clusters that are tried in some seconds, and elements before the first picture of one.
_MOST_CLUSTERS = 500
#: Head of an element and of a block in it: id, size, track, time, flags.
_LONGEST_HEAD = 4 + 8 + 8 + 2 + 1
#: A century.
_LONGEST_MS = 100 * 366 * 86_400 * 1_000
_EBML, _SEGMENT, _INFO, _TRACKS, _CLUSTER = (
    0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675,
)  # fmt: skip
_TRACK, _NUMBER, _KIND, _CODEC, _VIDEO, _WIDTH, _HEIGHT = (
    0xAE, 0xD7, 0x83, 0x86, 0xE0, 0xB0, 0xBA,
)  # fmt: skip
_SCALE, _TIME, _SIMPLE_BLOCK, _GROUP, _BLOCK = 0x2AD7B1, 0xE7, 0xA3, 0xA0, 0xA1
_CLUSTER_BYTES = _CLUSTER.to_bytes(4, "big")
_KINDS = {1: "vide", 2: "soun"}
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the first cluster."""

    tracks: tuple[Track, ...]
    #: Nanoseconds of one tick.
    scale: int
    #: Bytes up to the end of the description of the tracks: with them, any cluster can be decoded.
    length: int

    @property
    def picture(self) -> Track | None:
        """The track that is shown."""
        return next((track for track in self.tracks if track.kind == "vide"), None)

    @property
    def has_sound(self) -> bool:
        return any(track.kind == "soun" for track in self.tracks)


@dataclass(frozen=True, slots=True)
class Walk:
    """How far the slices of one file have been followed."""

    #: The slice that was followed last.
    number: int
    #: The number of the track that is shown, and nanoseconds of a tick.
    picture: int
    scale: int
    #: Bytes of the present element that are still to come.
    skip: int = 0
    #: The beginning of a head that the slice cuts, in hexadecimal digits.
    head: str = ""
    #: Whether the next cluster is looked for.
    lost: bool = False
    #: Time of the present cluster, in ticks.
    cluster: int = 0
    #: The picture that ends with ``skip``: its time in ms and whether it is a keyframe.
    pending_ms: int | None = None
    pending_key: bool = False
    #: Time of the newest picture that is whole, in ms; None before the first.
    reached_ms: int | None = None

    def to_json(self) -> dict[str, object]:
        """Plain values for a row."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Walk:
        """The inverse of ``to_json``."""
        return cls(**plain)


class Span(NamedTuple):
    """What a slice adds to what can be shown: the pictures from one time up to another."""

    begins_ms: int
    ends_ms: int
    #: Whether a keyframe ends in it.
    keyframe: bool


class _Element(NamedTuple):
    kind: int
    #: Bytes of its body, or _UNKNOWN.
    size: int
    #: Where its body begins.
    body: int


class _Cut(Exception):
    """The bytes end in the middle of a head."""


class _Odd(Exception):
    """What stands here is no element."""


def read_header(content: bytes) -> Header | None:
    """The description of the tracks at the beginning of a file; None where it is not whole."""
    content = content[:LONGEST_HEADER_BYTES]
    scale, position = 1_000_000, 0
    try:
        for _ in range(_MOST_ELEMENTS):
            found = _element(content, position)
            if position == 0 and found.kind != _EBML:
                return None
            if found.kind == _SEGMENT:
                position = found.body
                continue
            if found.size == _UNKNOWN or found.body + found.size > len(content):
                return None
            position = found.body + found.size
            if found.kind == _INFO:
                scale = _number(_child(content, found, _SCALE)) or scale
            elif found.kind == _TRACKS:
                tracks = tuple(_tracks(content, found, scale))
                return Header(tracks, scale, position) if tracks else None
    except (_Cut, _Odd):
        pass
    return None


def begin(header: Header, number: int) -> Walk | None:
    """The walk of a file that begins in this slice, behind its header; None without a picture."""
    picture = header.picture
    return Walk(number, picture.id, header.scale) if picture else None


def follow(walk: Walk, number: int, body: bytes) -> tuple[Walk, Span | None]:
    """Go on through a slice. None where it completes no picture.

    A slice that is not the next one is looked through for a cluster: what was between is unknown.
    """
    if number != walk.number + 1:
        walk = replace(walk, lost=True, skip=0, head="", pending_ms=None)
    return _Steps(replace(walk, number=number), body).taken()


def slice_of_beginning(header: Header, number: int, body: bytes) -> tuple[Walk | None, Span | None]:
    """The same for the slice with the header."""
    walk = begin(header, number)
    return _Steps(walk, body[header.length :]).taken() if walk else (None, None)


class _Steps:
    """One slice, element by element."""

    def __init__(self, walk: Walk, body: bytes) -> None:
        self.walk = walk
        self.content = bytes.fromhex(walk.head) + body
        self.skip, self.lost, self.cluster = walk.skip, walk.lost, walk.cluster
        self.pending = None if walk.pending_ms is None else (walk.pending_ms, walk.pending_key)
        self.reached, self.begins = walk.reached_ms, None if walk.lost else walk.reached_ms
        self.keyframe = False

    def taken(self) -> tuple[Walk, Span | None]:
        rest = self._run()
        ms, key = self.pending or (None, False)
        walk = replace(
            self.walk,
            skip=self.skip, head=rest.hex(), lost=self.lost, cluster=self.cluster,
            pending_ms=ms, pending_key=key, reached_ms=self.reached,
        )  # fmt: skip
        if self.begins is None or self.reached is None or self.reached <= self.begins:
            return walk, None
        return walk, Span(self.begins, self.reached, self.keyframe)

    def _run(self) -> bytes:
        """Follow it to its end; what is given back is the beginning of a head."""
        position = 0
        for _ in range(_MOST_ELEMENTS):
            if self.lost:
                place = self.content.find(_CLUSTER_BYTES, position)
                if place < 0:
                    return self.content[max(position, len(self.content) - 3) :]
                position = place
            if self.skip > len(self.content) - position:
                self.skip -= len(self.content) - position
                return b""
            position += self.skip
            self.skip = 0
            self._end_picture()
            try:
                position = self._enter(position)
            except _Cut:
                return self.content[position : position + _LONGEST_HEAD]
            except _Odd:
                self.lost, self.pending, position = True, None, position + 1
        self.lost, self.pending = True, None
        return b""

    def _enter(self, position: int) -> int:
        """Behind the head of the element here; ``skip`` is its body, where that is stepped over."""
        found = _element(self.content, position)
        if found.kind == _CLUSTER:
            # Among pictures, its four bytes may stand by chance: its time must be behind them.
            if self.lost and _element(self.content, found.body).kind != _TIME:
                raise _Odd
            self.lost = False
            return found.body
        if self.lost:
            raise _Odd
        if found.kind in (_GROUP, _SEGMENT):
            return found.body
        if found.size == _UNKNOWN:
            raise _Odd
        if found.kind == _TIME:
            if found.size > 8:
                raise _Odd
            if found.body + found.size > len(self.content):
                raise _Cut
            self.cluster = _number(self.content[found.body : found.body + found.size])
        elif found.kind in (_SIMPLE_BLOCK, _BLOCK):
            self._block(found)
        self.skip = found.size
        return found.body

    def _block(self, found: _Element) -> None:
        track, at, flags = _block_head(self.content, found)
        ms = (self.cluster + at) * self.walk.scale // 1_000_000
        if track == self.walk.picture and 0 <= ms <= _LONGEST_MS:
            self.pending = ms, found.kind == _SIMPLE_BLOCK and bool(flags & 0x80)

    def _end_picture(self) -> None:
        if self.pending is None:
            return
        ms, key = self.pending
        self.pending = None
        if self.begins is None:
            self.begins = max(ms, self.reached or 0)
        self.reached = max(ms, self.reached or 0)
        self.keyframe = self.keyframe or key


def cluster_before(header: Header, content: bytes, ms: int) -> int | None:
    """Where in these slices the last cluster begins from which the picture at ``ms`` is decoded.

    That is one whose first picture is a keyframe, not later than that.
    """
    place = len(content)
    picture = header.picture
    for _ in range(_MOST_CLUSTERS):
        place = content.rfind(_CLUSTER_BYTES, 0, place + len(_CLUSTER_BYTES) - 1)
        if place < 0 or picture is None:
            return None
        first = _first_picture(content, place, picture.id)
        if first is not None and first[0] * header.scale // 1_000_000 <= ms and first[1]:
            return place
    return None


def _first_picture(content: bytes, place: int, track: int) -> tuple[int, bool] | None:
    """Time in ticks of a cluster's first picture, and whether it is a keyframe."""
    cluster = None
    try:
        position = _element(content, place).body
        for _ in range(_MOST_CLUSTERS):
            found = _element(content, position)
            if found.kind == _CLUSTER or found.size == _UNKNOWN:
                return None
            if found.kind == _TIME and found.size <= 8:
                cluster = _number(content[found.body : found.body + found.size])
            elif found.kind == _SIMPLE_BLOCK:
                number, at, flags = _block_head(content, found)
                if cluster is None:
                    return None
                if number == track:
                    return cluster + at, bool(flags & 0x80)
            position = found.body + found.size
    except (_Cut, _Odd):
        pass
    return None


def _tracks(content: bytes, parent: _Element, scale: int) -> Iterator[Track]:
    for entry in _children(content, parent):
        if entry.kind != _TRACK:
            continue
        kind = _KINDS.get(_number(_child(content, entry, _KIND)))
        number = _number(_child(content, entry, _NUMBER))
        codec = _child(content, entry, _CODEC)[:32].decode("ascii", "replace").rstrip("\0")
        if kind is None or not 0 < number < 1 << 31:
            continue
        picture = next((each for each in _children(content, entry) if each.kind == _VIDEO), None)
        width, height = (
            min(_number(_child(content, picture, each)) if picture else 0, 1 << 16)
            for each in (_WIDTH, _HEIGHT)
        )
        yield Track(number, kind, max(1, 1_000_000_000 // scale), codec, width=width, height=height)


def _children(content: bytes, parent: _Element) -> Iterator[_Element]:
    position, end = parent.body, parent.body + parent.size
    for _ in range(_MOST_ELEMENTS):
        if position >= end:
            return
        found = _element(content, position)
        if found.size == _UNKNOWN or found.body + found.size > end:
            raise _Odd
        yield found
        position = found.body + found.size


def _child(content: bytes, parent: _Element, kind: int) -> bytes:
    """The body of the first child of this kind; empty without one."""
    for found in _children(content, parent):
        if found.kind == kind:
            return content[found.body : found.body + found.size]
    return b""


def _number(content: bytes) -> int:
    return int.from_bytes(content[:8], "big")


def _element(content: bytes, position: int) -> _Element:
    kind, position = _vint(content, position, 4, keep=True)
    size, body = _vint(content, position, 8, keep=False)
    return _Element(kind, size, body)


def _vint(content: bytes, position: int, most: int, *, keep: bool) -> tuple[int, int]:
    """A number of variable length (RFC 8794, 4) and where it ends; all ones are _UNKNOWN."""
    if position >= len(content):
        raise _Cut
    length = 9 - content[position].bit_length()
    if length > most:
        raise _Odd
    end = position + length
    if end > len(content):
        raise _Cut
    value = int.from_bytes(content[position:end], "big")
    if keep:
        return value, end
    bits = 7 * length
    value &= (1 << bits) - 1
    return (_UNKNOWN if value == (1 << bits) - 1 else value), end


def _block_head(content: bytes, found: _Element) -> tuple[int, int, int]:
    """Track, time against its cluster, flags."""
    track, position = _vint(content, found.body, 8, keep=False)
    if position + 3 > len(content):
        raise _Cut
    if position + 3 > found.body + found.size:
        raise _Odd
    at = int.from_bytes(content[position : position + 2], "big", signed=True)
    return track, at, content[position + 2]
