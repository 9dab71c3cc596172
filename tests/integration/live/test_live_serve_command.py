"""`recorder live serve`: an own process, ended in order, killed, and followed by another one."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from recorder.adapters.clock import SystemClock
from recorder.domain.ids import LivestreamId
from recorder.domain.people import OPERATOR
from recorder.runtime import Deps
from recorder.services import live, registry
from tests.support import (
    exposition,
    hls_source,
    ingest_process,
    live_clips,
    rtmp_peer,
    rtsp_camera,
    servers,
)
from tests.support.bureau import open_bureau
from tests.support.certificates import Certificate
from tests.support.ingest_process import IngestProcess
from tests.support.live_stand import LONG_S, clip, complaints, read_back
from tests.support.stored import Stored
from tests.support.waiting import eventually

Column = Callable[[str], Awaitable[list[object]]]
Starter = Callable[..., Awaitable[IngestProcess]]


@pytest.fixture
async def token(database_url: str, tmp_path: Path) -> str:
    async with open_bureau(database_url, tmp_path) as bureau:
        deps = replace(bureau.deps, clock=SystemClock())
        added = await registry.add_device(deps, OPERATOR, number="TA00716")
    return added.token


@pytest.fixture
async def starts(database_url: str, tmp_path: Path) -> AsyncIterator[Starter]:
    running: list[IngestProcess] = []
    settings = ingest_process.environment(database_url, tmp_path)

    async def start(*words: str, **more: str) -> IngestProcess:
        process = await ingest_process.start({**settings, **more}, tmp_path, *words)
        running.append(process)
        return process

    yield start
    for process in running:
        await process.end(signal.SIGKILL)


@pytest.fixture
async def rows(database_url: str) -> AsyncIterator[Column]:
    connection = await asyncpg.connect(database_url)

    async def column(statement: str) -> list[object]:
        return [row[0] for row in await connection.fetch(statement)]

    yield column
    await connection.close()


HERE = {"RECORDER_LIVE_PULL_NETWORKS": "127.0.0.0/8"}
STORED = "SELECT number FROM livestream_segment WHERE state = 'stored' AND number > 0 ORDER BY 1"
CAUSES = "SELECT cause FROM livestream_period ORDER BY number"


async def _some(rows: Column) -> list[object]:
    """The stored segments, once there are any."""

    async def there() -> list[object] | None:
        return await rows(STORED) or None

    return await eventually(there, within=LONG_S)


async def test_after_sigterm_everything_that_came_is_stored(
    starts: Starter, token: str, rows: Column
) -> None:
    figures_at = f"127.0.0.1:{servers.free_port()}"
    process = await starts(RECORDER_METRICS_LISTEN=figures_at)
    peer = await rtmp_peer.greeted(process.port)
    assert await peer.publish(token) == "NetStream.Publish.Start"
    await peer.send(*clip())
    await peer.settled()
    await _some(rows)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{figures_at}/metrics") as answer,
    ):
        told = exposition.read(await answer.text())
    assert told.value("recorder_ingest_streams", way="rtmp") == 1
    assert told.value("recorder_ingest_received_bytes_total") > 10_000
    assert told.value("recorder_ingest_listed_delay_seconds_count") >= 1
    assert told.value("recorder_spool_segments") == 0
    assert await process.end() == 0
    assert await rows(STORED) == [1, 2, 3, 4, 5, 6]
    assert await rows("SELECT holder FROM livestream") == [None]
    await peer.close()


async def test_after_kill_9_another_process_goes_on_and_no_child_is_left(
    starts: Starter, token: str, rows: Column
) -> None:
    first = await starts()
    peer = await rtmp_peer.greeted(first.port)
    assert await peer.publish(token) == "NetStream.Publish.Start"
    # Sound that only the media tool can write: its process must not outlive ours.
    await peer.send(*rtmp_peer.media(live_clips.with_sound("libmp3lame").read_bytes()))
    before = await _some(rows)
    tools = _children(first.child.pid)
    assert tools
    await first.end(signal.SIGKILL)
    await peer.closed()
    await peer.close()
    await eventually(lambda: not any(map(_lives, tools)), within=LONG_S)
    second = await starts()
    again = await rtmp_peer.greeted(second.port)
    # The dead one's lease ends by itself; the publisher is let in as soon as it has.
    assert await again.publish(token) == "NetStream.Publish.Start"
    await again.send(*clip())
    await again.settled()
    assert await second.end() == 0
    after = await rows(STORED)
    assert after[: len(before)] == before
    assert after == list(range(1, len(after) + 1))
    assert len(after) >= len(before) + 6
    assert await rows(CAUSES) == ["start", "reconnect"]
    assert await rows("SELECT count(*) FROM livestream") == [1]
    await again.close()


async def test_a_publisher_whose_process_is_killed_goes_on_at_the_same_port_with_its_sibling(
    starts: Starter, token: str, rows: Column
) -> None:
    family = await starts("--processes", "2")
    peer = await rtmp_peer.greeted(family.port)
    assert await peer.publish(token) == "NetStream.Publish.Start"
    await peer.send(*clip())
    await peer.settled()
    before = await _some(rows)
    (holder,) = await rows("SELECT holder FROM livestream")
    os.kill(int(str(holder).rsplit("-", 2)[1]), signal.SIGKILL)
    await peer.closed()
    await peer.close()
    # Somebody answers at once: the sibling, which waits for the lease of the dead one.
    again = await rtmp_peer.greeted(family.port)
    assert await again.publish(token) == "NetStream.Publish.Start"
    await again.send(*clip())
    await again.settled()
    assert await rows("SELECT holder FROM livestream") != [holder]
    assert await family.end() == 0
    after = await rows(STORED)
    assert after == list(range(1, len(after) + 1))
    assert len(after) >= len(before) + 6
    assert await rows("SELECT count(*) FROM livestream") == [1]
    await again.close()


async def _taken_over(rows: Column, before: int) -> list[object]:
    """What is stored, once a second holder has added to it."""

    async def goes_on() -> list[object] | None:
        stored = await rows(STORED)
        is_second = await rows("SELECT fence FROM livestream") == [2]
        return stored if is_second and len(stored) > before else None

    return await eventually(goes_on, within=LONG_S)


@asynccontextmanager
async def _pulled(
    database_url: str, folder: Path, address: str
) -> AsyncIterator[tuple[Deps, LivestreamId]]:
    """A livestream that is fetched from there, and the service's hands."""
    async with open_bureau(database_url, folder) as bureau:
        config = bureau.deps.config.model_copy(
            update={"live_pull_networks": HERE["RECORDER_LIVE_PULL_NETWORKS"]}
        )
        deps = replace(bureau.deps, clock=SystemClock(), config=config)
        opening = live.Opening(title="南门")
        yield deps, (await live.open_pulled(deps, bureau.actor(), opening, address)).id


