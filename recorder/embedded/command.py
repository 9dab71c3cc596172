"""``recorder serve --embedded``: one embedded server until a signal ends it.

It owns what belongs to a process of its own: user, signals, standard error, exit code. Everything
else is in ``stack``.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import sys
from pathlib import Path

from recorder.embedded import identity, postgres
from recorder.embedded.stack import DEFAULT_LISTEN, Embedded, Services, Tls, product_services
from recorder.errors import RecorderError


def serve_embedded(
    path: Path,
    *,
    listen: str = DEFAULT_LISTEN,
    ready_file: Path | None = None,
    tls: Tls | None = None,
    services: Services = product_services,
    processes: int = 1,
) -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP; give the exit code.

    0: everything was started and everything has ended. 1: a sentence on standard error says why
    it did not start and what to do. As root on another user's folder, the process becomes him.
    """
    os.umask(0o077)
    try:
        identity.become_owner(path, postgres.binaries() / "postgres")
        server = Embedded(
            path,
            listen=listen,
            ready_file=ready_file,
            tls=tls,
            services=services,
            processes=processes,
            report=_say,
        )
        asyncio.run(_until_signal(server))
    except RecorderError as error:
        _say(str(error))
        if os.strerror(errno.ENOSPC) in str(error):
            # PostgreSQL or Redis said so, in words of their own.
            _say(f"There is no room left for {path}; free some and start again.")
        return 1
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            _say(f"There is no room left for {path}; free some and start again.")
        else:
            _say(f"The system refused something that the server needs: {error}.")
        return 1
    return 0


async def _until_signal(server: Embedded) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGTERM, signal.SIGINT]
    # Under nohup, SIGHUP is ignored and stays so.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, asked.set)
    starting = asyncio.create_task(server.__aenter__())
    asking = asyncio.create_task(asked.wait())
    await asyncio.wait({starting, asking}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        return
    running = starting.result()
    _say(f"recorder answers at {running.url} (data in {running.folder.path})")
    try:
        await asking
    finally:
        await server.__aexit__(None, None, None)


def _say(sentence: str) -> None:
    # Nobody may be reading any more, which is no reason to stop serving.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()
