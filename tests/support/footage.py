"""The footage set of tests/footage at 640x360 and two seconds, made once by the wheel's ffmpeg."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import imageio_ffmpeg

from tests.support import cache, servers

GENERATOR = servers.REPOSITORY / "tests/footage/make_footage.sh"
SHAPE = {"SIZE": "640x360", "BITRATE": "700k"}
SECONDS = "2"


def ffmpeg() -> str:
    """The ffmpeg that the embedded mode uses as well."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def folder() -> Path:
    """The folder with the whole set. Tests read it and never write there."""
    digest = hashlib.sha256(GENERATOR.read_bytes() + Path(ffmpeg()).name.encode())
    digest.update(repr((SHAPE, SECONDS)).encode())
    return cache.once(f"footage-{digest.hexdigest()[:16]}", _make)


def _make(place: Path) -> None:
    made = subprocess.run(
        ["sh", str(GENERATOR), str(place), SECONDS],
        env={**os.environ, **SHAPE, "FFMPEG": ffmpeg()},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise servers.ServerFailed(f"The footage set cannot be made:\n{made.stderr[-3000:]}")


def small_clip(path: Path) -> bytes:
    """H.264 that browsers play, of a few megabytes, made in a second."""
    source = "testsrc2=size=640x360:rate=30:duration=4,noise=alls=40:allf=t,format=yuv420p"
    command = [ffmpeg(), *("-hide_banner", "-loglevel", "error", "-nostdin", "-y")]
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "18", "-g", "30")
    subprocess.run([*command, "-f", "lavfi", "-i", source, *coded, str(path)], check=True)
    return path.read_bytes()
