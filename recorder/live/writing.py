"""One period of H.264 or HEVC with AAC, written here: frames in, init and segments out.

What nearly every publisher sends needs no media tool: its frames already have the form that MP4
holds. Each segment is one fragment; it ends at the first keyframe after a second, or at two
seconds without one. What this module does not know in every detail is left to ``muxing``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from recorder.domain import mp4
from recorder.domain.mp4 import Sample, TrackForm
from recorder.live.flv import Track
from recorder.live.periods import Begin, Frame
from recorder.live.sink import Period, Segment

_SHORTEST_MS = 1_000
_LONGEST_MS = 2_000
#: Times are whole milliseconds and frames come when they come.
_SLACK_MS = 50
#: Without a picture the sound alone ends a segment: later, since pictures may come behind it, and
#: still within the target duration of playlists.
_PATIENCE_MS = 450
_LARGEST_BYTES = 16 << 20
_AAC_SAMPLES = 1024
_LONGEST_DURATION = (1 << 32) - 1


def forms_of(begin: Begin) -> dict[Track, TrackForm] | None:
    """How each track of the period is described; None where the media tool is needed."""
    forms: dict[Track, TrackForm] = {}
    for track in Track:
        if track not in begin.codecs:
            continue
        codec, header = begin.codecs[track], begin.headers[track]
        form = None
        if track is Track.VIDEO:
            form = mp4.picture_form(codec, header[5:])
        elif codec == "mp4a" and header:
            form = mp4.sound_form(header[2 if header[0] >> 4 == 10 else 5 :])
        if form is None:
            return None
        forms[track] = form
    return forms


@dataclass(slots=True)
class _Lane:
    """One track: frames of the open segment with their times in its ticks."""

    number: int
    form: TrackForm
    frames: list[Frame] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    last: int = -1
    #: How long the newest frame that has a successor lasts.
    usual: int = 0

    def add(self, frame: Frame, time: int) -> None:
        self.frames.append(frame)
        self.times.append(time)
        self.last = time

    def samples(self, upcoming: int | None) -> list[Sample]:
        """The frames of the open segment; ``upcoming`` is the time of the next one, if known."""
        times = self.times
        durations = [after - time for time, after in pairwise(times)]
        if durations:
            self.usual = durations[-1]
        if upcoming is not None:
            durations.append(min(upcoming - times[-1], _LONGEST_DURATION))
        elif times:
            durations.append(self.usual or (1 if self.form.is_picture else _AAC_SAMPLES))
        scale, later, samples = self.form.scale, 0, []
        for frame, time, duration in zip(self.frames, times, durations, strict=True):
            _, is_key, at_ms, size, _, body, _ = frame
            if self.form.is_picture:
                later = at_ms * scale // 1000 + _shown_later(body) * scale // 1000 - time
            samples.append(
                Sample(time, duration, later, is_key, memoryview(body)[len(body) - size :])
            )
        return samples


def _shown_later(body: bytes) -> int:
    """Composition time of an FLV picture, in milliseconds."""
    first = body[0]
    if first & 0x80:
        return int.from_bytes(body[5:8], "big", signed=True) if first & 15 == 1 else 0
    return int.from_bytes(body[2:5], "big", signed=True)


class PeriodWriter:
    """Takes frames, gives the period and its segments; the same to its owner as ``PeriodMuxer``."""

    def __init__(self, begin: Begin, forms: Mapping[Track, TrackForm], begun_at: datetime) -> None:
        self.begin = begin
        self.is_finished = False
        #: Bytes of frames that nobody has taken over yet.
        self.held_bytes = 0
        self.segments = 0
        self._lanes = {track: _Lane(n, form) for n, (track, form) in enumerate(forms.items(), 1)}
        self._first: Frame | None = None
        self._begun_at = begun_at
        self._cursor_ms = 0
        self._size = 0
        self._outputs: asyncio.Queue[Period | Segment | None] = asyncio.Queue()
        self._over = False

    def feed(self, frame: Frame) -> None:
        """Take a frame; it is kept until its segment is whole."""
        if self._first is None or (self._first.track, frame.track) == (Track.AUDIO, Track.VIDEO):
            self._first = frame
        lane = self._lanes[frame.track]
        time = (frame.at_ms * lane.form.scale + 500) // 1000
        # Steps back and equal times are an encoder's rounding: decoding needs an order.
        time = max(time, lane.last + 1)
        if self._is_at_end(frame):
            self._cut(frame.at_ms if frame.track is self._leading() else None, lane, time)
        lane.add(frame, time)
        self._size += frame.size
        self.held_bytes += len(frame.body)

    def finish(self) -> None:
        """No more frames come."""
        if not self.is_finished:
            self.is_finished = True
            self._cut(None, None, None)
            self.stop()

    def stalled_s(self) -> float:
        """It never waits for anybody."""
        return 0.0

    def stop(self) -> None:
        """Give no more out."""
        if not self._over:
            self._over = True
            self._outputs.put_nowait(None)

    async def closed(self) -> None:
        """There is nothing to wait for."""

    async def next_output(self) -> Period | Segment | None:
        """The period, then its segments; None when there are no more."""
        return await self._outputs.get()

    def taken(self, segment: Segment) -> None:
        """The segment is safe elsewhere."""
        self.held_bytes = max(0, self.held_bytes - len(segment.content))

    def _leading(self) -> Track:
        """The track that the open segment's times are read from."""
        pictures = self._lanes.get(Track.VIDEO)
        if pictures is not None and (pictures.frames or Track.AUDIO not in self._lanes):
            return Track.VIDEO
        if Track.AUDIO in self._lanes and self._lanes[Track.AUDIO].frames:
            return Track.AUDIO
        return next(iter(self._lanes))

    def _is_at_end(self, frame: Frame) -> bool:
        """Whether the open segment ends before this frame."""
        elapsed = frame.at_ms - self._cursor_ms
        if self._size >= _LARGEST_BYTES:
            return True
        if frame.track is Track.AUDIO and Track.VIDEO in self._lanes:
            return elapsed >= _LONGEST_MS + _PATIENCE_MS
        return elapsed >= _LONGEST_MS or (frame.is_key and elapsed >= _SHORTEST_MS - _SLACK_MS)

    def _cut(self, end_ms: int | None, lane: _Lane | None, upcoming: int | None) -> None:
        frames = [frame for each in self._lanes.values() for frame in each.frames]
        if not frames:
            return
        if self.segments == 0:
            self._outputs.put_nowait(self._period())
        leading = self._lanes[self._leading()].frames
        if end_ms is None:
            last = leading[-1].at_ms
            end_ms = last + (last - leading[-2].at_ms if len(leading) > 1 else 0)
        end_ms = max(self._cursor_ms, end_ms)
        arrivals = [frame.arrived for frame in frames]
        runs = [
            (each.number, each.form.is_picture, each.samples(upcoming if each is lane else None))
            for each in self._lanes.values() if each.frames
        ]  # fmt: skip
        segment = Segment(
            period=0,
            number=self.segments,
            starts_ms=self._cursor_ms,
            length_ms=end_ms - self._cursor_ms,
            content=mp4.media_segment(self.segments + 1, runs),
            arrived_from=min(arrivals),
            arrived_to=max(arrivals),
            starts_with_key=leading[0].is_key,
            frames={track.value: len(each.frames) for track, each in self._lanes.items()},
        )
        self.segments += 1
        self._cursor_ms, self._size = end_ms, 0
        for each in self._lanes.values():
            each.frames, each.times = [], []
        self._outputs.put_nowait(segment)

    def _period(self) -> Period:
        first, begin = self._first, self.begin
        return Period(
            number=0,
            cause=begin.cause,
            gap=begin.gap,
            codecs={track.value: codec for track, codec in begin.codecs.items()},
            init=mp4.init_segment([lane.form for lane in self._lanes.values()]),
            media_type="video/mp4",
            stream_ms={track.value: at for track, at in begin.stream_ms.items()},
            arrived_at=first.arrived if first else self._begun_at,
            starts_with_key=first is not None and first.is_key,
            description=begin.description,
        )
