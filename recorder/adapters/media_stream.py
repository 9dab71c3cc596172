"""The media tool as a copier of live streams: FLV into its pipe, fragmented MP4 out of it.

Nothing is encoded again. The command was measured (docs/design/live-rtmp.md): each of its options
is there because without it frames are lost, times are falsified or segments come late. The child
is confined, niced not at all, and gone with its whole group when the block is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from recorder.adapters import media_process
from recorder.adapters.confinement import SYSTEM_PATHS, Confinement
from recorder.adapters.media_process import Complaints

_MEMORY_BYTES = 2 << 30
#: So long a fragment lasts without a keyframe; segments are made of whole fragments.
FRAGMENT_MS = 500
#: A larger pipe means fewer wake-ups; the kernel may refuse.
_PIPE_BYTES = 256 << 10
_EXIT_S = 10.0


@dataclass(slots=True)
class StreamCopier:
    """A running child."""

    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    complaints: Complaints
    pid: int
    _child: asyncio.subprocess.Process

    async def code(self) -> int | None:
        """The exit code, once standard output has ended; None when it does not end by itself."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_EXIT_S):
                return await self._child.wait()
        return None


def command(tool: Path, container: str) -> list[str]:
    """FLV on standard input to fragments of ``container`` (mp4 or mov) on standard output."""
    opened = ffmpeg.input(
        "pipe:0",
        f="flv",
        protocol_whitelist="pipe",
        format_whitelist="flv",
        # Default probing waits seconds for tracks; which there are is known by the FLV header.
        probesize="32768",
        analyzeduration="100000",
    )
    output = ffmpeg.output(
        opened["v?"],
        opened["a?"],
        "pipe:1",
        f=container,
        c="copy",
        # Pictures before the first keyframe came too, and are kept.
        copyinkf=None,
        # Without it pictures wait up to ten seconds for a sound track that pauses.
        max_interleave_delta=str(FRAGMENT_MS * 1000),
        movflags="+frag_keyframe+delay_moov+default_base_moof+skip_trailer",
        frag_duration=str(FRAGMENT_MS * 1000),
        map_metadata="-1",
    )
    compiled: list[str] = output.global_args(
        "-hide_banner", "-nostdin", "-nostats", "-v", "warning"
    ).compile(cmd=str(tool))
    return compiled


@contextlib.asynccontextmanager
async def copying(tool: Path, container: str) -> AsyncIterator[StreamCopier]:
    """A child that copies while the block runs. Raises Unavailable ``media-tool-missing``."""
    limits = Confinement(
        memory_bytes=_MEMORY_BYTES, nice=0, readable=(*SYSTEM_PATHS, str(tool.resolve()))
    )
    child = await media_process.start(limits.launch(command(tool.resolve(), container)))
    complaints = Complaints()
    draining = asyncio.create_task(complaints.drain(child.stderr))
    try:
        assert child.stdin is not None  # noqa: S101 - made with pipes just now.
        assert child.stdout is not None  # noqa: S101
        _widen(child.stdin.transport)
        yield StreamCopier(child.stdin, child.stdout, complaints, child.pid, child)
    finally:
        # asyncio calls a child ended only when its pipes were read to their end.
        emptying = asyncio.create_task(_emptied(child.stdout))
        await media_process.end(child)
        await asyncio.gather(draining, emptying, return_exceptions=True)


async def _emptied(pipe: asyncio.StreamReader | None) -> None:
    while pipe is not None and await pipe.read(_PIPE_BYTES):
        pass


def _widen(transport: asyncio.WriteTransport) -> None:
    pipe = transport.get_extra_info("pipe")
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
