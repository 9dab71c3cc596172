"""A device that pushes a livestream, to be killed: ``python -m tests.torture.pusher URL FOLDER``.

FOLDER holds ``token``; ``livestream`` is its journal, the address of what it has opened. Two
periods; the segment ``LATE`` is left out, and ``TWICE`` comes with a second body.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from tests.support.pusher import delivered, said
from tests.support.streams import Take, take
from tests.support.web_service import Answer

#: Numbers of a livestream: the first period ends behind ``FIRST_PERIOD``.
FIRST_PERIOD, LATE, TWICE, LAST = 3, 6, 2, 8


def takes() -> Take:
    """What is pushed; segment ``n`` is the n-th of it."""
    return take(seconds=LAST)


def second_body() -> bytes:
    """Other bytes for the number ``TWICE``."""
    return takes().segments[LAST - 1]


class Asking:
    """Requests to the service, with a connection for each: proxies break them."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __call__(
        self,
        method: str,
        path: str,
        token: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        sent = {**(headers or {}), "Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self._url}{path}", headers=sent, data=data) as response,
        ):
            return Answer(response.status, response.headers, await response.read(), response.reason)


def place_of(number: int) -> str:
    """Where a segment goes, below its livestream."""
    return f"periods/{1 if number <= FIRST_PERIOD else 2}/segments/{number}"


async def main(url: str, folder: Path) -> int:
    """Push everything, from the beginning each time; 0 when it is closed."""
    ask, token = Asking(url), (folder / "token").read_text()
    journal = folder / "livestream"
    if not journal.exists():
        words = {"title": "torture", "case_numbers": ["T-3"]}
        answer = await said(ask, "/api/v1/livestreams", token, json.dumps(words).encode())
        assert answer.status == 201, answer.content
        draft = folder / "livestream.draft"
        draft.write_text(answer.headers["Location"])
        draft.rename(journal)
    place, sent = journal.read_text(), takes()
    for period in ("1/init", "2/init?cause=reconnect"):
        path = f"{place}/periods/{period}"
        answer = await delivered(ask, path, token, sent.init)
        assert answer.status in (200, 201), answer.content
    for number in range(1, LAST + 1):
        if number != LATE:
            path = f"{place}/{place_of(number)}"
            answer = await delivered(ask, path, token, sent.segments[number - 1])
            assert answer.status in (200, 201), answer.content
    answer = await delivered(ask, f"{place}/{place_of(TWICE)}", token, second_body())
    assert answer.status in (200, 409), answer.content
    answer = await said(ask, f"{place}/close", token, json.dumps({"last": LAST}).encode())
    assert answer.status == 200, answer.content
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], Path(sys.argv[2]))))
