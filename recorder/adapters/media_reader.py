"""Reading an original inside the probing child: a file, or ranges from a loopback address.

Both give the same bytes through the same two ways, so the verdict cannot depend on where an
original is kept. A source that goes away is remembered in ``failure``: libav turns it into
"invalid data", and that must never become a verdict about the footage.
"""

from __future__ import annotations

import http.client
import io
import os
import urllib.parse
from typing import Protocol

#: A gap this small is read and thrown away rather than asked for anew.
_SKIP_BYTES = 1 << 20


class SourceAwayError(Exception):
    """The source did not give the bytes it promised; says nothing about the footage."""


class Reader(Protocol):
    """Random access to one original of known length."""

    size: int
    failure: str

    def read_at(self, offset: int, length: int) -> bytes:
        """At most ``length`` bytes at ``offset``, shorter only at the end of the original.

        Raises SourceAwayError, and leaves the reason in ``failure``.
        """
        ...


class PathReader:
    """A local file, opened once, so that the folder may be closed to us afterwards."""

    def __init__(self, path: str) -> None:
        self.failure = ""
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SourceAwayError(f"The original cannot be opened: {error.strerror}.") from error
        self.size = os.fstat(self._file).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        try:
            return os.pread(self._file, length, offset)
        except OSError as error:
            self.failure = f"The original cannot be read: {error.strerror}."
            raise SourceAwayError(self.failure) from error


class UrlReader:
    """Ranges of a loopback address, over one connection that is kept as long as reads follow on."""

    def __init__(self, url: str, size: int, *, timeout_s: float = 60.0) -> None:
        parts = urllib.parse.urlsplit(url)
        self.size = size
        self.failure = ""
        self._path = parts.path
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=timeout_s
        )
        self._response: http.client.HTTPResponse | None = None
        self._position = 0

    def read_at(self, offset: int, length: int) -> bytes:
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        try:
            response = self._at(offset)
            block = response.read(length)
        except (OSError, http.client.HTTPException) as error:
            self.failure = f"The source went away: {error}."
            raise SourceAwayError(self.failure) from error
        if len(block) < length:
            self.failure = f"The source ended at {offset + len(block)} of {self.size} bytes."
            raise SourceAwayError(self.failure)
        self._position += length
        return block

    def _at(self, offset: int) -> http.client.HTTPResponse:
        gap = offset - self._position
        if self._response is not None and 0 <= gap <= _SKIP_BYTES:
            self._response.read(gap)
            self._position = offset
            return self._response
        self._connection.close()
        self._connection.request("GET", self._path, headers={"Range": f"bytes={offset}-"})
        response = self._connection.getresponse()
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            raise http.client.HTTPException(f"status {response.status}")
        self._response, self._position = response, offset
        return response


class FileView:
    """A reader as the seekable file that libav wants; it has no name for libav to judge by."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._offset = 0

    def read(self, size: int = -1) -> bytes:
        length = self._reader.size - self._offset if size < 0 else size
        block = self._reader.read_at(self._offset, length)
        self._offset += len(block)
        return block

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: self._reader.size}[whence]
        self._offset = max(0, base + offset)
        return self._offset

    def tell(self) -> int:
        return self._offset
