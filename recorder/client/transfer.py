"""One file's bytes to the service by tus 1.0.0, until the service names the recording.

The state is (upload address, offset); the offset is only ever the service's word. Each failure
leads back to asking for it, so any answer may be lost at any time. Never sends DELETE.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from dataclasses import dataclass

from yarl import URL

from recorder.client.failures import (
    AccessRefused,
    OffsetDiffers,
    TryLater,
    UploadVanished,
)
from recorder.client.journal import Entry
from recorder.client.metadata import Metadata, device_clock_now, upload_metadata
from recorder.client.progress import FileState
from recorder.client.service import Answer, expect
from recorder.client.shared import Shared, finish_in_thread
from recorder.client.source import Chunk, Source

_TUS = {"Tus-Resumable": "1.0.0"}

#: Called with the state, the bytes sent and perhaps a sentence.
Report = Callable[[FileState, int, str | None], None]


@dataclass(frozen=True, slots=True)
class Received:
    """All bytes are at the service."""

    recording: str
    #: Hex digest of the local file, made from the very blocks that were sent or re-read.
    sha256: str


class Transfer:
    """Sends one opened source. Used once."""

    def __init__(
        self, shared: Shared, source: Source, entry: Entry, metadata: Metadata, report: Report
    ) -> None:
        self._shared = shared
        self._source = source
        self._entry = entry
        self._metadata = metadata
        self._report = report
        self._patience = shared.patience()
        self._url = URL(entry.upload_url) if entry.upload_url else None
        self._offset: int | None = None
        self._confirmed = 0
        self._recording: str | None = None
        self._sha256 = entry.sha256 if entry.upload_url else None
        self._ahead: asyncio.Task[Chunk] | None = None
        self._stopping = False

    async def run(self) -> Received:
        """Send until the service has every byte.

        Raises SourceChanged, FileRefused, AccessRefused, or Unavailable when patience ends. When
        cancelled the journal still leads to the upload.
        """
        try:
            while True:
                try:
                    received = await self._advance()
                except (TryLater, UploadVanished, OffsetDiffers) as trouble:
                    await self._recover(trouble)
                else:
                    if received is not None:
                        return received
        finally:
            await self._drop_ahead()

    async def _advance(self) -> Received | None:
        """Do the one step that the present state asks for."""
        if self._url is None:
            await self._create()
        elif self._offset is None:
            await self._ask_offset(self._url)
        elif self._offset < self._source.length:
            await self._send_chunk(self._url, self._offset)
        elif self._recording is None:
            self._offset = None
            raise TryLater("completion-pending", "The service is still finishing the upload.")
        else:
            return await self._finish(self._recording)
        return None

    async def _recover(self, trouble: TryLater | UploadVanished | OffsetDiffers) -> None:
        self._offset = None
        notice: str | None = str(trouble)
        if isinstance(trouble, UploadVanished):
            self._url = None
            self._sha256 = None
            await self._shared.record(self._shared.journal.forgotten, self._entry.id)
            notice = "The service knows this upload no more; it is sent anew."
        elif isinstance(trouble, OffsetDiffers) or trouble.code == "completion-pending":
            notice = None
        self._report(FileState.WAITING, self._confirmed, notice)
        await self._patience.wait(trouble)

    async def _create(self) -> None:
        shared, source = self._shared, self._source
        if source.length <= shared.hash_first_bytes:
            self._sha256 = await self._whole_sha256()
        source.check_unchanged()
        described = upload_metadata(
            source.path, self._metadata, clock=device_clock_now(), sha256=self._sha256
        )
        headers = {
            **_TUS,
            "Upload-Length": str(source.length),
            "Upload-Metadata": described,
            "Content-Length": "0",
        }
        answer = await shared.service.ask(
            "POST", shared.service.address("/api/v1/uploads"), headers=headers
        )
        expect(answer, 201)
        url = shared.service.address_of_upload(answer)
        await shared.record(
            shared.journal.opened, self._entry.id, str(url), shared.token_print, self._sha256
        )
        self._url = url
        self._accept(answer, answer.count("Upload-Offset") or 0)
        self._patience.progress()

    async def _ask_offset(self, url: URL) -> None:
        service = self._shared.service
        answer = await service.ask("HEAD", service.checked_origin(url), headers=_TUS)
        try:
            expect(answer, 200, 204, upload=True)
        except AccessRefused as refusal:
            if self._entry.token_print == self._shared.token_print:
                raise
            # Begun under another token: this one cannot continue it, but it can send the file.
            raise UploadVanished(refusal.code, refusal.detail) from refusal
        offset, length = answer.count("Upload-Offset"), answer.count("Upload-Length")
        if offset is None:
            raise TryLater("offset-missing", "The service did not say where the upload continues.")
        if offset > self._source.length or length not in (None, self._source.length):
            raise UploadVanished("upload-not-ours", "The upload there is of another length.")
        self._accept(answer, offset)

    async def _send_chunk(self, url: URL, offset: int) -> None:
        shared = self._shared
        chunk = await self._chunk_at(offset)
        intact = False
        try:
            self._source.check_unchanged()
            self._report(FileState.SENDING, offset, None)
            await self._read_ahead(chunk.end)
            with shared.pace.under_way() as started:
                answer = await shared.service.ask(
                    "PATCH",
                    url,
                    headers={
                        **_TUS,
                        "Upload-Offset": str(offset),
                        "Content-Type": "application/offset+octet-stream",
                        "Upload-Checksum": f"sha256 {base64.b64encode(chunk.sha256).decode()}",
                    },
                    body=chunk.content,
                    on_block=lambda sent: self._report(FileState.SENDING, offset + sent, None),
                )
            intact = answer.status < 400
            expect(answer, 200, 204, upload=True)
        except TryLater:
            # A body that is refused at its end has cost as much as one that was cut.
            shared.pace.cut(started, chunk.end - offset)
            raise
        finally:
            shared.buffers.give_back(chunk.buffer, reusable=intact)
        now_at = answer.count("Upload-Offset")
        if now_at is None or not offset < now_at <= self._source.length:
            raise OffsetDiffers("offset-missing", "The service did not confirm the bytes sent.")
        shared.pace.arrived(now_at - offset, time.monotonic() - started)
        self._accept(answer, now_at)
        self._patience.progress()

    def _accept(self, answer: Answer, offset: int) -> None:
        self._offset = self._confirmed = offset
        self._recording = answer.header("Recorder-Recording") or None
        self._report(FileState.SENDING, offset, None)

    async def _finish(self, recording: str) -> Received:
        self._report(FileState.VERIFYING, self._source.length, None)
        if self._sha256 is None:
            self._sha256 = await self._whole_sha256()
        self._source.check_unchanged()
        await self._shared.record(
            self._shared.journal.received, self._entry.id, recording, self._sha256
        )
        return Received(recording, self._sha256)

    # Reading: one body ahead of the one being sent, if a buffer is free.

    async def _chunk_at(self, offset: int) -> Chunk:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            chunk = await self._outcome(ahead)
            if chunk.offset == offset:
                return chunk
            self._shared.buffers.give_back(chunk.buffer)
        return await self._read(await self._shared.buffers.take(), offset)

    async def _read_ahead(self, offset: int) -> None:
        if offset >= self._source.length or self._ahead is not None:
            return
        buffer = await self._shared.buffers.take_if_free()
        if buffer is not None:
            self._ahead = asyncio.create_task(self._read(buffer, offset))

    async def _read(self, buffer: bytearray, offset: int) -> Chunk:
        end = self._shared.pace.end_of_chunk(offset, self._source.length)
        end = min(end, offset + len(buffer))
        if self._sha256 is None and offset > self._source.hashed_to:
            self._report(FileState.HASHING, offset, None)
        try:
            return await finish_in_thread(
                self._shared.reading_threads,
                lambda: self._source.read_chunk(
                    buffer, offset, end, whole=self._sha256 is None, stop=lambda: self._stopping
                ),
                self._stop,
            )
        except BaseException:
            self._shared.buffers.give_back(buffer)
            raise

    async def _outcome(self, ahead: asyncio.Task[Chunk]) -> Chunk:
        try:
            return await asyncio.shield(ahead)
        except asyncio.CancelledError:
            # The task goes on by itself; it must be there for the clearing up.
            self._ahead = ahead
            raise

    async def _drop_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return
        await asyncio.wait([ahead])
        if not ahead.cancelled() and ahead.exception() is None:
            self._shared.buffers.give_back(ahead.result().buffer)

    async def _whole_sha256(self) -> str:
        self._report(FileState.HASHING, 0, None)
        return await finish_in_thread(
            self._shared.reading_threads,
            lambda: self._source.whole_sha256(lambda: self._stopping),
            self._stop,
        )

    def _stop(self) -> None:
        self._stopping = True
