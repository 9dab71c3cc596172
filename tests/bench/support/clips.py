"""Footage for measuring: longer and heavier than the test set, made by ffmpeg when needed."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support import footage

_NOISY = "noise=alls=20:allf=t"


def ffmpeg(*words: str) -> None:
    """Run the ffmpeg of the tests; raises CalledProcessError."""
    subprocess.run([str(footage.ffmpeg()), "-nostdin", "-v", "error", "-y", *words], check=True)


def h264_of_100_mb(folder: Path) -> Path:
    """100 s of 1080p30 at 8 Mbit/s with sound; a box at its end may be changed by anybody."""
    part, clip = folder / "part.mp4", folder / "clip.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=30:d=20"),
        *("-f", "lavfi", "-i", "sine=f=440:r=48000:d=20", "-vf", _NOISY),
        *("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "8M", "-maxrate", "8M"),
        *("-bufsize", "16M", "-pix_fmt", "yuv420p", "-g", "60"),
        *("-c:a", "aac", "-b:a", "128k", str(part)),
    )
    ffmpeg("-stream_loop", "4", "-i", str(part), "-c", "copy", str(clip))
    append_box(clip)
    return clip


def append_box(clip: Path) -> None:
    """Eight bytes at the end that players skip, for ``make_different``."""
    with clip.open("ab") as target:
        # ISO/IEC 14496-12, 8.1.2: what is in a free box nobody reads.
        target.write((16).to_bytes(4, "big") + b"free" + bytes(8))


def make_different(clip: Path, number: int) -> None:
    """Another content, the same film."""
    with clip.open("r+b") as target:
        target.seek(-8, 2)
        target.write(number.to_bytes(8, "big"))


def hevc(target: Path, seconds: int) -> None:
    """1080p30 HEVC with AAC, about 4 Mbit/s, a keyframe every two seconds."""
    part = target.with_suffix(".part.mp4")
    shorter = min(seconds, 6)
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s=1920x1080:r=30:d={shorter}"),
        *("-f", "lavfi", "-i", f"sine=f=440:r=48000:d={shorter}", "-vf", "noise=alls=6:allf=t"),
        *("-c:v", "libx265", "-preset", "ultrafast", "-b:v", "4M", "-tag:v", "hvc1"),
        *("-x265-params", "log-level=error:keyint=60", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", "-b:a", "96k", str(part)),
    )
    loops = str(-(-seconds // shorter) - 1)
    ffmpeg("-stream_loop", loops, "-i", str(part), "-c", "copy", str(target))
    part.unlink()
