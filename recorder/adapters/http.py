"""Outgoing calls: posting to an address that somebody else named. Every connection is looked at.

Redirects are not followed: whoever wants messages elsewhere says so with the address.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from recorder.adapters.outgoing import ForbiddenAddressError, from_where, is_forbidden
from recorder.domain.source_address import Reach, SourceAddress
from recorder.domain.webhook import Attempt

if TYPE_CHECKING:
    # Loaded with the first call: most workers and commands make none.
    import aiohttp

_WHOLE_S = 15.0
#: Of an answer nobody needs more; reading it lets the connection be used again.
_ANSWER_BYTES = 4096


class Poster:
    """Posts bodies; made by ``posting``."""

    def __init__(self, session: aiohttp.ClientSession, reach: Reach) -> None:
        self._session = session
        self._reach = reach

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Attempt:
        """How it ended; never raises for what the other side or the line does."""
        import aiohttp

        place = SourceAddress.parse(url)
        if place.is_number and not self._reach.may(place.name):
            return Attempt(None, "forbidden-address")
        try:
            async with self._session.post(
                place.url,
                data=body,
                headers={"Content-Type": "application/json", **headers},
                allow_redirects=False,
            ) as answer:
                await answer.content.read(_ANSWER_BYTES)
                return Attempt(answer.status)
        except TimeoutError:
            return Attempt(None, "timeout")
        except (aiohttp.ClientError, OSError) as error:
            return Attempt(None, "forbidden-address" if is_forbidden(error) else "unreachable")


@asynccontextmanager
async def posting(reach: Reach) -> AsyncIterator[Poster]:
    """Connections for the length of the block."""
    import aiohttp

    async with aiohttp.ClientSession(
        connector=guarded_connector(reach, 20),
        timeout=aiohttp.ClientTimeout(total=_WHOLE_S),
        headers={"User-Agent": "recorder"},
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield Poster(session, reach)


def guarded_connector(reach: Reach, most: int) -> aiohttp.TCPConnector:
    """So many connections at once; one to where it may not fails with ForbiddenAddressError."""
    import aiohttp

    def guarded(found: tuple[Any, ...]) -> socket.socket:
        # Asked with the number that is connected to: a name may mean another one each time.
        family, kind, protocol, _, place = found
        if not reach.may(str(place[0]), own=from_where(family, place)):
            raise ForbiddenAddressError("not allowed")
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(socket_factory=guarded, limit=most, use_dns_cache=False)
