"""A device that pushes a livestream over HTTP and goes on after anything."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Mapping

import aiohttp

from tests.support.answers import Answer

Ask = Callable[..., Awaitable[Answer]]


def content_digest(body: bytes) -> str:
    """Content-Digest as RFC 9530 writes it."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def digest_of(body: bytes) -> dict[str, str]:
    return {"Content-Digest": content_digest(body)}


async def delivered(ask: Ask, path: str, token: str, body: bytes, **headers: str) -> Answer:
    """Put a body until it is answered for good; what fails for now comes again."""
    return await _until_answered(
        lambda: ask("PUT", path, token, data=body, headers={**digest_of(body), **headers})
    )


async def said(
    ask: Ask, path: str, token: str, words: bytes, headers: Mapping[str, str] | None = None
) -> Answer:
    """POST of a JSON body until it is answered for good."""
    sent = {"Content-Type": "application/json", **(headers or {})}
    return await _until_answered(lambda: ask("POST", path, token, data=words, headers=sent))


async def _until_answered(send: Callable[[], Awaitable[Answer]]) -> Answer:
    async with asyncio.timeout(90):
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                answer = await send()
                if answer.status < 500:
                    return answer
            await asyncio.sleep(0.1)
