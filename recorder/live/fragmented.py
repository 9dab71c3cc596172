"""Fragmented MP4 back to frames (ISO/IEC 14496-12, -14, -15), as playlists list it.

An init segment describes the tracks; of each segment the frames are handed on in the order of
their times of decoding. What cannot be read is counted as lost, with all that is behind it in its
segment.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from struct import calcsize, unpack_from
from typing import NamedTuple

from recorder.domain import fragments
from recorder.domain.fragments import boxes, find
from recorder.live import elementary
from recorder.live.elementary import Pictures, Tag
from recorder.live.flv import Track

#: Where boxes begin inside the entry of a picture or a sound (ISO/IEC 14496-12, 12.1.3, 12.2.3).
_PICTURE_ENTRY, _SOUND_ENTRY = 78, 28
_AVC, _HEVC, _AAC = ("avc1", "avc3"), ("hvc1", "hev1"), "mp4a"
_ENCRYPTED = ("encv", "enca")
#: tfhd: base-data-offset-present and default-base-is-moof.
_HAS_BASE, _BASE_IS_MOOF = 0x1, 0x20000
#: A segment lasts seconds; more frames than these are damage or an attack.
_MOST_FRAMES = 100_000
_UNREADABLE = (struct.error, LookupError, ValueError)


@dataclass(slots=True)
class _Lane:
    """A track of which frames are taken."""

    facts: fragments.Track
    #: Length of a frame where fragments do not say it.
    length: int
    #: None for sound.
    pictures: Pictures | None = None
    #: How many bytes tell the length of each unit of a picture.
    prefix: int = 4
    #: AudioSpecificConfig.
    configuration: bytes = b""
    is_told: bool = False

    def ms(self, time: int) -> int:
        """The track's units as milliseconds, rounded; times may be those of an epoch."""
        scale = self.facts.timescale
        return (2000 * time + scale) // (2 * scale)

    def units(self, content: memoryview) -> list[bytes]:
        """What a frame consists of. Raises ValueError when that is not the whole of it."""
        if self.pictures is None:
            return [bytes(content)]
        found, at = [], 0
        while at < len(content):
            length = int.from_bytes(content[at : at + self.prefix], "big")
            at += self.prefix + length
            if at > len(content):
                raise ValueError("a unit is longer than its frame")
            found.append(bytes(content[at - length : at]))
        return found

    def tags(self, units: list[bytes], shown_ms: int, at_ms: int) -> Iterator[Tag]:
        """A frame, behind the header of its track if that is new."""
        if self.pictures is not None:
            yield from self.pictures.take(units, shown_ms, at_ms)
            return
        if not self.is_told:
            self.is_told = True
            yield Tag(Track.AUDIO, at_ms, elementary.aac_header(self.configuration))
        yield Tag(Track.AUDIO, at_ms, elementary.aac_frame(units[0]))


class _Frame(NamedTuple):
    """Times in the units of its track."""

    lane: _Lane
    time: int
    shown_later: int
    content: memoryview


