"""Getting things by HTTP from where it may: every connection is looked at, redirects too."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import aiohttp

from recorder.adapters import http, outgoing
from recorder.domain.source_address import Reach, SourceAddress, SourceProtocol
from recorder.errors import InvalidInput
from recorder.live.fetching import FetchError, Trouble
from recorder.live.hls.playlist import Place

_MOST_REDIRECTS = 3
_WHOLE_S, _SILENCE_S = 60.0, 10.0
_BLOCK = 256 << 10


@dataclass(frozen=True, slots=True)
class Got:
    #: Where it was found in the end.
    url: str
    content: bytes


class Web:
    """One source's connections. User and password go to the source's own host and port only."""

    def __init__(
        self, address: SourceAddress, reach: Reach, session: aiohttp.ClientSession
    ) -> None:
        self._address = address
        self._reach = reach
        self._session = session

    async def get(self, wanted: Place, most_bytes: int) -> Got:
        """The content of a place. Raises FetchError."""
        url, part = wanted.url, wanted.part
        if part is not None and part[1] > most_bytes:
            raise FetchError(Trouble.BROKEN, "it sends too much")
        for _ in range(_MOST_REDIRECTS + 1):
            place = self._allowed(url)
            words = self._words(place) | _range(part)
            try:
                async with self._session.get(
                    place.url, allow_redirects=False, headers=words
                ) as answer:
                    if answer.status in (301, 302, 303, 307, 308):
                        url = _joined(place.url, answer.headers.get("Location", ""))
                        continue
                    _check(answer.status, part)
                    if part is not None:
                        return Got(place.url, await _part_of(answer, *part))
                    return Got(place.url, await _body(answer, most_bytes))
            except outgoing.ForbiddenAddressError as error:
                raise FetchError(Trouble.FORBIDDEN, "it leads where we do not go") from error
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                trouble = Trouble.FORBIDDEN if outgoing.is_forbidden(error) else Trouble.UNREACHABLE
                raise FetchError(trouble, f"nothing came: {type(error).__name__}") from error
        raise FetchError(Trouble.BROKEN, "it leads from one place to the next")

    def _allowed(self, url: str) -> SourceAddress:
        try:
            place = SourceAddress.parse(url)
        except InvalidInput as error:
            raise FetchError(Trouble.BROKEN, "it names a place that is no address") from error
        if place.protocol is not SourceProtocol.HLS:
            raise FetchError(Trouble.BROKEN, "it names a place of another protocol")
        if self._address.encrypted and not place.encrypted:
            raise FetchError(Trouble.FORBIDDEN, "it leads to a weaker protocol")
        if place.is_number and not self._reach.may(place.name):
            raise FetchError(Trouble.FORBIDDEN, "it leads where we do not go")
        return place

    def _words(self, place: SourceAddress) -> dict[str, str]:
        own = self._address
        if not own.user and not own.password:
            return {}
        same = (place.name, place.port, place.encrypted) == (own.name, own.port, own.encrypted)
        words = aiohttp.encode_basic_auth(own.user, own.password, "utf-8")
        return {"Authorization": words} if same else {}


@asynccontextmanager
async def reaching(address: SourceAddress, reach: Reach) -> AsyncIterator[Web]:
    """Connections for the length of the block."""
    connector = http.guarded_connector(reach, 4)
    limits = aiohttp.ClientTimeout(total=_WHOLE_S, sock_connect=_SILENCE_S, sock_read=_SILENCE_S)
    async with aiohttp.ClientSession(
        connector=connector, timeout=limits, headers={"User-Agent": "recorder"}
    ) as session:
        yield Web(address, reach, session)


def _joined(base: str, place: str) -> str:
    try:
        return urljoin(base, place)
    except ValueError:
        return ""  # Which is no address either.


def _range(part: tuple[int, int] | None) -> dict[str, str]:
    if part is None:
        return {}
    # Coded, the bytes would be others; aiohttp asks for that by itself.
    return {"Range": f"bytes={part[0]}-{part[0] + part[1] - 1}", "Accept-Encoding": "identity"}


def _check(status: int, part: tuple[int, int] | None) -> None:
    if status in (401, 403):
        raise FetchError(Trouble.UNAUTHORISED, f"{status}")
    if status != 200 and not (status == 206 and part is not None):
        raise FetchError(Trouble.REFUSED, f"{status}")


async def _part_of(answer: aiohttp.ClientResponse, begins: int, length: int) -> bytes:
    """The part that was asked for, also of a server that gives more than it was asked for."""
    before = begins
    if answer.status == 206:
        said = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        if said is None or int(said[1]) != begins:
            raise FetchError(Trouble.BROKEN, "it sends another part than was asked for")
        before = 0
    part = bytearray()
    async for block in answer.content.iter_chunked(_BLOCK):
        part += block[before:]
        before = max(0, before - len(block))
        if len(part) >= length:
            return bytes(part[:length])
    raise FetchError(Trouble.BROKEN, "it sends less than it lists")


async def _body(answer: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    body = bytearray()
    async for block in answer.content.iter_chunked(_BLOCK):
        body += block
        if len(body) > most_bytes:
            raise FetchError(Trouble.BROKEN, "it sends too much")
    return bytes(body)
