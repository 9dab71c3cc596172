"""The demo's livestream: a publisher that is killed and comes back, and what is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from recorder.commands.demo.visitor import Visitor
from recorder.config import read_config
from recorder.domain.livestream import Form
from recorder.embedded.stack import Running
from recorder.errors import IntegrityError, Unavailable
from recorder.runtime import open_deps
from recorder.services import accounts, live

_PATIENCE_S = 300.0
#: Segments before the publisher is killed, and behind its return.
_ENOUGH = 2
_PICTURE = "testsrc2=size=640x360:rate=25"
_SOUND = "sine=frequency=440:sample_rate=48000"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Streamed:
    """What the report tells."""

    livestream: dict[str, Any]
    recording: dict[str, Any]


async def stream(
    running: Running, camera: Visitor, device: str, token: str, case_number: str, say: Say
) -> Streamed:
    """Publish over RTMP, kill the publisher, publish again, close, and wait for the seal."""
    async with open_deps(read_config(running.environment)) as deps:
        actor = await accounts.actor_of_token(deps, token)
        opened = await live.open_livestream(
            deps, actor,
            live.Opening(
                title="现场直播", form=Form.RECEIVED, device_number=device,
                case_numbers=(case_number,), stage="investigation",
            ),
        )  # fmt: skip
    place = f"/livestreams/{opened.id}"
    port = await _port(running)
    address = f"rtmp://127.0.0.1:{port}/live/{opened.id}?token={token}"
    ffmpeg = running.environment["RECORDER_FFMPEG"]
    say("The camera goes live over RTMP")
    async with _publishing(ffmpeg, address) as publisher:
        await _until(camera, place, lambda seen: seen["segments"] >= _ENOUGH)
        publisher.kill()
    say("Killed the publisher (kill -9); what had come is stored and locked")
    seen = await _until(camera, place, lambda seen: seen["state"] == "interrupted")
    say(f"The livestream shows as interrupted after {seen['segments']} segments; it comes back")
    # What the dead publisher still had on the way counts before, not behind the gap.
    enough = seen["segments"] + _ENOUGH
    async with _publishing(ffmpeg, address):
        await _until(camera, place, lambda seen: seen["segments"] >= enough)
    await camera.post(f"{place}/close", {})
    closed = await _until(camera, place, lambda seen: seen["state"] == "closed")
    recording = f"/recordings/{closed['recording']}"
    sealed = await _until(camera, recording, _is_done)
    if sealed["state"] != "sealed" or not any(g["cause"] == "reconnect" for g in closed["gaps"]):
        raise IntegrityError("demo-livestream", "The livestream was not sealed with its gap.")
    say(f"Closed and sealed as one recording, {sealed['length'] / 1e6:.1f} MB")
    return Streamed(closed, sealed)


def _is_done(row: dict[str, Any]) -> bool:
    return row["state"] != "received" and all(
        task["state"] not in ("pending", "claimed") for task in row["tasks"]
    )


async def _port(running: Running) -> int:
    """The port that the ingest has told; it is started last and nobody waits for it."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
            return int(json.loads((running.folder.run / "live.json").read_text())["rtmp"])
        await asyncio.sleep(0.2)
    raise Unavailable("demo-patience", "The ingest of livestreams did not start.")


@asynccontextmanager
async def _publishing(ffmpeg: str, address: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A camera at the pace of life, gone when the block ends; it tries until it is let in."""
    process = await asyncio.create_subprocess_exec(
        ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin",
        "-re", "-f", "lavfi", "-i", _PICTURE, "-f", "lavfi", "-i", _SOUND,
        "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25",
        "-pix_fmt", "yuv420p", "-b:v", "1M", "-c:a", "aac", "-f", "flv", address,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _until(
    camera: Visitor, place: str, reached: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        seen: dict[str, Any] = await camera.get(place)
        if reached(seen):
            return seen
        await asyncio.sleep(0.3)
    raise Unavailable("demo-patience", f"{place} did not come as far as it should have.")
