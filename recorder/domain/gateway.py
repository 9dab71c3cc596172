"""Media servers of others that take streams for us: what their hooks say, each in its own words.

Pure: from the members of a hook's body to ``Said``. A hook is a hint, so a body that says odd
things is read as far as it can be; only a publisher without a name cannot be asked about.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from recorder.domain.people import TOKEN_PREFIX
from recorder.errors import InvalidInput

LONGEST_STREAM = 200
LONGEST_PATH = 1000
#: Instead of a token that somebody gave as a name: it would stand in file names and lists.
MASKED = "(token)"

_TOKEN = re.compile(rf"{TOKEN_PREFIX}[\w-]{{20,}}", re.ASCII)

Fields = Mapping[str, object]


class GatewayKind(enum.StrEnum):
    MEDIAMTX = "mediamtx"
    SRS = "srs"
    ZLMEDIAKIT = "zlmediakit"
    NGINX_RTMP = "nginx-rtmp"


class Word(enum.StrEnum):
    """What a hook means, whatever the software calls it."""

    #: May this publisher come in? The only hook whose answer decides anything, with ``WATCH``.
    PUBLISH = "publish"
    #: May this player have a stream?
    WATCH = "watch"
    BEGAN = "began"
    ENDED = "ended"
    #: A file is finished.
    FILE = "file"
    ALIVE = "alive"
    #: Anything else; it is answered kindly and changes nothing.
    NOTHING = "nothing"


class Refusal(enum.StrEnum):
    """Why a publisher or a player was not let in."""

    KEY_MISSING = "key-missing"
    KEY_UNKNOWN = "key-unknown"
    KEY_IN_NAME = "key-in-name"
    STREAM_UNKNOWN = "stream-unknown"
    AGENCY_CONTRADICTED = "agency-contradicted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A hook, understood."""

    word: Word
    #: Application and name, joined by ``/``; without the key, even where that was the name.
    stream: str = ""
    key: str | None = field(default=None, repr=False)
    #: The name was a token.
    key_in_name: bool = False
    address: str = ""
    protocol: str = ""
    path: str = ""
    started_at: datetime | None = None
    length: int | None = None

    @property
    def app(self) -> str:
        return self.stream.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.stream.rpartition("/")[2]


def read(kind: GatewayKind, hook: str, fields: Fields) -> Said:
    """What the gateway says with this hook; ``hook`` is the last word of the address, if any.

    Raises InvalidInput ``hook-malformed`` when somebody is to be let in who has no name.
    """
    said = _READERS[kind](hook, fields)
    if said.word in (Word.PUBLISH, Word.WATCH) and not said.name:
        raise InvalidInput("hook-malformed", "The hook names no stream.")
    return said


# --- the four ------------------------------------------------------------------------------------


def _mediamtx(hook: str, fields: Fields) -> Said:
    """``authHTTPAddress`` posts JSON; the other hooks are posted by curl (deploy/gateways)."""
    words = {"ready": Word.BEGAN, "notready": Word.ENDED, "segment": Word.FILE}
    word = words.get(hook, Word.NOTHING)
    if not hook:
        actions = {"publish": Word.PUBLISH, "read": Word.WATCH, "playback": Word.WATCH}
        word = actions.get(_text(fields, "action"), Word.NOTHING)
    key = _text(fields, "token") or _text(fields, "password") or _token_in(fields, "query")
    return _said(word, _text(fields, "path"), key, fields, "ip", path=_text(fields, "file"))


def _srs(hook: str, fields: Fields) -> Said:
    words = {
        "on_publish": Word.PUBLISH,
        "on_play": Word.WATCH,
        "on_unpublish": Word.ENDED,
        "on_dvr": Word.FILE,
    }
    word = words.get(_text(fields, "action"), Word.NOTHING)
    stream = _joined(_text(fields, "app"), _text(fields, "stream"))
    return _said(
        word,
        stream,
        _token_in(fields, "param"),
        fields,
        "ip",
        path=_text(fields, "file"),
        protocol=_text(fields, "tcUrl").partition(":")[0],
    )


def _zlmediakit(hook: str, fields: Fields) -> Said:
    words = {
        "on_publish": Word.PUBLISH,
        "on_play": Word.WATCH,
        "on_record_mp4": Word.FILE,
        "on_record_ts": Word.FILE,
        "on_server_keepalive": Word.ALIVE,
        "on_server_started": Word.ALIVE,
    }
    word = words.get(hook, Word.NOTHING)
    if hook == "on_stream_changed":
        word = Word.BEGAN if fields.get("regist") in (True, "true", 1) else Word.ENDED
    stream = _joined(_text(fields, "app"), _text(fields, "stream"))
    seconds = _whole(fields, "start_time")
    return _said(
        word,
        stream,
        _token_in(fields, "params"),
        fields,
        "ip",
        path=_text(fields, "file_path"),
        protocol=_text(fields, "schema"),
        started_at=_moment(seconds),
        length=_whole(fields, "file_size"),
    )


def _nginx_rtmp(hook: str, fields: Fields) -> Said:
    """Everything behind the question mark of the publisher's address is a member of the form."""
    words = {
        "publish": Word.PUBLISH,
        "play": Word.WATCH,
        "publish_done": Word.ENDED,
        "record_done": Word.FILE,
    }
    word = words.get(_text(fields, "call"), Word.NOTHING)
    stream = _joined(_text(fields, "app"), _text(fields, "name"))
    key = _text(fields, "token")
    return _said(word, stream, key, fields, "addr", path=_text(fields, "path"), protocol="rtmp")


_READERS: dict[GatewayKind, Callable[[str, Fields], Said]] = {
    GatewayKind.MEDIAMTX: _mediamtx,
    GatewayKind.SRS: _srs,
    GatewayKind.ZLMEDIAKIT: _zlmediakit,
    GatewayKind.NGINX_RTMP: _nginx_rtmp,
}


# --- pieces --------------------------------------------------------------------------------------


def _said(
    word: Word,
    stream: str,
    key: str,
    fields: Fields,
    address: str,
    *,
    path: str = "",
    protocol: str | None = None,
    started_at: datetime | None = None,
    length: int | None = None,
) -> Said:
    named = stream.strip("/")
    app, slash, name = named.rpartition("/")
    key_in_name = name.startswith(TOKEN_PREFIX)
    if key_in_name:
        named = f"{app}{slash}{MASKED}"
    return Said(
        word=word,
        stream=_kept(named, LONGEST_STREAM),
        key=key or None,
        key_in_name=key_in_name,
        address=_kept(_text(fields, address), 100),
        protocol=_kept(_text(fields, "protocol") if protocol is None else protocol, 50),
        # The name of a file may hold the name of its stream.
        path=_kept(_TOKEN.sub(MASKED, path), LONGEST_PATH),
        started_at=started_at,
        length=length,
    )


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _kept(text: str, longest: int) -> str:
    """Without what no database holds and no terminal should get."""
    seen = "".join(c for c in text if c.isprintable() and not "\ud800" <= c <= "\udfff")
    return seen[:longest]


def _joined(app: str, name: str) -> str:
    named = name.strip("/")
    return f"{app.strip('/')}/{named}".strip("/") if named else ""


def _token_in(fields: Fields, name: str) -> str:
    """``token`` of a query, with or without its question mark."""
    query = _text(fields, name).lstrip("?")
    try:
        return parse_qs(query, max_num_fields=50).get("token", [""])[0]
    except ValueError:
        return ""


def _whole(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 2**62 else None


def _moment(seconds: int | None) -> datetime | None:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds) if seconds else None
    except OverflowError:
        return None
