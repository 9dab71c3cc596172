"""A certificate that is renewed in its files is shown to whoever comes next; nobody is sent away.

Ingest processes run for months, certificates do not, and a restart would break every stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from recorder import telemetry

_log = logging.getLogger(__name__)

_LOOK_S = 60.0


@contextlib.asynccontextmanager
async def renewed(
    context: ssl.SSLContext | None, chain: Path | None, key: Path | None, look_s: float = _LOOK_S
) -> AsyncIterator[None]:
    """Inside the block ``context`` shows what lies in the files; what does not fit yet waits."""
    if context is None or chain is None or key is None:
        yield
        return
    watching = asyncio.create_task(_watch(context, chain, key, look_s))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _watch(context: ssl.SSLContext, chain: Path, key: Path, look_s: float) -> None:
    shown, refused = _stamps(chain, key), None
    while True:
        await asyncio.sleep(look_s)
        there = _stamps(chain, key)
        if there in (shown, refused):
            continue
        try:
            # First beside: one of two that do not fit would spoil the one that is shown.
            for each in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), context):
                each.load_cert_chain(chain, key)
        except OSError as error:
            refused = there
            telemetry.log(_log, logging.ERROR, "the new certificate is not taken", why=str(error))
        else:
            shown = there
            telemetry.log(_log, logging.INFO, "the new certificate is shown from now on")


def _stamps(*files: Path) -> tuple[tuple[int, int] | None, ...]:
    """Another one of a file has another inode or time."""
    return tuple(_stamp(each) for each in files)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
