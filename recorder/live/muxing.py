"""One period on its way through the media tool: frames in, init and segments out, all counted.

A frame is kept until the segment that holds it is whole, so a media tool that dies takes nothing
with it: what it had not given back is fed to the next one. Segments are whole fragments; one ends
at the first keyframe after a second, or at two seconds without one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from recorder import telemetry
from recorder.adapters import media_stream
from recorder.adapters.media_stream import FRAGMENT_MS
from recorder.errors import RecorderError, Unprocessable
from recorder.live import flv
from recorder.live.flv import Track
from recorder.live.fragments import Fragment, FragmentSplitter, Init
from recorder.live.periods import Begin, Frame
from recorder.live.sink import Period, Segment

_log = logging.getLogger(__name__)

_SHORTEST_MS = 1_000
_LONGEST_MS = 2_000
#: Times are whole milliseconds and frames come when they come.
_SLACK_MS = 50
#: Where a fast stream's segment ends earlier, so that it stays an object of a usual size.
_LARGEST_BYTES = 16 << 20
_READ_BYTES = 256 << 10

#: Sound that MP4 has no place for.
_QUICKTIME = frozenset({"alaw", "ulaw"})

Output: TypeAlias = Period | Segment


@dataclass(slots=True)
class _Open:
    """The segment that is being gathered."""

    content: list[bytes] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    size: int = 0
    #: Frames that came back shorter or longer than they went in, or not at all.
    wrong: int = 0


class PeriodMuxer:
    """Begins at once; ``outputs`` gives the period and its segments until there are no more."""

    def __init__(
        self,
        tool: Path,
        begin: Begin,
        begun_at: datetime,
        on_end: Callable[[PeriodMuxer], None],
        offset_ms: int = 0,
    ) -> None:
        self.begin = begin
        self.started = asyncio.get_running_loop().time()
        #: What was fed and is in no whole segment yet; filled when the media tool is gone.
        self.left_over: list[Frame] = []
        self.is_finished = False
        #: Bytes of frames that nobody has taken over yet.
        self.held_bytes = 0
        self.segments = 0
        self._tool = tool
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._moved_at = self._loop.time()
        self._order = [track for track in Track if track in begin.codecs]
        self._fed: dict[Track, deque[Frame]] = {track: deque() for track in self._order}
        #: Where in the planned period this one begins: not 0 after a lost media tool.
        self._offset_ms = offset_ms
        self._out: list[bytes] = [self._head()]
        self._flushing = False
        self._stdin: asyncio.StreamWriter | None = None
        self._first: Frame | None = None
        self._begun_at = begun_at
        self._came_to_its_end = False
        self._stopped = False
        #: Where the last segment ended; the next one begins there.
        self._cursor_ms = 0
        self._open = _Open()
        self._outputs: asyncio.Queue[Output | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._copy())
        self._task.add_done_callback(self._ended)

    @property
    def container(self) -> str:
        return "mov" if _QUICKTIME & set(self.begin.codecs.values()) else "mp4"

    def feed(self, frame: Frame) -> None:
        """Take a frame; it is kept until its segment is whole."""
        if frame.at_ms < self._offset_ms:
            frame = frame._replace(at_ms=self._offset_ms)
        if self._first is None or (self._first.track, frame.track) == (Track.AUDIO, Track.VIDEO):
            self._first = frame
        if not any(self._fed.values()):
            self._moved_at = self._loop.time()
        self._fed[frame.track].append(frame)
        self.held_bytes += len(frame.body)
        self._out.append(flv.tag(frame.track, frame.at_ms - self._offset_ms, frame.body))
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def finish(self) -> None:
        """No more frames come; the last segment is given out as soon as it is whole."""
        self.is_finished = True
        self._flush()

    def stalled_s(self) -> float:
        """For how long it has held frames and given nothing back."""
        if self._task.done() or not any(self._fed.values()):
            return 0.0
        return self._loop.time() - self._moved_at

    def stop(self) -> None:
        """End the media tool; what is left over is left over."""
        if not self._stopped:  # A second cancellation would break into the ending of the child.
            self._stopped = True
            self._task.cancel()

    async def closed(self) -> None:
        """Wait until nothing of the media tool is left."""
        await asyncio.gather(self._task, return_exceptions=True)

    async def next_output(self) -> Output | None:
        """The period, then its segments; None when there are no more."""
        return await self._outputs.get()

    def taken(self, segment: Segment) -> None:
        """The segment is safe elsewhere."""
        self.held_bytes = max(0, self.held_bytes - len(segment.content))

    def _head(self) -> bytes:
        headers = self.begin.headers
        promised = flv.file_header(video=Track.VIDEO in headers, audio=Track.AUDIO in headers)
        return promised + b"".join(flv.tag(t, 0, headers[t]) for t in self._order if headers[t])

    def _flush(self) -> None:
        self._flushing = False
        if self._stdin is None or self._stdin.transport.is_closing():
            return
        if self._out:
            self._stdin.write(b"".join(self._out))
            self._out.clear()
        if self.is_finished:
            self._stdin.close()

    async def _copy(self) -> None:
        splitter = FragmentSplitter()
        async with media_stream.copying(self._tool, self.container) as child:
            self._stdin = child.stdin
            self._flush()
            while data := await child.stdout.read(_READ_BYTES):
                for part in splitter.feed(data):
                    if isinstance(part, Init):
                        self._outputs.put_nowait(self._period(part))
                    else:
                        self._gather(part)
            self._came_to_its_end = await child.code() == 0
        if complaints := child.complaints.text().strip():
            telemetry.log(_log, logging.INFO, "the media tool complained", of=complaints[-2000:])

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, RecorderError):
            telemetry.log(_log, logging.ERROR, "copying a stream failed", why=repr(error))
        rest = [frame for queue in self._fed.values() for frame in queue]
        if self.is_finished and self._came_to_its_end:
            self._open.wrong += len(rest)
            self._cut(self._end_ms())
        else:
            rest += self._open.frames
            self.left_over = sorted(rest, key=lambda frame: frame.arrived)
        self._open = _Open()
        for queue in self._fed.values():
            queue.clear()
        self._outputs.put_nowait(None)
        self._on_end(self)

    def _period(self, init: Init) -> Period:
        first, offset = self._first, self._offset_ms
        if first is None:
            raise Unprocessable("fragment-malformed", "The media tool began before its input.")
        begin = self.begin
        return Period(
            number=0,
            cause=begin.cause,
            gap=begin.gap,
            codecs={track.value: codec for track, codec in begin.codecs.items()},
            init=init.content,
            media_type="video/quicktime" if self.container == "mov" else "video/mp4",
            stream_ms={track.value: at + offset for track, at in begin.stream_ms.items()},
            arrived_at=first.arrived,
            starts_with_key=first.is_key,
            description=begin.description,
        )

    def _gather(self, fragment: Fragment) -> None:
        """Add a fragment, and the frames that it must hold, to the open segment."""
        self._moved_at = self._loop.time()
        opened = self._open
        for number, (count, size) in fragment.samples.items():
            queue = self._fed[self._order[number - 1]]
            frames = [queue.popleft() for _ in range(min(count, len(queue)))]
            opened.frames += frames
            if count != len(frames) or size != sum(frame.size for frame in frames):
                opened.wrong += abs(count - len(frames)) or 1
        opened.content.append(fragment.content)
        opened.size += len(fragment.content)
        end = self._end_ms()
        elapsed = end - self._cursor_ms
        upcoming = self._fed.get(Track.VIDEO) or self._fed.get(Track.AUDIO)
        at_key = bool(upcoming) and upcoming is not None and upcoming[0].is_key
        if (
            (at_key and elapsed >= _SHORTEST_MS - _SLACK_MS)
            or elapsed >= _LONGEST_MS - FRAGMENT_MS // 2
            or opened.size >= _LARGEST_BYTES
        ):
            self._cut(end)

    def _leading(self) -> list[Frame]:
        """The frames of the open segment that its times are read from."""
        frames = self._open.frames
        pictures = [frame for frame in frames if frame.track is Track.VIDEO]
        return pictures or frames

    def _end_ms(self) -> int:
        """Where the next frame of the leading track begins, or will."""
        leading = self._leading()
        if not leading:
            return self._cursor_ms
        upcoming = self._fed[leading[0].track]
        if upcoming:
            end = upcoming[0].at_ms
        else:
            last = leading[-1].at_ms
            end = last + (last - leading[-2].at_ms if len(leading) > 1 else 0)
        return max(self._cursor_ms, end - self._offset_ms)

    def _cut(self, end_ms: int) -> None:
        opened = self._open
        if not opened.content:
            return
        leading, start = self._leading(), self._cursor_ms
        arrivals = [frame.arrived for frame in opened.frames] or [self._begun_at]
        segment = Segment(
            period=0,
            number=self.segments,
            starts_ms=start,
            length_ms=end_ms - start,
            content=b"".join(opened.content),
            arrived_from=min(arrivals),
            arrived_to=max(arrivals),
            starts_with_key=bool(leading) and leading[0].is_key,
            frames={t.value: sum(f.track is t for f in opened.frames) for t in self._order},
            wrong_frames=opened.wrong,
        )
        self.segments += 1
        self._cursor_ms = end_ms
        self._open = _Open()
        self._outputs.put_nowait(segment)


def again(begin: Begin, frames: list[Frame]) -> Begin:
    """The period that takes what a dead media tool left over."""
    tracks = {frame.track for frame in frames}
    return replace(
        begin,
        codecs={track: codec for track, codec in begin.codecs.items() if track in tracks},
        headers={track: header for track, header in begin.headers.items() if track in tracks},
    )
