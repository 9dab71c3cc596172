"""The library's face: many files to one service, each proven before it is called done.

async with Uploader("https://evidence.example", token, state_dir=folder) as uploader:
    results = await uploader.upload([Path("/media/card")], metadata=Metadata())
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp

from recorder.client import listing, sealing
from recorder.client.backoff import LastProgress, RetryPolicy
from recorder.client.failures import AccessRefused, ProofFailed, SourceChanged
from recorder.client.journal import Entry, Journal, Key
from recorder.client.metadata import Metadata
from recorder.client.pace import LARGEST_CHUNK_BYTES, MIB, SMALLEST_CHUNK_BYTES, Pace
from recorder.client.progress import FileProgress, FileResult, FileState, ProgressCallback
from recorder.client.service import Limits, Service, server_address
from recorder.client.service_key import ServiceKey
from recorder.client.shared import Shared, finish_in_thread
from recorder.client.source import BufferPool, Identity, Source
from recorder.client.transfer import Received, Transfer
from recorder.errors import InvalidInput, RecorderError
from recorder.ledger.note import NoteVerifier

#: All bodies together; a client of 25 files at once stays as small as one of four.
_BUFFER_BUDGET_BYTES = 96 * MIB
_READ_AHEAD_BUFFERS = 2
_HASH_FIRST_BYTES = 64 * MIB
_MOST_JOBS = 64
#: A file that never holds still is given up after so many starts.
_STARTS_PER_FILE = 5
#: Files whose bytes are there and whose seal is awaited; enough that sending never waits for it.
_MOST_UNSEALED = 1000
_GROWING_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class _Sent:
    """A file whose bytes are at the service, with what its seal is checked against."""

    path: Path
    identity: Identity
    entry: Entry
    received: Received
    #: The digest was made by this run.
    fresh: bool
    sealed: sealing.Sealed | None = None


class Uploader:
    """One service, one token, one state folder. An async context; one ``upload`` at a time."""

    def __init__(
        self,
        server_url: str,
        token: str,
        *,
        state_dir: Path,
        verifier: NoteVerifier | None = None,
        jobs: int = 4,
        chunk_bytes: int = LARGEST_CHUNK_BYTES,
        hash_first: bool = False,
        delete_after_receipt: bool = False,
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Raises InvalidInput for an address, token or number that cannot be meant.

        ``verifier`` is the service's public key; without it the key is pinned at first use.
        ``hash_first`` declares the digest of long files too, at the price of reading them twice.
        """
        self._server = server_address(server_url)
        self._token = token.strip()
        if not self._token or not self._token.isascii() or any(c.isspace() for c in self._token):
            raise InvalidInput("token-malformed", "The token is empty or not one line of ASCII.")
        if not 1 <= jobs <= _MOST_JOBS:
            raise InvalidInput("jobs-invalid", f"Between 1 and {_MOST_JOBS} files at once, please.")
        if not SMALLEST_CHUNK_BYTES <= chunk_bytes <= LARGEST_CHUNK_BYTES:
            raise InvalidInput("chunk-invalid", "A body has between 256 KiB and 16 MiB.")
        self._state_dir = Path(os.path.abspath(state_dir))
        self._verifier = verifier
        self._jobs = jobs
        self._chunk_bytes = chunk_bytes
        self._hash_first = hash_first
        self._delete = delete_after_receipt
        self._retry = retry or RetryPolicy()
        self._limits = limits or Limits()
        self._tls = tls
        self._stack = AsyncExitStack()
        self._results: dict[Path, FileResult] = {}
        self._tell: ProgressCallback = lambda _: None

    async def __aenter__(self) -> Self:
        """Take the state folder and be ready; raises Locked if another client has it."""
        async with AsyncExitStack() as stack:
            journal = stack.enter_context(Journal(self._state_dir))
            threads = [ThreadPoolExecutor(1), ThreadPoolExecutor(min(self._jobs, 4))]
            for pool in threads:
                stack.callback(pool.shutdown)
            session = await stack.enter_async_context(self._session())
            self._shared = Shared(
                service=Service(session, self._server, self._limits),
                journal=journal,
                journal_thread=threads[0],
                reading_threads=threads[1],
                buffers=BufferPool(self._jobs + _READ_AHEAD_BUFFERS, self._buffer_bytes()),
                pace=Pace(self._buffer_bytes()),
                retry=self._retry,
                last_progress=LastProgress(self._retry.monotonic()),
                token_print=hashlib.sha256(self._token.encode()).hexdigest()[:16],
                hash_first_bytes=2**63 if self._hash_first else _HASH_FIRST_BYTES,
            )
            self._key = ServiceKey(self._shared, self._verifier)
            self._waiting = sealing.Waiting()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def upload(
        self,
        paths: Iterable[Path],
        *,
        metadata: Metadata | Callable[[Path], Metadata] | None = None,
        progress: ProgressCallback | None = None,
    ) -> list[FileResult]:
        """Send the files and the files in the folders; one result for each, in listing order.

        One file's failure does not stop the others, except a refused token or a changed service
        key: then every unfinished file gets that failure. ``metadata`` may depend on the file.
        When cancelled, everything that was begun can be continued by another call or process.
        """
        self._results = {}
        self._shared.last_progress.at = self._retry.monotonic()
        self._tell = progress or (lambda _: None)
        files = await asyncio.to_thread(listing.files_below, paths, skip=self._state_dir)
        describe = metadata if callable(metadata) else lambda _: metadata or Metadata()
        queue = iter(files)
        room = asyncio.Semaphore(_MOST_UNSEALED)
        for path in files:
            self._tell(FileProgress(path=path, state=FileState.WAITING, sent=0, length=0))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._jobs, len(files))):
                    group.create_task(self._lane(queue, describe, group, room))
        except* (AccessRefused, ProofFailed) as refusals:
            stop = next(_leaves(refusals))
            for path in files:
                if path not in self._results:
                    self._end_badly(path, stop)
        return [self._results[path] for path in files]

    async def _lane(
        self,
        queue: Iterator[Path],
        describe: Callable[[Path], Metadata],
        group: asyncio.TaskGroup,
        room: asyncio.Semaphore,
    ) -> None:
        """Send one file after the other; their seals are awaited beside."""
        for path in queue:
            await room.acquire()
            try:
                sent = await self._send(path, describe(path))
            except (AccessRefused, ProofFailed):
                raise
            except RecorderError as failure:
                self._end_badly(path, failure)
                sent = None
            if sent is None:
                room.release()
            else:
                group.create_task(self._settle(sent, room))

    async def _send(self, path: Path, metadata: Metadata) -> _Sent:
        patience = self._shared.patience()
        for start in range(1, _STARTS_PER_FILE + 1):
            try:
                return await self._send_as_it_is(path, metadata)
            except SourceChanged as change:
                if start == _STARTS_PER_FILE:
                    raise
                notice = f"{change} It is sent anew (source-changed)."
                self._report(path, FileState.WAITING, 0, 0, notice)
                await patience.wait(change)
        raise AssertionError("unreachable: the last start returns or raises")

    async def _send_as_it_is(self, path: Path, metadata: Metadata) -> _Sent:
        """Send this version of the file, or find that an earlier run has done so."""
        shared = self._shared
        source = await finish_in_thread(shared.reading_threads, lambda: Source(path))
        try:
            length = source.length
            ends = await finish_in_thread(shared.reading_threads, source.ends)
            key = Key(
                str(self._server),
                path,
                length,
                source.identity.mtime_ns,
                ends,
                metadata.fingerprint(),
            )
            entry = await shared.record(shared.journal.entry, key)
            known = await sealing.recall(shared, entry, length)
            if known is not None:
                received = Received(known.recording, known.sha256)
                return _Sent(path, source.identity, entry, received, False, known)
            await self._key.known(
                lambda text: self._report(path, FileState.WAITING, 0, length, text)
            )
            if entry.state in ("received", "done") and entry.recording and entry.sha256:
                received = Received(entry.recording, entry.sha256)
                return _Sent(path, source.identity, entry, received, False)
            await self._warn(path, key, source)
            transfer = Transfer(
                shared,
                source,
                entry,
                metadata,
                lambda state, sent, text: self._report(path, state, sent, length, text),
            )
            try:
                return _Sent(path, source.identity, entry, await transfer.run(), True)
            except SourceChanged:
                await shared.record(shared.journal.forgotten, entry.id)
                raise
        finally:
            source.close()

    async def _warn(self, path: Path, key: Key, source: Source) -> None:
        if await self._shared.record(self._shared.journal.abandon_other_versions, key):
            notice = "The file changed since it was partly sent; it is sent anew (source-changed)."
            self._report(path, FileState.WAITING, 0, key.size, notice)
        if abs(time.time() - source.identity.mtime_ns / 1e9) < _GROWING_SECONDS:
            notice = "The file was written a moment ago; it may still be growing."
            self._report(path, FileState.WAITING, 0, key.size, notice)

    async def _settle(self, sent: _Sent, room: asyncio.Semaphore) -> None:
        """Wait for the seal of a file and end it. Only a changed key stops the other files."""
        path, length = sent.path, sent.identity.size
        try:
            sealed = sent.sealed or await sealing.seal(
                self._shared,
                self._key,
                self._waiting,
                sent.entry,
                sent.received,
                length,
                lambda text: self._report(path, FileState.VERIFYING, length, length, text),
            )
            await self._end_well(sent, sealed)
        except RecorderError as failure:
            if failure.code == "service-key-changed":
                raise
            self._end_badly(path, failure, sent.received)
        finally:
            room.release()

    async def _end_well(self, sent: _Sent, sealed: sealing.Sealed) -> None:
        deleted, kept = False, None
        if self._delete:
            try:
                await sealing.delete_source(
                    self._shared, sent.path, sent.identity, sealed, digest_again=not sent.fresh
                )
                deleted = True
            except RecorderError as failure:
                kept = str(failure)
            except OSError as error:
                kept = f"The file could not be deleted: {error.strerror}."
        result = FileResult(
            path=sent.path,
            state=sealed.state,
            recording=sealed.recording,
            sha256=sealed.sha256,
            receipt=sealed.receipt,
            quarantine_reasons=sealed.quarantine_reasons,
            deleted=deleted,
        )
        self._end(result, sent.identity.size, kept)

    def _end_badly(
        self, path: Path, failure: RecorderError, received: Received | None = None
    ) -> None:
        mismatched = failure.code == "recording-mismatched"
        result = FileResult(
            path=path,
            state=FileState.MISMATCHED if mismatched else FileState.FAILED,
            recording=received.recording if received else None,
            sha256=received.sha256 if received else None,
            code=failure.code,
            error=str(failure),
        )
        self._end(result, 0, None)

    def _end(self, result: FileResult, sent: int, notice: str | None) -> None:
        self._results[result.path] = result
        self._tell(
            FileProgress(
                path=result.path,
                state=result.state,
                sent=sent,
                length=sent,
                notice=notice,
                result=result,
            )
        )

    def _report(
        self, path: Path, state: FileState, sent: int, length: int, notice: str | None
    ) -> None:
        self._tell(FileProgress(path=path, state=state, sent=sent, length=length, notice=notice))

    def _session(self) -> aiohttp.ClientSession:
        # Two more than jobs, so that asking for seals does not wait for long bodies.
        connector = aiohttp.TCPConnector(limit=self._jobs + 2, ssl=self._tls or True)
        return aiohttp.ClientSession(
            connector=connector,
            headers={"Authorization": f"Bearer {self._token}", "User-Agent": "recorder-client"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    def _buffer_bytes(self) -> int:
        """The longest body: the largest power of two within budget and wish."""
        size = LARGEST_CHUNK_BYTES
        share = _BUFFER_BUDGET_BYTES // (self._jobs + _READ_AHEAD_BUFFERS)
        while size > min(self._chunk_bytes, share):
            size //= 2
        return max(size, SMALLEST_CHUNK_BYTES)


def _leaves(group: BaseExceptionGroup[RecorderError]) -> Iterator[RecorderError]:
    for inner in group.exceptions:
        if isinstance(inner, BaseExceptionGroup):
            yield from _leaves(inner)
        else:
            yield inner
