"""A phone that delivers chunks, to be killed: ``python -m tests.torture.phone URL FOLDER``.

FOLDER holds ``token`` and ``chunks`` (pushed_media.py); ``chunked`` and ``key`` are its journal.
As the page does, it keeps each chunk until that is acknowledged, and delivers by a key of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.support.pusher import delivered, said
from tests.torture.pusher import Asking

#: Period and number of each chunk; the second period is the page loaded again.
CHUNKS = ((1, 1), (1, 2), (1, 3), (2, 4), (2, 5))


def chunk(folder: Path, number: int) -> Path:
    """A chunk that nobody has acknowledged."""
    return folder / "chunks" / str(number)


def _noted(place: Path, words: str) -> str:
    draft = place.with_suffix(".draft")
    draft.write_text(words)
    draft.rename(place)
    return words


async def main(url: str, folder: Path) -> int:
    """Deliver what is left; 0 when it is closed."""
    ask, token = Asking(url), (folder / "token").read_text()
    journal, secret = folder / "chunked", folder / "key"
    if not journal.exists():
        words = {"title": "phone", "media_type": "video/mp4", "case_numbers": ["T-4"]}
        answer = await said(ask, "/api/v1/livestreams", token, json.dumps(words).encode())
        assert answer.status == 201, answer.content
        _noted(journal, answer.headers["Location"])
    place = journal.read_text()
    if not secret.exists():
        answer = await said(ask, f"{place}/push-keys", token, b"{}")
        assert answer.status == 201, answer.content
        _noted(secret, str(answer.json["key"]))
    key = secret.read_text()
    for period, number in CHUNKS:
        body = chunk(folder, number)
        if body.exists():
            path = f"{place}/periods/{period}/chunks/{number}?cause=reconnect"
            answer = await delivered(ask, path, key, body.read_bytes())
            assert answer.status in (200, 201), answer.content
            body.unlink()
    last = json.dumps({"last": CHUNKS[-1][1]}).encode()
    answer = await said(ask, f"{place}/close", key, last)
    assert answer.status == 200, answer.content
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], Path(sys.argv[2]))))
