"""Pictures of some seconds of a livestream as H.264 that every browser shows; never evidence.

The bytes come from a stranger: they go through a pipe into a confined child that may open nothing,
and is gone when the call ends. Times are those of the source, in whole milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from recorder.adapters import media_process
from recorder.adapters.confinement import SYSTEM_PATHS, Confinement
from recorder.adapters.media_process import Complaints
from recorder.errors import Unavailable

_LINES = 720
_TIME_S = 60.0
_MEMORY_BYTES = 2 << 30
_CPU_S = 60
#: Twenty times what is asked of the encoder for the longest segment.
_MOST_BYTES = 32 << 20
_TAG = struct.Struct(">B3s3sB3s")
_KEY, _HEADER, _FRAME = 1, 0, 1


class Picture(NamedTuple):
    """One frame, in the form that MP4 holds."""

    at_ms: int
    is_key: bool
    content: bytes


@dataclass(frozen=True, slots=True)
class Pictures:
    """What became of a segment; the first one needs no other."""

    #: The decoder's description (``avcC``); the same for every segment of one size.
    record: bytes
    frames: tuple[Picture, ...]


def command(tool: Path, form: str, begin_s: float) -> list[str]:
    """``form`` (mov or matroska) on standard input to H.264 in FLV on standard output."""
    shown = f"trim=start={begin_s:.4f},scale=w=-2:h='min({_LINES},ih)',format=yuv420p"
    return [
        str(tool), "-nostdin", "-hide_banner", "-v", "error", "-threads", "2",
        "-protocol_whitelist", "pipe", "-f", form, "-max_pixels", "40000000",
        "-copyts", "-i", "pipe:0", "-map", "0:v:0", "-vf", shown,
        "-fps_mode", "passthrough", "-enc_time_base:v", "1:16000",
        "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-threads", "2",
        "-profile:v", "main", "-level", "4.1", "-crf", "26", "-maxrate", "3M", "-bufsize", "3M",
        # Said to all alike: what it would guess from a second differs from segment to segment.
        "-x264-params", "fps=25:keyint=1000:scenecut=0",
        "-flvflags", "no_duration_filesize", "-f", "flv", "pipe:1",
    ]  # fmt: skip


async def pictures(tool: Path, form: str, content: bytes, begin_s: float) -> Pictures | None:
    """The pictures shown from ``begin_s`` on; None where there are none that can be shown.

    Raises Unavailable ``media-tool-missing``.
    """
    limits = Confinement(
        memory_bytes=_MEMORY_BYTES,
        cpu_s=_CPU_S,
        readable=(*SYSTEM_PATHS, str(tool.resolve())),
    )
    child = await media_process.start(limits.launch(command(tool.resolve(), form, begin_s)))
    if child.stdin is None or child.stdout is None or child.stderr is None:
        raise Unavailable("media-tool-missing", f"{tool.name} was started without its pipes.")
    try:
        async with asyncio.timeout(_TIME_S):
            written = await _fed(child.stdin, child.stdout, child.stderr, content)
    except (TimeoutError, ConnectionError):
        return None
    finally:
        await media_process.end(child)
    return read(written)


def read(flv: bytes) -> Pictures | None:
    """Description and frames out of what the child wrote, as far as that is whole."""
    record = b""
    frames: list[Picture] = []
    for at_ms, body in _tags(flv):
        if len(body) <= 5:
            continue
        if body[1] == _HEADER:
            record = body[5:]
        elif body[1] == _FRAME:
            shown_later = int.from_bytes(body[2:5], "big", signed=True)
            frames.append(Picture(at_ms + shown_later, body[0] >> 4 == _KEY, body[5:]))
    return Pictures(record, tuple(frames)) if record and frames else None


def _tags(flv: bytes) -> Iterator[tuple[int, bytes]]:
    """Time and body of each picture tag."""
    position = 13
    while position + _TAG.size <= len(flv):
        kind, length, low, high, _ = _TAG.unpack_from(flv, position)
        begin = position + _TAG.size
        end = begin + int.from_bytes(length, "big")
        if end > len(flv):
            return
        if kind == 9:
            yield high << 24 | int.from_bytes(low, "big"), flv[begin:end]
        position = end + 4


async def _fed(
    stdin: asyncio.StreamWriter,
    stdout: asyncio.StreamReader,
    stderr: asyncio.StreamReader,
    content: bytes,
) -> bytes:
    """What it writes while it is given the content; at most a little more than is allowed."""
    complaints = Complaints()
    feeding = asyncio.create_task(_feed(stdin, content))
    draining = asyncio.create_task(complaints.drain(stderr))
    written = bytearray()
    try:
        while len(written) <= _MOST_BYTES and (more := await stdout.read(1 << 16)):
            written += more
    finally:
        feeding.cancel()
        draining.cancel()
        await asyncio.gather(feeding, draining, return_exceptions=True)
    return bytes(written)


async def _feed(pipe: asyncio.StreamWriter, content: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        pipe.write(content)
        await pipe.drain()
    pipe.close()
