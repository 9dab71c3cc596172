"""Short clips as cameras stream them, made once, and the FLV files that ffmpeg makes of them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support import cache, footage, servers

_SOUND = ["-c:a", "aac", "-b:a", "64k", "-ac", "1"]
_INPUT = ["-f", "lavfi", "-i", "testsrc2=size={size}:rate=30:duration={seconds}",
          "-f", "lavfi", "-i", "sine=frequency=440:duration={seconds}"]  # fmt: skip
_CODECS = {
    "h264": ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0"],
    "bframes": ["-c:v", "libx264", "-preset", "veryfast", "-bf", "2"],
    "hevc": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"],
}


def clip(codec: str = "h264", *, seconds: int = 6, gop: int = 30, size: str = "320x180",
         sound: bool = True) -> Path:  # fmt: skip
    """An FLV file with 30 frames a second and a keyframe every ``gop`` frames."""
    name = f"live-1-{codec}-{seconds}-{gop}-{size}-{'av' if sound else 'v'}"

    def make(place: Path) -> None:
        source = [word.format(size=size, seconds=seconds) for word in _INPUT]
        picture = [*_CODECS[codec], "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0"]
        tracks = ["-map", "0:v", *(["-map", "1:a", *_SOUND] if sound else [])]
        run([*source, *tracks, *picture, "-b:v", "400k", "-pix_fmt", "yuv420p",
             "-f", "flv", str(place / "clip.flv")])  # fmt: skip

    return cache.once(name, make) / "clip.flv"


def with_sound(codec: str) -> Path:
    """The H.264 clip with three seconds of sound in another codec, by ffmpeg's name for it."""

    def make(place: Path) -> None:
        run([*("-i", str(clip()), "-t", "3", "-c:v", "copy", "-c:a", codec),
             *("-ac", "1", *(("-ar", "8000") if codec.startswith("pcm") else ())),
             *("-f", "flv", str(place / "clip.flv"))])  # fmt: skip

    return cache.once(f"live-sound-1-{codec}", make) / "clip.flv"


def run(arguments: Sequence[str]) -> str:
    """ffmpeg to its end; what it complained about."""
    command = [footage.ffmpeg(), "-nostdin", "-hide_banner", "-v", "warning", "-y", *arguments]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise servers.ServerFailed(f"ffmpeg failed:\n{made.stderr[-3000:]}")
    return made.stderr
