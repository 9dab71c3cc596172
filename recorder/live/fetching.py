"""What fetching from an address may end with, and connections that go only where they may."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Protocol

from recorder.domain.source_address import Reach, SourceAddress
from recorder.live.elementary import Tag
from recorder.live.rtmp.reception import Farewell, Peer
from recorder.live.sink import Cause

_CONNECT_S = 10.0
_LONGEST_LINE = 64 << 10


class Trouble(enum.StrEnum):
    """Why nothing comes from an address, as it is shown; never with a word of the address."""

    UNREACHABLE = "unreachable"
    #: It leads into a network that the settings do not name.
    FORBIDDEN = "forbidden"
    UNAUTHORISED = "unauthorised"
    #: The other side says no, or that there is nothing.
    REFUSED = "refused"
    NOTHING_RECORDABLE = "nothing-recordable"
    #: Its media are locked with keys, which we do not fetch.
    ENCRYPTED = "encrypted"
    BROKEN = "broken"
    SILENT = "silent"
    ENDED = "ended"
    #: What is stored of the address cannot be read with this service's key.
    UNREADABLE = "unreadable"
    #: The store or the database did not take what came.
    NOT_KEPT = "not-kept"


class FetchError(Exception):
    """Fetching ended; ``why`` is for the log and holds nothing of the address."""

    def __init__(self, trouble: Trouble, why: str, farewell: Farewell | None = None) -> None:
        super().__init__(why)
        self.trouble = trouble
        self.why = why
        #: Why we ended it ourselves, if we did.
        self.farewell = farewell


class Inlet(Protocol):
    """Where fetched media go: an intake."""

    def take_tag(self, tag: Tag, arrived: datetime | None = None) -> None:
        """Take a header or a frame."""
        ...

    def break_off(self, cause: Cause) -> None:
        """What comes next belongs to another period."""
        ...

    def tell_time(self, arrived: datetime, at_ms: int, said: datetime) -> None:
        """Of what arrives at one moment: the source's own clock said this at this stream time."""
        ...

    def tell_clock(self, now: datetime, said: datetime) -> None:
        """The source's own clock says this now; its segments are told by ours all the same."""
        ...

    def leave_out(self, names: Collection[str]) -> None:
        """What the source offers too, and is not taken, by name."""
        ...


class Bookmark(Protocol):
    """How far something was taken, kept beside its address for whoever takes it next."""

    text: str | None

    async def note(self, text: str) -> None:
        """Write it down; returning means that it is durable."""
        ...

    async def miss_sound(self) -> None:
        """Let people know that sound is announced there and is not taken."""
        ...


Admit = Callable[[Peer], Awaitable[Inlet]]


class Fetched:
    """A Peer for something that we fetch: paused by not reading, dismissed by ending."""

    def __init__(self, address: str, *, encrypted: bool) -> None:
        self.address = address
        self.encrypted = encrypted
        self.farewell: Farewell | None = None
        self.dismissed = asyncio.Event()
        self._may_read = asyncio.Event()
        self._may_read.set()

    @property
    def is_paused(self) -> bool:
        return not self._may_read.is_set()

    def pause(self) -> None:
        """See Peer."""
        self._may_read.clear()

    def resume(self) -> None:
        """See Peer."""
        self._may_read.set()

    def dismiss(self, farewell: Farewell) -> None:
        """See Peer."""
        self.farewell = self.farewell or farewell
        self.dismissed.set()
        self._may_read.set()

    async def turn(self) -> bool:
        """Wait until more may be read; False when nothing more is wanted."""
        await self._may_read.wait()
        return not self.dismissed.is_set()


async def connect(
    address: SourceAddress, reach: Reach, tls: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first of its addresses that answers and may be reached.

    The numbers that are looked at are the very ones that are connected to, so a name that means
    something else a moment later changes nothing. Raises FetchError.
    """
    loop = asyncio.get_running_loop()
    why = FetchError(Trouble.UNREACHABLE, "its name is not known")
    with contextlib.suppress(OSError):
        found = await loop.getaddrinfo(address.name, address.port, type=socket.SOCK_STREAM)
        for family, _, _, _, place in found:
            number = str(place[0])
            if not reach.may(number):
                why = FetchError(Trouble.FORBIDDEN, "it leads into a network that is not allowed")
                continue
            try:
                return await _connected(address, reach, family, number, tls)
            except FetchError as error:
                why = error
    raise why


async def _connected(
    address: SourceAddress, reach: Reach, family: int, number: str, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = tls or (ssl.create_default_context() if address.encrypted else None)
    try:
        async with asyncio.timeout(_CONNECT_S):
            reader, writer = await asyncio.open_connection(
                number, address.port, family=family, limit=_LONGEST_LINE,
                ssl=context if address.encrypted else None,
                server_hostname=address.name if address.encrypted else None,
            )  # fmt: skip
    except (OSError, ssl.SSLError, TimeoutError) as error:
        raise FetchError(Trouble.UNREACHABLE, f"no connection: {type(error).__name__}") from error
    # A connection to one of our own addresses comes from that very address.
    if not reach.may(number, own=[writer.get_extra_info("sockname")[0]]):
        writer.close()
        raise FetchError(Trouble.FORBIDDEN, "it leads to this machine itself")
    return reader, writer
