"""A part of the folder store that grows at its place in its writer's file.

What is written is in the page cache, out of the process's memory; ``settle`` makes it durable.
The digest runs along, so that a part that one visit brings is never read back.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from recorder.adapters import files_disk as disk
from recorder.adapters.files_multipart import MultipartFolder
from recorder.errors import IntegrityError, Unavailable

T = TypeVar("T")

_READ_BYTES = 1 << 20


class Run(Protocol):
    """Calls a function in one of the store's threads."""

    async def __call__(self, function: Callable[[], T], /) -> T: ...


class FolderPart:
    """``GrowingPart`` of the folder store.

    The file stays open from the first byte to ``settle`` or ``close``: the kernel tells an error
    of writing back only to those who had the file open. Once a sync has failed nothing can be
    done with it any more, for the bytes it lost are in nobody's memory.
    """

    def __init__(
        self,
        run_soon: Run,
        run: Run,
        require_room: Callable[[int], None],
        multiparts: MultipartFolder,
        key: str,
        multipart_id: str,
        *,
        offset: int,
        writer: int,
    ) -> None:
        self.offset = offset
        self.length = 0
        self._run_soon = run_soon
        self._run = run
        self._require_room = require_room
        self._multiparts = multiparts
        self._key = key
        self._multipart_id = multipart_id
        self._writer = writer
        self._digest = hashlib.sha256()
        self._descriptor: int | None = None
        self._is_lost = False

    async def write(self, blocks: Sequence[bytes | memoryview]) -> None:
        """See GrowingPart."""

        def write() -> None:
            self._require_room(sum(memoryview(block).nbytes for block in blocks))
            written = disk.write_blocks(self._opened(), self.offset + self.length, blocks)
            for block in blocks:
                self._digest.update(block)
            self.length += written

        await self._run_soon(write)

    async def settle(self) -> bytes:
        """See GrowingPart."""

        def settle() -> bytes:
            descriptor = self._opened()
            self._is_lost = True
            self._multiparts.settle(self._key, self._multipart_id, self._writer, descriptor)
            self._is_lost = False
            self._close()
            return self._digest.digest()

        return await self._run(settle)

    async def adopt(self, writer: int, length: int, sha256: bytes) -> None:
        """See GrowingPart."""

        def adopt() -> None:
            running = hashlib.sha256()
            target = self._opened()
            self._is_lost = True
            path = self._multiparts.writer_path(self._multipart_id, writer)
            position = self.offset + self.length
            for block in _blocks(path, position, length):
                running.update(block)
                if writer != self._writer:
                    disk.write_blocks(target, position, [block])
                self._digest.update(block)
                position += len(block)
            if running.digest() != sha256:
                raise IntegrityError(
                    "staged-piece-damaged",
                    "Bytes of an open upload are not what was written.",
                    key=self._key,
                )
            self.length += length
            self._is_lost = False

        await self._run(adopt)

    async def close(self) -> None:
        """See GrowingPart."""
        if self._descriptor is not None:
            with contextlib.suppress(Unavailable):
                await self._run(self._close)

    def _opened(self) -> int:
        if self._is_lost:
            raise Unavailable("store-unavailable", "The disk lost what was written.")
        if self._descriptor is None:
            self._descriptor = self._multiparts.hold(self._key, self._multipart_id, self._writer)
        return self._descriptor

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _blocks(path: Path, offset: int, length: int) -> Iterator[bytes]:
    """Exactly this range of the file; IntegrityError ``store-bytes-missing`` if it is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise disk.bytes_missing(offset) from error
    try:
        position, end = offset, offset + length
        while position < end:
            block = os.pread(descriptor, min(_READ_BYTES, end - position), position)
            if not block:
                raise disk.bytes_missing(position)
            yield block
            position += len(block)
    finally:
        os.close(descriptor)
