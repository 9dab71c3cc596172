"""An ingest process: its ports, its door, and an end that loses nothing that came.

It needs what a web process needs (database, store) and no Redis; as many run side by side as are
wanted, on any machines: a livestream belongs to whichever holds its lease.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from recorder import telemetry
from recorder.adapters.srt import SrtError, load
from recorder.errors import InvalidInput, Unavailable
from recorder.live import srt
from recorder.live.door import DoorLimits, LivestreamDoor
from recorder.live.pulling import Puller, PullLimits
from recorder.live.rtmp import server
from recorder.live.spooling import spooling
from recorder.runtime import Deps

_log = logging.getLogger(__name__)

#: After it, what is still on its way to the store is given up; publishers come again.
_END_S = 20.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen, as HOST:PORT; empty where not at all."""

    rtmp: str
    rtmps: str
    tls: ssl.SSLContext | None
    srt: str = ""
    #: By protocol: listening sockets that other processes accept from as well.
    inherited: Mapping[str, socket.socket] = field(default_factory=dict)


@asynccontextmanager
async def ingesting(
    deps: Deps,
    tool: Path,
    ports: Ports,
    limits: DoorLimits | None = None,
    pulls: PullLimits | None = None,
) -> AsyncIterator[dict[str, int]]:
    """Take publishers, and fetch livestreams, inside the block; gives protocol → port.

    Afterwards everything that came is safe, in the store or in the spool, and every lease given
    back, unless neither took it in 20 s.
    """
    taken: dict[str, int] = {}
    async with spooling(deps) as spool:
        door = LivestreamDoor(deps, tool, limits, spool)
        puller = Puller(deps, tool, pulls, spool)
        puller.start()
        try:
            async with AsyncExitStack() as stack:
                for protocol, listen in (("rtmp", ports.rtmp), ("rtmps", ports.rtmps)):
                    shared = ports.inherited.get(protocol)
                    if listen or shared:
                        tls = ports.tls if protocol == "rtmps" else None
                        taken[protocol] = await _listen(stack, door, listen, tls, shared)
                if ports.srt:
                    taken |= await _listen_srt(stack, deps, door, ports.srt)
                yield taken
        finally:
            try:
                async with asyncio.timeout(_END_S):
                    await asyncio.gather(door.finished(), puller.stop())
            except TimeoutError:
                telemetry.log(_log, logging.ERROR, "not everything was safe in time")


async def _listen(
    stack: AsyncExitStack,
    door: LivestreamDoor,
    listen: str,
    tls: ssl.SSLContext | None,
    shared: socket.socket | None,
) -> int:
    host, port = _place(listen) if shared is None else ("", 0)
    try:
        return await stack.enter_async_context(
            server.listening(door, host, port, tls=tls, inherited=shared)
        )
    except OSError as error:
        raise Unavailable(
            "port-taken", f"{listen} cannot be listened on ({error.strerror}); choose another."
        ) from error


async def _listen_srt(
    stack: AsyncExitStack, deps: Deps, door: LivestreamDoor, listen: str
) -> dict[str, int]:
    """The port; none where libsrt is missing: everything else goes on without it."""
    name, wanted = _place(listen)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, wanted)
        port = await stack.enter_async_context(
            srt.listening(load(), deps, door, str(found[0][4][0]), wanted)
        )
    except (OSError, SrtError) as error:
        raise Unavailable(
            "port-taken", f"{listen} cannot be listened on ({error}); choose another."
        ) from error
    return {} if port is None else {"srt": port}


def _place(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InvalidInput("listen-malformed", f"HOST:PORT is wanted, not {listen!r}.")
    return host.strip("[]"), int(port)
