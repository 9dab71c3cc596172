"""Pictures of some seconds of a livestream as H.264 that every browser shows; never evidence.

The bytes come from a stranger: they go through a pipe into a confined child that may open nothing,
and is gone when the call ends. Times are those of the source, in whole milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
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
_PICTURE, _SOUND = 9, 8
#: What is shown at the very beginning must not fall to a rounding.
_HALF_MS = 0.0005
#: Every frame of AAC stands at a multiple of so many samples, in every segment alike.
SOUND_RATE, SOUND_FRAME = 48_000, 1_024
#: AudioSpecificConfig of what is made: AAC-LC, 48 kHz, stereo.
SOUND_CONFIG = b"\x11\x90"
#: Frames before the first one that is wanted, so that it joins those of the segment before.
_SOUND_RUN_UP = 4


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
    #: Frames of AAC, where sound was asked for, and the number of the first one.
    sounds: tuple[bytes, ...] = ()
    first_sound: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """What is to be shown of some bytes: from one time to another, in seconds."""

    begins_s: float
    #: None: to the end of the bytes.
    ends_s: float | None = None
    #: Whether its sound is made AAC as well.
    has_sound: bool = False

    @property
    def first_sound(self) -> int:
        """The number of the first frame of sound in it."""
        return math.ceil(self.begins_s * SOUND_RATE / SOUND_FRAME)

    @property
    def sounds(self) -> int:
        """How many frames of sound are in it."""
        ends = self.begins_s if self.ends_s is None else self.ends_s
        return math.ceil(ends * SOUND_RATE / SOUND_FRAME) - self.first_sound

    @property
    def sound_run_up(self) -> int:
        return min(self.first_sound, _SOUND_RUN_UP)


def command(tool: Path, form: str, section: Section) -> list[str]:
    """``form`` (mov or matroska) on standard input to FLV with H.264 on standard output."""
    ends = "" if section.ends_s is None else f":end={section.ends_s - _HALF_MS:.4f}"
    span = f"trim=start={max(0.0, section.begins_s - _HALF_MS):.4f}{ends}"
    shown = f"{span},scale=w=-2:h='min({_LINES},ih)',format=yuv420p"
    begins = (section.first_sound - section.sound_run_up) * SOUND_FRAME
    sound = [
        "-map", "0:a:0?", "-c:a", "aac", "-b:a", "96k",
        "-af", f"aresample={SOUND_RATE}:async=1:first_pts={begins},"
        "aformat=sample_fmts=fltp:channel_layouts=stereo",
    ] if section.has_sound else []  # fmt: skip
    return [
        str(tool), "-nostdin", "-hide_banner", "-v", "error", "-threads", "2",
        "-protocol_whitelist", "pipe", "-f", form, "-max_pixels", "40000000",
        "-copyts", "-i", "pipe:0", "-map", "0:v:0", "-vf", shown,
        "-fps_mode", "passthrough", "-enc_time_base:v", "1:16000",
        "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-threads", "2",
        "-profile:v", "main", "-level", "4.1", "-crf", "26", "-maxrate", "3M", "-bufsize", "3M",
        # Said to all alike: what it would guess from a second differs from segment to segment.
        "-x264-params", "fps=25:keyint=1000:scenecut=0", *sound,
        # The encoder of sound begins before 0; nothing is to be moved for that.
        "-avoid_negative_ts", "disabled",
        "-flvflags", "no_duration_filesize", "-f", "flv", "pipe:1",
    ]  # fmt: skip


async def pictures(tool: Path, form: str, content: bytes, section: Section) -> Pictures | None:
    """The pictures of a section; None where there are none that can be shown.

    Raises Unavailable ``media-tool-missing``.
    """
    limits = Confinement(
        memory_bytes=_MEMORY_BYTES,
        cpu_s=_CPU_S,
        readable=(*SYSTEM_PATHS, str(tool.resolve())),
    )
    child = await media_process.start(limits.launch(command(tool.resolve(), form, section)))
    if child.stdin is None or child.stdout is None or child.stderr is None:
        raise Unavailable("media-tool-missing", f"{tool.name} was started without its pipes.")
    try:
        async with asyncio.timeout(_TIME_S):
            written = await _fed(child.stdin, child.stdout, child.stderr, content)
    except (TimeoutError, ConnectionError):
        return None
    finally:
        await media_process.end(child)
    return read(written, section)


def read(flv: bytes, section: Section) -> Pictures | None:
    """Description and frames out of what the child wrote, as far as that is whole."""
    record = b""
    frames: list[Picture] = []
    sounds: list[bytes] = []
    for kind, at_ms, body in _tags(flv):
        if kind == _SOUND and len(body) > 2 and body[1] == _FRAME:
            sounds.append(body[2:])
        if kind != _PICTURE or len(body) <= 5:
            continue
        if body[1] == _HEADER:
            record = body[5:]
        elif body[1] == _FRAME:
            shown_later = int.from_bytes(body[2:5], "big", signed=True)
            frames.append(Picture(at_ms + shown_later, body[0] >> 4 == _KEY, body[5:]))
    # The encoder's first frame is its own: what it needs before the first sample.
    begins = 1 + section.sound_run_up
    wanted = tuple(sounds[begins : begins + section.sounds])
    if not record or not frames:
        return None
    return Pictures(record, tuple(frames), wanted, section.first_sound)


def _tags(flv: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Kind, time and body of each tag."""
    position = 13
    while position + _TAG.size <= len(flv):
        kind, length, low, high, _ = _TAG.unpack_from(flv, position)
        begin = position + _TAG.size
        end = begin + int.from_bytes(length, "big")
        if end > len(flv):
            return
        yield kind, high << 24 | int.from_bytes(low, "big"), flv[begin:end]
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