class FragmentedMp4:
    """What one init segment describes; give it segments, whole and in order."""

    def __init__(self, init: bytes) -> None:
        #: Times that something could not be read.
        self.lost = 0
        #: Tracks that are left alone: their codecs, and second ones of a kind.
        self.left_out: set[str] = set()
        self._lanes: dict[int, _Lane] = {}
        try:
            self._describe(init)
        except _UNREADABLE:
            self._lanes = {}
        # Edit lists begin a track behind its first frames: nothing shall be earlier than 0.
        self.lead_ms = max((each.ms(each.facts.begins) for each in self._lanes.values()), default=0)

    @property
    def tracks(self) -> set[Track]:
        """What can be recorded of it."""
        return {_kind(each.facts) for each in self._lanes.values()}

    @property
    def is_encrypted(self) -> bool:
        """Whether some of its tracks are locked with keys."""
        return not self.left_out.isdisjoint(_ENCRYPTED)

    def feed(self, segment: bytes) -> Iterator[Tag]:
        """The frames of a segment."""
        view = memoryview(segment)
        found: list[tuple[int, int, _Lane, list[bytes]]] = []
        left, is_whole = len(segment), True
        try:
            for frame in self._frames(view):
                left -= len(frame.content)
                if left < 0 or len(found) == _MOST_FRAMES:
                    raise ValueError("it holds more than it can")
                lane, time = frame.lane, frame.time - frame.lane.facts.begins
                at_ms = lane.ms(time) + self.lead_ms
                shown_ms = lane.ms(time + frame.shown_later) + self.lead_ms
                found.append((at_ms, shown_ms, lane, lane.units(frame.content)))
        except _UNREADABLE:
            is_whole = False
        for at_ms, shown_ms, lane, units in sorted(found, key=lambda each: each[0]):
            if any(units):
                for tag in lane.tags(units, shown_ms, at_ms):
                    yield tag._replace(at_ms=at_ms & 0xFFFFFFFF)
        self.lost += not is_whole

    def end(self) -> Iterator[Tag]:
        """Nothing waits: segments are whole."""
        yield from ()

    def _describe(self, init: bytes) -> None:
        """Take the first track of each kind that can be recorded."""
        view = memoryview(init)
        lengths, entries = {}, {}
        for body in find(view, b"moov", b"mvex", b"trex"):
            number, _, _, lengths[number], _ = unpack_from(">5I", body, 4)
        for trak in find(view, b"moov", b"trak"):
            for header in find(trak, b"tkhd"):
                (number,) = unpack_from(">I", header, 20 if header[0] == 1 else 12)
                for described in find(trak, b"mdia", b"minf", b"stbl", b"stsd"):
                    _, entries[number] = next(boxes(described[8:]), (b"", memoryview(b"")))
        for facts in fragments.read_init(init):
            lane = _lane(facts, entries[facts.id], lengths.get(facts.id, 0))
            if lane is None:
                self.left_out.add(facts.codec[:4])
            elif _kind(facts) in self.tracks:
                self.left_out.add(f"{facts.codec[:4]} (track {facts.id})")
            else:
                self._lanes[facts.id] = lane

    def _frames(self, segment: memoryview) -> Iterator[_Frame]:
        """In the order of the fragments. Raises what is in _UNREADABLE."""
        at = 0
        for kind, body in boxes(segment):
            if kind == b"moof":
                for n, traf in enumerate(find(body, b"traf")):
                    yield from self._run(segment, at, traf, is_first=n == 0)
            at += len(body) + (16 if bytes(segment[at : at + 4]) == b"\0\0\0\1" else 8)
        if at != len(segment):
            raise ValueError("it ends within a box")

    def _run(
        self, segment: memoryview, moof: int, traf: memoryview, *, is_first: bool
    ) -> Iterator[_Frame]:
        """The frames of one track in a fragment that begins at ``moof``."""
        header, timed = next(find(traf, b"tfhd"), None), next(find(traf, b"tfdt"), None)
        if header is None or timed is None:
            raise ValueError("a run without its header")
        flags, number = unpack_from(">II", header)
        lane = self._lanes.get(number)
        if lane is None:
            return
        said, at = {}, 8
        for bit, form in ((_HAS_BASE, ">Q"), (0x2, ">I"), (0x8, ">I"), (0x10, ">I")):
            if flags & bit:
                (said[bit],) = unpack_from(form, header, at)
                at += calcsize(form)
        if said.get(0x2, 1) != 1:
            raise ValueError("it is described by another entry")
        # In a segment of its own only places counted from its fragment mean anything.
        if said.get(_HAS_BASE, moof) != moof or not (flags & _BASE_IS_MOOF or is_first):
            raise ValueError("its data are somewhere else")
        duration, length = said.get(0x8, lane.facts.default_duration), said.get(0x10, lane.length)
        (time,) = unpack_from(">Q" if timed[0] == 1 else ">I", timed, 4)
        at = moof
        for run in find(traf, b"trun"):
            for lasts, shown_later, begin, end in _samples(run, moof, at, duration, length):
                if not 0 <= begin <= end <= len(segment):
                    raise ValueError("a frame is somewhere else")
                yield _Frame(lane, time, shown_later, segment[begin:end])
                time, at = time + lasts, end


