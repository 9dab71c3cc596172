"""Closed while some of it lies in a spool: it is waited for, and all of it is one recording."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.adapters.clock import SystemClock
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import LivestreamState
from recorder.domain.people import OPERATOR, SERVICE
from recorder.domain.restriction import RestrictionGround
from recorder.live.spooling import give_back, next_position
from recorder.runtime import Deps
from recorder.services import audit, live, registry
from recorder.services.live import LivestreamView
from tests.support import footage, ingest_process, live_clips, s3
from tests.support.bureau import Bureau, open_bureau
from tests.support.faulty_s3 import Act, FaultyS3
from tests.support.ingest_process import IngestProcess
from tests.support.live_stand import LONG_S
from tests.support.spool_machine import AWAY, Machine, received
from tests.support.streams import take
from tests.support.waiting import eventually


@asynccontextmanager
async def publishing(url: str, form: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """ffmpeg as a publisher of six seconds; ended with the block."""
    child = await asyncio.create_subprocess_exec(
        footage.ffmpeg(), *("-nostdin", "-v", "error", "-readrate", "3"),
        *("-i", str(live_clips.clip()), "-c", "copy", "-f", form, url),
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


@pytest.mark.parametrize("way", ["rtmp", "srt"])
async def test_what_waits_in_the_spool_of_an_ingest_killed_while_closing_is_in_the_recording(
    database_url: str, tmp_path: Path, versitygw: s3.S3Server, way: str
) -> None:
    is_away = True
    with FaultyS3(f"http://{versitygw.host}") as proxy:
        proxy.plan(Act.DROP, lambda _method, _path: is_away, times=1 << 40)
        straight = s3.settings(versitygw, versitygw.host)
        ingest = {
            **ingest_process.environment(database_url, tmp_path),
            **s3.settings(versitygw, proxy.server.host),
            "RECORDER_LIVE_SPOOL_FOLDER": str(tmp_path / "spool"),
        }
        plain = {name.removeprefix("RECORDER_"): each for name, each in straight.items()}
        async with open_bureau(database_url, tmp_path, **plain) as bureau:
            deps = replace(bureau.deps, clock=SystemClock())
            url = await _address(deps, way)
            first = await ingest_process.start(ingest, tmp_path, "--srt", "127.0.0.1:0")
            running = [first]
            try:
                form = {"rtmp": "flv", "srt": "mpegts"}[way]
                async with publishing(url(first), form) as child:
                    await asyncio.wait_for(child.wait(), LONG_S)
                await _until(bureau, "SELECT holder IS NULL AND fence = 1 FROM livestream")
                (livestream,) = await _livestreams(deps)
                waiting = len(list(tmp_path.glob("spool/*/*/p*.segment")))
                assert waiting >= 3
                closing = await live.request_close(deps, bureau.actor(), livestream, last=None)
                assert closing.state is LivestreamState.CLOSING
                await first.end(signal.SIGKILL)
                # Workers have the store: nothing but what is promised holds them back.
                await live.watch_livestreams(deps)
                view = await live.view_livestream(deps, SERVICE, livestream)
                assert view.livestream.state is LivestreamState.CLOSING
                assert [(g.first_missing, g.last_missing) for g in view.gaps] == [(1, waiting)]
                running.append(await ingest_process.start(ingest, tmp_path))
                await live.watch_livestreams(deps)
                is_away = False
                closed = await _closed(deps, livestream)
            finally:
                for process in running:
                    await process.end(signal.SIGKILL)
            assert (closed.gaps, closed.livestream.segments) == ((), waiting)
            assert await bureau.value("SELECT count(*) FROM recording") == 1
            left = "SELECT count(*) FROM livestream_segment WHERE recording_id IS NULL"
            assert await bureau.value(left) == 0
            report = await audit.run(deps, SERVICE, level=audit.Level.DIGEST)
            assert list(report.findings) == []


async def _address(deps: Deps, way: str) -> Callable[[IngestProcess], str]:
    added = await registry.add_device(deps, OPERATOR, number="TA00716")
    words = await live.srt_words(deps, "TA00716")

    def url(process: IngestProcess) -> str:
        if way == "rtmp":
            return f"rtmp://127.0.0.1:{process.port}/live/{added.token}"
        said = f"streamid={words.stream_id}&passphrase={words.passphrase}"
        return f"srt://127.0.0.1:{process.srt_port}?{said}&connect_timeout=3000"

    return url


async def _until(bureau: Bureau, statement: str) -> None:
    async def is_so() -> bool | None:
        return bool(await bureau.value(statement)) or None

    came: bool = await eventually(is_so, within=LONG_S, what=statement)
    assert came


async def _livestreams(deps: Deps) -> list[LivestreamId]:
    async with deps.database.acquire() as connection:
        rows = await connection.fetch("SELECT id FROM livestream ORDER BY id")
    return [LivestreamId(row["id"]) for row in rows]


async def _closed(deps: Deps, livestream: LivestreamId) -> LivestreamView:
    """The livestream, once workers have closed it."""

    async def is_closed() -> LivestreamView | None:
        await live.watch_livestreams(deps)
        view = await live.view_livestream(deps, SERVICE, livestream)
        return view if view.livestream.state is LivestreamState.CLOSED else None

    return await eventually(is_closed, within=LONG_S, what="its closing")


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def test_a_machine_that_stays_away_is_waited_for_until_the_deadline_and_then_is_a_gap(
    bureau: Bureau, tmp_path: Path
) -> None:
    livestream, sent = await received(bureau), take()
    machine = Machine.made(bureau, tmp_path / "spool")
    fence = await live.take(bureau.deps, livestream)
    await machine.receive(livestream, fence, sent, 1)
    machine.objects.faults = [AWAY]
    await machine.receive(livestream, fence, take("lane"), 2)
    await _until(bureau, "SELECT promised_number = 3 FROM livestream")
    # It dies with its lease; the disk is in no other process's hands.
    await machine.spool.close()
    bureau.clock.forward(minutes=1)
    closing = await live.request_close(bureau.deps, bureau.actor(), livestream, last=None)
    bureau.clock.forward(seconds=bureau.deps.config.live_closing_s)
    await live.watch_livestreams(bureau.deps)
    assert closing.state is LivestreamState.CLOSING
    view = await live.view_livestream(bureau.deps, SERVICE, livestream)
    assert view.livestream.state is LivestreamState.CLOSING
    bureau.clock.forward(seconds=1)
    await live.watch_livestreams(bureau.deps)
    view = await live.view_livestream(bureau.deps, SERVICE, livestream)
    assert view.livestream.state is LivestreamState.CLOSED
    told = [(gap.cause, gap.first_missing, gap.last_missing) for gap in view.gaps]
    assert told == [("segments_missing", 2, 3)]
    # Found after all: nothing that reached us is lost.
    found = Machine.made(bureau, tmp_path / "spool", "b")
    await found.spool.take_over()
    await eventually(lambda: not found.spool.is_waiting(livestream), within=LONG_S)
    await found.spool.close()
    bureau.clock.forward(seconds=bureau.deps.config.live_idle_close_s + 1)
    assert await live.supplement_livestreams(bureau.deps) == 1
    first = view.livestream.recording
    joined = "SELECT count(*) FROM livestream_segment s JOIN recording r ON r.id = s.recording_id"
    assert await bureau.value(f"{joined} WHERE r.continues = $1 AND s.number > 0", first) == 2


async def test_who_receives_on_another_machine_goes_on_behind_what_waits_in_a_spool(
    bureau: Bureau, tmp_path: Path
) -> None:
    livestream, sent = await received(bureau), take()
    away, other = Machine.made(bureau, tmp_path / "one"), Machine.made(bureau, tmp_path / "two")
    away.objects.faults = [AWAY]
    fence = await live.take(bureau.deps, livestream)
    await away.receive(livestream, fence, sent, 3)
    await give_back(away.deps, away.spool, livestream, fence)
    fence = await live.take(bureau.deps, livestream)
    await other.receive(livestream, fence, take("lane"), 2)
    await give_back(other.deps, other.spool, livestream, fence)
    closing = await live.request_close(bureau.deps, bureau.actor(), livestream, last=None)
    assert closing.state is LivestreamState.CLOSING
    # What waits is put under the present lease.
    away.objects.faults = []
    view = await _closed(bureau.deps, livestream)
    assert [gap.cause for gap in view.gaps] == ["reconnect"]
    assert view.livestream.segments == 5
    assert await bureau.value("SELECT count(*) FROM livestream") == 1
    assert await bureau.value("SELECT count(*) FROM recording") == 1
    await asyncio.gather(away.spool.close(), other.spool.close())


async def test_a_store_that_is_away_for_long_is_no_silence_of_what_is_received(
    bureau: Bureau, tmp_path: Path
) -> None:
    livestream, sent = await received(bureau), take()
    machine = Machine.made(bureau, tmp_path / "spool")
    fence = await live.take(bureau.deps, livestream)
    await machine.receive(livestream, fence, sent, 1)
    machine.objects.faults = [AWAY]
    # Its publisher goes on; or it is fetched, which holds the lease also when nothing comes.
    for is_pulled in (False, True):
        await machine.receive(livestream, fence, sent, 1)
        await machine.spool.promise(livestream)
        bureau.clock.forward(seconds=bureau.deps.config.live_idle_close_s + 1)
        assert await live.keep(bureau.deps, livestream, fence, has_waiting=is_pulled) is not None
        await live.watch_livestreams(bureau.deps)
        view = await live.view_livestream(bureau.deps, SERVICE, livestream)
        assert view.livestream.state is LivestreamState.LIVE
        assert view.gaps == ()
        if not is_pulled:
            source = "INSERT INTO livestream_source (livestream_id, protocol, host)"
            await bureau.value(f"{source} VALUES ($1, 'rtsp', 'h') RETURNING 1", livestream)
    machine.objects.faults = []
    await eventually(lambda: not machine.spool.is_waiting(livestream), within=LONG_S)
    bureau.clock.forward(seconds=bureau.deps.config.live_idle_close_s + 1)
    assert await live.keep(bureau.deps, livestream, fence) is not None
    for _ in range(4):
        await live.watch_livestreams(bureau.deps)
    view = await live.view_livestream(bureau.deps, SERVICE, livestream)
    assert view.livestream.state is LivestreamState.CLOSING
    await machine.spool.close()


async def test_a_lease_that_nobody_gave_back_leaves_time_to_tell_what_waits(
    bureau: Bureau, tmp_path: Path
) -> None:
    livestream, sent = await received(bureau), take()
    machine = Machine.made(bureau, tmp_path / "spool")
    await machine.receive(livestream, await live.take(bureau.deps, livestream), sent, 1)
    bureau.clock.forward(minutes=1)
    await live.request_close(bureau.deps, bureau.actor(), livestream, last=None)
    bureau.clock.forward(seconds=10)
    await live.watch_livestreams(bureau.deps)
    view = await live.view_livestream(bureau.deps, SERVICE, livestream)
    assert view.livestream.state is LivestreamState.CLOSING
    bureau.clock.forward(seconds=1)
    await live.watch_livestreams(bureau.deps)
    view = await live.view_livestream(bureau.deps, SERVICE, livestream)
    assert view.livestream.state is LivestreamState.CLOSED
    await machine.spool.close()


async def test_what_came_under_a_lost_lease_takes_no_number_from_whoever_has_it_by_now(
    bureau: Bureau, tmp_path: Path
) -> None:
    livestream, sent, other = await received(bureau), take(), take("lane")
    away, here = Machine.made(bureau, tmp_path / "one"), Machine.made(bureau, tmp_path / "two")
    await live.restrict_livestream(
        bureau.deps, bureau.actor(), livestream, ground=RestrictionGround.MINOR, basis="第4条"
    )
    fence = await live.take(bureau.deps, livestream)
    await away.receive(livestream, fence, sent, 1)
    # Its machine stands still for longer than its lease; its publisher has gone to another one.
    bureau.clock.forward(seconds=9)
    deps = replace(bureau.deps, instance="another")
    now = await live.take(deps, livestream)
    at = await next_position(deps, here.spool, livestream, now)
    await away.receive(livestream, fence, sent, 2)
    await eventually(lambda: not away.spool.is_waiting(livestream), within=LONG_S)
    # Whoever has the livestream goes on where it was when it took it.
    receiver = live.Receiver(deps, SERVICE, livestream, now)
    await receiver.put_init(live.InitArrival(period=at.period + 1, body=other.init))
    arrival = live.SegmentArrival(
        period=at.period + 1, number=at.segment + 1, body=other.segments[0]
    )
    assert not (await receiver.put_segment(arrival)).conflicting
    own = "SELECT sum(segments) FROM livestream WHERE continues_id = $1"
    assert await bureau.value(own, livestream) == 2
    for each in await _livestreams(bureau.deps):
        # Whoever may not watch the one may not watch the other.
        assert (await live.find_livestream(deps, SERVICE, each)).is_restricted
    await asyncio.gather(away.spool.close(), here.spool.close())
