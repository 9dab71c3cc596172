"""Sending one file by tus over a plain socket, with the moment at which its last bytes left."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.waiting import eventually

#: What is kept back for a request of its own, so that the end of the upload can be timed.
_TAIL_BYTES = 1 << 20
_LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that is wholly at the service."""

    recording: str
    #: Clock (perf_counter) just before the last mebibyte was sent.
    ending_at: float
    #: When the service acknowledged it.
    answered_at: float


def send(url: str, token: str, file: Path, *, name: str = "clip.mp4") -> Sent:
    """Send the whole file; its last mebibyte in a request of its own."""
    parts = urlsplit(url)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=600)
    headers = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {token}"}
    length = file.stat().st_size
    try:
        line.request(
            "POST",
            "/api/v1/uploads",
            headers={
                **headers,
                "Upload-Length": str(length),
                "Upload-Metadata": f"filename {base64.b64encode(name.encode()).decode()}",
            },
        )
        place = _answer(line, 201)[0]["Location"]
        place = urlsplit(place).path
        ending_at = 0.0
        with file.open("rb") as source:
            for first, last in ((0, max(0, length - _TAIL_BYTES)), (length - _TAIL_BYTES, length)):
                if last <= first:
                    continue
                source.seek(first)
                ending_at = time.perf_counter()
                line.request(
                    "PATCH",
                    place,
                    body=_Window(source, last - first),
                    headers={
                        **headers,
                        "Upload-Offset": str(max(0, first)),
                        "Content-Type": "application/offset+octet-stream",
                        "Content-Length": str(last - max(0, first)),
                    },
                )
                _answer(line, 204)
        answered_at = time.perf_counter()
        line.request("HEAD", place, headers=headers)
        recording = _answer(line, 200)[0]["Recorder-Recording"]
        return Sent(recording, ending_at, answered_at)
    finally:
        line.close()


class _Window:
    """The next ``left`` bytes of a file, as http.client wants them."""

    def __init__(self, source: Any, left: int) -> None:
        self._source, self._left = source, left

    def read(self, size: int = -1, /) -> bytes:
        block: bytes = self._source.read(min(max(size, 1 << 18), self._left))
        self._left -= len(block)
        return block


def _answer(line: http.client.HTTPConnection, status: int) -> tuple[Message, bytes]:
    answer = line.getresponse()
    said = answer.read()
    if answer.status != status:
        raise RuntimeError(f"the service answered {answer.status}: {said[:500]!r}")
    return answer.headers, said


def ask(url: str, token: str, path: str, *, method: str = "GET") -> tuple[int, dict[str, Any]]:
    """Status and JSON of one request."""
    parts = urlsplit(url)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        line.request(method, path, headers={"Authorization": f"Bearer {token}"})
        answer = line.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        line.close()


def when(
    url: str, token: str, recording: str, holds: Callable[[dict[str, Any]], bool]
) -> tuple[float, dict[str, Any]]:
    """The moment (perf_counter) from which ``holds`` is true of the recording, and what it was.

    It is found some 50 ms late at most.
    """
    parts = urlsplit(url)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def look() -> tuple[float, dict[str, Any]] | None:
        line.request(
            "GET",
            f"/api/v1/recordings/{recording}",
            headers={"Authorization": f"Bearer {token}"},
        )
        shown = json.loads(_answer(line, 200)[1])
        return (time.perf_counter(), shown) if holds(shown) else None

    async def wait() -> tuple[float, dict[str, Any]]:
        return await eventually(look, within=_LONGEST_S, what="the recording's state")

    try:
        return asyncio.run(wait())
    finally:
        line.close()
