"""Bodies of uploads, given to the sink of services/ingest as they arrive.

A body whose length is known goes past aiohttp's parser: the event loop reads from the socket
into the very blocks that are sent to the store (docs/design/upload.md says what that saves).
"""

from __future__ import annotations

import asyncio

from aiohttp import web
from typing_extensions import override

from recorder.errors import InvalidInput, RecorderError, Unavailable
from recorder.services import ingest
from recorder.web.body import send_continue
from recorder.web.connection import Connection
from recorder.web.keys import STOPPING

#: For bytes that come although nobody asked, as a TLS layer may hold some already, or for which
#: there is no memory just now: they wait here, and no more are read.
_SPARE_BYTES = 16 * 1024


class StreamedBody(ingest.ChunkedBody):
    """A body of unknown length, as aiohttp takes it apart."""

    def __init__(self, request: web.Request, silence_s: float):
        super().__init__()
        self._request = request
        self._silence_s = silence_s

    @override
    async def chunk(self) -> bytes:
        """Some bytes, empty at the end.

        Raises ingest.ConnectionLost when the sender is gone, breaks off or stays silent.
        """
        await send_continue(self._request)
        try:
            async with asyncio.timeout(self._silence_s):
                return await self._request.content.readany()
        except TimeoutError as error:
            raise ingest.ConnectionLost("silent") from error
        except (OSError, EOFError, web.RequestPayloadError) as error:
            # aiohttp stops giving out what it holds once the connection is lost; on a bad network
            # those are bytes that need not be sent again.
            if isinstance(error, ConnectionError) and (
                left := self._request.content._read_nowait(-1)
            ):
                return left
            raise ingest.ConnectionLost(str(error)) from error

    def close(self) -> None:
        """Nothing to give back."""


class DirectBody(asyncio.BufferedProtocol):
    """A body of known length, from the socket into the sink without a copy in between.

    It takes the connection's place at the transport with the first ``read`` and gives it back
    at the end of the body, or with ``close``.
    """

    def __init__(
        self, request: web.Request, connection: Connection, length: int, silence_s: float
    ) -> None:
        self._request = request
        self._connection = connection
        self._silence_s = silence_s
        #: Bytes that are still to come from the socket.
        self._unread = length
        #: Bytes that came before they were asked for.
        self._early = memoryview(b"")
        self._spare: bytearray | None = None
        self._transport: asyncio.Transport | None = None
        self._sink: ingest.Sink | None = None
        self._wake: asyncio.Future[None] | None = None
        self._heard_at = 0.0
        self._is_begun = False
        self._is_lost = False

    # --- for services/ingest -----------------------------------------------------------------

    async def read(self, sink: ingest.Sink) -> bool:
        """See ingest.BodyReader."""
        await send_continue(self._request)
        if not self._is_begun:
            self._begin()
        while True:
            self._give_early(sink)
            if self._early:
                return False
            if not self._unread:
                self.close()
                return True
            if self._is_lost:
                raise ingest.ConnectionLost("gone")
            if not sink.wants():
                return False
            await self._receive(sink)

    def close(self) -> None:
        """Give the connection back; before the end of the body it ends with this answer."""
        transport, self._transport = self._transport, None
        if transport is not None and not self._is_lost:
            whole = not self._unread
            self._connection.take_back(transport, self._request.content if whole else None)

    # --- for the event loop ------------------------------------------------------------------

    @override
    def get_buffer(self, sizehint: int) -> memoryview:
        # Somebody else may have had the last memory since this was told to read.
        if self._sink is None or not self._sink.wants():
            self._spare = bytearray(_SPARE_BYTES)
            return memoryview(self._spare)[: self._unread]
        return self._sink.space()[: self._unread]

    @override
    def buffer_updated(self, nbytes: int) -> None:
        self._unread -= nbytes
        if self._spare is not None:
            self._early = memoryview(bytes(self._early) + self._spare[:nbytes])
            self._spare = None
            self._heard_at = asyncio.get_running_loop().time()
            self._pause()
        elif self._sink is not None:
            self._heard_at = asyncio.get_running_loop().time()
            self._sink.took(nbytes)
            if not self._unread or not self._sink.wants():
                self._pause()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._pause()
        self._connection.connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        self._connection.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._connection.resume_writing()

    # --- inside ------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Take what aiohttp has read already, then its place."""
        self._is_begun = True
        content, transport = self._request.content, self._request.transport
        early = bytearray()
        try:
            while chunk := content.read_nowait():
                early += chunk
        except (OSError, EOFError, web.RequestPayloadError):
            # The sender is gone; what came before need not be sent again.
            early += content._read_nowait(-1)
            self._is_lost = True
        self._early = memoryview(bytes(early))
        self._unread -= len(early)
        if transport is None:
            self._is_lost = True
        elif self._unread and not self._is_lost:
            self._transport = transport
            transport.pause_reading()
            transport.set_protocol(self)

    def _give_early(self, sink: ingest.Sink) -> None:
        while self._early and sink.wants():
            space = sink.space()
            count = min(len(space), len(self._early))
            space[:count] = self._early[:count]
            self._early = self._early[count:]
            sink.took(count)

    async def _receive(self, sink: ingest.Sink) -> None:
        """Let the event loop fill the sink until it wants no more, or nothing more comes."""
        loop = asyncio.get_running_loop()
        wake = self._wake = loop.create_future()
        self._sink, self._heard_at = sink, loop.time()
        if self._transport is not None:
            self._transport.resume_reading()
        try:
            while not wake.done():
                left = self._heard_at + self._silence_s - loop.time()
                if left <= 0:
                    raise ingest.ConnectionLost("silent")
                await asyncio.wait([wake], timeout=left)
        finally:
            self._pause()

    def _pause(self) -> None:
        self._sink = None
        if self._transport is not None and not self._is_lost:
            self._transport.pause_reading()
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


def upload_body(request: web.Request, silence_s: float) -> StreamedBody | DirectBody:
    """The body in the way that costs least; ``close`` it in any case.

    ``silence_s``: how long a sender may stay silent.
    """
    connection = request.protocol
    if request.content_length is not None and isinstance(connection, Connection):
        return DirectBody(request, connection, request.content_length, silence_s)
    return StreamedBody(request, silence_s)


def silence(request: web.Request, silence_s: float) -> RecorderError:
    """What to tell a sender that is still there after ConnectionLost."""
    if request.app[STOPPING].is_set():
        return Unavailable("service-stopping", "The service is about to end; come back.")
    sentence = f"No byte came for {silence_s:g} seconds; what came before is kept."
    return InvalidInput("upload-silent", sentence)
