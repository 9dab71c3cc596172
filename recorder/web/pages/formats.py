"""How numbers, times and digests are written on pages: pure functions, filters of templates.

Every time is shown in China's one zone (UTC+8), which the foot of each page says.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, time, timedelta

from recorder.domain.instant import CHINA, format_utc

_CODECS = {
    "avc": "H.264", "V_MPEG4/ISO/AVC": "H.264", "hvc1": "H.265", "hev1": "H.265",
    "V_VP8": "VP8", "V_VP9": "VP9", "vp09": "VP9", "V_AV1": "AV1", "av01": "AV1",
}  # fmt: skip
_UNITS = ("B", "KB", "MB", "GB", "TB")


def moment(at: datetime | None) -> str:
    """``2026-03-05 16:15:30``; an empty text for no time."""
    return at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def day(at: datetime | None) -> str:
    """``2026-03-05``."""
    return at.astimezone(CHINA).strftime("%Y-%m-%d") if at else ""


def clock(at: datetime | None) -> str:
    """``16:15:30``."""
    return at.astimezone(CHINA).strftime("%H:%M:%S") if at else ""


def until(at: datetime | None) -> str:
    """The end of a term: midnight is ``24:00`` of the day that ends with it, as officials say."""
    if at is None or (local := at.astimezone(CHINA)).time() != time():
        return moment(at)
    return (local - timedelta(days=1)).strftime("%Y-%m-%d 24:00")


def iso(at: datetime | None) -> str:
    """The same in UTC for the ``datetime`` attribute; an empty text for no time."""
    return format_utc(at) if at else ""


def epoch(at: datetime) -> int:
    """Milliseconds since 1970, as scripts count time."""
    return int(at.timestamp() * 1000)


def size(length: int) -> str:
    """Bytes for people, in steps of 1024: ``12.4 MB``."""
    value, unit = float(length), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{length} B" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def duration(milliseconds: object) -> str:
    """``1:02:03`` or ``2:03``; an empty text for nothing."""
    if not isinstance(milliseconds, int) or milliseconds <= 0:
        return ""
    seconds = max(1, round(milliseconds / 1000))
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def at(milliseconds: int | None) -> str:
    """A place in the media, as the player counts: ``0:00``, ``1:02:03``; "" for none."""
    if milliseconds is None:
        return ""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def offset(milliseconds: int | None) -> str:
    """A difference of clocks with its sign: ``+1.250 s``, ``-405:33:08``; "" for none."""
    if milliseconds is None:
        return ""
    if abs(milliseconds) < 60_000:
        return f"{milliseconds / 1000:+.3f} s"
    return ("-" if milliseconds < 0 else "+") + duration(abs(milliseconds))


def codec(name: str) -> str:
    """A codec as people know it; as it came where nobody does."""
    return next((word for sign, word in _CODECS.items() if name.startswith(sign)), name)


def short(identifier: uuid.UUID | str) -> str:
    """The last eight digits of an identifier, enough to tell neighbours apart."""
    return str(identifier)[-8:]


def groups(digest: bytes | None) -> str:
    """A digest in groups of eight digits, for reading aloud."""
    text = digest.hex() if digest else ""
    return " ".join(text[i : i + 8] for i in range(0, len(text), 8))


def fps(stream: Mapping[str, object]) -> str:
    """Frames per second of a stream as the probe measured them."""
    value = stream.get("fps_milli")
    return f"{value / 1000:g}" if isinstance(value, int) and value > 0 else ""


def from_iso(text: str) -> datetime:
    """A time as rows of scenes keep it."""
    return datetime.fromisoformat(text)


def length_of(hole: Mapping[str, str | None]) -> int:
    """The milliseconds of a hole as rows of scenes keep it."""
    began, ended = hole["began_at"], hole["ended_at"]
    if began is None or ended is None:
        return 0
    return round((from_iso(ended) - from_iso(began)).total_seconds() * 1000)


FILTERS = {
    "moment": moment, "day": day, "clock": clock, "iso": iso, "epoch": epoch, "size": size,
    "duration": duration, "at": at, "offset": offset, "codec": codec, "short": short,
    "groups": groups, "fps": fps, "until": until, "from_iso": from_iso, "length_of": length_of,
}  # fmt: skip
