"""The local file: who it is, its bytes in bodies of one PATCH, and its digest in the same pass.

Everything here blocks and is called in threads. Nothing here writes or removes a file.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recorder.client.failures import FileRefused, SourceChanged

BLOCK_BYTES = 1024 * 1024
#: Enough of both ends to tell two files of one name and length apart before sending.
_PROBE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays the same as long as nobody touches the file.

    The inode is compared within one run only: on the cards of cameras (FAT, exFAT) it is made up
    anew at each mount, so the journal knows a file by ``ends`` instead.
    """

    size: int
    mtime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        return cls(status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)


@dataclass(slots=True)
class Chunk:
    """The body of one PATCH, in a buffer that belongs to it until it is given back."""

    offset: int
    content: memoryview
    sha256: bytes
    buffer: bytearray

    @property
    def end(self) -> int:
        return self.offset + len(self.content)


class Source:
    """An opened file. Reads are positioned, so a resumed upload may begin anywhere."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises FileRefused when it is missing, unreadable or no regular file."""
        self.path = path
        try:
            # Not blocking: a named pipe must not hold the client for ever.
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
        except OSError as error:
            raise FileRefused("file-unreadable", f"Cannot read it: {error.strerror}.") from error
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise FileRefused("file-not-regular", "It is not a regular file.")
        self.identity = Identity.of(status)
        self._whole = hashlib.sha256()
        self._hashed_to = 0

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def length(self) -> int:
        return self.identity.size

    @property
    def hashed_to(self) -> int:
        """How far the digest of the whole file has come."""
        return self._hashed_to

    def ends(self) -> str:
        """Hex digest of the first and last 64 KiB."""
        digest = hashlib.sha256(os.pread(self._fd, _PROBE_BYTES, 0))
        digest.update(os.pread(self._fd, _PROBE_BYTES, max(0, self.length - _PROBE_BYTES)))
        return digest.hexdigest()

    def check_unchanged(self) -> None:
        """Raise SourceChanged unless the open file and the one at the path are still the same."""
        try:
            same = Identity.of(os.fstat(self._fd)) == self.identity
            same = same and Identity.of(os.stat(self.path)) == self.identity
        except OSError as error:
            raise SourceChanged(
                "source-changed", f"The file went away while it was sent: {error.strerror}."
            ) from error
        if not same:
            raise SourceChanged("source-changed", "The file changed while it was sent.")

    def whole_sha256(self, stop: Callable[[], bool] = lambda: False) -> str:
        """Hex digest of the whole file, reading only what no earlier pass has read."""
        self._hash_up_to(self.length, stop)
        return self._whole.hexdigest()

    def read_chunk(
        self,
        buffer: bytearray,
        offset: int,
        end: int,
        *,
        whole: bool,
        stop: Callable[[], bool] = lambda: False,
    ) -> Chunk:
        """Fill the buffer with bytes ``offset`` to ``end`` and digest them.

        With ``whole`` the same blocks also go into the digest of the whole file; bytes before
        ``offset`` that it lacks (sent by an earlier run) are read for it first.
        """
        if whole:
            self._hash_up_to(offset, stop)
        content = memoryview(buffer)[: end - offset]
        digest = hashlib.sha256()
        position = offset
        while position < end:
            block = content[position - offset : position - offset + BLOCK_BYTES]
            self._fill(block, position)
            digest.update(block)
            after = position + len(block)
            if whole and after > self._hashed_to:
                self._whole.update(block[self._hashed_to - position :])
                self._hashed_to = after
            position = after
        return Chunk(offset, content, digest.digest(), buffer)

    def _hash_up_to(self, end: int, stop: Callable[[], bool]) -> None:
        if self._hashed_to >= end:
            return
        block = memoryview(bytearray(min(BLOCK_BYTES, end - self._hashed_to)))
        while self._hashed_to < end and not stop():
            wanted = block[: end - self._hashed_to]
            self._fill(wanted, self._hashed_to)
            self._whole.update(wanted)
            self._hashed_to += len(wanted)

    def _fill(self, block: memoryview, position: int) -> None:
        """Read exactly this block; a file that ends early has changed."""
        filled = 0
        while filled < len(block):
            try:
                count = os.preadv(self._fd, [block[filled:]], position + filled)
            except OSError as error:
                raise FileRefused(
                    "file-unreadable", f"Reading failed: {error.strerror}."
                ) from error
            if count == 0:
                raise SourceChanged("source-changed", "The file became shorter while it was sent.")
            filled += count


class BufferPool:
    """The memory for bodies: ``count`` buffers at most, made when first needed.

    Each file waits for one buffer; a second one, for reading ahead, is taken only if it is free,
    so files never wait for each other in a circle.
    """

    def __init__(self, count: int, size: int) -> None:
        self.size = size
        self._permits = asyncio.Semaphore(count)
        self._free: list[bytearray] = []

    async def take(self) -> bytearray:
        """A buffer, waiting for one if need be."""
        await self._permits.acquire()
        return self._free.pop() if self._free else bytearray(self.size)

    async def take_if_free(self) -> bytearray | None:
        """A buffer if one is free now."""
        return None if self._permits.locked() else await self.take()

    def give_back(self, buffer: bytearray, *, reusable: bool = True) -> None:
        """Return a buffer. Not reusable: a dying connection may still refer to its bytes."""
        if reusable:
            self._free.append(buffer)
        self._permits.release()
