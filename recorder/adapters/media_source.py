"""Where the bytes of an original come from: a file of ours, or ranges on a loopback address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recorder.adapters.range_server import RangeServer
from recorder.errors import InternalError, Unavailable


@dataclass(frozen=True, slots=True)
class MediaSource:
    """One original to read: a file of ours, or a range server on the loopback."""

    path: Path | None = None
    server: RangeServer | None = None

    @property
    def location(self) -> str:
        if self.server is not None:
            return self.server.url
        if self.path is None:
            raise InternalError("media-source-empty", "A media source names a file or a server.")
        return str(self.path)

    @property
    def length(self) -> int:
        return self.server.length if self.server is not None else self._file_length()

    def _file_length(self) -> int:
        try:
            return 0 if self.path is None else self.path.stat().st_size
        except OSError as error:
            raise Unavailable(
                "media-source-away", f"The original cannot be read: {error.strerror}."
            ) from error

    @property
    def failure(self) -> str:
        """Why the source itself failed, empty while it has not."""
        return self.server.failure if self.server is not None else ""