async def _kill_holder(rows: Column) -> object:
    """kill -9 of whoever holds the livestream; the rest of its lease is passed over."""
    (holder,) = await rows("SELECT holder FROM livestream")
    os.kill(int(str(holder).rsplit("-", 2)[1]), signal.SIGKILL)
    # Nobody waits longer for it than for its lease.
    assert await rows("SELECT held_until < now() + interval '8.5 s' FROM livestream") == [True]
    await rows("UPDATE livestream SET held_until = now() RETURNING 1")
    return holder


async def test_after_kill_9_the_cameras_of_a_process_are_fetched_by_its_sibling_and_the_gap_is_told(
    starts: Starter, database_url: str, tmp_path: Path, rows: Column
) -> None:
    family = await starts("--processes", "2", **HERE)
    async with (
        rtsp_camera.camera(rtsp_camera.clip()) as camera,
        _pulled(database_url, tmp_path, camera.url()) as (deps, livestream),
    ):
        before = await _some(rows)
        holder = await _kill_holder(rows)
        assert len(await _taken_over(rows, len(before))) > len(before)
        assert await rows("SELECT holder FROM livestream") != [holder]
        assert await family.end() == 0
        (gap,) = (await live.view_livestream(deps, OPERATOR, livestream)).gaps
    after = await rows(STORED)
    assert after == list(range(1, len(after) + 1))
    assert await rows("SELECT holder FROM livestream") == [None]
    assert (gap.cause, gap.first_missing) == ("reconnect", None)
    assert gap.begins_at is not None
    assert gap.ends_at is not None
    assert gap.begins_at < gap.ends_at


