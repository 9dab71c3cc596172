"""The service as seen over HTTP: one question, one answer, every failure sorted.

Nothing here knows about files. The token goes to the origin of the server's address and nowhere
else: redirects are not followed, addresses of uploads elsewhere are refused.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from recorder.client.backoff import retry_after_seconds
from recorder.client.failures import (
    AccessRefused,
    FileRefused,
    OffsetDiffers,
    TryLater,
    UploadVanished,
)
from recorder.errors import InvalidInput

_BLOCK_BYTES = 256 * 1024
_LONGEST_ANSWER_BYTES = 2 * 1024 * 1024
#: Answers that mean "not now": timeout, locked, too early, too many, checksum did not fit (tus).
_LATER = frozenset({408, 423, 425, 429, 460})


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; ``headers`` as they came, names in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: URL

    def header(self, name: str) -> str | None:
        return self.headers.get(name.lower())

    def count(self, name: str) -> int | None:
        """A header that holds a length or an offset."""
        text = self.header(name)
        return int(text) if text is not None and text.isascii() and text.isdigit() else None

    def object(self) -> dict[str, object]:
        """The JSON object of the answer; raises TryLater when it holds none."""
        try:
            value = json.loads(self.content)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise TryLater("answer-malformed", f"{self.url.path} did not answer with JSON.")
        return value


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of silence after which a connection counts as lost."""

    connect: float = 15.0
    #: No byte of a body could be handed to the network.
    stall: float = 60.0
    #: All was sent and no answer came; stores may take long to finish a large object.
    answer: float = 300.0


class Service:
    """Asks one service with one token."""

    def __init__(self, session: aiohttp.ClientSession, server: URL, limits: Limits) -> None:
        self._session = session
        self._limits = limits
        self.server = server

    def address(self, path: str) -> URL:
        """An address below the server's, such as ``/api/v1/uploads``."""
        return self.server.with_path(self.server.path.rstrip("/") + path)

    def address_of_upload(self, answer: Answer) -> URL:
        """The Location of a new upload, which may be relative to the question."""
        location = answer.header("Location")
        if not location:
            raise TryLater("location-missing", "The service made an upload and named no address.")
        try:
            url = answer.url.join(URL(location))
        except ValueError as error:
            raise FileRefused(
                "location-invalid", f"The upload's address is no URL: {location[:200]!r}."
            ) from error
        return self.checked_origin(url)

    def checked_origin(self, url: URL) -> URL:
        """The address itself, if it is on the server; raises FileRefused otherwise."""
        if not url.absolute or url.origin() != self.server.origin():
            raise FileRefused(
                "location-elsewhere",
                f"The service sent the upload to {url.host}; the token is not given to others.",
            )
        return url

    async def ask(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str] | None = None,
        body: memoryview | None = None,
        on_block: Callable[[int], None] | None = None,
    ) -> Answer:
        """One request and its whole answer, whatever its status.

        ``on_block`` is told how many bytes of the body have been handed to the network. Raises
        TryLater when the connection cannot be made, breaks or stays silent.
        """
        try:
            async with asyncio.timeout(self._limits.answer) as watch:
                data = None if body is None else self._blocks(body, watch, on_block)
                sending = dict(headers or {})
                if body is not None:
                    sending["Content-Length"] = str(len(body))
                async with self._session.request(
                    method, url, headers=sending, data=data, allow_redirects=False
                ) as response:
                    content = await _content_of(response)
                    if body is not None and response.status >= 400:
                        # An answer before the end of the body: the connection is out of step.
                        response.close()
                    return Answer(
                        response.status,
                        {name.lower(): value for name, value in response.headers.items()},
                        content,
                        url,
                    )
        except (aiohttp.ClientError, OSError) as error:
            # TimeoutError is an OSError.
            reason = str(error) or type(error).__name__
            raise TryLater(
                "connection-lost", f"No connection to the service ({reason})."
            ) from error

    async def _blocks(
        self, body: memoryview, watch: asyncio.Timeout, on_block: Callable[[int], None] | None
    ) -> AsyncIterator[memoryview]:
        clock = asyncio.get_running_loop().time
        for start in range(0, len(body), _BLOCK_BYTES):
            if watch.expired():
                return
            watch.reschedule(clock() + self._limits.stall)
            block = body[start : start + _BLOCK_BYTES]
            yield block
            if on_block is not None:
                on_block(start + len(block))
        if not watch.expired():
            watch.reschedule(clock() + self._limits.answer)


async def _content_of(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for block in response.content.iter_chunked(_BLOCK_BYTES):
        content += block
        if len(content) > _LONGEST_ANSWER_BYTES:
            raise TryLater("answer-too-long", "The service's answer is too long to be one of ours.")
    return bytes(content)


def server_address(text: str) -> URL:
    """The service's address; raises InvalidInput unless it is an http or https URL with a host."""
    try:
        url = URL(text.strip())
        usable = url.scheme in ("http", "https") and bool(url.host)
    except ValueError:
        usable = False
    if not usable:
        raise InvalidInput(
            "server-address-invalid",
            f"{text!r} is no address of a service; write it like https://evidence.example:8443.",
        )
    return URL.build(
        scheme=url.scheme,
        host=url.host or "",
        port=url.explicit_port,
        path=url.path.rstrip("/") or "/",
    )


def expect(answer: Answer, *statuses: int, upload: bool = False) -> Answer:
    """The answer itself if it has one of the statuses; otherwise the failure it stands for.

    ``upload``: the question was about an upload, whose 404, 409 and 410 have a meaning of their
    own. Everything the client does about a failure follows from the class raised here.
    """
    status = answer.status
    if status in statuses:
        return answer
    code, sentence = _problem(answer)
    if status in _LATER or status >= 500:
        wish = retry_after_seconds(answer.header("Retry-After"), answered_at=answer.header("Date"))
        raise TryLater(code, sentence, retry_after=wish)
    if upload and status in (404, 410):
        raise UploadVanished(code, sentence)
    if upload and status == 409:
        raise OffsetDiffers(code, sentence)
    if status in (401, 403):
        raise AccessRefused(code, sentence)
    if 300 <= status < 400:
        target = answer.header("Location") or "somewhere else"
        raise AccessRefused(
            "server-moved",
            f"The service points to {target[:200]}; give that address with --server.",
        )
    raise FileRefused(code, sentence)


def _problem(answer: Answer) -> tuple[str, str]:
    """Code and sentence of problem details (RFC 9457); of the bare status if there are none."""
    fields: dict[str, object] = {}
    if "json" in (answer.header("Content-Type") or ""):
        try:
            loaded = json.loads(answer.content)
        except ValueError:
            loaded = None
        fields = loaded if isinstance(loaded, dict) else {}
    kind = str(fields.get("type") or "").rstrip("/").rpartition("/")[2]
    code = str(fields.get("code") or kind or f"http-{answer.status}")[:100]
    title = str(fields.get("title") or f"The service answered {answer.status}")[:200]
    detail = str(fields.get("detail") or "")[:500]
    return code, f"{title}: {detail}" if detail else f"{title}."
