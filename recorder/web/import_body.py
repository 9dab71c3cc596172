"""The table in the body of a request: on disk while it comes, in memory when its turn has come.

Any number of senders may be slow at once; a table, its text and its lines are held for one of them
at a time in each process. What the table means is no business of this module.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from recorder.errors import TooLarge
from recorder.services.importing import MOST_BYTES
from recorder.web.body import refuse_encoding, send_continue
from recorder.web.keys import DEPS

#: One import at a time is read and settled in a process.
IMPORT_TURN: web.AppKey[asyncio.Semaphore] = web.AppKey("import_turn", asyncio.Semaphore)
_KEPT_BYTES = 1 << 20


@asynccontextmanager
async def table_of(request: web.Request) -> AsyncIterator[bytes]:
    """The whole body, when no other table is being read; the next one may come on leaving.

    Raises TooLarge ``import-too-large``, Unsupported for an encoded body: it is never unpacked.
    """
    refuse_encoding(request, "body-not-json")
    if (request.content_length or 0) > MOST_BYTES:
        raise _too_large()
    folder = request.app[DEPS].config.work_folder
    with tempfile.TemporaryFile(dir=folder) as kept:
        await send_continue(request)
        pending = bytearray()
        length = 0
        while piece := await request.content.readany():
            length += len(piece)
            if length > MOST_BYTES:
                raise _too_large()
            pending += piece
            if len(pending) >= _KEPT_BYTES:
                await asyncio.to_thread(kept.write, bytes(pending))
                pending.clear()
        async with request.app[IMPORT_TURN]:
            if length > len(pending):
                await asyncio.to_thread(kept.write, bytes(pending))
                kept.seek(0)
                yield await asyncio.to_thread(kept.read)
            else:
                yield bytes(pending)


def _too_large() -> TooLarge:
    return TooLarge(
        "import-too-large", f"A file has at most {MOST_BYTES >> 20} MiB.", limit=MOST_BYTES
    )
