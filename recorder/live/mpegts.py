"""MPEG transport streams (ISO/IEC 13818-1) back to frames: H.264, HEVC and AAC of one programme.

Whatever comes, in whatever pieces: memory is bounded, the same bytes give the same frames, and
packets that are missing are counted. A frame that lacks a part is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from typing_extensions import override

from recorder.live import elementary
from recorder.live.elementary import Pictures, Tag
from recorder.live.flv import Track

_PACKET = 188
_SYNC = 0x47
_LONGEST_FRAME = 16 << 20
_LONGEST_SECTION = 4096
#: Kinds of streams that can be recorded.
_H264, _HEVC, _AAC = 0x1B, 0x24, 0x0F
_TRACKS = {_H264: Track.VIDEO, _HEVC: Track.VIDEO, _AAC: Track.AUDIO}
#: Others that are known by name (ISO/IEC 13818-1, table 2-34; ATSC A/53).
_OTHERS = {
    0x01: "video mpeg-1", 0x02: "video mpeg-2", 0x03: "audio mpeg-1", 0x04: "audio mpeg-2",
    0x06: "private data", 0x10: "video mpeg-4", 0x11: "audio aac-latm", 0x15: "metadata",
    0x81: "audio ac-3", 0x86: "scte-35", 0x87: "audio e-ac-3",
    _H264: "video h264", _HEVC: "video hevc", _AAC: "audio aac",
}  # fmt: skip
_CLOCK_BITS = 33
_STAMP_OWNER = b"com.apple.streaming.transportStreamTimestamp\0"


@dataclass(slots=True)
class _Stream:
    """One elementary stream on its way."""

    kind: int
    pictures: Pictures
    counter: int = -1
    #: What has come of the present frame, and its length where that was told.
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    promised: int = 0
    #: Whether what comes belongs to a frame whose beginning is here.
    is_whole: bool = False
    #: Sound behind the last whole frame of it.
    rest: bytes = b""
    configuration: bytes = b""
    next_ms: float = 0.0


class TransportStream:
    """Give it bytes; it gives headers and frames as soon as they are whole."""

    #: See FragmentedMp4: times are told as they are counted.
    lead_ms = 0

    def __init__(self) -> None:
        #: Packets that were missing or could not be read, since somebody last asked.
        self.lost = 0
        #: What is in it and is left out: kinds of streams, second ones, other programmes.
        self.left_out: set[str] = set()
        self._data = b""
        self._programme = -1
        self._sections: dict[int, bytearray] = {}
        self._table = b""
        self._streams: dict[int, _Stream] = {}
        self._last: int | None = None

    @property
    def tracks(self) -> set[Track]:
        return {_TRACKS[stream.kind] for stream in self._streams.values()}

    def feed(self, data: bytes) -> Iterator[Tag]:
        """What is whole now."""
        data = self._data + data
        at, end = 0, len(data) - _PACKET
        while at <= end:
            if data[at] != _SYNC:
                at = self._resync(data, at)
                continue
            yield from self._packet(data, at)
            at += _PACKET
        self._data = data[at:]

    def end(self, *, is_cut: bool = False) -> Iterator[Tag]:
        """The frames that nothing follows any more; what comes now may be counted anew.

        ``is_cut``: where it ends was nobody's will. A frame of untold length is whole then only if
        its last packet is filled up.
        """
        for stream in list(self._streams.values()):
            stream.counter = -1
            if is_cut and stream.parts and len(stream.parts[-1]) == _PACKET - 4:
                self._lose(stream)
            yield from self._frame(stream)

    def _resync(self, data: bytes, at: int) -> int:
        """Where packets begin again; what is between is lost."""
        self.lost += 1
        while (at := data.find(b"\x47", at + 1)) >= 0:
            if at + _PACKET >= len(data) or data[at + _PACKET] == _SYNC:
                return at
        return len(data)

    def _packet(self, data: bytes, at: int) -> Iterator[Tag]:
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        stream = self._streams.get(pid)
        if stream is None and pid != 0 and pid != self._programme:
            return
        flags = data[at + 3]
        begin = at + 4
        jumps = False
        if flags & 0x20:
            begin += 1 + data[begin]
            jumps = data[at + 4] > 0 and bool(data[at + 5] & 0x80)
        if not flags & 0x10 or begin >= at + _PACKET:
            return
        content = data[begin : at + _PACKET]
        starts = bool(data[at + 1] & 0x40)
        if stream is None:
            self._section(pid, content, starts=starts)
            return
        counter = flags & 15
        if counter == stream.counter:
            return  # Sent twice, as the standard allows.
        if stream.counter >= 0 and counter != (stream.counter + 1) & 15 and not jumps:
            self._lose(stream)
        stream.counter = counter
        if data[at + 1] & 0x80 or flags & 0xC0:
            self._lose(stream)  # Damaged on the way, or scrambled.
            return
        if starts:
            yield from self._frame(stream)
            stream.is_whole = True
            promised = int.from_bytes(content[4:6], "big")
            stream.promised = promised + 6 if promised else 0
        if not stream.is_whole:
            return
        stream.parts.append(content)
        stream.size += len(content)
        if stream.size > _LONGEST_FRAME:
            self._lose(stream)
        elif stream.promised and stream.size >= stream.promised:
            yield from self._frame(stream)

    def _lose(self, stream: _Stream) -> None:
        self.lost += 1
        stream.parts, stream.size, stream.promised, stream.is_whole = [], 0, 0, False
        stream.rest = b""

    def _section(self, pid: int, content: bytes, *, starts: bool) -> None:
        """Gather a table; they are short and come again and again."""
        if starts:
            self._sections[pid] = bytearray(content[1 + content[0] :])
        elif pid in self._sections:
            self._sections[pid] += content
        section = self._sections.get(pid, b"")
        if len(section) < 3 or len(section) > _LONGEST_SECTION:
            return
        length = 3 + (int.from_bytes(section[1:3], "big") & 0xFFF)
        if len(section) < length:
            return
        table = bytes(section[:length])
        del self._sections[pid]
        if pid == 0 and table[0] == 0:
            self._programmes(table)
        elif pid == self._programme and table[0] == 2 and table != self._table:
            self._table = table
            self._describe(table)

    def _programmes(self, table: bytes) -> None:
        """Take the first one."""
        named = [table[at : at + 4] for at in range(8, len(table) - 7, 4)]
        first, *others = [each for each in named if each[:2] != b"\0\0"] or [b""]
        if first:
            self._programme = int.from_bytes(first[2:], "big") & 0x1FFF
        self.left_out |= {f"programme {int.from_bytes(each[:2], 'big')}" for each in others}

    def _describe(self, table: bytes) -> None:
        """Take the first stream of each track; those that go on are kept as they are."""
        found: dict[int, _Stream] = {}
        taken: set[Track] = set()
        at = 12 + (int.from_bytes(table[10:12], "big") & 0xFFF)
        while at + 5 <= len(table) - 4:
            kind = table[at]
            pid = int.from_bytes(table[at + 1 : at + 3], "big") & 0x1FFF
            track = _TRACKS.get(kind)
            name = _OTHERS.get(kind, f"stream type {kind:#04x}")
            if track is None:
                self.left_out.add(name)
            elif track in taken:
                self.left_out.add(f"{name} (stream {pid})")
            else:
                taken.add(track)
                old = self._streams.get(pid)
                fits = old is not None and old.kind == kind
                found[pid] = old if old and fits else _Stream(kind, Pictures(kind == _HEVC))
            at += 5 + (int.from_bytes(table[at + 3 : at + 5], "big") & 0xFFF)
        self._streams = found

    def _frame(self, stream: _Stream) -> Iterator[Tag]:
        """Hand out what has come of a frame; the next packet begins another one."""
        content = b"".join(stream.parts)
        stream.parts, stream.size, stream.promised, stream.is_whole = [], 0, 0, False
        if len(content) < 9 or content[:3] != b"\0\0\x01":
            return
        flags, begin = content[7], 9 + content[8]
        shown = _stamp(content, 9) if flags & 0x80 else None
        decoded = _stamp(content, 14) if flags & 0xC0 == 0xC0 else shown
        if shown is None or decoded is None or begin >= len(content):
            if begin < len(content) and stream.kind == _AAC:
                yield from self._sound(stream, content[begin:], None)
            return
        at = self._unwrapped(decoded)
        if stream.kind == _AAC:
            yield from self._sound(stream, content[begin:], at / 90)
            return
        later = (shown - decoded + (1 << 32)) % (1 << _CLOCK_BITS) - (1 << 32)
        units = [unit.rstrip(b"\0") for unit in content[begin:].split(b"\0\0\x01")]
        at_ms, shown_ms = round(at / 90), round((at + later) / 90)
        yield from stream.pictures.take([unit for unit in units if unit], shown_ms, at_ms)

    def _unwrapped(self, stamp: int) -> int:
        """The time without its wraps after 26 hours, near the last one of any stream."""
        last = stamp if self._last is None else self._last
        step = (stamp - last + (1 << 32)) % (1 << _CLOCK_BITS) - (1 << 32)
        self._last = last + step
        return self._last

    def _sound(self, stream: _Stream, content: bytes, at_ms: float | None) -> Iterator[Tag]:
        """The frames of AAC behind their ADTS heads; one may reach into the next packet."""
        carried = len(stream.rest)
        data = stream.rest + content
        at = 0
        while at + 7 <= len(data):
            if data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
                self.lost += 1
                at = max(at + 1, data.find(b"\xff", at + 1) % (len(data) + 1))
                continue
            length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
            head = 7 if data[at + 1] & 1 else 9
            rate = elementary.aac_rate(data[at + 2] >> 2 & 15)
            if length <= head or not rate:
                at += 1
                continue
            if at + length > len(data):
                break
            if at >= carried and at_ms is not None:
                stream.next_ms, at_ms = at_ms, None
            yield from _heard(stream, data[at : at + 7], data[at + head : at + length])
            stream.next_ms += 1024 * 1000 / rate
            at += length
        stream.rest = data[at : at + 8192]


class PackedSound(TransportStream):
    """AAC without packets, as playlists list sound apart; a tag before it says when it begins
    (RFC 8216, 3.4)."""

    def __init__(self) -> None:
        super().__init__()
        self._sound_alone = _Stream(_AAC, Pictures(is_hevc=False))

    @staticmethod
    def is_it(content: bytes) -> bool:
        """Whether a segment that nothing describes is such a one."""
        return content[:3] == b"ID3"

    @override
    def feed(self, data: bytes) -> Iterator[Tag]:
        """A whole segment; without its time it cannot be put beside pictures, and is lost."""
        length = 10 + sum((byte & 0x7F) << 7 * n for n, byte in enumerate(reversed(data[6:10])))
        _, _, stamp = data[:length].partition(_STAMP_OWNER)
        if not self.is_it(data) or len(stamp) < 8:
            self.lost += 1
            return
        self._sound_alone.rest = b""
        at = self._unwrapped(int.from_bytes(stamp[:8], "big") % (1 << _CLOCK_BITS))
        yield from self._sound(self._sound_alone, data[length:], at / 90)


def _heard(stream: _Stream, head: bytes, content: bytes) -> Iterator[Tag]:
    """A frame of sound, behind the header of its track if that is new."""
    at_ms = round(stream.next_ms)
    channels = (head[2] & 1) << 2 | head[3] >> 6
    configuration = elementary.aac_configuration((head[2] >> 6) + 1, head[2] >> 2 & 15, channels)
    if configuration != stream.configuration:
        stream.configuration = configuration
        yield Tag(Track.AUDIO, at_ms, elementary.aac_header(configuration))
    yield Tag(Track.AUDIO, at_ms, elementary.aac_frame(content))


def _stamp(content: bytes, at: int) -> int | None:
    """One of the 33-bit times in front of a frame."""
    if len(content) < at + 5:
        return None
    high, middle, low = content[at], content[at + 1 : at + 3], content[at + 3 : at + 5]
    return (
        (high >> 1 & 7) << 30
        | (int.from_bytes(middle, "big") >> 1) << 15
        | int.from_bytes(low, "big") >> 1
    )
