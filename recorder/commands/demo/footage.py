"""Clips for the demo: made by ffmpeg's own test sources, named as body cameras name them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from recorder.errors import Unavailable

_PICTURE = "testsrc2=size={size}:rate=30:duration={s},noise=alls=14:allf=t,format=yuv420p"
_SOUND = "sine=frequency=440:beep_factor=4:sample_rate=48000:duration={s}"
_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-bf", "0", "-maxrate", "12M")
_AAC = ("-c:a", "aac", "-b:a", "96k")


@dataclass(frozen=True, slots=True)
class _Clip:
    extension: str
    size: str
    seconds: int
    options: tuple[str, ...]


_CLIPS = (
    # What most cameras write: H.264 and AAC, the index at the end. Long enough to be cut.
    _Clip("mp4", "1920x1080", 6, (*_H264, "-b:v", "12M", "-bufsize", "12M", *_AAC)),
    # H.265, which browsers show no picture of: needs a proxy.
    _Clip("MP4", "1280x720", 4, ("-c:v", "libx265", "-preset", "ultrafast", "-b:v", "2M",
                                 "-x265-params", "log-level=error", "-tag:v", "hev1", *_AAC)),
    # A transport stream: the same pictures in another container.
    _Clip("ts", "1280x720", 4, (*_H264, "-b:v", "4M", "-bufsize", "4M", *_AAC)),
    # Fragmented MP4, cut in the middle below, as by an empty battery.
    _Clip("mp4", "1280x720", 6, (*_H264, "-b:v", "4M", "-bufsize", "4M", *_AAC, "-movflags",
                                 "+frag_keyframe+empty_moov+default_base_moof")),
)  # fmt: skip


#: When each begins, in seconds: they follow each other, but for twelve seconds after the second.
_BEGIN_S = (0, 6, 22, 26)


async def make_clips(ffmpeg: str, folder: Path, device: str, began: datetime) -> list[Path]:
    """Four clips of one camera, the first the largest and the last one cut off; all differ."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for second, clip in zip(_BEGIN_S, _CLIPS, strict=True):
        at = (began + timedelta(seconds=second)).strftime("%Y%m%d%H%M%S")
        path = folder / f"{device}_440301_{at}.{clip.extension}"
        await _run(
            ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin", "-y",
            "-f", "lavfi", "-i", _PICTURE.format(size=clip.size, s=clip.seconds),
            "-f", "lavfi", "-i", _SOUND.format(s=clip.seconds),
            # The tool would leave its version out and the clips of two runs would be equal.
            "-metadata", f"comment={device} {began.isoformat()}",
            *clip.options, str(path),
        )  # fmt: skip
        made.append(path)
    cut_off = made[-1]
    with cut_off.open("r+b") as file:
        file.truncate(cut_off.stat().st_size * 6 // 10)
    return made


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, complaint = await process.communicate()
    if process.returncode != 0:
        raise Unavailable(
            "demo-footage", f"ffmpeg could not make the clips: {complaint.decode()[-500:]}"
        )
