"""RTP packets (RFC 3550) back to frames: pictures of RFC 6184 and 7798, sound of RFC 3551, 3640.

Times are those of the packets. Pictures come in the order of decoding with the times of showing,
so the time of decoding is found out by looking at the first few.
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from recorder.live import elementary
from recorder.live.elementary import Pictures, Tag
from recorder.live.flv import Track
from recorder.live.rtsp.description import Described

_LONGEST_PICTURE = 16 << 20
#: So many pictures are looked at to see in which order they are shown.
_LOOKED_AT = 12
_LOOKED_AT_MS = 600
#: A beginning that the camera tells further away than this is not believed.
_BELIEVED_S = 10
_SENDER_REPORT, _GOODBYE = 200, 203
#: Times of RTCP count from here, and from 2036 on anew (RFC 5905, 6).
_NTP_BEGINS = datetime(1900, 1, 1, tzinfo=UTC)


class Arrived(NamedTuple):
    """A header or frame with the time its first packet came."""

    tag: Tag
    at: datetime


class _Picture(NamedTuple):
    units: list[bytes]
    shown_ms: int
    arrived: datetime


@dataclass(slots=True)
class TrackClock:
    """The packets' 32-bit time without its wraps, in milliseconds since the camera began."""

    rate: int
    #: The packets' time that means 0, once it is known.
    base: int | None = None
    #: What 0 of this track means beside the other one.
    offset_ms: int = 0
    _last: int = 0
    _is_begun: bool = False

    def at_ms(self, timestamp: int) -> int:
        base = timestamp if self.base is None else self.base
        step = (timestamp - base - self._last + (1 << 31)) % (1 << 32) - (1 << 31)
        if not self._is_begun and abs(step) > _BELIEVED_S * self.rate:
            base, step = timestamp, 0
        self._is_begun, self.base = True, base
        self._last += step
        return self.offset_ms + round(self._last * 1000 / self.rate)


