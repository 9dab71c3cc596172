"""One small picture of a segment, for people who look at a wall of livestreams; never evidence.

The bytes come from a stranger: they go through a pipe into a confined child that may open nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from recorder.adapters import media_process
from recorder.adapters.confinement import SYSTEM_PATHS, Confinement
from recorder.errors import Unavailable

_WIDTH = 480
_TIME_S = 10.0
#: A JPEG of that size is fifty times smaller; a child that writes more is ended.
_MOST_BYTES = 1 << 20
_MEMORY_BYTES = 1 << 30
_CPU_S = 5


async def still(tool: Path, form: str, content: bytes) -> bytes | None:
    """The first keyframe of ``form`` (mov or matroska) as JPEG; None where none can be shown.

    Raises Unavailable ``media-tool-missing``.
    """
    command = [
        str(tool), "-nostdin", "-hide_banner", "-v", "error", "-threads", "1",
        "-skip_frame", "nokey", "-protocol_whitelist", "pipe", "-f", form,
        "-max_pixels", "40000000", "-i", "pipe:0", "-map", "0:v:0", "-frames:v", "1",
        "-vf", f"scale=w='min({_WIDTH},iw)':h=-2,format=yuvj420p",
        "-c:v", "mjpeg", "-q:v", "6", "-f", "mjpeg", "pipe:1",
    ]  # fmt: skip
    confined = Confinement(
        memory_bytes=_MEMORY_BYTES,
        cpu_s=_CPU_S,
        readable=(*SYSTEM_PATHS, str(tool.resolve())),
    )
    child = await media_process.start(confined.launch(command))
    if child.stdin is None or child.stdout is None or child.stderr is None:
        raise Unavailable("media-tool-missing", f"{tool.name} was started without its pipes.")
    try:
        async with asyncio.timeout(_TIME_S):
            picture = await _fed(child.stdin, child.stdout, child.stderr, content)
    except (TimeoutError, ConnectionError):
        return None
    finally:
        await media_process.end(child)
    return picture if picture.startswith(b"\xff\xd8") and len(picture) <= _MOST_BYTES else None


async def _fed(
    stdin: asyncio.StreamWriter,
    stdout: asyncio.StreamReader,
    stderr: asyncio.StreamReader,
    content: bytes,
) -> bytes:
    """What it writes while it is given the content; at most a little more than is allowed."""
    feeding = asyncio.create_task(_feed(stdin, content))
    complaints = asyncio.create_task(_drain(stderr))
    picture = bytearray()
    try:
        while len(picture) <= _MOST_BYTES and (more := await stdout.read(1 << 16)):
            picture += more
    finally:
        feeding.cancel()
        complaints.cancel()
        await asyncio.gather(feeding, complaints, return_exceptions=True)
    return bytes(picture)


async def _feed(pipe: asyncio.StreamWriter, content: bytes) -> None:
    # It may have its picture, and be gone, before the end of the segment.
    with contextlib.suppress(ConnectionError):
        pipe.write(content)
        await pipe.drain()
    pipe.close()


async def _drain(pipe: asyncio.StreamReader) -> None:
    while await pipe.read(1 << 16):
        pass
