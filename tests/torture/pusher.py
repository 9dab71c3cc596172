"""A device that pushes a livestream, to be killed: ``python -m tests.torture.pusher URL FOLDER``.

FOLDER holds ``token`` and ``bodies`` (pushed_media.py); ``livestream`` is its journal, the
address of what it has opened. It imports little: it starts again each time it is killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from tests.support.answers import Answer
from tests.support.pusher import delivered, said

#: Numbers of a livestream: the first period ends behind ``FIRST_PERIOD``.
FIRST_PERIOD, LATE, TWICE, LAST = 3, 6, 2, 34


def init(folder: Path) -> Path:
    """The init segment."""
    return folder / "bodies" / "init"


def body(folder: Path, number: int) -> Path:
    """The segment of this number."""
    return folder / "bodies" / str(number)


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
    place = journal.read_text()
    for period in ("1/init", "2/init?cause=reconnect"):
        path = f"{place}/periods/{period}"
        answer = await delivered(ask, path, token, init(folder).read_bytes())
        assert answer.status in (200, 201), answer.content
    for number in range(1, LAST + 1):
        if number != LATE:
            path = f"{place}/{place_of(number)}"
            answer = await delivered(ask, path, token, body(folder, number).read_bytes())
            assert answer.status in (200, 201), answer.content
    answer = await delivered(
        ask, f"{place}/{place_of(TWICE)}", token, body(folder, TWICE + 1).read_bytes()
    )
    assert answer.status in (200, 409), answer.content
    answer = await said(ask, f"{place}/close", token, json.dumps({"last": LAST}).encode())
    assert answer.status == 200, answer.content
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], Path(sys.argv[2]))))
