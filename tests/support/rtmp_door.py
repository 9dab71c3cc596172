"""A door that knows keys by heart, and receptions that keep what they are given."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from recorder.live.rtmp import server
from recorder.live.rtmp.chunks import Message
from recorder.live.rtmp.reception import Farewell, Peer, RefusedError
from recorder.live.rtmp.server import ServerLimits
from recorder.live.rtmp.session import PublishRequest
from tests.support import rtmp_peer
from tests.support.rtmp_peer import RtmpPeer


@dataclass(slots=True)
class KeptMedia:
    """One publisher's messages and end."""

    peer: Peer
    messages: list[Message] = field(default_factory=list)
    farewells: list[Farewell] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, messages: Sequence[Message]) -> None:
        self.messages += messages

    def left(self, farewell: Farewell) -> None:
        self.farewells.append(farewell)
        self.gone.set()

    def of(self, kind: int) -> list[Message]:
        return [m._replace(stream=1) for m in self.messages if m.kind == kind]


class KeyDoor:
    """Admits the keys it knows."""

    def __init__(self, *keys: str) -> None:
        self._keys = keys
        self.receptions: list[KeptMedia] = []
        self.requests: list[PublishRequest] = []
        #: Cleared to let the door hesitate.
        self.open = asyncio.Event()
        self.open.set()

    async def admit(self, request: PublishRequest, peer: Peer) -> KeptMedia:
        self.requests.append(request)
        await self.open.wait()
        if request.app != "live" or request.key not in self._keys:
            raise RefusedError("NetStream.Publish.BadName", "Not a key of ours.")
        self.receptions.append(KeptMedia(peer))
        return self.receptions[-1]


@dataclass(slots=True)
class Doorway:
    """A port with a door behind it, and the peers that came to it."""

    door: KeyDoor
    port: int
    _peers: list[RtmpPeer] = field(default_factory=list)

    async def greeted(self, tls: ssl.SSLContext | None = None) -> RtmpPeer:
        """A peer after the handshake; closed with the doorway."""
        peer = await rtmp_peer.greeted(self.port, tls)
        self._peers.append(peer)
        return peer

    async def publishing(self, key: str = "right") -> RtmpPeer:
        """A peer that was admitted."""
        peer = await self.greeted()
        assert await peer.publish(key) == "NetStream.Publish.Start"
        return peer

    def leave(self) -> None:
        for peer in self._peers:
            peer.kill()


@contextlib.asynccontextmanager
async def doorway(
    *keys: str, tls: ssl.SSLContext | None = None, limits: ServerLimits | None = None
) -> AsyncIterator[Doorway]:
    """A door with these keys on a port of its own."""
    door = KeyDoor(*keys)
    async with server.listening(door, "127.0.0.1", 0, tls=tls, limits=limits) as port:
        place = Doorway(door, port)
        try:
            yield place
        finally:
            place.leave()
