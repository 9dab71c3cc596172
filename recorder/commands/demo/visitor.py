"""A supervisor's program that asks the service by HTTP, as any other system would."""

from __future__ import annotations

import asyncio
import hashlib
import json
import urllib.parse
import urllib.request
from typing import Any

_BLOCK = 1024 * 1024


class Visitor:
    """Asks with a bearer token. The service is on this machine, so plain blocking calls do."""

    def __init__(self, url: str, token: str):
        self._url = url
        self._token = token

    async def get(self, path: str, **query: str) -> Any:
        """The JSON answer of a GET below /api/v1."""
        return await asyncio.to_thread(self._get, path, query)

    async def post(self, path: str, said: object) -> Any:
        """The JSON answer of a POST below /api/v1."""
        return await asyncio.to_thread(self._post, path, said)

    async def digest(self, path: str) -> str:
        """SHA-256 of the bytes that a download gives."""
        return await asyncio.to_thread(self._digest, path)

    def _open(
        self, path: str, query: dict[str, str] | None = None, body: bytes | None = None
    ) -> Any:
        asked = f"?{urllib.parse.urlencode(query)}" if query else ""
        request = urllib.request.Request(  # noqa: S310 - our own service's address
            f"{self._url}/api/v1{path}{asked}",
            data=body,
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        # No proxy of the environment may stand between this machine and itself.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return direct.open(request, timeout=60)

    def _get(self, path: str, query: dict[str, str]) -> Any:
        with self._open(path, query) as answer:
            return json.load(answer)

    def _post(self, path: str, said: object) -> Any:
        with self._open(path, body=json.dumps(said).encode()) as answer:
            return json.load(answer)

    def _digest(self, path: str) -> str:
        running = hashlib.sha256()
        with self._open(path) as answer:
            while block := answer.read(_BLOCK):
                running.update(block)
        return running.hexdigest()
