"""Clips in which a QR code is held before the camera."""

from __future__ import annotations

import subprocess
from pathlib import Path

import segno

from tests.support import footage


def film(folder: Path, text: str, *, how: str = "null", at_s: int = 2, gop: int = 25) -> Path:
    """Six seconds of a noisy street in which a code is held up for two seconds."""
    code, clip = folder / "code.png", folder / "clip.mp4"
    segno.make(text, error="m").save(str(code), scale=8, border=4)
    made = subprocess.run(
        [
            footage.ffmpeg(), "-nostdin", "-v", "error", "-y",
            "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=6", "-i", str(code),
            "-filter_complex",
            f"[1:v]scale=150:-1,{how}[code];[0:v][code]overlay=220:70:"
            f"enable='between(t,{at_s},{at_s + 2})',noise=alls=12:allf=t",
            "-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-g", str(gop),
            "-pix_fmt", "yuv420p", str(clip),
        ],
        check=False, capture_output=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return clip
