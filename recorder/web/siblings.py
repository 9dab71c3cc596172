"""Figures of several processes behind one listener: whoever is asked asks the others.

Each process tells its own figures on a Unix socket that its parent made: to its own user, one
text for one connection, nothing is read. It must not serve anything else there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from aiohttp import web

from recorder import metrics
from recorder.services import figures
from recorder.web.keys import DEPS
from recorder.web.pulse import PULSE

#: A process that does not answer in this time is left out; the figures of the others are worth it.
_PATIENCE_S = 1.0
#: A text without it was cut off with its teller.
_END = "# EOF\n"
#: struct ucred: process, user, group (unix(7), SO_PEERCRED).
_CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Siblings:
    """This process among the others of the same service."""

    number: int
    #: Listening; where the others ask this one.
    listener: socket.socket
    #: Abstract names of the others' sockets, without the zero byte, by their numbers.
    others: Mapping[int, str]


SIBLINGS: web.AppKey[Siblings] = web.AppKey("siblings", Siblings)


def show_pulse(app: web.Application) -> None:
    """Set the figures that only the application knows."""
    pulse = app[PULSE]
    metrics.LOOP_LAG_SECONDS.set(pulse.lag_s)
    metrics.LOOP_LAG_WORST_SECONDS.set(pulse.worst_s)


async def telling(app: web.Application) -> AsyncIterator[None]:
    """Answer siblings for as long as the application lives."""

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if _is_of_our_user(writer):
                show_pulse(app)
                writer.write(f"{await figures.own_text(app[DEPS])}{_END}".encode())
                async with asyncio.timeout(_PATIENCE_S):
                    await writer.drain()
        except (OSError, TimeoutError):
            writer.transport.abort()
        finally:
            writer.close()

    server = await asyncio.start_unix_server(tell, sock=app[SIBLINGS].listener)
    yield
    server.close()


def _is_of_our_user(writer: asyncio.StreamWriter) -> bool:
    peer = writer.get_extra_info("socket")
    told = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return bool(_CREDENTIALS.unpack(told)[1] == os.geteuid())


async def told_by_others(app: web.Application) -> metrics.Processes | None:
    """What the siblings tell; None where this is the only process."""
    among = app.get(SIBLINGS)
    if among is None:
        return None
    numbers = list(among.others)
    texts = await asyncio.gather(*(_ask(among.others[number]) for number in numbers))
    told = {number: text for number, text in zip(numbers, texts, strict=True) if text}
    return metrics.Processes(among.number, told)


async def _ask(name: str) -> str:
    """All that one sibling tells; empty when it is down, stopped or slow."""
    writer = None
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    asking.setblocking(False)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            # Not by path: uvloop would cut an abstract name at its zero byte.
            await asyncio.get_running_loop().sock_connect(asking, f"\0{name}")
            reader, writer = await asyncio.open_unix_connection(sock=asking)
            text = (await reader.read()).decode()
            return text.removesuffix(_END) if text.endswith(_END) else ""
    except (OSError, TimeoutError):
        return ""
    finally:
        if writer is None:
            asking.close()
        else:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
