"""Look at a media server's folder again and again, and send what is finished.

What was sent is known by the client's journal, so it may be killed at any line and started again.
A file that could not be sent is tried again later; nothing is removed unless that was asked for,
and then only with its receipt checked and saved.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path, PurePosixPath

from recorder.client import listing
from recorder.client.gateway import layout
from recorder.client.gateway.closing import Closing
from recorder.client.metadata import Metadata
from recorder.client.progress import FileProgress, FileResult
from recorder.client.source import Identity
from recorder.client.uploader import Uploader
from recorder.domain.gateway import GatewayKind

_FIRST_PAUSE_S = 10.0
_LONGEST_PAUSE_S = 600.0
#: Files in one go: what is finished meanwhile waits for no more than these.
_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Where the media server writes, and how its names are read."""

    place: Path
    kind: GatewayKind
    #: The media server's zone, where its names do not say it; None: the system's.
    zone: tzinfo | None = None
    #: What of a stream's name is the number of a device: the group ``device``, else all of it.
    device: re.Pattern[str] | None = None

    def relative(self, path: Path) -> PurePosixPath:
        return PurePosixPath(path.relative_to(self.place))

    def metadata(self, path: Path) -> Metadata:
        """What the service is told of a file."""
        relative = self.relative(path)
        named = layout.read(self.kind, relative, self.zone)
        livestream = named.livestream
        return Metadata(
            device=None if livestream else self._device(named.stream),
            livestream=livestream,
            device_started_at=named.started_at,
            path=str(relative),
        )

    def _device(self, stream: str | None) -> str | None:
        found = self.device.fullmatch(stream) if self.device and stream else None
        return found["device"] if found else stream


@dataclass(slots=True)
class _Failure:
    identity: Identity
    again_at: float
    pause_s: float


@dataclass(slots=True)
class Pusher:
    """One folder and one uploader, which is open."""

    folder: Folder
    uploader: Uploader
    closing: Closing
    tell: Callable[[FileProgress], None]
    skip: Path | None = None
    monotonic: Callable[[], float] = time.monotonic
    _done: dict[Path, Identity] = field(default_factory=dict)
    _failed: dict[Path, _Failure] = field(default_factory=dict)

    async def look(self) -> list[FileResult]:
        """Send what is finished and was not sent yet; what became of each."""
        closed = await asyncio.to_thread(self._closed)
        if not closed:
            return []
        before = {path: Identity.of(os.lstat(path)) for path in closed if path.exists()}
        results = await self.uploader.upload(
            list(before), metadata=self.folder.metadata, progress=self.tell
        )
        for result in results:
            self._settle(result, before[result.path])
        return results

    def waiting(self) -> list[Path]:
        """Files that are there and not done."""
        return [path for path in self._media() if not self._is_done(path)]

    def _media(self) -> list[Path]:
        found = listing.files_below([self.folder.place], skip=self.skip)
        return [path for path in found if path.suffix.lower() in layout.ENDINGS]

    def _closed(self) -> list[Path]:
        there = self._media()
        for gone in (self._done.keys() | self._failed.keys()) - set(there):
            self._done.pop(gone, None)
            self._failed.pop(gone, None)
            self.closing.forget(gone)
        due = [path for path in there if not self._is_done(path) and self._is_due(path)]
        return [path for path in due if self.closing.is_closed(path)][:_AT_ONCE]

    def _is_done(self, path: Path) -> bool:
        known = self._done.get(path)
        return known is not None and known == _identity(path)

    def _is_due(self, path: Path) -> bool:
        failed = self._failed.get(path)
        if failed is None or failed.identity != _identity(path):
            return True
        return self.monotonic() >= failed.again_at

    def _settle(self, result: FileResult, identity: Identity) -> None:
        path = result.path
        if result.done:
            self._done[path] = identity
            self._failed.pop(path, None)
            self.closing.forget(path)
            return
        failed = self._failed.get(path)
        pause = min(failed.pause_s * 2, _LONGEST_PAUSE_S) if failed else _FIRST_PAUSE_S
        self._failed[path] = _Failure(identity, self.monotonic() + pause, pause)


def _identity(path: Path) -> Identity | None:
    try:
        return Identity.of(os.lstat(path))
    except OSError:
        return None
