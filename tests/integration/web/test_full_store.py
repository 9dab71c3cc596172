"""The disk of a real S3 server is full in mid-upload: the client waits as it is told, and sends
hardly a byte twice."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from recorder.adapters.media import FfmpegTool
from recorder.client import Metadata, RetryPolicy, Uploader
from recorder.domain.people import Role
from tests.support import footage as footage_set
from tests.support import s3, servers, small_disk
from tests.support.children import children_of
from tests.support.product import long_clip
from tests.support.relay import Relay
from tests.support.waiting import eventually
from tests.support.web_service import TUS, WebService, open_web_service
from tests.support.workshop import work_off

MIB = 1 << 20


class Store(NamedTuple):
    """A running server, and its disk."""

    at: s3.S3Server
    disk: Path


@pytest.fixture(params=["versitygw", "minio"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    name = str(request.param)
    folder = servers.new_folder(name)
    place = folder / "disk"
    place.mkdir()

    def command(port: int) -> list[str]:
        plain = s3.command(name, place, port)
        return [*small_disk.behind(place, 128, "data", "versions"), *plain]

    server = servers.start(name, folder, command, s3.serves, environment=s3.environment(folder))
    try:
        (pid,) = children_of(server.leash.pid)
        yield Store(s3.at(s3.url(server.port)), small_disk.seen(pid, place))
    finally:
        server.stop()


@pytest.fixture
async def service(database_url: str, tmp_path: Path, store: Store) -> AsyncIterator[WebService]:
    settings = {
        "objects": "s3",
        "s3_endpoint": store.at.host,
        "s3_secure": "false",
        "s3_access_key": store.at.access_key,
        "s3_secret_key": store.at.secret_key,
        "s3_make_buckets": "true",
    }
    async with open_web_service(database_url, tmp_path, **settings) as running:
        # Locks of a real store go by the real time.
        running.bureau.clock.at = datetime.now(UTC)
        yield running


@pytest.mark.timeout(300)
async def test_a_store_without_room_in_mid_upload_costs_no_byte(
    service: WebService, store: Store, footage: Path, tmp_path: Path
) -> None:
    clip = long_clip(footage / "08_faststart.mp4", tmp_path / "long.mp4", 24 * MIB + 1)
    token = await service.token(Role.DEVICE)
    filler = store.disk / "filler"
    waits: list[float] = []

    async def wait_less(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(min(seconds, 0.5))

    async def is_done(sending: asyncio.Task[object]) -> bool:
        await work_off(service.deps, FfmpegTool(Path(footage_set.ffmpeg())))
        return sending.done()

    async with (
        Relay(service.port, hold_after=10 * MIB) as line,
        Uploader(
            line.url, token, state_dir=tmp_path / "state", retry=RetryPolicy(sleep=wait_less)
        ) as uploader,
    ):
        sending = asyncio.create_task(uploader.upload([clip], metadata=Metadata()))
        await line.reached.wait()
        small_disk.fill(filler)
        answered = max(line.offsets)
        line.release()
        await eventually(lambda: len(waits) >= 4, within=100, what="the fourth refusal")
        assert not sending.done()
        asked = await service.ask("HEAD", line.uploads[0], token, headers=TUS)
        assert int(asked.headers["Upload-Offset"]) >= answered
        os.unlink(filler)
        done: bool = await eventually(
            lambda: is_done(sending), within=150, what="the end of sending"
        )
        assert done
        (result,) = await sending
    assert (result.done, result.sha256) == (True, hashlib.sha256(clip.read_bytes()).hexdigest())
    recording = await service.ask(
        "GET", f"/api/v1/recordings/{result.recording}", await service.token(Role.SUPERVISOR)
    )
    assert recording.json["integrity"] == "sealed"
    assert max(waits) >= 5
    assert line.sent_up <= 1.1 * clip.stat().st_size