def _samples(
    run: memoryview, moof: int, at: int, duration: int, length: int
) -> Iterator[tuple[int, int, int, int]]:
    """Of each frame in a trun: how long it lasts, how much later it is shown, its place."""
    flags, count = unpack_from(">II", run)
    position = 8
    if flags & 0x1:
        at = moof + unpack_from(">i", run, position)[0]
        position += 4
    position += 4 * bool(flags & 0x4)
    told = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    form = f">{len(told)}I"
    for n in range(count):
        said = dict(zip(told, unpack_from(form, run, position + n * calcsize(form)), strict=True))
        later = said.get(0x800, 0)
        if run[0] and later >= 1 << 31:
            later -= 1 << 32
        end = at + said.get(0x200, length)
        yield said.get(0x100, duration), later, at, end
        at = end


def _kind(facts: fragments.Track) -> Track:
    return Track.VIDEO if facts.kind == "vide" else Track.AUDIO


def _lane(facts: fragments.Track, entry: memoryview, length: int) -> _Lane | None:
    """How the frames of a track are taken; None for what we do not know."""
    codec = facts.codec[:4]
    if facts.kind == "vide" and codec in _AVC + _HEVC:
        is_hevc = codec in _HEVC
        name = b"hvcC" if is_hevc else b"avcC"
        for record in find(entry[_PICTURE_ENTRY:], name):
            pictures = Pictures(is_hevc)
            for unit in _hevc_sets(record) if is_hevc else _avc_sets(record):
                pictures.learn(unit)
            return _Lane(facts, length, pictures, (record[21 if is_hevc else 4] & 3) + 1)
    elif facts.kind == "soun" and codec == _AAC:
        for described in find(entry[_SOUND_ENTRY:], b"esds"):
            configuration = _aac_configuration(bytes(described[4:]))
            return _Lane(facts, length, configuration=configuration) if configuration else None
    return None


def _avc_sets(record: memoryview) -> Iterator[bytes]:
    """The parameter sets of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1)."""
    at = 5
    for mask in (31, 255):
        count, at = record[at] & mask, at + 1
        for _ in range(count):
            (length,) = unpack_from(">H", record, at)
            at += 2 + length
            yield bytes(record[at - length : at])


def _hevc_sets(record: memoryview) -> Iterator[bytes]:
    """The parameter sets of an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1)."""
    at = 23
    for _ in range(record[22]):
        (count,) = unpack_from(">H", record, at + 1)
        at += 3
        for _ in range(count):
            (length,) = unpack_from(">H", record, at)
            at += 2 + length
            yield bytes(record[at - length : at])


def _aac_configuration(descriptor: bytes) -> bytes:
    """The AudioSpecificConfig inside an ES_Descriptor (ISO/IEC 14496-1, 7.2.6); empty if none."""
    at, _ = _descriptor(descriptor, 0, 3)
    flags = descriptor[at + 2]
    at += 3 + 2 * (flags >> 7)
    if flags & 0x40:
        at += 1 + descriptor[at]
    at += 2 * (flags >> 5 & 1)
    at, _ = _descriptor(descriptor, at, 4)
    if descriptor[at] != 0x40:
        return b""  # Another sound in the same entry, MP3 for example.
    at, end = _descriptor(descriptor, at + 13, 5)
    return descriptor[at:end]


def _descriptor(data: bytes, at: int, tag: int) -> tuple[int, int]:
    """Begin and end of the content of the descriptor at ``at``, which has this tag."""
    if data[at] != tag:
        raise ValueError("another descriptor was to come")
    length = 0
    for _ in range(4):
        at += 1
        length = length << 7 | data[at] & 0x7F
        if not data[at] & 0x80:
            break
    return at + 1, at + 1 + length
