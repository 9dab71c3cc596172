"""Sound that a source lists apart from its pictures: what belongs beside each of their segments.

Both lists count the same time, but need not cut it alike. So of the sound as much is taken as
reaches to the end of a segment of pictures; what goes on behind it waits for the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from recorder import telemetry
from recorder.live.fetching import Fetched, FetchError, Trouble
from recorder.live.hls.lane import Lane, Piece
from recorder.live.hls.playlist import ListedSegment, Playlist
from recorder.live.sink import Cause

_log = logging.getLogger(__name__)

#: Both lists are told so much later than they count, so that edit lists lead nobody before 0.
LEAD_MS = 10_000
#: Frames of sound begin so long before their segment ends, or somewhat more.
_REACHES_MS = 100
#: Pictures wait for their sound for so many target durations; then they go on without.
_PATIENCE = 2
#: Pictures are not begun before the list of their sound was read, or so many seconds went by.
_LOOK_S = 3.0
#: Sound that is behind for so many segments of pictures is missing.
_MISSING = 5
#: With these it is not tried again.
_NEVER = (
    Trouble.FORBIDDEN, Trouble.UNAUTHORISED, Trouble.ENCRYPTED, Trouble.NOTHING_RECORDABLE,
)  # fmt: skip


@dataclass(slots=True)
class Beside:
    """What is handed on with a segment of pictures."""

    #: Of before the discontinuity that the pictures begin with.
    before: list[Piece] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    #: Whether some of the sound cannot be had.
    is_lossy: bool = False


async def look(lane: Lane) -> Playlist | None:
    """Its list of before that of the pictures is read; None: there is no answer soon.

    What is listed between the two belongs to later pictures. Read behind them, the end of the list
    would be later than theirs, and the sound of the first ones would be passed over.
    """
    with contextlib.suppress(FetchError, TimeoutError):
        async with asyncio.timeout(_LOOK_S):
            return await lane.again()
    return None


class Sound:
    """Follows a playlist of sound as far as pictures go."""

    def __init__(
        self, lane: Lane, peer: Fetched, target_s: float, name: str, first: Playlist | None
    ) -> None:
        self.lane = lane
        #: What its list calls it.
        self.name = name
        #: Whether people should know that sound is announced and is not taken.
        self.is_missing = False
        self._peer = peer
        self._queue: deque[ListedSegment] = deque()
        #: Its list of before that of the pictures was read, not taken up yet.
        self._first = first
        #: Whether nothing was listed then, so that all that is listed later belongs to them.
        self._was_empty = False
        self._is_over = False
        self._target_s = target_s
        #: Read, and not beside a picture yet; all of one stretch.
        self._ahead: list[Piece] = []
        self._stretch = 0
        #: Segments of pictures in a row that went on without it.
        self._behind = 0

    async def beside(
        self, pictures: Sequence[Piece], segment: ListedSegment, tail_s: float
    ) -> Beside:
        """The sound up to the end of these pictures; what comes too late comes with later ones.

        ``tail_s``: of how much of their list's end the pictures have not been taken yet.
        """
        found = Beside()
        if not pictures:
            return found
        if segment.stretch > self._stretch:
            found.before, self._ahead = self._ahead, []
        end_ms = pictures[-1].tag.at_ms
        await self._fill(found, segment.stretch, end_ms, tail_s)
        self._behind = 0 if self._is_over or self._reaches(end_ms) else self._behind + 1
        self.is_missing |= self._behind >= _MISSING
        at = sum(1 for _ in takewhile(lambda each: not _is_later(each, end_ms), self._ahead))
        found.pieces, self._ahead = self._ahead[:at], self._ahead[at:]
        return found

    async def rest(self) -> list[Piece]:
        """What goes on behind the last picture, when its list is over."""
        await self._fill(Beside(), self._stretch, None, 0)
        return self.ahead()

    def ahead(self) -> list[Piece]:
        """What is read already and no picture follows any more."""
        ahead, self._ahead = self._ahead, []
        return ahead

    async def _fill(self, found: Beside, stretch: int, end_ms: int | None, tail_s: float) -> None:
        """Read up to the end of the pictures, or all there is, as long as pictures can wait."""
        # Who is behind already is hardly waited for: the pictures would be lost meanwhile.
        patience_s = self._target_s * (1 if self._behind else _PATIENCE)
        try:
            async with asyncio.timeout(patience_s):
                while not self._reaches(end_ms) and await self._is_listed(stretch, tail_s):
                    await self._take(found, stretch)
        except TimeoutError:
            pass  # It goes on where it was with the next ones.
        except FetchError as error:
            if not self.is_missing:
                telemetry.log(_log, logging.WARNING, "sound that is listed apart is not taken",
                              trouble=error.trouble.value, why=error.why)  # fmt: skip
            self.is_missing |= error.trouble in _NEVER
            self._is_over |= error.trouble in _NEVER

    async def _is_listed(self, stretch: int, tail_s: float) -> bool:
        """Wait until a segment is to be taken; False when there is none up to that stretch."""
        while not self._queue:
            if self._is_over or self._peer.dismissed.is_set():
                return False
            first, self._first = self._first, None
            self._list(first or await self.lane.again(), tail_s)
            if not self._queue and not self._is_over:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._target_s / 2):
                        await self._peer.dismissed.wait()
        return self._queue[0].stretch <= stretch

    def _list(self, listed: Playlist, tail_s: float) -> None:
        self._queue.extend(self.lane.fresh(listed, math.inf if self._was_empty else tail_s))
        self._was_empty = not listed.segments
        self._is_over, self._target_s = listed.is_over, listed.target_s

    async def _take(self, found: Beside, stretch: int) -> None:
        segment = self._queue[0]
        taken = await self.lane.take(segment)
        self._queue.popleft()
        # It is short, and given up in its middle it would be lost.
        read = self.lane.read(taken)
        # Where it is lost is told before the pictures, which go on.
        found.is_lossy |= taken.cause is Cause.MEDIA_LOST or any(p.is_behind_loss for p in read)
        pieces = [Piece(piece.tag) for piece in read]
        if segment.stretch < stretch:
            found.before += pieces
        else:
            self._stretch = stretch
            self._ahead += pieces

    def _reaches(self, end_ms: int | None) -> bool:
        if end_ms is None or not self._ahead:
            return False
        return _is_later(self._ahead[-1], end_ms - _REACHES_MS)


def merged(pictures: Sequence[Piece], sound: Sequence[Piece]) -> Iterator[Piece]:
    """In the order of their times; what is of one kind stays as it came."""
    at = 0
    for piece in pictures:
        while at < len(sound) and not _is_later(sound[at], piece.tag.at_ms):
            yield sound[at]
            at += 1
        yield piece
    yield from sound[at:]


def _is_later(piece: Piece, than_ms: int) -> bool:
    """Times are counted in 32 bits."""
    return 0 < (piece.tag.at_ms - than_ms) % (1 << 32) < 1 << 31
