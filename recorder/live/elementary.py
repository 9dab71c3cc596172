"""Coded pictures and sound, as cameras send them, in the form that periods are made of.

The inner language of the ways in is FLV's: a body that says header or frame, and a time. Frames
are not opened beyond the first bytes of each unit; parameter sets become the header of the track,
so another set is another header, which begins another period.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from recorder.live.flv import Track

_AAC_RATES = (
    96000,
    88200,
    64000,
    48000,
    44100,
    32000,
    24000,
    22050,
    16000,
    12000,
    11025,
    8000,
    7350,
)


class Tag(NamedTuple):
    """A header or a frame of a track, as an FLV body."""

    track: Track
    at_ms: int
    body: bytes


@dataclass(slots=True)
class Pictures:
    """The units of one access unit after the other become headers and frames."""

    is_hevc: bool
    _sets: dict[tuple[int, int], bytes] = field(default_factory=dict)
    _header: bytes = b""
    #: Units that belong to the next picture.
    _carried: list[bytes] = field(default_factory=list)

    def learn(self, unit: bytes) -> None:
        """Keep a parameter set that came beside the stream."""
        kind = self._kind(unit)
        if kind in ((32, 33, 34) if self.is_hevc else (7, 8)) and len(unit) > 2:
            self._sets[kind, self._number(kind, unit)] = unit

    def take(self, units: list[bytes], shown_ms: int, at_ms: int) -> Iterator[Tag]:
        """The frame of one access unit, behind its header if that is new."""
        units = [*self._carried, *(unit for unit in units if unit)]
        self._carried = []
        kinds = [self._kind(unit) for unit in units]
        if not any(kind < 32 if self.is_hevc else 1 <= kind <= 5 for kind in kinds):
            self._carried = units[-64:]
            return
        for unit in units:
            self.learn(unit)
        header = self._described()
        if header and header != self._header:
            self._header = header
            yield Tag(Track.VIDEO, at_ms, header)
        is_key = any(16 <= kind <= 21 if self.is_hevc else kind == 5 for kind in kinds)
        later = (shown_ms - at_ms) & 0xFFFFFF
        if self.is_hevc:
            head = bytes([0x80 | (1 if is_key else 2) << 4 | 1]) + b"hvc1"
        else:
            head = bytes([(1 if is_key else 2) << 4 | 7, 1])
        content = b"".join(struct.pack(">I", len(unit)) + unit for unit in units)
        yield Tag(Track.VIDEO, at_ms, head + later.to_bytes(3, "big") + content)

    def _kind(self, unit: bytes) -> int:
        return unit[0] >> 1 & 63 if self.is_hevc else unit[0] & 31

    def _number(self, kind: int, unit: bytes) -> int:
        """Which set of its kind it is; sets of a kind replace one another by number."""
        try:
            if not self.is_hevc:
                return _Bits(unit[4 if kind == 7 else 1 :]).number()
            if kind == 34:
                return _Bits(unit[2:]).number()
        except IndexError:
            pass
        return 0

    def _of(self, kind: int) -> list[bytes]:
        return [unit for (each, _), unit in sorted(self._sets.items()) if each == kind]

    def _described(self) -> bytes:
        """The header of the track; empty while a set is missing."""
        if self.is_hevc:
            sets = {kind: self._of(kind) for kind in (32, 33, 34)}
            return b"\x90hvc1" + _hvcc(sets) if all(sets.values()) else b""
        sequence, picture = self._of(7), self._of(8)
        if not sequence or not picture or len(sequence[0]) < 4:
            return b""
        parts = [b"\x01", sequence[0][1:4], b"\xff", bytes([0xE0 | len(sequence)])]
        parts += [struct.pack(">H", len(unit)) + unit for unit in sequence]
        parts += [bytes([len(picture)]), *(struct.pack(">H", len(u)) + u for u in picture)]
        return b"\x17\x00\x00\x00\x00" + b"".join(parts)


def aac_header(configuration: bytes) -> bytes:
    """The header of an AAC track from its AudioSpecificConfig."""
    return b"\xaf\x00" + configuration


def aac_frame(content: bytes) -> bytes:
    return b"\xaf\x01" + content


def g711_frame(content: bytes, *, is_a_law: bool) -> bytes:
    return (b"\x72" if is_a_law else b"\x82") + content


def aac_configuration(kind: int, rate_index: int, channels: int) -> bytes:
    """AudioSpecificConfig of an AAC track (ISO/IEC 14496-3)."""
    return struct.pack(">H", kind << 11 | rate_index << 7 | channels << 3)


def aac_rate(index: int) -> int:
    return _AAC_RATES[index] if index < len(_AAC_RATES) else 0


def _hvcc(sets: dict[int, list[bytes]]) -> bytes:
    """HEVCDecoderConfigurationRecord (ISO/IEC 14496-15) of these parameter sets."""
    plain = _plain(sets[33][0])
    layers, nested = plain[2] >> 1 & 7, plain[2] & 1
    chroma, luma_depth, chroma_depth = _hevc_sampling(plain)
    parts = [
        b"\x01", plain[3:15].ljust(12, b"\0"), b"\xf0\x00\xfc",
        bytes([0xFC | chroma, 0xF8 | luma_depth, 0xF8 | chroma_depth]),
        b"\0\0", bytes([layers + 1 << 3 | nested << 2 | 3, 3]),
    ]  # fmt: skip
    for kind in (32, 33, 34):
        parts.append(struct.pack(">BH", 0x80 | kind, len(sets[kind])))
        parts += [struct.pack(">H", len(unit)) + unit for unit in sets[kind]]
    return b"".join(parts)


def _hevc_sampling(plain: bytes) -> tuple[int, int, int]:
    """Chroma format and both bit depths (less 8) of a sequence parameter set."""
    layers = plain[2] >> 1 & 7
    bits = _Bits(plain, 15 * 8)
    try:
        flags = [(bits.bit(), bits.bit()) for _ in range(8 if layers else 0)][:layers]
        for profile, level in flags:
            bits.at += 88 * profile + 8 * level
        bits.number()
        chroma = bits.number()
        bits.at += chroma == 3
        bits.number(), bits.number()
        if bits.bit():
            [bits.number() for _ in range(4)]
        return chroma & 3, bits.number() & 7, bits.number() & 7
    except IndexError:
        return 1, 0, 0


def _plain(unit: bytes) -> bytes:
    """A unit without the bytes that keep it from looking like a start code."""
    return unit.replace(b"\0\0\x03", b"\0\0")


@dataclass(slots=True)
class _Bits:
    """Reads bits and Exp-Golomb numbers; IndexError behind the end."""

    data: bytes
    at: int = 0

    def bit(self) -> int:
        found = self.data[self.at >> 3] >> (7 - (self.at & 7)) & 1
        self.at += 1
        return found

    def number(self) -> int:
        zeros = 0
        while not self.bit():
            zeros += 1
            if zeros > 32:
                raise IndexError
        value = 1
        for _ in range(zeros):
            value = value << 1 | self.bit()
        return value - 1
