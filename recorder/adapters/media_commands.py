"""The ffmpeg commands of every rendition, composed with ffmpeg-python and run by nobody here.

Every command names the one demuxer it may use and the one protocol it may speak (media.md 2):
the protocol list alone leaks. Names given by people never come near a command; input is a path
or a one-time address of ours, output a path of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ffmpeg

from recorder.adapters.media_sniff import DEMUXERS, GUESSABLE
from recorder.domain.media import MAX_PIXELS, MediaFacts, RenditionPlan, StreamFacts, Treatment

#: Where the poster is taken: a tenth into the clip, but not later than this.
_POSTER_AT_MS = 10_000

_PROXY_PIXELS = 720
_POSTER_WIDTH = 1280

#: H.264 as media.md 3 measured it: picture quality 25, at most 3 Mbit/s.
_H264: Mapping[str, str] = {
    "c:v": "libx264",
    "preset": "veryfast",
    "crf": "25",
    "maxrate": "3M",
    "bufsize": "6M",
    "pix_fmt": "yuv420p",
    "force_key_frames": "expr:gte(t,n_forced*2)",
    "sc_threshold": "0",
}
_AAC: Mapping[str, str] = {"c:a": "aac", "b:a": "96k", "ac": "2"}

#: The shorter side at most 720, both sides even, never enlarged; the player's rotation included.
_SCALE = (
    f"scale=w='if(gte(iw,ih),-2,trunc(min({_PROXY_PIXELS},iw)/2)*2)'"
    f":h='if(gte(iw,ih),trunc(min({_PROXY_PIXELS},ih)/2)*2,-2)'"
)
_POSTER_SCALE = f"scale=w='min({_POSTER_WIDTH},iw)':h=-2,format=yuvj420p"


def poster(
    tool: Path, source: str, facts: MediaFacts, out: Path, *, threads: int, from_start: bool
) -> list[str]:
    """One JPEG: a frame of the film, the picture made smaller, or the shape of the sound."""
    options: dict[str, str] = {}
    still: Mapping[str, Any] = {"frames:v": "1", "c:v": "mjpeg", "q:v": "4", "f": "mjpeg"}
    at_ms = min(facts.length_ms // 10, _POSTER_AT_MS)
    if facts.video is not None and at_ms and not from_start:
        options["ss"] = f"{at_ms / 1000:.3f}"
    opened = _open(source, facts, threads, options)
    if facts.video is not None:
        picture = opened[str(_place(facts, facts.video))]
        return _compile(tool, picture.output(str(out), vf=_POSTER_SCALE, **still))
    sound = opened[str(_place(facts, facts.audio))]
    waves = sound.filter("aformat", channel_layouts="mono").filter(
        "showwavespic", s="1280x320", colors="0x3b82f6"
    )
    return _compile(tool, waves.output(str(out), pix_fmt="yuvj420p", **still))


def proxy(
    tool: Path, source: str, facts: MediaFacts, plan: RenditionPlan, out: Path, *, threads: int
) -> list[str]:
    """An MP4 with its index first that every browser plays.

    Streams are copied where the plan says so. Rotation stays: as a matrix when copied, in the
    picture itself when encoded. Tags of the original are left out.
    """
    # A packet that its own container marks as incomplete would only stop the player.
    opened = _open(source, facts, threads, {"fflags": "+discardcorrupt"})
    options: dict[str, Any] = {"threads": str(threads), "map_metadata": "-1", "map_chapters": "-1"}
    streams = []
    if plan.video is not Treatment.DROP and facts.video is not None:
        streams.append(opened[str(_place(facts, facts.video))])
        options |= {"c:v": "copy"} if plan.video is Treatment.COPY else {**_H264, "vf": _SCALE}
    if plan.audio is not Treatment.DROP and facts.audio is not None:
        streams.append(opened[str(_place(facts, facts.audio))])
        options |= {"c:a": "copy"} if plan.audio is Treatment.COPY else _AAC
    options |= {"movflags": "+faststart", "f": "mp4", "max_muxing_queue_size": "4096"}
    return _compile(tool, ffmpeg.output(*streams, str(out), **options))


def _open(source: str, facts: MediaFacts, threads: int, options: Mapping[str, str]) -> Any:
    """The input with everything that keeps libav to this one source."""
    demuxer = DEMUXERS.get(facts.container)
    is_url = source.startswith("http://")
    named = {} if demuxer is None else {"f": demuxer}
    return ffmpeg.input(
        source if is_url else f"file:{source}",
        protocol_whitelist="http,tcp" if is_url else "file",
        format_whitelist=demuxer or GUESSABLE,
        max_pixels=str(MAX_PIXELS),
        threads=str(threads),
        **named,
        **options,
    )


def _place(facts: MediaFacts, stream: StreamFacts | None) -> int:
    """The stream's number in the file; facts list streams in the file's own order."""
    return next(n for n, other in enumerate(facts.streams) if other is stream)


def _compile(tool: Path, output: Any) -> list[str]:
    command: list[str] = output.global_args(
        "-hide_banner", "-nostdin", "-nostats", "-v", "error",
        "-progress", "pipe:1", "-stats_period", "0.5",
    ).compile(cmd=str(tool), overwrite_output=True)  # fmt: skip
    return command