@dataclass(slots=True)
class _DecodingTimes:
    """Pictures in order of decoding get a time of decoding that is never after their showing."""

    _waiting: list[_Picture] = field(default_factory=list)
    #: Times of showing not yet used as times of decoding; None while it looks.
    _times: list[int] | None = None

    def take(self, picture: _Picture) -> Iterator[tuple[_Picture, int]]:
        if self._times is not None:
            yield picture, self._next(picture.shown_ms)
            return
        self._waiting.append(picture)
        span = picture.shown_ms - self._waiting[0].shown_ms
        if len(self._waiting) >= _LOOKED_AT or span >= _LOOKED_AT_MS:
            yield from self.end()

    def end(self) -> Iterator[tuple[_Picture, int]]:
        """Give out those that were looked at."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        shown = [each.shown_ms for each in waiting]
        late = max(sum(other > at for other in shown[:n]) for n, at in enumerate(shown))
        ordered = sorted(shown)
        step = (ordered[-1] - ordered[0]) // max(1, len(ordered) - 1)
        self._times = [ordered[0] - step * (late - n) for n in range(late)]
        for picture in waiting:
            yield picture, self._next(picture.shown_ms)

    def _next(self, shown_ms: int) -> int:
        assert self._times is not None  # noqa: S101 - only after looking.
        bisect.insort(self._times, shown_ms)
        return min(self._times.pop(0), shown_ms)


class TrackPackets:
    """The packets of one track in the order they come."""

    def __init__(self, described: Described) -> None:
        self.described = described
        self.clock = TrackClock(described.rate)
        #: Packets that did not come or could not be read, since somebody last asked.
        self.lost = 0
        self._sequence: int | None = None
        self._pictures = Pictures(described.codec == "h265")
        for each in described.parameter_sets:
            self._pictures.learn(each)
        self._times = _DecodingTimes()
        self._units: list[bytes] = []
        self._size = 0
        self._part = bytearray()
        self._stamp: int | None = None
        self._since: datetime | None = None
        self._told_sound = False

    @property
    def is_begun(self) -> bool:
        return self._sequence is not None

    def begin_at(self, after_ms: int) -> None:
        """Say how long after the first track's first packet this one's comes."""
        if self.clock.base is None:
            self.clock.offset_ms = after_ms

    def take(self, packet: bytes, now: datetime) -> Iterator[Arrived]:
        """What is whole with this packet; anything at all may be in it."""
        found = _payload(packet, self.described.payload_type)
        if found is None:
            return
        sequence, stamp, is_last, content = found
        if self._sequence is not None:
            missing = (sequence - self._sequence - 1) & 0xFFFF
            if missing >= 0x8000:
                return  # It came before.
            if missing:
                self.lost += missing
                self._part.clear()
        self._sequence = sequence
        if self.described.track is Track.AUDIO:
            yield from self._sound(content, stamp, now)
            return
        if self._stamp is not None and stamp != self._stamp:
            yield from self._picture()
        if self._stamp is None:
            self._stamp, self._since = stamp, now
        self._unpack(content)
        if is_last:
            yield from self._picture()

    def end(self) -> Iterator[Arrived]:
        """What was still being looked at."""
        yield from self._picture()
        for picture, at_ms in self._times.end():
            yield from self._tags(picture, at_ms)

    def _picture(self) -> Iterator[Arrived]:
        stamp, since, units = self._stamp, self._since, self._units
        self._stamp, self._since, self._units, self._size = None, None, [], 0
        self._part.clear()
        if stamp is None or since is None or not units:
            return
        for picture, at_ms in self._times.take(_Picture(units, self.clock.at_ms(stamp), since)):
            yield from self._tags(picture, at_ms)

    def _tags(self, picture: _Picture, at_ms: int) -> Iterator[Arrived]:
        for tag in self._pictures.take(picture.units, picture.shown_ms, at_ms):
            yield Arrived(tag, picture.arrived)

    def _unpack(self, content: bytes) -> None:
        """Add the units, or the part of one, that a packet holds."""
        hevc = self.described.codec == "h265"
        front = 2 if hevc else 1
        if len(content) <= front:
            return
        kind = content[0] >> 1 & 63 if hevc else content[0] & 31
        if kind == (48 if hevc else 24):
            for unit in _aggregated(content[front:]):
                self._add(unit)
        elif kind == (49 if hevc else 28):
            self._unpack_part(content, front, hevc=hevc)
        elif kind < (48 if hevc else 24):
            self._add(content)
        else:
            self.lost += 1

    def _unpack_part(self, content: bytes, front: int, *, hevc: bool) -> None:
        head = content[front] if len(content) > front else 0
        if head & 0x80:
            if hevc:
                start = bytes([content[0] & 0x81 | (head & 63) << 1, content[1]])
            else:
                start = bytes([content[0] & 0xE0 | head & 31])
            self._part = bytearray(start)
        if not self._part:
            return  # Its beginning never came.
        self._part += content[front + 1 :]
        if len(self._part) > _LONGEST_PICTURE:
            self._part.clear()
            self.lost += 1
        elif head & 0x40:
            self._add(bytes(self._part))
            self._part.clear()

    def _add(self, unit: bytes) -> None:
        self._size += len(unit)
        if self._size > _LONGEST_PICTURE or len(self._units) > 2_000:
            self.lost += 1
            return
        self._units.append(unit)

    def _sound(self, content: bytes, stamp: int, now: datetime) -> Iterator[Arrived]:
        at = self.clock.at_ms(stamp)
        codec = self.described.codec
        if codec != "mpeg4-generic":
            body = elementary.g711_frame(content, is_a_law=codec == "pcma")
            yield Arrived(Tag(Track.AUDIO, at, body), now)
            return
        if not self._told_sound:
            self._told_sound = True
            header = elementary.aac_header(self.described.configuration)
            yield Arrived(Tag(Track.AUDIO, at, header), now)
        for n, unit in enumerate(self._sound_units(content)):
            later = round(n * 1024 * 1000 / self.described.rate)
            yield Arrived(Tag(Track.AUDIO, at + later, elementary.aac_frame(unit)), now)

    def _sound_units(self, content: bytes) -> Iterator[bytes]:
        """The frames of a packet of RFC 3640; one in pieces is put together."""
        if len(content) < 2:
            return
        length = (int.from_bytes(content[:2], "big") + 7) // 8
        heads, at = content[2 : 2 + length], 2 + length
        for n in range(len(heads) // 2):
            size = int.from_bytes(heads[2 * n : 2 * n + 2], "big") >> 3
            piece = content[at : at + size]
            at += size
            if len(piece) == size:
                self._part.clear()
                yield piece
                continue
            self._part += piece
            if len(self._part) >= size:
                yield bytes(self._part[:size])
                self._part.clear()


def _payload(packet: bytes, payload_type: int) -> tuple[int, int, bool, bytes] | None:
    """Sequence number, time, mark and content of an RTP packet of this type."""
    if len(packet) < 12 or packet[0] >> 6 != 2 or packet[1] & 0x7F != payload_type:
        return None
    sequence, stamp = struct.unpack_from(">HI", packet, 2)
    begin = 12 + 4 * (packet[0] & 15)
    if packet[0] & 0x10:
        if len(packet) < begin + 4:
            return None
        begin += 4 + 4 * int.from_bytes(packet[begin + 2 : begin + 4], "big")
    end = len(packet) - (packet[-1] if packet[0] & 0x20 else 0)
    return (sequence, stamp, bool(packet[1] & 0x80), packet[begin:end]) if begin < end else None


def _aggregated(content: bytes) -> Iterator[bytes]:
    at = 0
    while at + 2 < len(content):
        size = int.from_bytes(content[at : at + 2], "big")
        yield content[at + 2 : at + 2 + size]
        at += 2 + size


def says_goodbye(report: bytes) -> bool:
    """Whether a packet of RTCP tells the end of its track."""
    return any(kind == _GOODBYE for kind, _ in _reports(report))


def clock_said(report: bytes) -> datetime | None:
    """What the camera's clock says as it sends a report (RFC 3550, 6.4.1)."""
    for kind, content in _reports(report):
        if kind == _SENDER_REPORT and len(content) >= 20:
            _, seconds, fraction = struct.unpack_from(">3I", content)
            if seconds:
                since = seconds if seconds & 0x80000000 else seconds + (1 << 32)
                return _NTP_BEGINS + timedelta(seconds=since + fraction / (1 << 32))
    return None


def _reports(packet: bytes) -> Iterator[tuple[int, bytes]]:
    """The kind and the content of each report in a packet of RTCP."""
    at = 0
    while at + 4 <= len(packet) and packet[at] >> 6 == 2:
        length = 4 * int.from_bytes(packet[at + 2 : at + 4], "big")
        yield packet[at + 1], packet[at + 4 : at + 4 + length]
        at += 4 + length
