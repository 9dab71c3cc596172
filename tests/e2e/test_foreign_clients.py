"""Unmodified tus clients of others send footage, and go on where their connection was cut."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import node
from tests.support.product import Product, long_clip, running_product, sha256_of
from tests.support.relay import Relay
from tests.support.servers import REPOSITORY

MIB = 1024 * 1024
LENGTH = 5 * MIB + 12_345
NUMBER = "深市监罚〔2026〕77号"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_product() as running:
        yield running


@pytest.fixture
def clip(footage: Path, tmp_path: Path) -> Path:
    return long_clip(footage / "01_h264_1080p.mp4", tmp_path / "clip.mp4", LENGTH)


@dataclass(frozen=True)
class Sent:
    code: int
    told: dict[str, Any]
    words: str


async def _run(line: list[str], environment: Mapping[str, str] | None = None) -> Sent:
    process = await asyncio.create_subprocess_exec(
        *line,
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Sent(process.returncode, json.loads(out) if out else {}, (out + err).decode())


async def tus_js(
    url: str, token: str, clip: Path, *pairs: str, chunk: str, give_up: bool = False
) -> Sent:
    environment = {"NODE_PATH": str(node.modules())} | ({"GIVE_UP": "1"} if give_up else {})
    return await _run(
        [
            *(str(node.executable()), "tests/support/tusc_send.mjs", f"{url}/api/v1/uploads"),
            *(token, str(clip), chunk, str(clip.parent / "memory.json"), *pairs),
        ],
        environment,
    )


async def tuspy(url: str, token: str, clip: Path, *pairs: str) -> Sent:
    return await _run(
        [
            *(sys.executable, "-m", "tests.support.tuspy_send", f"{url}/api/v1/uploads"),
            *(token, str(clip), str(MIB), str(clip.parent / "memory.tuspy"), *pairs),
        ]
    )


async def _is_the_clip(product: Product, sent: Sent, clip: Path) -> dict[str, Any]:
    """The recording is sealed with exactly the local file's digest, and comes back so."""
    assert sent.code == 0, sent.words
    assert sent.told["recording"], sent.words
    supervisor = await product.supervisor()
    shown = await product.until_sealed(sent.told["recording"], supervisor)
    assert shown["digests"]["sha256"] == sha256_of(clip)
    assert await product.original_sha256(shown["id"], supervisor) == sha256_of(clip)
    return shown


@pytest.mark.parametrize("chunk", ["-", str(MIB)], ids=["one body", "bodies of 1 MiB"])
async def test_tus_js_client_goes_on_by_itself_after_a_cut(
    product: Product, clip: Path, chunk: str
) -> None:
    token = await product.device(f"JS-{len(chunk)}")
    async with Relay(product.port, cut_after=LENGTH // 2) as relay:
        sent = await tus_js(
            relay.url, token, clip,
            "filename=现场.mp4", "filetype=video/mp4", f"case_number={NUMBER}",
            "stage=investigation", chunk=chunk,
        )  # fmt: skip
        assert relay.reached.is_set()
        assert relay.sent_up < LENGTH * 1.1 + MIB
    assert sent.told["retried"] >= 1
    assert sent.told["resumed_from"] > 0
    shown = await _is_the_clip(product, sent, clip)
    assert (shown["original_name"], shown["state"]) == ("现场.mp4", "sealed")
    assert len(shown["cases"]) == 1
    assert shown["cases"][0]["stage"] == "investigation"


async def test_tus_js_client_goes_on_after_it_was_started_anew(
    product: Product, clip: Path
) -> None:
    token = await product.device("JS-again")
    async with Relay(product.port, cut_after=LENGTH // 2) as relay:
        first = await tus_js(relay.url, token, clip, "filename=a.mp4", chunk="-", give_up=True)
        assert (first.code, first.told["recording"]) == (1, None)
        again = await tus_js(relay.url, token, clip, "filename=a.mp4", chunk="-")
        assert relay.sent_up < LENGTH * 1.1 + MIB
    assert 0 < again.told["resumed_from"] < LENGTH
    assert len(relay.uploads) == 1
    await _is_the_clip(product, again, clip)


async def test_tuspy_goes_on_with_checksums_after_a_cut(product: Product, clip: Path) -> None:
    token = await product.device("PY-1")
    async with Relay(product.port, cut_after=LENGTH // 2) as relay:
        cut = await tuspy(relay.url, token, clip, "filename=b.mp4")
        assert cut.code != 0
        again = await tuspy(relay.url, token, clip, "filename=b.mp4")
        assert relay.sent_up < LENGTH * 1.1 + MIB
    assert again.told["resumed_from"] == 2 * MIB
    shown = await _is_the_clip(product, again, clip)
    assert shown["original_name"] == "b.mp4"


async def test_curl_sends_a_file_in_two_requests(
    product: Product, clip: Path, tmp_path: Path
) -> None:
    """The lines that docs/guide/tus-clients.md gives."""
    curl = shutil.which("curl")
    assert curl is not None, "curl is needed here"
    token = await product.device("CURL-1")
    guide = (REPOSITORY / "docs/guide/tus-clients.md").read_text()
    script = guide.partition("```sh\n")[2].partition("```")[0]
    done = await asyncio.create_subprocess_exec(
        "sh", "-eu", "-c", script,
        env={**os.environ, "SERVER": product.url, "TOKEN": token, "CLIP": str(clip)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await done.communicate()
    assert done.returncode == 0, err.decode()
    name = out.decode().strip().rpartition("\n")[2]
    await _is_the_clip(product, Sent(0, {"recording": name}, out.decode()), clip)
