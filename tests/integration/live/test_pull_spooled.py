"""What was fetched while the store was away belongs to the recording, also of what is closed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recorder.adapters.clock import SystemClock
from recorder.domain.ids import new_uuid
from recorder.domain.livestream import LivestreamState
from recorder.live.pulling import Puller
from recorder.live.spool import SpoolFolder
from recorder.live.spooling import Spool, spooling
from recorder.services import live
from tests.support import footage, hls_source
from tests.support.bureau import Bureau, open_bureau
from tests.support.faulty_objects import FaultyObjects
from tests.support.live_stand import LONG_S, read_back
from tests.support.pulled import QUICK, Pulled
from tests.support.spool_machine import AWAY
from tests.support.waiting import eventually


async def test_what_waits_in_the_spool_when_it_is_closed_is_in_the_recording(
    database_url: str, tmp_path: Path
) -> None:
    settings = {"live_spool_folder": tmp_path / "spool", "live_pull_networks": "127.0.0.0/8"}
    sent = hls_source.segments()
    async with (
        hls_source.source() as source,
        open_bureau(database_url, tmp_path, **settings) as bureau,
    ):
        for file in sent:
            source.add(file)
        source.end()
        deps = replace(bureau.deps, clock=SystemClock())
        objects = FaultyObjects(deps.objects, [AWAY])
        away = replace(deps, objects=objects)
        async with spooling(away) as spool:
            assert spool is not None
            puller = Puller(away, Path(footage.ffmpeg()), QUICK, spool)
            pulled = Pulled(deps, bureau.actor(), puller)
            puller.start()
            livestream = await pulled.open(source.url)
            await pulled.trouble(livestream, "ended")
            assert spool.is_waiting(livestream)
            await live.request_close(deps, pulled.actor, livestream, last=None)

            async def is_noticed() -> bool | None:
                # Its process has let it go, or has kept it since.
                asked = "SELECT holder IS NULL OR held_until > closing_at + interval '9.5 s'"
                return bool(await bureau.value(f"{asked} FROM livestream")) or None

            noticed: bool = await eventually(is_noticed, within=LONG_S)
            assert noticed
            await live.watch_livestreams(deps)
            objects.faults = []

            async def is_closed() -> bool | None:
                await live.watch_livestreams(deps)
                state = (await pulled.view(livestream)).livestream.state
                return state is LivestreamState.CLOSED or None

            came: bool = await eventually(is_closed, within=LONG_S)
            assert came
            await puller.stop()
        view = await pulled.view(livestream)
        assert (view.gaps, view.livestream.segments) == ((), len(sent))
        waiting = "SELECT count(*) FROM livestream_segment WHERE recording_id IS NULL"
        assert await bureau.value(waiting) == 0
        assert await bureau.value("SELECT count(*) FROM recording") == 1
        (file,) = await pulled.files(livestream, tmp_path)
    for kind, frames in hls_source.frames(sent, tmp_path).items():
        assert [content for _, content in read_back(file)[kind]] == frames, kind


async def test_what_is_fetched_while_the_spool_is_full_keeps_its_livestream_open(
    database_url: str, tmp_path: Path
) -> None:
    root = tmp_path / "spool"
    settings = {"live_spool_folder": root, "live_pull_networks": "127.0.0.0/8"}
    settings["live_spool_bytes"] = 200 << 20
    async with (
        hls_source.source() as source,
        open_bureau(database_url, tmp_path, **settings) as bureau,
    ):
        objects = FaultyObjects(bureau.deps.objects)
        deps = replace(bureau.deps, objects=objects)
        other = SpoolFolder(root, "other", 1 << 40, 0)
        other.open()
        async with spooling(deps, floor_bytes=0) as spool:
            assert spool is not None
            puller = Puller(deps, Path(footage.ffmpeg()), QUICK, spool)
            pulled = Pulled(deps, bureau.actor(), puller)
            puller.start()
            livestream = await pulled.open(source.url)
            held = "SELECT holder IS NOT NULL FROM livestream"
            begun: bool = await eventually(lambda: _is_so(bureau, held), within=LONG_S)
            assert begun
            # Another process of this machine has filled the room for all.
            place = root / "other" / str(new_uuid())
            place.mkdir()
            with (place / "p000001-000000001.segment").open("wb") as filled:
                filled.truncate(200 << 20)

            async def is_full(spool: Spool = spool) -> bool | None:
                return await spool.is_full() or None

            full: bool = await eventually(is_full, within=LONG_S)
            assert full
            objects.faults = [AWAY]
            for file in hls_source.segments():
                source.add(file)
            source.end()
            bureau.clock.forward(seconds=deps.config.live_idle_close_s + 1)
            heard = "SELECT heard_at > created_at + interval '600 s' FROM livestream"
            told: bool = await eventually(lambda: _is_so(bureau, heard), within=LONG_S)
            assert told
            await live.watch_livestreams(bureau.deps)
            view = await pulled.view(livestream)
            assert view.livestream.state is LivestreamState.OPEN
            assert not spool.is_waiting(livestream)
            (place / "p000001-000000001.segment").unlink()
            objects.faults = []
            await pulled.trouble(livestream, "ended")
            await puller.stop()
        other.close()
        assert (await pulled.view(livestream)).livestream.segments >= 3


async def _is_so(bureau: Bureau, statement: str) -> bool | None:
    return bool(await bureau.value(statement)) or None
