"""Forms as browsers post them: reading fields, going back with a word about what happened.

Every post ends in a redirect (303), so that loading the page again repeats nothing. The word
travels as a code in the address; pages know the sentence for it and ignore any other.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import hdrs, web
from multidict import MultiDictProxy

from recorder.domain.instant import Instant
from recorder.errors import InvalidInput, Kind, RecorderError

Answer = Awaitable[web.StreamResponse]
Handler = Callable[[web.Request], Answer]
_NOTHING: Mapping[str, Callable[[web.Request, RecorderError], Answer]] = {}

#: Failures that the person at the form can do something about.
_MENDABLE = frozenset(
    {Kind.INVALID, Kind.NOT_FOUND, Kind.CONFLICT, Kind.GONE, Kind.LOCKED, Kind.TOO_LARGE}
)
_WORDS = ("done", "error", "count", "passed")


class Form:
    """The fields of one posted form; files and repeated single fields are not taken."""

    def __init__(self, fields: MultiDictProxy[str | bytes | bytearray | web.FileField]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """The field without blanks around it; empty when it is not there."""
        value = self._fields.get(name)
        return value.strip() if isinstance(value, str) else ""

    def raw(self, name: str) -> str:
        """The field as typed: passwords may begin with a blank."""
        value = self._fields.get(name)
        return value if isinstance(value, str) else ""

    def optional(self, name: str) -> str | None:
        """The field, or None when it is empty."""
        return self.text(name) or None

    def every(self, name: str) -> list[str]:
        """All values of a field that may be ticked many times."""
        return [value for value in self._fields.getall(name, []) if isinstance(value, str)]

    def identifier(self, name: str) -> uuid.UUID:
        """The field as an identifier; InvalidInput ``form-invalid``."""
        return identifier(self.text(name))

    def instant(self, name: str) -> Instant | None:
        """A time of ``<input type=datetime-local>``: China's time, seconds optional."""
        text = self.text(name)
        if not text:
            return None
        return Instant.parse(f"{text}:00" if text.count(":") == 1 else text)


def identifier(text: str) -> uuid.UUID:
    """The text as an identifier; InvalidInput ``form-invalid``."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidInput("form-invalid", "The form holds something unknown.") from error


async def read_form(request: web.Request) -> Form:
    """The posted fields; the token against foreign pages has been checked by then."""
    return Form(await request.post())


def local(address: str, default: str = "/") -> str:
    """The address if it is one of ours, path and query only; else the default.

    Browsers take ``//host`` and ``/\\host`` for addresses of other sites.
    """
    parts = urlsplit(address)
    path_only = not parts.scheme and not parts.netloc and parts.path.startswith("/")
    if not path_only or address[1:2] in ("/", "\\") or not address.isprintable():
        return default
    return address


def go(address: str, **words: str | int) -> web.Response:
    """Send the browser to a page of ours with a word about what happened."""
    parts = urlsplit(address)
    kept = [(k, v) for k, v in parse_qsl(parts.query) if k not in _WORDS]
    query = urlencode(kept + [(name, str(value)) for name, value in words.items()])
    target = f"{parts.path}?{query}" if query else parts.path
    return web.Response(status=303, headers={hdrs.LOCATION: target, hdrs.CACHE_CONTROL: "no-store"})


def here(request: web.Request, default: str) -> str:
    """The page a form was posted from, if it is one of ours; else the default."""
    referrer = urlsplit(request.headers.get(hdrs.REFERER, ""))
    if referrer.netloc != request.host:
        return default
    return local(f"{referrer.path}?{referrer.query}" if referrer.query else referrer.path, default)


def posted(
    default: str, drawn: Mapping[str, Callable[[web.Request, RecorderError], Answer]] = _NOTHING
) -> Callable[[Handler], Handler]:
    """A handler of a form: what the person can mend is told on the page the form stands on.

    ``drawn``: failures by their code that a sentence does not tell; the answer is then a page with
    what was typed.
    """

    def wrap(handler: Handler) -> Handler:
        @functools.wraps(handler)
        async def answered(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except RecorderError as error:
                if error.kind not in _MENDABLE:
                    raise
                if error.code in drawn:
                    return await drawn[error.code](request, error)
                return go(here(request, default), error=error.code)

        return answered

    return wrap
