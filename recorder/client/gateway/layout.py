"""What the names of a media server's files say: which stream, and since when.

Pure. The layouts are those of deploy/gateways; a file that fits none is footage all the same.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import PurePosixPath
from urllib.parse import unquote

from recorder.domain.gateway import GatewayKind

#: Endings of files that hold media; everything else in the folder is the media server's own.
ENDINGS = frozenset({".mp4", ".m4s", ".ts", ".flv", ".mkv", ".webm"})
_MEDIA = "|".join(ending[1:] for ending in sorted(ENDINGS))
_DAY = r"(?P<day>\d{4}-\d\d-\d\d)"
_CLOCK = r"(?P<clock>\d\d-\d\d-\d\d)"

_LAYOUTS = {
    GatewayKind.MEDIAMTX: rf"(?P<stream>.+)/{_DAY}_{_CLOCK}(-\d{{1,6}})?"
    r"(?P<zone>Z|[+-]\d{4})?",
    GatewayKind.SRS: r"(?P<stream>.+)/(?P<milliseconds>\d{13})",
    GatewayKind.ZLMEDIAKIT: rf"(record/)?(?P<stream>.+)/{_DAY}/{_CLOCK}(-\d+)?",
    GatewayKind.NGINX_RTMP: r"(?P<stream>.+)-(?P<seconds>\d{10})",
}
_COMPILED = {
    kind: re.compile(rf"{layout}\.({_MEDIA})", re.ASCII) for kind, layout in _LAYOUTS.items()
}


@dataclass(frozen=True, slots=True)
class Named:
    """What the name of a file says."""

    #: The last part of the stream's name: a device's number, or the id of a livestream.
    stream: str | None = None
    started_at: datetime | None = None

    @property
    def livestream(self) -> str | None:
        try:
            return str(uuid.UUID(self.stream or ""))
        except ValueError:
            return None


def read(kind: GatewayKind, path: PurePosixPath, zone: tzinfo | None = None) -> Named:
    """What the path below the folder says; ``zone`` is the media server's, else the system's."""
    found = _COMPILED[kind].fullmatch(str(path))
    if found is None:
        return Named()
    said = found.groupdict()
    stream = unquote(said["stream"]).rpartition("/")[2]
    return Named(stream or None, _moment(said, zone))


def _moment(said: dict[str, str | None], zone: tzinfo | None) -> datetime | None:
    readers: dict[str, Callable[[str], datetime]] = {
        "milliseconds": lambda text: datetime.fromtimestamp(int(text) / 1000, UTC),
        "seconds": lambda text: datetime.fromtimestamp(int(text), UTC),
        "day": lambda text: _local(f"{text}_{said['clock']}", said.get("zone"), zone),
    }
    for name, reader in readers.items():
        text = said.get(name)
        if text is not None:
            try:
                return reader(text)
            except (ValueError, OverflowError):
                return None
    return None


def _local(text: str, written: str | None, zone: tzinfo | None) -> datetime:
    plain = "%Y-%m-%d_%H-%M-%S"
    if written is not None:
        return datetime.strptime(text + written, f"{plain}%z")
    if zone is not None:
        return datetime.strptime(text, plain).replace(tzinfo=zone)
    return datetime.strptime(text, plain).astimezone()
