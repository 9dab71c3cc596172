"""Counting packets of one stream, and the small checks that need no decoder.

Pure arithmetic over packet times; knows PyAV's packets only by their attributes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

#: Steps between frames are compared with this tolerance, in milliseconds.
_STEP_TOLERANCE_MS = 2
_MAX_STEPS = 1_000


class Tally:
    """What the packets of one stream add up to. Times are milliseconds of the file's own clock."""

    def __init__(self) -> None:
        self.packets = 0
        self.decoded = 0
        self.errors = 0
        self.keyframes = 0
        self._first_ms: float | None = None
        self._end_ms = 0.0
        self._last_dts_ms: float | None = None
        self._now_ms = 0.0
        self._first_error_ms: float | None = None
        self._last_key_ms: float | None = None
        self._widest_ms = 0.0
        self._steps: Counter[int] = Counter()

    def add(self, packet: Any) -> None:
        """Count one packet; the empty one at the end of a stream counts for nothing."""
        time = packet.pts if packet.pts is not None else packet.dts
        if not packet.size:
            return
        self.packets += 1
        if time is None or packet.time_base is None:
            self._last_dts_ms = None
            return
        tick_ms = float(packet.time_base) * 1000
        self._now_ms = time * tick_ms
        self._first_ms = self._now_ms if self._first_ms is None else min(
            self._first_ms, self._now_ms
        )  # fmt: skip
        self._end_ms = max(self._end_ms, self._now_ms + (packet.duration or 0) * tick_ms)
        self._step(None if packet.dts is None else packet.dts * tick_ms)
        if packet.is_keyframe:
            self._keyframe()

    def fail(self) -> None:
        """The packet counted last did not decode."""
        self.errors += 1
        if self._first_error_ms is None:
            self._first_error_ms = self._now_ms

    def fails_before(self, tail_ms: int) -> bool:
        """Whether something failed earlier than in the last ``tail_ms`` of the stream."""
        return self._first_error_ms is not None and self._first_error_ms < self._end_ms - tail_ms

    @property
    def length_ms(self) -> int:
        return 0 if self._first_ms is None else round(self._end_ms - self._first_ms)

    @property
    def keyframe_distance_ms(self) -> int:
        """The widest distance between two keyframes, or from the last one to the end."""
        if self._last_key_ms is None:
            return 0
        return round(max(self._widest_ms, self._end_ms - self._last_key_ms))

    @property
    def fps_milli(self) -> int:
        """Frames in a thousand seconds: of the steps near the commonest, of all if it varies."""
        steps = self._steps if self.variable_rate else self._near
        span_ms = sum(step * count for step, count in steps.items()) / 1000
        return round(sum(steps.values()) * 1_000_000 / span_ms) if span_ms > 0 else 0

    @property
    def variable_rate(self) -> bool:
        """Whether more than a tenth of the steps differ from the commonest one."""
        total = sum(self._steps.values())
        return total >= 10 and sum(self._near.values()) < total * 0.9

    @property
    def _near(self) -> Mapping[int, int]:
        """The steps as long as the commonest one: no hole, and no edge of a fragment."""
        if not self._steps:
            return self._steps
        common = self._steps.most_common(1)[0][0]
        tolerance = _STEP_TOLERANCE_MS * 1000
        return {s: count for s, count in self._steps.items() if abs(s - common) <= tolerance}

    def _step(self, dts_ms: float | None) -> None:
        """Note the step to the packet before, where both say their time."""
        if dts_ms is not None and self._last_dts_ms is not None and len(self._steps) < _MAX_STEPS:
            self._steps[round((dts_ms - self._last_dts_ms) * 1000)] += 1
        self._last_dts_ms = dts_ms

    def _keyframe(self) -> None:
        self.keyframes += 1
        if self._last_key_ms is not None:
            self._widest_ms = max(self._widest_ms, self._now_ms - self._last_key_ms)
        self._last_key_ms = self._now_ms


def nal_length_bytes(stream: Any) -> int:
    """How many bytes hold a NAL unit's length (ISO/IEC 14496-15), 0 for start codes."""
    context = stream.codec_context
    extradata = bytes(context.extradata or b"") if context is not None else b""
    name = context.name if context is not None else ""
    place = {"h264": 4, "hevc": 21}.get(name)
    if place is None or len(extradata) <= place or extradata[0] != 1:
        return 0
    return (extradata[place] & 3) + 1


def nal_lengths_fit(packet: memoryview, length_bytes: int) -> bool:
    """Whether the lengths fill the packet exactly and no unit has its forbidden bit set."""
    offset, size = 0, len(packet)
    while offset + length_bytes < size:
        length = int.from_bytes(packet[offset : offset + length_bytes], "big")
        offset += length_bytes
        if length == 0 or offset + length > size or packet[offset] & 0x80:
            return False
        offset += length
    return offset == size


def clean(text: str, limit: int) -> str:
    """Printable characters only, at most ``limit`` of them: file contents reach people's eyes."""
    return "".join(c for c in text if c.isprintable())[:limit].strip()
