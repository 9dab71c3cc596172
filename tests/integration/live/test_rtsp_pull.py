"""Cameras that we ask: their pictures, their absence, their passwords, and where we do not go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.domain.source_address import Reach, SourceAddress
from recorder.errors import Forbidden
from recorder.ledger.note import NoteSigner
from recorder.live import fetching
from recorder.live.fetching import FetchError, Trouble
from recorder.live.rtsp import client
from recorder.services import live
from tests.support import rtsp_camera
from tests.support.live_stand import LONG_S, complaints, read_back
from tests.support.pulled import Pulled, command_lines, pulling
from tests.support.waiting import eventually

HERE = Reach.parse("127.0.0.0/8")


@pytest.fixture
async def pulled(database_url: str, tmp_path: Path) -> AsyncIterator[Pulled]:
    async with pulling(database_url, tmp_path) as place:
        yield place


async def test_a_camera_is_recorded_frame_by_frame_comes_back_and_nobody_reads_its_password(
    pulled: Pulled, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clip = rtsp_camera.clip(seconds=3)
    pulled.puller.start()
    async with rtsp_camera.camera(clip) as first:
        livestream = await pulled.open(first.url())
        await pulled.segments(livestream, 1)
        seen, port = command_lines(), first.port
        await first.kill()
    await pulled.trouble(livestream, "unreachable")
    before = (await pulled.view(livestream)).livestream.segments
    # The clip to its end: everything in it is there.
    async with rtsp_camera.camera(clip, port=port, digest=False):
        await pulled.trouble(livestream, "ended")
    await pulled.close(livestream)
    files = await pulled.files(livestream, tmp_path)
    assert [complaints(file) for file in files[:2]] == ["", ""]
    assert (await pulled.causes(livestream))[:2] == ["start", "reconnect"]
    sent, back = read_back(clip), read_back(files[1])
    for kind in ("video", "audio"):
        assert [content for _, content in back[kind]] == [content for _, content in sent[kind]]
    assert (await pulled.view(livestream)).livestream.segments >= before + 3
    told = "\n".join([seen, await pulled.rows(), *(str(each.__dict__) for each in caplog.records)])
    for secret in ("s3cr3t", rtsp_camera.PATH):
        assert secret not in told
    assert "Traceback" not in caplog.text
    assert [each.levelname for each in caplog.records if each.levelno > logging.WARNING] == []


async def test_what_the_camera_says_of_its_own_clock_is_shown_beside_the_time_of_arrival(
    pulled: Pulled,
) -> None:
    pulled.puller.start()
    async with rtsp_camera.camera(rtsp_camera.clip(seconds=12)) as camera:
        livestream = await pulled.open(camera.url())

        async def told() -> int | None:
            return (await live.sight(pulled.deps, pulled.actor, livestream)).clock_offset_ms

        # The camera is on this machine and has its clock; a report comes every some seconds.
        offset_ms: int = await eventually(told, within=LONG_S)
    assert -2000 < offset_ms < 500
    await pulled.close(livestream)
    async with pulled.deps.database.acquire() as connection:
        made = await connection.fetchrow(
            "SELECT started_at, ended_at, received_at, started_at_source FROM recording"
        )
    assert made is not None
    # The times of what came while it was made are ours.
    assert made["started_at_source"] == "arrival"
    assert made["started_at"] <= made["received_at"] < made["ended_at"] < datetime.now(UTC)


async def test_a_number_that_may_not_be_reached_is_refused_and_a_name_is_not_followed(
    database_url: str, tmp_path: Path
) -> None:
    async with pulling(database_url, tmp_path, networks="") as pulled:
        for number in ("169.254.169.254", "127.0.0.1", "[::1]"):
            with pytest.raises(Forbidden) as refusal:
                await pulled.open(f"rtsp://guard:secret@{number}/x")
            assert refusal.value.code == "source-forbidden"
            assert "secret" not in str(refusal.value)
        pulled.puller.start()
        livestream = await pulled.open("rtsp://guard:secret@localhost:9/x")
        await pulled.trouble(livestream, "forbidden")
        await pulled.close(livestream)


async def test_an_address_is_read_with_the_key_that_sealed_it_and_at_its_place_only(
    pulled: Pulled,
) -> None:
    first = await pulled.open("rtsp://guard:secret@127.0.0.1:9/x")
    second = await pulled.open("rtsp://guard:other@127.0.0.1:9/x")
    found = await live.source_errand(pulled.deps, first)
    assert found is not None
    assert found.address.password == "secret"
    foreign = replace(pulled.deps, signer=NoteSigner.generate("another"))
    assert await live.source_errand(foreign, first) is None
    async with pulled.deps.database.acquire() as connection:
        await connection.execute(
            "UPDATE livestream_source SET sealed_address = (SELECT sealed_address"
            " FROM livestream_source WHERE livestream_id = $1) WHERE livestream_id = $2",
            first,
            second,
        )
    pulled.puller.start()
    await pulled.trouble(second, "unreadable")


async def _trouble(url: str, reach: Reach = HERE) -> Trouble:
    async def admit(_: object) -> fetching.Inlet:
        raise AssertionError("nothing is to be taken from here")

    with pytest.raises(FetchError) as ended:
        await client.fetch(SourceAddress.parse(url), reach, admit, lambda: datetime.now(UTC))
    return ended.value.trouble


async def test_what_keeps_a_camera_from_coming_has_a_name() -> None:
    async with rtsp_camera.camera(rtsp_camera.clip()) as camera:
        assert await _trouble(camera.url(password="wrong")) is Trouble.UNAUTHORISED
        assert await _trouble(camera.url().replace("guard:", ":")) is Trouble.UNAUTHORISED
        assert await _trouble(camera.url().replace("k3y", "other")) is Trouble.REFUSED
        assert await _trouble(camera.url(), Reach()) is Trouble.FORBIDDEN
        await camera.kill()
        assert await _trouble(camera.url()) is Trouble.UNREACHABLE
    assert await _trouble("rtsp://no-such-host.invalid/x") is Trouble.UNREACHABLE


@asynccontextmanager
async def _saying(answer: str) -> AsyncIterator[str]:
    """Somebody who answers the first request with these words; gives the address."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer.replace("\n", "\r\n").encode())
        await reader.read()
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        yield f"rtsp://guard:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("words", "trouble"),
    [
        ("RTSP/1.0 302 Moved\nLocation: rtsp://169.254.169.254/latest\n\n", Trouble.FORBIDDEN),
        ("RTSP/1.0 302 Moved\nLocation: http://127.0.0.1/x\n\n", Trouble.BROKEN),
        ("RTSP/1.0 302 Moved\nLocation: /x\n\n", Trouble.BROKEN),
        ("HTTP/1.1 200 OK\n\n", Trouble.BROKEN),
        ("RTSP/1.0 200 OK\nContent-Length: 99999999999\n\n", Trouble.BROKEN),
        ("RTSP/1.0 200 OK\nContent-Length: 12\n\nm=text 0 x 9", Trouble.NOTHING_RECORDABLE),
        ("RTSP/1.0 200 OK\nX: " + "x" * 70_000, Trouble.BROKEN),
    ],
)
async def test_whoever_answers_badly_harms_nothing(words: str, trouble: Trouble) -> None:
    async with _saying(words) as url:
        assert await _trouble(url) is trouble
