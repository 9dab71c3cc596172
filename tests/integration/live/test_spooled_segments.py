"""Store away, ingest killed, numbers given away, spool full: what reached us goes up later."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from recorder.adapters.clock import SystemClock
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import PeriodCause
from recorder.domain.people import OPERATOR, SERVICE, Role
from recorder.errors import StorageFull
from recorder.live.door import DoorLimits
from recorder.live.keeping import KeptLivestream
from recorder.live.serving import Ports, ingesting
from recorder.live.sink import Cause
from recorder.live.spool import Arrived, SpoolFolder
from recorder.live.spooling import Spool
from recorder.runtime import Deps
from recorder.services import audit, live, registry
from tests.support import footage, ingest_process, rtmp_peer
from tests.support.bureau import Bureau, open_bureau
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.live_stand import LONG_S, clip, moved
from tests.support.spool_machine import AWAY, a_period, a_segment, received
from tests.support.streams import receiving, take
from tests.support.waiting import eventually


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(
        database_url, tmp_path, live_spool_folder=tmp_path / "spool", live_spool_bytes=64 << 20
    ) as opened:
        yield opened


def waiting(folder: Path) -> dict[int, Path]:
    """Number → file of the segments in a spool."""
    return {int(p.stem.split("-")[1]): p for p in folder.glob("spool/*/*/p*.segment")}


async def stored(deps: Deps, livestream: LivestreamId) -> dict[int, datetime]:
    """Number → arrival of what counts."""
    async with deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT number, arrived_at FROM livestream_segment WHERE livestream_id = $1"
            " AND state = 'stored' AND number > 0",
            livestream,
        )
    return {row["number"]: row["arrived_at"] for row in rows}


async def alarms_are(deps: Deps, wanted: list[bool]) -> bool | None:
    """Whether the alarms about the spool are open, in their order, as wanted."""
    async with deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT cleared_at FROM alarm WHERE code = 'live_spool' ORDER BY raised_at"
        )
    return [row["cleared_at"] is None for row in rows] == wanted or None


async def oldest(deps: Deps, segments: int) -> LivestreamId | None:
    """The livestream, once it has so many segments."""
    async with deps.database.acquire() as connection:
        found: LivestreamId | None = await connection.fetchval(
            "SELECT id FROM livestream WHERE segments >= $1", segments
        )
    return found


async def taken(bureau: Bureau) -> tuple[LivestreamId, int]:
    """A livestream that is to be received, and the fence of its lease."""
    livestream = await received(bureau)
    return livestream, await live.take(bureau.deps, livestream)


async def test_a_killed_ingest_whose_store_is_away_loses_nothing_and_another_goes_on(
    database_url: str, tmp_path: Path
) -> None:
    async with open_bureau(database_url, tmp_path) as bureau:
        deps = replace(bureau.deps, clock=SystemClock())
        added = await registry.add_device(deps, OPERATOR, number="TA00716")
        settings = ingest_process.environment(database_url, tmp_path)
        settings["RECORDER_LIVE_SPOOL_FOLDER"] = str(tmp_path / "spool")
        first = await ingest_process.start(settings, tmp_path)
        second = None
        objects, aside = tmp_path / "objects", tmp_path / "objects-aside"
        try:
            peer = await rtmp_peer.greeted(first.port)
            assert await peer.publish(added.token) == "NetStream.Publish.Start"
            await peer.send(*clip())
            livestream: LivestreamId = await eventually(partial(oldest, deps, 5), within=LONG_S)
            # The disk of the store goes: every call fails from now on.
            objects.rename(aside)
            objects.touch()
            await peer.send(*moved(clip(), 6000))
            await eventually(lambda: len(waiting(tmp_path)) >= 5, within=LONG_S)
            raised: bool = await eventually(partial(alarms_are, deps, [True]), within=LONG_S)
            assert raised
            await first.end(signal.SIGKILL)
            await peer.close()
            left = waiting(tmp_path)
            second = await ingest_process.start(settings, tmp_path)
            again = await rtmp_peer.greeted(second.port)
            assert await again.publish(added.token) == "NetStream.Publish.Start"
            await again.send(*clip())
            await eventually(lambda: len(waiting(tmp_path)) >= len(left) + 5, within=LONG_S)
            await again.close()
            objects.unlink()
            aside.rename(objects)
            await eventually(lambda: not list(tmp_path.glob("spool/*/*/p*")), within=LONG_S)
            cleared: bool = await eventually(partial(alarms_are, deps, [False]), within=LONG_S)
            assert cleared
        finally:
            for process in filter(None, (first, second)):
                await process.end(signal.SIGKILL)
        found = await stored(deps, livestream)
        assert sorted(found) == list(range(1, len(found) + 1))
        assert left.keys() < found.keys()
        times = [found[number] for number in sorted(found)]
        assert times == sorted(times)
        async with deps.database.acquire() as connection:
            causes = await connection.fetch("SELECT cause FROM livestream_period ORDER BY number")
        assert [row["cause"] for row in causes] == ["start", "reconnect"]
        report = await audit.run(deps, SERVICE, level=audit.Level.DIGEST)
        assert list(report.findings) == []


async def test_with_a_spool_in_use_up_to_its_quota_new_publishers_are_refused_until_it_is_empty(
    bureau: Bureau, tmp_path: Path
) -> None:
    faulty = FaultyObjects(bureau.deps.objects)
    deps = replace(bureau.deps, clock=SystemClock(), objects=faulty)
    added = [await registry.add_device(deps, OPERATOR, number=f"TA0071{n}") for n in (6, 7)]
    tool, ports = Path(footage.ffmpeg()), Ports("127.0.0.1:0", "", None)
    async with ingesting(deps, tool, ports, DoorLimits()) as taken:
        peer = await rtmp_peer.greeted(taken["rtmp"])
        assert await peer.publish(added[0].token) == "NetStream.Publish.Start"
        faulty.faults = [AWAY]
        await peer.send(*clip())
        await eventually(lambda: len(waiting(tmp_path)) >= 2, within=LONG_S)
        refused = await rtmp_peer.greeted(taken["rtmp"])
        assert await refused.publish(added[1].token) == "NetStream.Publish.Failed"
        await refused.close()
        # The one that runs goes on.
        await peer.send(*moved(clip(), 6000))
        await eventually(lambda: len(waiting(tmp_path)) >= 11, within=LONG_S)
        faulty.faults = []
        await eventually(lambda: not waiting(tmp_path), within=LONG_S)

        async def admitted() -> bool | None:
            other = await rtmp_peer.greeted(taken["rtmp"])
            answer = await other.publish(added[1].token)
            await other.close()
            return answer == "NetStream.Publish.Start" or None

        again: bool = await eventually(admitted, within=LONG_S)
        assert again
        await peer.close()
    async with deps.database.acquire() as connection:
        counts = await connection.fetch(
            "SELECT count(*) FROM livestream_segment WHERE state = 'stored' AND number > 0"
        )
    assert counts[0][0] == 12


async def test_with_a_full_spool_a_running_livestream_waits_in_memory_for_the_store(
    bureau: Bureau, tmp_path: Path
) -> None:
    sent, now = take(), bureau.clock.now()
    livestream, fence = await taken(bureau)
    faulty = FaultyObjects(bureau.deps.objects, [Fault("put", When.BEFORE, nth=2, times=2)])
    deps = replace(bureau.deps, objects=faulty)
    folder = SpoolFolder(tmp_path / "small", "a", len(sent.init) + 100, 0)
    folder.open()
    spool = Spool(deps, folder)
    kept = KeptLivestream(
        deps, SERVICE, livestream, fence, await live.position(deps, livestream),
        first_cause=PeriodCause.START, spool=spool,
    )  # fmt: skip
    await kept.period(a_period(sent, now))
    await kept.segment(a_segment(sent, 0, now))
    assert await stored(deps, livestream) == {1: now}
    assert faulty.calls.count("put") >= 4
    with pytest.raises(StorageFull):
        folder.keep(Arrived(livestream, 1, 2, sent.segments[1], now))
    await spool.close()


async def test_what_waited_while_another_process_gave_its_numbers_away_is_a_livestream_of_its_own(
    bureau: Bureau, tmp_path: Path
) -> None:
    sent, now = take(), bureau.clock.now()
    livestream, fence = await taken(bureau)
    await receiving(bureau.deps, livestream, fence, sent)
    folder = SpoolFolder(tmp_path / "spool", "a", 1 << 30, 0)
    folder.open()
    init = Arrived(livestream, 1, 0, sent.init, now)
    folder.keep(init)
    early = now - timedelta(minutes=20)
    for number in (1, 2):
        folder.keep(Arrived(livestream, 1, number, sent.segments[number], early))
    folder.close()
    folder = SpoolFolder(tmp_path / "spool", "b", 1 << 30, 0)
    folder.open()
    spool = Spool(bureau.deps, folder)
    await spool.take_over()
    assert await spool.highest(livestream) == live.Position(1, 2)
    await eventually(lambda: not spool.is_waiting(livestream), within=LONG_S)
    await spool.close()
    assert list(await stored(bureau.deps, livestream)) == [1]
    page = await live.list_livestreams(bureau.deps, bureau.actor(Role.SUPERVISOR))
    (own,) = [each for each in page.items if each.id != livestream]
    assert (own.title, own.device_number) == ("巡查", "TA00716")
    assert await stored(bureau.deps, own.id) == {1: early, 2: early}
    # Nobody seals it before all of that is there; the other one waits for nothing.
    promised = "SELECT promised_number FROM livestream WHERE id = $1"
    assert await bureau.value(promised, own.id) == 2
    assert await bureau.value(promised, livestream) is None
    assert not list((tmp_path / "spool").glob("*/*/*"))
    # What was to go there, and finds its number taken there as well, gets a place of its own.
    folder = SpoolFolder(tmp_path / "spool", "c", 1 << 30, 0)
    folder.open()
    folder.keep(init)
    place = folder.keep(Arrived(livestream, 1, 1, sent.segments[3], early))
    folder.move(place, own.id, 0, 0)
    folder.close()
    folder = SpoolFolder(tmp_path / "spool", "d", 1 << 30, 0)
    folder.open()
    spool = Spool(bureau.deps, folder)
    await spool.take_over()
    await eventually(lambda: not spool.is_waiting(livestream), within=LONG_S)
    await spool.close()
    page = await live.list_livestreams(bureau.deps, bureau.actor(Role.SUPERVISOR))
    (other,) = [each for each in page.items if each.id not in (livestream, own.id)]
    assert await stored(bureau.deps, other.id) == {1: early}


async def test_the_database_away_is_no_loss_either(
    database_url: str, bureau: Bureau, tmp_path: Path
) -> None:
    sent, now = take(), bureau.clock.now()
    livestream, fence = await taken(bureau)
    folder = SpoolFolder(tmp_path / "spool", "a", 1 << 30, 0)
    folder.open()
    spool = Spool(bureau.deps, folder)
    kept = KeptLivestream(
        bureau.deps, SERVICE, livestream, fence, live.Position(0, 0),
        first_cause=PeriodCause.START, spool=spool,
    )  # fmt: skip
    await kept.period(a_period(sent, now))
    connection = await asyncpg.connect(database_url)
    # A lock that nobody gives back: statements of ours wait, as before a database that hangs.
    async with connection.transaction():
        await connection.execute("LOCK TABLE livestream_segment IN ACCESS EXCLUSIVE MODE")
        await kept.segment(a_segment(sent, 0, now))
        assert len(waiting(tmp_path)) == 1
        await kept.segment(a_segment(sent, 1, now))
        assert len(waiting(tmp_path)) == 2
    await connection.close()
    await eventually(lambda: not spool.is_waiting(livestream), within=LONG_S)
    await kept.ended(Cause.UNPUBLISHED, now)
    await spool.close()
    assert await stored(bureau.deps, livestream) == {1: now, 2: now}
