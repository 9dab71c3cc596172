"""A service that fetches livestreams, on a real database and store, and what is known of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from recorder.adapters.clock import SystemClock
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import LivestreamState
from recorder.domain.people import SERVICE, Actor
from recorder.live.pulling import Puller, PullLimits
from recorder.services import audit, live
from recorder.services.live import LivestreamView
from tests.support import footage
from tests.support.bureau import open_bureau
from tests.support.live_stand import LONG_S
from tests.support.stored import Stored
from tests.support.waiting import eventually

QUICK = PullLimits(look_s=0.1, keep_s=0.3, first_pause_s=0.4, longest_pause_s=1.0)


@dataclass(slots=True)
class Pulled(Stored):
    """The service, whose fetching begins with ``puller.start``, and somebody who may ask it."""

    actor: Actor
    puller: Puller

    async def begin_anew(self) -> None:
        """What another process does after this one ended."""
        await self.puller.stop()
        self.puller = Puller(self.deps, Path(footage.ffmpeg()), QUICK)
        self.puller.start()

    async def open(self, address: str) -> LivestreamId:
        opened = await live.open_pulled(self.deps, self.actor, live.Opening(title="南门"), address)
        return opened.id

    async def trouble(self, livestream: LivestreamId, name: str) -> LivestreamView:
        """The livestream, once people are told this of its source."""

        async def told() -> LivestreamView | None:
            view = await self.view(livestream)
            source = view.pulled_from
            return view if source is not None and source.trouble == name else None

        return await eventually(told, within=LONG_S, what=f"the trouble {name}")

    async def close(self, livestream: LivestreamId) -> None:
        """Close it: nobody fetches it, its address is forgotten, and the audit is silent."""
        await live.request_close(self.deps, self.actor, livestream, last=None)

        await self._let_go(livestream)
        await live.watch_livestreams(self.deps)
        assert (await self.view(livestream)).livestream.state is LivestreamState.CLOSED
        report = await audit.run(self.deps, SERVICE, level=audit.Level.DIGEST)
        assert list(report.findings) == []

    async def _let_go(self, livestream: LivestreamId) -> LivestreamView:
        async def gone() -> LivestreamView | None:
            view = await self.view(livestream)
            is_kept = view.pulled_from is None or view.pulled_from.is_kept
            return view if view.livestream.holder is None and not is_kept else None

        return await eventually(gone, within=LONG_S, what="the end of fetching")


def command_lines() -> str:
    """Of every process of this machine, as anybody who is signed in on it sees them."""
    lines = []
    for place in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                lines.append((place / name).read_bytes())
            except OSError:
                continue
    return b"\n".join(lines).decode("utf-8", "replace")


@asynccontextmanager
async def pulling(
    database_url: str, folder: Path, networks: str = "127.0.0.0/8"
) -> AsyncIterator[Pulled]:
    """What came is safe, and every lease given back, when the block is left."""
    async with open_bureau(database_url, folder) as bureau:
        config = bureau.deps.config.model_copy(update={"live_pull_networks": networks})
        deps = replace(bureau.deps, clock=SystemClock(), config=config)
        place = Pulled(deps, bureau.actor(), Puller(deps, Path(footage.ffmpeg()), QUICK))
        try:
            yield place
        finally:
            await place.puller.stop()
