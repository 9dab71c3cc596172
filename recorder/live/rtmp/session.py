"""One publisher's conversation: messages in, answers and what they ask of us out. No sockets.

Only publishing is served. Before ``accept`` no media is taken, and only short messages; who asks
to play, or sends media first, is no publisher of ours.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from recorder.live.rtmp import amf0
from recorder.live.rtmp.chunks import SET_CHUNK_SIZE, ChunkReader, Message, written
from recorder.live.rtmp.violation import ViolationError

_ACKNOWLEDGEMENT, _USER_CONTROL, _WINDOW, _BANDWIDTH = 3, 4, 5, 6
AUDIO, VIDEO, DATA = 8, 9, 18
_DATA_AMF3, _COMMAND_AMF3, _COMMAND, _AGGREGATE = 15, 17, 20, 22

_PING, _PONG, _STREAM_BEGIN = 6, 7, 0
_OUR_WINDOW = 2_500_000
_OUR_CHUNK_SIZE = 4096
_SMALLEST_WINDOW = 16 << 10

#: Enhanced RTMP's codecs that the way behind us keeps as they are.
FOUR_CC = ("avc1", "hvc1", "av01", "mp4a", "Opus", "fLaC", "ac-3")


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """What a publisher asks for: an application, a key, and what stands behind the question mark.

    Both are as the peer wrote them; the key is a secret and is never logged.
    """

    app: str
    key: str
    query: str
    encoder: str


class End(enum.Enum):
    """The publisher said that it is done."""

    UNPUBLISHED = "unpublished"


#: A request that waits for ``accept`` or ``refuse``; media; or the end.
Event: TypeAlias = PublishRequest | Message | End


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """The longest messages before and after the key was found right."""

    stranger_bytes: int = 64 << 10
    publisher_bytes: int = 16 << 20


class Session:
    """``append`` bytes, act on each ``next_event``, send what ``answers`` gives."""

    def __init__(self, limits: SessionLimits) -> None:
        self._limits = limits
        self._reader = ChunkReader(limits.stranger_bytes)
        self._out: list[bytes] = []
        self._chunk_size = 128
        self._app = ""
        self._app_query = ""
        self._encoder = ""
        self._connected = False
        self._stream = 0
        self._asked = 0
        self.is_publishing = False
        self._received = 0
        self._acknowledged = 0
        self._window = _OUR_WINDOW
        self._events: list[Event] = []

    def append(self, data: bytes | memoryview) -> None:
        """Add what arrived after the handshake; the memory is lent until ``settle``."""
        self._received += len(data)
        self._reader.append(data)
        if self._received - self._acknowledged >= self._window:
            self._acknowledged = self._received
            count = (self._received & 0xFFFFFFFF).to_bytes(4, "big")
            self._send(2, _ACKNOWLEDGEMENT, 0, count)

    def settle(self) -> None:
        """Give back the memory that ``append`` was given."""
        self._reader.settle()

    def next_event(self) -> Event | None:
        """The next thing to act on; None until more bytes come.

        Raises ViolationError when the peer is no publisher. After a PublishRequest it must not be
        called again before ``accept``.
        """
        while not self._events:
            message = self._reader.next()
            if message is None:
                return None
            if message.kind in (AUDIO, VIDEO) and self.is_publishing:
                return message
            self._take(message)
        return self._events.pop(0)

    def answers(self) -> bytes:
        """What is to be sent now; each byte is given once."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def accept(self) -> None:
        """The key was right: media is taken from here on."""
        self.is_publishing = True
        self._stream = self._asked
        self._reader.longest_message = self._limits.publisher_bytes
        self._send(2, _USER_CONTROL, 0, _control(_STREAM_BEGIN, self._stream))
        self._status("status", "NetStream.Publish.Start", "Publishing.")

    def refuse(self, code: str, why: str) -> None:
        """Say no; the connection is to be closed once ``answers`` were sent."""
        self._stream = self._asked
        self._status("error", code, why)

    def _take(self, message: Message) -> None:
        kind = message.kind
        if kind in (_COMMAND, _COMMAND_AMF3):
            self._command(_values(message, kind == _COMMAND_AMF3), message.stream)
        elif kind in (AUDIO, VIDEO, _AGGREGATE, DATA, _DATA_AMF3):
            self._media(message)
        elif kind == _USER_CONTROL:
            if message.payload[:2] == _PING.to_bytes(2, "big"):
                self._send(2, _USER_CONTROL, 0, _PONG.to_bytes(2, "big") + message.payload[2:6])
        elif kind == _WINDOW and len(message.payload) >= 4:
            self._window = max(int.from_bytes(message.payload[:4], "big"), _SMALLEST_WINDOW)

    def _media(self, message: Message) -> None:
        if not self.is_publishing:
            raise ViolationError("it sends media before it may")
        if message.kind == _AGGREGATE:
            self._events += _parts(message)
        elif message.kind == _DATA_AMF3:
            self._events.append(message._replace(kind=DATA, payload=message.payload[1:]))
        else:
            self._events.append(message)

    def _command(self, values: Sequence[amf0.Value], stream: int) -> None:
        name = values[0] if values else None
        number = values[1] if len(values) > 1 else 0.0
        if not isinstance(name, str) or not isinstance(number, float):
            raise ViolationError("a command without a name or number")
        if name == "connect":
            self._connect(number, values[2] if len(values) > 2 else None)
        elif not self._connected:
            raise ViolationError("it does not connect first")
        elif name == "createStream":
            self._answer("_result", number, None, 1.0)
        elif name == "publish":
            self._publish(values, stream)
        elif name in ("deleteStream", "closeStream", "FCUnpublish"):
            if self.is_publishing:
                self.is_publishing = False
                self._events.append(End.UNPUBLISHED)
        elif name in ("play", "play2"):
            self._asked = stream
            self.refuse("NetStream.Play.Failed", "Nothing is played here.")
            raise ViolationError("it asks to play")
        elif name in ("releaseStream", "FCPublish", "_checkbw", "getStreamLength", "FCSubscribe"):
            self._answer("_result", number, None, None)
        elif number and name not in ("_result", "_error"):
            self._answer("_error", number, None, _outcome("error", "NetConnection.Call.Failed", ""))

    def _connect(self, number: float, wishes: amf0.Value) -> None:
        if self._connected or not isinstance(wishes, Mapping):
            raise ViolationError("it connects twice or without saying where")
        self._connected = True
        app, _, self._app_query = _text(wishes.get("app")).partition("?")
        self._app = app.strip("/") or urlsplit(_text(wishes.get("tcUrl"))).path.strip("/")
        self._encoder = _text(wishes.get("flashVer"))[:64]
        self._send(2, _WINDOW, 0, _OUR_WINDOW.to_bytes(4, "big"))
        self._send(2, _BANDWIDTH, 0, _OUR_WINDOW.to_bytes(4, "big") + b"\x02")
        self._send(2, SET_CHUNK_SIZE, 0, _OUR_CHUNK_SIZE.to_bytes(4, "big"))
        self._chunk_size = _OUR_CHUNK_SIZE
        outcome = _outcome("status", "NetConnection.Connect.Success", "Connected.")
        outcome["objectEncoding"] = _number(wishes.get("objectEncoding"))
        wished = wishes.get("fourCcList")
        if isinstance(wished, list):
            outcome["fourCcList"] = [c for c in FOUR_CC if c in wished or "*" in wished]
        self._answer("_result", number, {"fmsVer": "FMS/3,5,7,7009", "capabilities": 31.0}, outcome)

    def _publish(self, values: Sequence[amf0.Value], stream: int) -> None:
        name = values[3] if len(values) > 3 else None
        if not isinstance(name, str) or self.is_publishing:
            raise ViolationError("it publishes twice, or nothing")
        key, _, query = name.partition("?")
        self._asked = stream
        self._events.append(PublishRequest(self._app, key, query or self._app_query, self._encoder))

    def _status(self, level: str, code: str, why: str) -> None:
        body = amf0.encode("onStatus", 0.0, None, _outcome(level, code, why))
        self._send(5, _COMMAND, self._stream, body)

    def _answer(self, name: str, number: float, *values: amf0.Value) -> None:
        self._send(3, _COMMAND, 0, amf0.encode(name, number, *values))

    def _send(self, chunk_stream: int, kind: int, stream: int, payload: bytes) -> None:
        message = Message(kind, stream, 0, payload)
        self._out.append(written(message, chunk_stream, self._chunk_size))


