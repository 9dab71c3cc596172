"""Debian's nginx-rtmp as gateway: who may publish, what it wrote; and lost hooks cost nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.client.gateway.closing import Writer, writer_of
from tests.support import footage, live_clips, nginx_rtmp, servers
from tests.support.product import Product, command, running_product
from tests.support.waiting import eventually

LONG_S = 60.0
NUMBER = "GATE0001"
CASE = "沪市监案〔2026〕1078号"


@pytest.fixture
def product() -> Iterator[Product]:
    with running_product() as running:
        yield running


def publish(port: int, app: str, token: str) -> None:
    address = f"rtmp://127.0.0.1:{port}/{app}/{NUMBER}?token={token}"
    # Equal content of one device would be one recording.
    clip = live_clips.clip(sound=app == "live")
    live_clips.run(["-i", str(clip), "-c", "copy", "-f", "flv", address])


async def push(product: Product, folder: Path, work: Path, *more: str) -> list[dict[str, object]]:
    """Everything that nginx has finished; each file sealed with its receipt."""
    ended = await command(
        *("live", "gateway", "--dir", str(folder), "--kind", "nginx-rtmp", "--once"),
        *("--server", product.url, "--token-file", str(work / "token"), "--every", "0.2"),
        *("--state", str(work / "journal"), *more),
        within=LONG_S,
    )
    assert ended.code == 0, ended.err
    return ended.json_lines


async def shown(product: Product, gateway: str) -> dict[str, object]:
    path = f"/api/v1/gateways/{gateway}"
    return (await product.ask("GET", path, await product.supervisor())).json


async def opened(product: Product) -> str:
    """A livestream of the device, with its case."""
    said = json.dumps({"title": "现场", "case_numbers": [CASE], "stage": "investigation"}).encode()
    answer = await product.ask(
        "POST", "/api/v1/livestreams", await product.device(NUMBER), data=said,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    return str(answer.json["id"])


async def publish_and_be_killed(port: int, token: str, folder: Path) -> None:
    """A file that is finished only when nginx has closed it, in a second of its own: nginx names
    files by the second."""
    begun = int(time.time())
    await eventually(lambda: int(time.time()) > begun, within=LONG_S, what="another second")
    address = f"rtmp://127.0.0.1:{port}/live/{NUMBER}?token={token}"
    running = subprocess.Popen(
        [footage.ffmpeg(), "-nostdin", "-v", "quiet", "-re", "-stream_loop", "-1", "-i",
         str(live_clips.clip()), "-c", "copy", "-f", "flv", address]
    )  # fmt: skip
    try:
        path = await eventually(lambda: _written_to(folder), within=LONG_S, what="an open file")
    finally:
        running.kill()
        running.wait()
    await eventually(lambda: writer_of(path) is Writer.NONE, within=LONG_S, what="its end")


async def test_what_nginx_takes_becomes_footage_of_its_livestream_whatever_its_hooks_do(
    product: Product, tmp_path: Path
) -> None:
    added = await product.admin("gateway", "add", "媒体一", "--kind", "nginx-rtmp")
    (tmp_path / "token").write_text(str(added["token"]))
    device, gateway = await product.device(NUMBER), str(added["gateway"])
    livestream = await opened(product)
    with nginx_rtmp.running(product.url, str(added["hooks"]), tmp_path) as (port, folder):
        await eventually(lambda: servers.accepts(port), within=LONG_S, what="nginx")
        with pytest.raises(servers.ServerFailed):
            await asyncio.to_thread(publish, port, "live", "rec_wrong")
        assert list(folder.rglob("*.flv")) == []
        await asyncio.to_thread(publish, port, "live", device)
        await asyncio.to_thread(publish, port, nginx_rtmp.LOST, device)
        await publish_and_be_killed(port, device, folder)
        refused = await shown(product, gateway)
        assert [
            (s["stream"], s["refused"], s["refusal"], s["refused_address"])
            for s in refused["streams"]  # type: ignore[attr-defined]
            if s["refused"]
        ] == [(f"live/{NUMBER}", 1, "key-unknown", "127.0.0.1")]

        async def announced() -> list[object] | None:
            awaited: list[object] = (await shown(product, gateway))["awaited"]  # type: ignore[assignment]
            return awaited if len(awaited) == 2 else None

        told: list[object] = await eventually(announced, within=LONG_S, what="two files told")
        assert len(told) == 2
        files = sorted(folder.rglob("*.flv"))
        lines = await push(product, folder, tmp_path)
        assert sorted(str(line["path"]) for line in lines) == [str(file) for file in files]
        assert {line["state"] for line in lines} == {"sealed"}
    assert (await shown(product, gateway))["awaited"] == []
    await belong_to(product, livestream, lines)
    # Again: nothing new, and now each file goes once its receipt is checked.
    again = await push(product, folder, tmp_path, "--delete-after-receipt")
    assert {line["recording"] for line in again} == {line["recording"] for line in lines}
    assert list(folder.rglob("*.flv")) == []
    audit = await command("audit", "--data", str(product.data), "--json")
    assert audit.code == 0, audit.out


async def belong_to(product: Product, livestream: str, lines: list[dict[str, object]]) -> None:
    """The files are copies of the livestream, and are found by its case."""
    supervisor = await product.supervisor()
    answer = await product.ask("GET", f"/api/v1/livestreams/{livestream}", supervisor)
    copies: list[str] = answer.json["copies"]  # type: ignore[assignment]
    assert sorted(copies) == sorted(str(line["recording"]) for line in lines)
    found = (await product.ask("GET", f"/api/v1/cases?number={CASE}", supervisor)).json["items"]
    case = found[0]["id"]  # type: ignore[index]
    listed = await product.ask("GET", f"/api/v1/cases/{case}/recordings", supervisor)
    assert len(listed.json["items"]) == 3  # type: ignore[arg-type]
    for line in lines:
        recording = await product.recording(str(line["recording"]), supervisor)
        assert (recording["device"], recording["dock"]) == (NUMBER, "媒体一")
        assert (recording["copy_of"], recording["stage"]) == (livestream, "investigation")
        assert recording["started_at"] is not None
        assert await product.original_sha256(str(line["recording"]), supervisor) == line["sha256"]


def _written_to(folder: Path) -> Path | None:
    for path in folder.rglob("*.flv"):
        if path.stat().st_size and writer_of(path) is Writer.SOMEBODY:
            return path
    return None