async def test_after_kill_9_a_playlist_is_followed_by_the_sibling_behind_the_bookmark(
    starts: Starter, database_url: str, tmp_path: Path, rows: Column
) -> None:
    sent = hls_source.segments()
    family = await starts("--processes", "2", **HERE)

    async def until(statement: str) -> None:
        async def is_so() -> bool | None:
            return await rows(statement) == [True] or None

        came: bool = await eventually(is_so, within=LONG_S, what=statement)
        assert came

    async with (
        hls_source.source() as source,
        _pulled(database_url, tmp_path, source.url) as (deps, livestream),
    ):
        for file in sent[:3]:
            source.add(file)
        await until("SELECT bookmark LIKE '[2,%' FROM livestream_source")
        await _some(rows)
        holder = await _kill_holder(rows)
        # Listed while nobody looks: somebody who goes on finds it.
        for file in sent[3:5]:
            source.add(file)
        await until("SELECT bookmark LIKE '[4,%' FROM livestream_source")
        assert await rows("SELECT holder FROM livestream") != [holder]
        source.add(sent[5])
        source.end()
        await until("SELECT trouble = 'ended' FROM livestream_source")
        assert await family.end() == 0
        assert [source.asked[file.name] for file in sent] == [1] * 6
        found = Stored(deps)
        assert await found.causes(livestream) == ["start", "reconnect"]
        ((cause, missing),) = [
            (gap.cause, gap.first_missing) for gap in (await found.view(livestream)).gaps
        ]
        assert (cause, missing) == ("reconnect", None)
        first, second = await found.files(livestream, tmp_path)
    assert complaints(second) == ""
    # Of what the dead one had in its hands the end is missing; nothing is there twice or changed.
    for kind, frames in hls_source.frames(sent[:3], tmp_path).items():
        back = [content for _, content in read_back(first)[kind]]
        assert back == frames[: len(back)] != [], kind
    for kind, frames in hls_source.frames(sent[3:], tmp_path).items():
        assert [content for _, content in read_back(second)[kind]] == frames, kind
    after = await rows(STORED)
    assert after == list(range(1, len(after) + 1))


def _children(parent: int) -> list[int]:
    threads = Path(f"/proc/{parent}/task").iterdir()
    return [int(pid) for each in threads for pid in (each / "children").read_text().split()]


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_publishers_come_over_tls_with_the_services_certificate(
    starts: Starter, token: str, certificate: Certificate
) -> None:
    process = await starts(
        *("--rtmps", "127.0.0.1:0"),
        RECORDER_TLS_CERT=str(certificate.path),
        RECORDER_TLS_KEY=str(certificate.path),
    )
    assert process.rtmps_port is not None
    trust = ssl.create_default_context(cafile=str(certificate.path))
    peer = await rtmp_peer.greeted(process.rtmps_port, trust)
    assert await peer.publish(token) == "NetStream.Publish.Start"
    await peer.close()


@pytest.mark.parametrize(
    ("words", "why"),
    [(("--rtmp", "nowhere"), "HOST:PORT"), (("--rtmps", "127.0.0.1:0"), "RECORDER_TLS_CERT")],
)
async def test_what_keeps_it_from_starting_is_said_in_a_sentence(
    database_url: str, tmp_path: Path, words: tuple[str, str], why: str
) -> None:
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "recorder", "live", "serve", *words],
        env=ingest_process.environment(database_url, tmp_path),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert ended.returncode == 1
    assert why in ended.stderr
    assert "Traceback" not in ended.stderr