def _values(message: Message, wrapped: bool) -> list[amf0.Value]:
    """The values of a command; the AMF3 kind is a zero byte before the same AMF0."""
    return amf0.decode(message.payload[1:] if wrapped else message.payload)


def _parts(message: Message) -> list[Message]:
    """The messages of an aggregate: FLV tags whose times count from that of the first."""
    parts: list[Message] = []
    payload, at = message.payload, 0
    first: int | None = None
    while at + 11 <= len(payload):
        kind = payload[at]
        length = int.from_bytes(payload[at + 1 : at + 4], "big")
        stamp = int.from_bytes(payload[at + 4 : at + 7], "big") | payload[at + 7] << 24
        first = stamp if first is None else first
        end = at + 11 + length
        if end > len(payload):
            raise ViolationError("an aggregate is cut short")
        if kind in (AUDIO, VIDEO, DATA):
            time = (message.timestamp + stamp - first) & 0xFFFFFFFF
            parts.append(Message(kind, message.stream, time, payload[at + 11 : end]))
        at = end + 4
    return parts


def _control(event: int, stream: int) -> bytes:
    return event.to_bytes(2, "big") + stream.to_bytes(4, "big")


def _outcome(level: str, code: str, why: str) -> dict[str, amf0.Value]:
    return {"level": level, "code": code, "description": why}


def _text(value: amf0.Value) -> str:
    return value if isinstance(value, str) else ""


def _number(value: amf0.Value) -> float:
    return value if isinstance(value, float) else 0.0
