"""Senders for tests of ingest: bodies that come in pieces, break off, or wait."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random

from typing_extensions import override

from recorder.services.ingest import ChunkedBody, ConnectionLost


def metadata(**values: str) -> str:
    """An Upload-Metadata header."""
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items()
    )


def content(length: int, seed: int = 1) -> bytes:
    """Bytes that differ everywhere and are the same for the same seed."""
    return random.Random(seed).randbytes(length)


class Body(ChunkedBody):
    """A request body; may break off at its end, or wait there and then go on with ``after``."""

    def __init__(
        self,
        sent: bytes,
        *,
        chunk: int = 200_000,
        lost: bool = False,
        open_end: asyncio.Event | None = None,
        after: bytes = b"",
    ):
        super().__init__()
        self._unsent = sent
        self._chunk_bytes = chunk
        self._lost = lost
        self._open_end = open_end
        self._after = after
        #: Set when everything has been read.
        self.drained = asyncio.Event()

    @override
    async def chunk(self) -> bytes:
        chunk, self._unsent = (
            self._unsent[: self._chunk_bytes],
            self._unsent[self._chunk_bytes :],
        )
        if chunk:
            return chunk
        self.drained.set()
        if self._open_end is not None:
            await self._open_end.wait()
        if self._after:
            chunk, self._after = self._after, b""
            return chunk
        if self._lost:
            raise ConnectionLost
        return b""


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
