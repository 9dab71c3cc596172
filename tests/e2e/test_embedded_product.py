"""The embedded mode as a small office relies on it: with the whole product inside."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support import certificates
from tests.support.exposition import read
from tests.support.product import (
    WEB,
    Product,
    command,
    ended,
    long_clip,
    ready,
    recorder_line,
    sha256_of,
    short_folder,
    start,
    stop,
)
from tests.support.servers import REPOSITORY
from tests.support.small_office import alive, command_line
from tests.support.waiting import eventually
from tests.support.web_service import PATCH, TUS

MIB = 1024 * 1024
UPLOADS = "/api/v1/uploads"


@pytest.fixture
def data() -> Iterator[Path]:
    """A path for a data folder, removed with all in it."""
    with short_folder() as place:
        yield place / "d"


@contextlib.asynccontextmanager
async def _served(data: Path, *, within: float = 60) -> AsyncIterator[Product]:
    """A server of this folder, stopped in order unless the test has ended it."""
    process = start(data)
    try:
        yield await ready(process, data, within=within)
    finally:
        if process.poll() is None:
            await asyncio.to_thread(stop, process)


async def _upload(product: Product, token: str, clip: Path) -> str:
    answer = await product.ask(
        "POST", UPLOADS, token,
        headers={**PATCH, "Upload-Length": str(clip.stat().st_size)}, data=clip.read_bytes(),
    )  # fmt: skip
    assert answer.status == 201, answer.content
    return answer.headers["Recorder-Recording"]


async def _playable(product: Product, recording: str, token: str) -> bool:
    """Whether the player gets the beginning of an MP4."""
    grant = await product.ask("GET", f"/api/v1/recordings/{recording}/playback", token)
    assert grant.status == 200, grant.content
    address = grant.json["url"]
    assert isinstance(address, str)
    played = await product.ask("GET", address, token, headers={"Range": "bytes=4-7"})
    return (played.status, played.content) == (206, b"ftyp")


@contextlib.asynccontextmanager
async def _half_sent(product: Product, token: str, content: bytes) -> AsyncIterator[str]:
    """An upload whose sender has sent half of it and stays on the line; its address."""
    headers = {**TUS, "Upload-Length": str(len(content))}
    created = await product.ask("POST", UPLOADS, token, headers=headers)
    place = created.headers["Location"]
    head = (
        f"PATCH {place} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Length: {len(content)}\r\n"
        f"Content-Type: {PATCH['Content-Type']}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", product.port)
    writer.write(head.encode() + content[: len(content) // 2])
    await writer.drain()
    try:
        yield place
    finally:
        writer.transport.abort()


async def _offset(product: Product, place: str, token: str) -> int:
    answer = await product.ask("HEAD", place, token, headers=TUS)
    assert answer.status == 200
    return int(answer.headers["Upload-Offset"])


async def test_footage_people_and_tokens_survive_a_restart_and_commands_work_in_between(
    data: Path, footage: Path
) -> None:
    clip = footage / "02_h265_hvc1.mp4"
    async with _served(data) as product:
        device, supervisor = await product.device("EMB-1"), await product.supervisor()
        recording = await _upload(product, device, clip)
        before = await product.until_sealed(recording, supervisor)
    added = await command("admin", "device", "add", "EMB-2", "--data", str(data), "--json")
    assert added.code == 0, added.err
    (told,) = added.json_lines
    async with _served(data, within=10) as product:
        me = await product.ask("GET", "/api/v1/me", told["token"])
        assert (me.status, me.json["role"]) == (200, "device")
        after = await product.recording(recording, supervisor)
        assert after["digests"] == before["digests"]
        assert await product.original_sha256(recording, supervisor) == sha256_of(clip)
        assert await _playable(product, recording, supervisor)
        # The device's first token is good for more footage, too.
        again = await _upload(product, device, footage / "08_faststart.mp4")
        assert again != recording


async def test_with_a_certificate_the_office_is_reached_by_tls_only(
    data: Path, footage: Path, tmp_path: Path
) -> None:
    pem = str(certificates.make(tmp_path / "office.pem").path)
    process = start(data, "--tls-cert", pem, "--tls-key", pem)
    try:
        product = await ready(process, data, within=60)
        assert product.url.startswith("https://")
        (tmp_path / "token").write_text(await product.device("TLS-1"))
        line = (
            "--token-file",
            str(tmp_path / "token"),
            "--state",
            str(tmp_path / "state"),
            "--json",
        )
        clip = str(footage / "08_faststart.mp4")
        sent = await command("upload", "--server", product.url, "--ca-file", pem, *line, clip)
        assert sent.code == 0, sent.err
        assert sent.json_lines[0]["state"] == "sealed"
        for server in (product.url, product.url.replace("https:", "http:")):
            refused = await command(
                "upload", "--server", server, "--give-up-after", "1", *line,
                str(footage / "11_noaudio.mp4"),
            )  # fmt: skip
            assert (refused.code, refused.json_lines[0]["state"]) == (1, "failed")
    finally:
        await asyncio.to_thread(stop, process)


async def test_a_second_start_on_one_folder_says_who_has_it_and_harms_nothing(
    data: Path,
) -> None:
    async with _served(data) as product:
        second = await asyncio.create_subprocess_exec(
            *recorder_line("serve", "--embedded", "--data", str(data), "--listen", "127.0.0.1:0"),
            cwd=REPOSITORY,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, err = await second.communicate()
        words = (out + err).decode()
        assert second.returncode == 1, words
        assert str(product.pid) in words
        assert "Traceback" not in words
        assert (await product.ask("GET", "/readyz")).status == 200


async def test_kill_9_of_the_parent_ends_all_children_and_an_upload_goes_on_afterwards(
    data: Path, footage: Path, tmp_path: Path
) -> None:
    clip = long_clip(footage / "08_faststart.mp4", tmp_path / "long.mp4", 12 * MIB)
    content = clip.read_bytes()
    process = start(data)
    product = await ready(process, data, within=60)
    device, supervisor = await product.device("EMB-1"), await product.supervisor()
    async with _half_sent(product, device, content) as place:
        answered: int = await eventually(
            lambda: _offset(product, place, device), within=20, what="an answered offset"
        )
        family = product.family()
        assert len(family) >= 5
        os.kill(process.pid, signal.SIGKILL)
        await ended(process)
        await eventually(lambda: not alive(family), within=5, what="the children's end")
    async with _served(data, within=10) as product:
        offset = await _offset(product, place, device)
        assert answered <= offset <= len(content)
        done = await product.ask(
            "PATCH", place, device,
            headers={**PATCH, "Upload-Offset": str(offset)}, data=content[offset:],
        )  # fmt: skip
        assert done.status == 204, done.content
        shown = await product.until_sealed(done.headers["Recorder-Recording"], supervisor)
        assert shown["digests"]["sha256"] == hashlib.sha256(content).hexdigest()
        assert await _playable(product, shown["id"], supervisor)


async def test_a_stop_in_mid_upload_keeps_every_byte_that_had_arrived(data: Path) -> None:
    content = os.urandom(4 * MIB)
    process = start(data)
    product = await ready(process, data, within=60)
    device = await product.device("EMB-1")
    async with _half_sent(product, device, content) as place:

        async def arrived() -> bool | None:
            """Nobody asks by HEAD, which would make the buffers durable before the stop."""
            told = read((await product.ask("GET", "/metrics")).content.decode())
            return told.value("recorder_received_bytes_total") >= len(content) // 2 or None

        there: bool = await eventually(arrived, within=60, what="half of the upload")
        assert there
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == 0
    async with _served(data, within=10) as product:
        offset = await _offset(product, place, device)
        assert offset == len(content) // 2
        rest = await product.ask(
            "PATCH", place, device,
            headers={**PATCH, "Upload-Offset": str(offset)}, data=content[offset:],
        )  # fmt: skip
        supervisor = await product.supervisor()
        recording = rest.headers["Recorder-Recording"]
        digest = await product.original_sha256(recording, supervisor)
        assert digest == hashlib.sha256(content).hexdigest()


async def test_with_several_web_processes_the_kill_of_each_and_of_their_parent_is_survived(
    data: Path, footage: Path
) -> None:
    process = start(data, "--processes", "2")

    def members(product: Product) -> set[tuple[int, int]]:
        return {one for one in product.family() if "--place" in command_line(one[0])}

    try:
        product = await ready(process, data, within=60)
        device, supervisor = await product.device("EMB-1"), await product.supervisor()

        def two(but: set[tuple[int, int]]) -> set[tuple[int, int]] | None:
            found = members(product) - but
            return found if len(found) == 2 else None

        first = await eventually(lambda: two(set()), within=30, what="both of them")
        for pid, _ in first:
            os.kill(pid, signal.SIGKILL)
        second = await eventually(lambda: two(first), within=30, what="two new ones")
        await product.kill(WEB)
        await eventually(lambda: not alive(second), within=10, what="the end of the second two")
        await product.until_ready()
        recording = await _upload(product, device, footage / "08_faststart.mp4")
        shown = await product.until_sealed(recording, supervisor)
        assert shown["digests"]["sha256"] == sha256_of(footage / "08_faststart.mp4")
        family = product.family()
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == 0
        assert alive(family) == set()
    finally:
        stop(process)
