"""What a publisher meets behind the protocol: a door that decides, a reception that takes."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Protocol

from recorder.live.rtmp.chunks import Message
from recorder.live.rtmp.session import PublishRequest


class RefusedError(Exception):
    """The door's no, as the publisher gets to read it; never says which part was wrong."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


class Farewell(enum.StrEnum):
    """Why a publisher's connection ended."""

    UNPUBLISHED = "unpublished"
    CONNECTION_LOST = "connection-lost"
    VIOLATION = "violation"
    SILENT = "silent"
    TAKEN_OVER = "taken-over"
    SHUTDOWN = "shutdown"
    REFUSED = "refused"
    NOT_RECORDABLE = "not-recordable"
    NOT_KEPT = "not-kept"


class Reception(Protocol):
    """What becomes of one publisher's media. Called in the loop, never for long."""

    def take(self, messages: Sequence[Message]) -> None:
        """Take the media messages that came together; to be slowed down, pause the peer."""
        ...

    def left(self, farewell: Farewell) -> None:
        """Nothing more comes; called exactly once."""
        ...


class Peer(Protocol):
    """A publisher as the door and its reception see it."""

    address: str
    encrypted: bool

    def pause(self) -> None:
        """Read nothing more from it until ``resume``."""
        ...

    def resume(self) -> None: ...

    def dismiss(self, farewell: Farewell) -> None:
        """End the connection for this reason."""
        ...


class Door(Protocol):
    """Decides about publishers before their first media byte."""

    async def admit(self, request: PublishRequest, peer: Peer) -> Reception:
        """The reception of an admitted publisher. Raises RefusedError."""
        ...
