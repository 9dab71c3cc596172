"""What the torture has fetched: playlists that grow as long as that is wanted, and a camera."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import hls_source, rtsp_camera
from tests.support.hls_source import HlsSource
from tests.support.pusher import said
from tests.support.rtsp_camera import RtspCamera
from tests.support.waiting import eventually
from tests.torture.promises import rows
from tests.torture.pusher import Asking
from tests.torture.sound_apart import SoundApart
from tests.torture.stand import Stand

_LONG_S = 240.0
#: What is reached only as long as the playlist grows.
GOING_ON = ("db.pull_told", "db.pull_marked", "store.pull_received")
#: A running playlist is begun so many segments before its end.
_BEGUN = 3
_LEAST = 8
_PACE_S = 0.5


@dataclass
class Fetched:
    """The sources, and what of the playlists must be there at the end."""

    stand: Stand
    place: Path
    playlist: HlsSource
    #: None where there is none: it sends in its own time, and the round takes that.
    camera: RtspCamera | None
    #: A second playlist, whose sound is listed apart, where there is one.
    apart: SoundApart | None = None
    #: Path of the livestream that takes the whole playlist.
    livestream: str = ""
    #: Segments of a second that it lists.
    listed: int = 0
    #: Path of the livestream that takes the second playlist.
    apart_livestream: str = ""

    async def go_on(self) -> None:
        """All are opened; the playlist grows as long as that reaches faults, and then is over."""
        self._list(_BEGUN)
        self.livestream = await self._open(self.playlist.url)
        if self.camera is not None:
            await self._open(self.camera.url())
        if self.apart is not None:
            self.apart.extend()
            self.apart_livestream = await self._open(self.apart.source.url)
            # A list that runs is begun near its end: what it lists from here on is taken.
            await self._marked(self.apart_livestream, 0)
        await self._marked(self.livestream, 0)
        while self.listed < _LEAST or self._is_wanted():
            self._list(1)
            if self.apart is not None:
                self.apart.extend()
            await asyncio.sleep(_PACE_S)
        self.playlist.end()
        await self._marked(self.livestream, self.listed - 1)
        if self.apart is not None:
            self.apart.end()
            await self._marked(self.apart_livestream, self.apart.listed - 1, self.apart.sound - 1)
        await self._has_come()

    def _is_wanted(self) -> bool:
        is_waiting = any(map(self.stand.director.is_waiting, GOING_ON))
        return is_waiting and not (self.place / "enough").exists()

    async def close(self) -> None:
        """Nobody fetches any more: also what was opened by a request whose answer was lost."""
        ask = Asking(self.stand.ear.url)
        for row in await rows(
            self.stand.straight,
            "SELECT l.id FROM livestream l JOIN livestream_source s ON s.livestream_id = l.id"
            " WHERE l.state NOT IN ('closing', 'closed')",
        ):
            path = f"/api/v1/livestreams/{row['id']}/close"
            answer = await said(ask, path, self.stand.program, b'{"last": null}')
            assert answer.status == 200, answer.content

    def _list(self, count: int) -> None:
        """So many seconds more; the clip begins anew behind its end."""
        clip = hls_source.segments()
        for number in range(self.listed, self.listed + count):
            again, at = divmod(number, len(clip))
            tags = ["#EXT-X-DISCONTINUITY"] if again and not at else []
            self.playlist.add(clip[at], *tags, name=f"{number}.ts")
        self.listed += count

    async def _open(self, address: str) -> str:
        ask, words = Asking(self.stand.ear.url), {"title": "fetched", "address": address}
        answer = await said(
            ask, "/api/v1/livestreams/pulls", self.stand.program, json.dumps(words).encode()
        )
        assert answer.status == 201, answer.content
        return answer.headers["Location"]

    async def _marked(self, livestream: str, *numbers: int) -> None:
        """The playlist is taken up to this segment, and of sound that is apart to the second."""

        async def is_so() -> bool | None:
            (row,) = await rows(
                self.stand.straight,
                "SELECT bookmark FROM livestream_source WHERE livestream_id = $1::uuid",
                livestream.rpartition("/")[2],
            )
            marks = json.loads(row["bookmark"] or "[]")[::2]
            if len(marks) < len(numbers):
                return None
            return all(mark >= wanted for mark, wanted in zip(marks, numbers, strict=False)) or None

        came: bool = await eventually(
            is_so, within=_LONG_S, what=f"segment {numbers} of the playlist"
        )
        assert came

    async def _has_come(self) -> None:
        """Each that is fetched has given something."""

        async def is_so() -> bool | None:
            empty = await rows(
                self.stand.straight,
                "SELECT l.id FROM livestream l JOIN livestream_source s ON s.livestream_id = l.id"
                " WHERE l.state NOT IN ('closing', 'closed') AND NOT EXISTS (SELECT FROM"
                " livestream_segment g WHERE g.livestream_id = l.id AND g.state = 'stored')",
            )
            return not empty or None

        came: bool = await eventually(
            is_so, within=_LONG_S, what="media of everything that is fetched"
        )
        assert came


@asynccontextmanager
async def fetched(
    stand: Stand, place: Path, *, has_camera: bool, has_apart: bool
) -> AsyncIterator[Fetched]:
    """The sources answer inside the block."""
    async with AsyncExitStack() as stack:
        playlist = await stack.enter_async_context(hls_source.source())
        camera = None
        if has_camera:
            clip = rtsp_camera.clip(seconds=3)
            camera = await stack.enter_async_context(rtsp_camera.camera(clip))
        apart = None
        if has_apart:
            apart = SoundApart(await stack.enter_async_context(hls_source.source()))
        yield Fetched(stand, place, playlist, camera, apart)
