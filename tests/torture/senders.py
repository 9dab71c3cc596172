"""What is sent beside the card: uploads that are given up, odd ones, and a link to another case."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from tests.support.senders import metadata
from tests.torture.stand import Stand

_CREATION = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
#: Of a fifth of a second at least: a service that was killed needs long to start on a busy machine.
_TIMES = 900


async def send_odd_uploads(stand: Stand, repeated: Path) -> None:
    """Two senders that never come back, one of them without a byte; content that is there already
    (``repeated``); footage of an unknown device; and a digest that the content does not have."""
    await _created(stand, 1000, b"", {})
    await _created(stand, 5 << 20, os.urandom(3000), {})
    await _created(stand, None, repeated.read_bytes(), {"filename": "again.mp4"})
    await _created(stand, None, os.urandom(3000), {"device": "NOBODYS-9"})
    await _created(stand, None, os.urandom(3000), {"sha256": "0" * 64})


async def _created(stand: Stand, length: int | None, body: bytes, said: Mapping[str, str]) -> None:
    """Create an upload with its first bytes until that is answered; without a length, all of it."""
    for _ in range(_TIMES):
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with (
                aiohttp.ClientSession() as session,
                session.post(
                    f"{stand.ear.url}/api/v1/uploads",
                    headers={
                        **_CREATION,
                        "Upload-Length": str(length or len(body)),
                        "Upload-Metadata": metadata(**{"filename": "odd.bin", **said}),
                        "Authorization": f"Bearer {stand.device}",
                    },
                    data=body,
                ) as answer,
            ):
                taken = answer.headers.get("Upload-Offset") == str(len(body))
                if answer.status == 201 and (taken or not body):
                    return
        await asyncio.sleep(0.2)
    raise AssertionError(f"an upload with {said} is never answered")


async def link(stand: Stand, recording: uuid.UUID) -> None:
    """A person ties a recording to a case, again and again until it is answered."""
    for _ in range(_TIMES):
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with (
                aiohttp.ClientSession() as session,
                session.post(
                    f"{stand.ear.url}/api/v1/recordings/links",
                    json={"links": [{"recording": str(recording), "number": "T-2"}]},
                    headers={"Authorization": f"Bearer {stand.program}"},
                ) as answer,
            ):
                if answer.status == 200:
                    return
        await asyncio.sleep(0.2)
    raise AssertionError("a link is never answered")
