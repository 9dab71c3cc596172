"""Both digests of a run of bytes in one pass, each in a thread of its own beside the reading."""

from __future__ import annotations

import asyncio
import hashlib
import os
import queue
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from recorder.adapters.digests import new_sm3
from recorder.adapters.objects import Bucket, ObjectStore
from recorder.errors import Unavailable

#: Blocks are handed to the threads in groups of this many bytes.
_GROUP_BYTES = 4 * 1024 * 1024
#: Blocks of a local file, and how many of them may wait for a digest.
_BLOCK_BYTES = 1024 * 1024
_AHEAD = 8
_SHOW_EVERY_S = 0.5


class DoubleDigest:
    """SHA-256 and SM3 over the whole, and SHA-256 over consecutive spans of given lengths."""

    def __init__(self, spans: Sequence[int] = ()):
        self._sha256 = hashlib.sha256()
        self._sm3 = new_sm3()
        self._lengths = list(spans)
        self._span = hashlib.sha256()
        self._left = self._lengths.pop(0) if self._lengths else 0
        self.length = 0
        #: SHA-256 of each span that was read to its end.
        self.spans: list[bytes] = []

    @property
    def sha256(self) -> bytes:
        return self._sha256.digest()

    @property
    def sm3(self) -> bytes:
        digest: bytes = self._sm3.digest()
        return digest

    def start(self, group: list[bytes]) -> asyncio.Future[Any]:
        """Take in a group of blocks, in two threads; the next group only after this one."""
        self.length += sum(len(block) for block in group)
        return asyncio.gather(
            asyncio.to_thread(self.update_sha256, group),
            asyncio.to_thread(self.update_sm3, group),
        )

    def update_sm3(self, group: list[bytes]) -> None:
        for block in group:
            self._sm3.update(block)

    def update_sha256(self, group: list[bytes]) -> None:
        for block in group:
            view = memoryview(block)
            while view and self._left:
                taken = view[: self._left]
                self._sha256.update(taken)
                if self.spans:
                    self._span.update(taken)
                self._left -= len(taken)
                view = view[len(taken) :]
                if self._left == 0:
                    # Up to the end of the first span, the whole is that span.
                    self.spans.append((self._span if self.spans else self._sha256).digest())
                    self._span = hashlib.sha256()
                    self._left = self._lengths.pop(0) if self._lengths else 0
            self._sha256.update(view)


async def absorb(
    blocks: AsyncIterator[bytes],
    digests: Sequence[DoubleDigest],
    shown: Callable[[int], None] = lambda length: None,
) -> None:
    """Take all blocks into each digest, and say after each group how many bytes it is by now.

    Reading goes on while the threads work on the group before.
    """
    working: asyncio.Future[Any] | None = None
    try:
        async for group in _grouped(blocks):
            if working is not None:
                await working
            working = asyncio.gather(*(digest.start(group) for digest in digests))
            shown(digests[0].length)
    finally:
        if working is not None:
            await working


class FileFeed:
    """Reads a local file once, in a thread that feeds each digest's two threads.

    No block goes through the event loop, and none waits for the slower digest but by the length
    of the line: a GiB takes as long as SM3 alone does.
    """

    def __init__(self, path: Path, digests: Sequence[DoubleDigest]) -> None:
        self._path = path
        self._digests = digests
        self._lines: list[queue.Queue[bytes]] = []
        self._failures: list[BaseException] = []
        self._stopped = threading.Event()
        self.length = 0

    def run(self) -> None:
        """Read to the end of the file, or until ``stop``. Raises OSError."""
        threads = []
        for digest in self._digests:
            for update in (digest.update_sha256, digest.update_sm3):
                line: queue.Queue[bytes] = queue.Queue(_AHEAD)
                self._lines.append(line)
                threads.append(threading.Thread(target=self._absorb, args=(line, update)))
        for thread in threads:
            thread.start()
        try:
            self._read()
        finally:
            for line in self._lines:
                line.put(b"")
            for thread in threads:
                thread.join()
        if self._failures:
            raise self._failures[0]

    def stop(self) -> None:
        """Have ``run`` end soon."""
        self._stopped.set()

    def _read(self) -> None:
        with self._path.open("rb", buffering=0) as source:
            os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            while not self._stopped.is_set() and (block := source.read(_BLOCK_BYTES)):
                for line in self._lines:
                    line.put(block)
                self.length += len(block)

    def _absorb(self, line: queue.Queue[bytes], update: Callable[[list[bytes]], None]) -> None:
        try:
            while block := line.get():
                update([block])
        except BaseException as error:  # noqa: BLE001 - told to the thread that waits for us
            self._failures.append(error)
            self.stop()
            # The reader must not wait for a line that nobody empties.
            while line.get():
                pass


async def absorb_file(
    path: Path,
    digests: Sequence[DoubleDigest],
    shown: Callable[[int], None] = lambda length: None,
) -> None:
    """Take a whole local file into each digest, saying now and then how many bytes it is by now.

    Raises Unavailable ``store-unavailable`` when it cannot be read.
    """
    feed = FileFeed(path, digests)
    before = digests[0].length
    working = asyncio.create_task(asyncio.to_thread(feed.run))
    try:
        while not (await asyncio.wait([working], timeout=_SHOW_EVERY_S))[0]:
            shown(before + feed.length)
    finally:
        feed.stop()
        await asyncio.wait([working])
    try:
        working.result()
    except OSError as error:
        raise Unavailable("store-unavailable", f"The original cannot be read: {error}.") from error
    for digest in digests:
        digest.length += feed.length
    shown(digests[0].length)


async def absorb_object(
    store: ObjectStore,
    bucket: Bucket,
    key: str,
    version: str,
    digests: Sequence[DoubleDigest],
    shown: Callable[[int], None] = lambda length: None,
) -> None:
    """Take the whole of a stored version into each digest: from its file, where there is one."""
    path = store.local_path(bucket, key, version)
    if path is not None:
        await absorb_file(path, digests, shown)
    else:
        await absorb(store.read(bucket, key, version), digests, shown)


async def _grouped(blocks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    async for block in blocks:
        group.append(block)
        size += len(block)
        if size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
