"""How large a picture is, from parameter sets (ITU-T H.264 7.3.2.1, H.265 7.3.2.2).

Read from a stream's header and nothing else. Whatever cannot be read has no size: hostile input is
expected, and who asks then leaves the stream to the media tool.
"""

from __future__ import annotations

from typing import TypeAlias

Size: TypeAlias = tuple[int, int]

_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_HEVC_SPS = 33
_LARGEST = 16_384
_MOST_SUBLAYERS = 7


class _Bits:
    """Bits of a unit without its emulation prevention; raises IndexError behind its end."""

    def __init__(self, unit: bytes) -> None:
        self._bytes = unit.replace(b"\0\0\3", b"\0\0")
        self._at = 0

    def read(self, count: int) -> int:
        """The next bits as a number."""
        value = 0
        for _ in range(count):
            value = value << 1 | self._bytes[self._at >> 3] >> 7 - (self._at & 7) & 1
            self._at += 1
        return value

    def skip(self, count: int) -> None:
        self._at += count

    def ue(self) -> int:
        """An unsigned Exp-Golomb number."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 31:
                raise IndexError("no number")
        return (1 << zeros) - 1 + self.read(zeros)

    def se(self) -> int:
        """A signed one."""
        value = self.ue()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def avc_size(record: bytes) -> Size | None:
    """The picture of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1)."""
    try:
        if record[0] != 1 or not record[5] & 31:
            return None
        length = int.from_bytes(record[6:8], "big")
        return _possible(_avc_sps(record[8 : 8 + length]))
    except IndexError:
        return None


def hevc_size(record: bytes) -> Size | None:
    """The picture of an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1)."""
    try:
        if record[0] != 1:
            return None
        at = 23
        for _ in range(record[22]):
            kind = record[at] & 63
            count = int.from_bytes(record[at + 1 : at + 3], "big")
            at += 3
            for _ in range(count):
                length = int.from_bytes(record[at : at + 2], "big")
                unit = record[at + 2 : at + 2 + length]
                at += 2 + length
                if kind == _HEVC_SPS:
                    return _possible(_hevc_sps(unit))
    except IndexError:
        return None
    return None


def _possible(size: Size) -> Size | None:
    return size if all(0 < side <= _LARGEST for side in size) else None


def _avc_sps(unit: bytes) -> Size:
    bits = _Bits(unit[1:])
    profile = bits.read(8)
    bits.skip(16)
    bits.ue()
    chroma = 1
    if profile in _HIGH_PROFILES:
        chroma = bits.ue()
        if chroma == 3:
            bits.skip(1)
        bits.ue()
        bits.ue()
        bits.skip(1)
        if bits.read(1):
            for n in range(8 if chroma != 3 else 12):
                if bits.read(1):
                    _scaling_list(bits, 16 if n < 6 else 64)
    bits.ue()
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.skip(1)
        bits.se()
        bits.se()
        for _ in range(min(bits.ue(), 256)):
            bits.se()
    bits.ue()
    bits.skip(1)
    width, height = (bits.ue() + 1) * 16, (bits.ue() + 1) * 16
    frames_only = bits.read(1)
    height *= 2 - frames_only
    if not frames_only:
        bits.skip(1)
    bits.skip(1)
    if bits.read(1):
        left, right, top, bottom = (bits.ue() for _ in range(4))
        unit_x = 2 if chroma in (1, 2) else 1
        unit_y = (2 if chroma == 1 else 1) * (2 - frames_only)
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y
    return width, height


def _scaling_list(bits: _Bits, length: int) -> None:
    last = following = 8
    for _ in range(length):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _hevc_sps(unit: bytes) -> Size:
    bits = _Bits(unit[2:])
    bits.skip(4)
    layers = min(bits.read(3), _MOST_SUBLAYERS)
    bits.skip(1 + 88 + 8)
    present = [(bits.read(1), bits.read(1)) for _ in range(layers)]
    if layers:
        bits.skip(2 * (8 - layers))
    for profile, level in present:
        bits.skip(88 * profile + 8 * level)
    bits.ue()
    chroma = bits.ue()
    if chroma == 3:
        bits.skip(1)
    width, height = bits.ue(), bits.ue()
    if bits.read(1):
        left, right, top, bottom = (bits.ue() for _ in range(4))
        unit_x = 2 if chroma in (1, 2) else 1
        unit_y = 2 if chroma == 1 else 1
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y
    return width, height
