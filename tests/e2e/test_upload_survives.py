"""``recorder upload`` against the real service, with everything around it killed in turn."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.support.product import (
    POSTGRES,
    REDIS,
    WEB,
    Ended,
    Product,
    command,
    long_clip,
    recorder_line,
    running_product,
    sha256_of,
)
from tests.support.relay import Relay
from tests.support.servers import REPOSITORY
from tests.support.web_service import TUS

MIB = 1024 * 1024
LENGTH = 20 * MIB + 4321
#: The client's longest body before it was cut is at most this; a broken one is sent again.
CHUNK = 8 * MIB


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_product() as running:
        yield running


@dataclass(frozen=True)
class Camera:
    """A device with its token, one long clip, and the client's state folder."""

    token: str
    folder: Path
    clip: Path

    def line(self, url: str, *more: str) -> list[str]:
        return [
            *("upload", "--server", url, "--token-file", str(self.folder / "token")),
            *("--state", str(self.folder / "state"), "--json", *more),
        ]

    async def start(self, url: str, *more: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *recorder_line(*self.line(url, *(more or (str(self.clip),)))),
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    async def send(self, url: str, *more: str) -> Ended:
        return await command(*self.line(url, *(more or (str(self.clip),))))


@pytest.fixture
async def camera(product: Product, footage: Path, tmp_path: Path) -> Camera:
    token = await product.device(f"CAM-{os.urandom(4).hex()}")
    (tmp_path / "token").write_text(token)
    (tmp_path / "card").mkdir()
    clip = long_clip(footage / "08_faststart.mp4", tmp_path / "card" / "long.mp4", LENGTH)
    return Camera(token, tmp_path, clip)


async def _ended(client: asyncio.subprocess.Process) -> Ended:
    async with asyncio.timeout(90):
        out, err = await client.communicate()
    assert client.returncode is not None
    return Ended(client.returncode, out.decode(), err.decode())


async def _is_whole(product: Product, camera: Camera, done: Ended) -> None:
    """The client says sealed, with the local file's digest, and the service gives it back."""
    assert done.code == 0, done.err
    (line,) = done.json_lines
    assert (line["state"], line["sha256"]) == ("sealed", sha256_of(camera.clip))
    given = await product.original_sha256(line["recording"], await product.supervisor())
    assert given == line["sha256"]


async def test_files_are_sealed_with_receipts_that_hold_offline_and_are_sent_once(
    product: Product, camera: Camera, footage: Path
) -> None:
    names = ("08_faststart.mp4", "05_mpegts.ts", "54_zero.mp4", "55_text.mp4")
    card = [footage / name for name in names]
    async with Relay(product.port) as relay:
        done = await camera.send(relay.url, "--case", "A-1", *map(str, card))
        sent = relay.sent_up
        again = await camera.send(relay.url, "--case", "A-1", *map(str, card))
        assert (relay.sent_up - sent, len(relay.uploads)) == (0, len(card))
    assert (done.code, again.code) == (0, 0), done.err + again.err
    lines = {line["path"]: line for line in done.json_lines}
    assert {line["path"]: line for line in again.json_lines} == lines
    assert set(lines) == set(map(str, card))
    for path in card:
        line = lines[str(path)]
        assert set(line) >= {"path", "recording", "sha256", "state"}
        assert (line["state"], line["sha256"]) == ("sealed", sha256_of(path))
        checked = await command("verify", "receipt", line["receipt"], "--footage", str(path))
        assert checked.code == 0, checked.err
        # The key lies where the receipt does; nothing else is to be said.
        assert re.fullmatch(r"The key was found beside the receipt, [^\n]+\n", checked.err)
        assert line["sha256"] in checked.out
    receipt = lines[str(card[0])]["receipt"]
    other = await command("verify", "receipt", receipt, "--footage", str(card[1]))
    assert other.code == 1


async def test_local_footage_is_deleted_only_when_asked_and_proven(
    product: Product, camera: Camera
) -> None:
    kept = await camera.send(product.url)
    assert kept.code == 0, kept.err
    assert camera.clip.exists()
    digest = sha256_of(camera.clip)
    done = await camera.send(product.url, "--delete-after-receipt", str(camera.clip))
    (line,) = done.json_lines
    assert (done.code, line["deleted"], line["sha256"]) == (0, True, digest)
    assert not camera.clip.exists()
    supervisor = await product.supervisor()
    assert await product.original_sha256(line["recording"], supervisor) == digest


async def test_a_client_killed_in_mid_upload_goes_on_when_it_is_started_again(
    product: Product, camera: Camera
) -> None:
    async with Relay(product.port, hold_after=LENGTH * 6 // 10) as relay:
        client = await camera.start(relay.url)
        await asyncio.wait_for(relay.reached.wait(), 60)
        client.send_signal(signal.SIGKILL)
        await client.communicate()
        relay.release()
        await _is_whole(product, camera, await camera.send(relay.url))
        assert len(relay.uploads) == 1
        assert relay.sent_up < LENGTH * 1.1 + CHUNK
        assert relay.offsets == sorted(relay.offsets)


async def test_a_web_service_killed_in_mid_upload_forgets_no_offset_that_it_answered(
    product: Product, camera: Camera
) -> None:
    async with Relay(product.port, hold_after=LENGTH * 6 // 10) as relay:
        client = await camera.start(relay.url)
        await asyncio.wait_for(relay.reached.wait(), 60)
        answered = max(relay.offsets)
        assert answered > 0
        await product.kill(WEB)
        await product.until_ready()
        head = await product.ask("HEAD", relay.uploads[0], camera.token, headers=TUS)
        assert int(head.headers["Upload-Offset"]) >= answered
        relay.release()
        await _is_whole(product, camera, await _ended(client))
        assert relay.sent_up < LENGTH * 1.1 + CHUNK
        assert relay.offsets == sorted(relay.offsets)


async def test_a_database_killed_in_mid_upload_delays_the_upload_and_no_more(
    product: Product, camera: Camera
) -> None:
    async with Relay(product.port, hold_after=LENGTH * 6 // 10) as relay:
        client = await camera.start(relay.url)
        await asyncio.wait_for(relay.reached.wait(), 60)
        await product.kill(POSTGRES)
        relay.release()
        await _is_whole(product, camera, await _ended(client))
        assert len(relay.uploads) == 1
        assert relay.offsets == sorted(relay.offsets)


async def test_redis_emptied_and_killed_in_mid_upload_is_not_even_noticed(
    product: Product, camera: Camera
) -> None:
    addresses = json.loads((product.data / "run" / "addresses.json").read_text())
    async with Relay(product.port, hold_after=LENGTH * 6 // 10) as relay:
        client = await camera.start(relay.url)
        await asyncio.wait_for(relay.reached.wait(), 60)
        async with Redis.from_url(addresses["redis_url"]) as redis:
            await redis.flushall()
        pid = product.child(REDIS)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        relay.release()
        await _is_whole(product, camera, await _ended(client))
        assert relay.sent_up < LENGTH * 1.02


async def test_footage_sent_under_another_devices_number_ends_well_in_quarantine(
    product: Product, camera: Camera, footage: Path
) -> None:
    other = f"CAM-{os.urandom(4).hex()}"
    await product.device(other)
    clip = footage / "08_faststart.mp4"
    done = await camera.send(product.url, "--device", other, str(clip))
    assert done.code == 0, done.err
    (line,) = done.json_lines
    assert (line["state"], line["sha256"]) == ("quarantined", sha256_of(clip))
    assert line["quarantine_reasons"] == ["device_contradicted"]
    checked = await command("verify", "receipt", line["receipt"], "--footage", str(clip))
    assert checked.code == 0, checked.err


async def test_a_suspended_device_is_told_that_its_footage_is_kept_and_gets_the_receipt_later(
    product: Product, footage: Path, tmp_path: Path
) -> None:
    number, clip = f"CAM-{os.urandom(4).hex()}", footage / "11_noaudio.mp4"
    (tmp_path / "token").write_text(await product.device(number))
    camera = Camera("", tmp_path, clip)
    await product.admin("device", "suspend", number, "--reason", "found in a drawer")
    done = await camera.send(product.url)
    assert done.code == 1
    (line,) = done.json_lines
    assert (line["state"], line["code"]) == ("failed", "device-suspended")
    assert "has all bytes and keeps them in quarantine" in line["error"]
    await product.admin("device", "activate", number, "--reason", "it was ours")
    again = await camera.send(product.url)
    assert again.code == 0, again.err
    (line,) = again.json_lines
    assert (line["state"], line["quarantine_reasons"]) == ("quarantined", ["device_suspended"])
