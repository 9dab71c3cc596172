"""RTMP's chunk stream (specification 1.0, section 5.3): bytes to messages and back.

Whatever comes, in whatever pieces: the reader holds at most twice the longest message, gives the
same messages for the same bytes, and ends with ViolationError where they break a limit.
This is the hot path of a livestream; the loop is one function for that reason.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from recorder.live.rtmp.violation import ViolationError

SET_CHUNK_SIZE, ABORT = 1, 2

_MOST_STREAMS = 64
#: A message of one chunk is never larger than the longest message, so larger sizes mean the same.
_LARGEST_CHUNK = 16 << 20
_EXTENDED = 0xFFFFFF
_HEADER_BYTES = (11, 7, 3, 0)
#: Three bytes of time, as one and two; then three of length, and the kind.
_LONG_HEADER, _SHORT_HEADER = struct.Struct(">BHBHB"), struct.Struct(">BH")


class Message(NamedTuple):
    """One RTMP message; ``timestamp`` is in milliseconds, modulo 2**32."""

    kind: int
    stream: int
    timestamp: int
    payload: bytes


@dataclass(slots=True)
class _ChunkStream:
    """What the next header of one chunk stream refers to."""

    timestamp: int = 0
    #: The last timestamp or delta as it was written, and whether it took the extended field.
    step: int = 0
    extended: bool = False
    length: int = 0
    kind: int = 0
    stream: int = 0
    begun: bool = False
    #: The one byte before a continuing chunk; -1 where it takes more than one, or may.
    mark: int = -1
    #: The begun message: what was copied, and behind it what still lies where it was received.
    payload: bytearray = field(default_factory=bytearray)
    pieces: list[bytes | memoryview] = field(default_factory=list)
    #: How many bytes of it both hold.
    held: int = 0

    def settle(self) -> None:
        for piece in self.pieces:
            self.payload += piece
        self.pieces.clear()

    def whole(self) -> bytes:
        payload = b"".join((self.payload, *self.pieces))
        self.forget()
        return payload

    def forget(self) -> None:
        if self.payload:
            self.payload = bytearray()
        self.held = 0
        self.pieces.clear()


class ChunkReader:
    """Give it bytes with ``append`` and take messages with ``next`` until there is none.

    Bytes are copied once, into the message that they are of: after ``settle`` the memory that
    was given may be used again.
    """

    def __init__(self, longest_message: int) -> None:
        #: Raised by the owner once it knows the peer.
        self.longest_message = longest_message
        self._data: bytes | memoryview = b""
        self._at = 0
        self._chunk_size = 128
        self._streams: dict[int, _ChunkStream] = {}
        #: The chunk whose payload is still coming, and how much of it is missing.
        self._open: _ChunkStream | None = None
        self._missing = 0
        #: What all begun messages will hold, as announced: the verdict hangs on no packet's edge.
        self._begun_bytes = 0

    def append(self, data: bytes | memoryview) -> None:
        """Add what arrived; what is left of earlier bytes is less than one header."""
        rest = self._data[self._at :]
        self._data = b"".join((rest, data)) if rest else data
        self._at = 0

    def settle(self) -> None:
        """Copy what is still needed of the memory that ``append`` was given."""
        self._data, self._at = bytes(self._data[self._at :]), 0
        for stream in self._streams.values():
            if stream.pieces:
                stream.settle()

    @property
    def waiting_bytes(self) -> int:
        """How many bytes were given and not looked at yet."""
        return len(self._data) - self._at

    def next(self) -> Message | None:
        """The next whole message, or None until more bytes come.

        The messages that steer the chunks themselves are obeyed here and given out as well.
        """
        while True:
            stream = self._open
            if stream is None:
                stream = self._header()
                if stream is None:
                    return None
            data, at, missing = self._data, self._at, self._missing
            there, size, mark = len(data), self._chunk_size, stream.mark
            while (end := at + missing) <= there:
                if missing == stream.length:
                    self._at, self._open = end, None
                    return self._complete(stream, bytes(data[at:end]))
                stream.pieces.append(data[at:end])
                stream.held += missing
                missing = min(size, stream.length - stream.held)
                if not missing or end == there or data[end] != mark:
                    break
                at = end + 1
            else:
                stream.pieces.append(data[at:])
                stream.held += there - at
                self._at, self._missing, self._open = there, end - there, stream
                return None
            self._at, self._open = end, None
            if not missing:
                return self._complete(stream, stream.whole())

    def _complete(self, stream: _ChunkStream, payload: bytes) -> Message:
        stream.begun = False
        self._begun_bytes -= stream.length
        if stream.kind == SET_CHUNK_SIZE:
            size = int.from_bytes(payload[:4], "big")
            if len(payload) < 4 or not 1 <= size < 1 << 31:
                raise ViolationError("it sets a chunk size that cannot be")
            self._chunk_size = min(size, _LARGEST_CHUNK)
        elif stream.kind == ABORT:
            self._abort(int.from_bytes(payload[:4], "big"))
        return Message(stream.kind, stream.stream, stream.timestamp, payload)

    def _abort(self, number: int) -> None:
        aborted = self._streams.get(number)
        if aborted is not None and aborted.begun:
            self._begun_bytes -= aborted.length
            aborted.forget()
            aborted.begun = False

    def _header(self) -> _ChunkStream | None:
        """Read one header; None, and nothing changed, while a byte of it is missing."""
        data, at = self._data, self._at
        room = len(data) - at
        if room < 1:
            return None
        form, number = data[at] >> 6, data[at] & 63
        at += 1
        if number < 2:
            width = 1 + number
            if room < 1 + width:
                return None
            number = 64 + int.from_bytes(data[at : at + width], "little")
            at += width
        stream = self._streams.get(number)
        if form == 3:
            if stream is None:
                raise ViolationError("a chunk continues what was never begun")
            return self._continued(stream, at)
        end = at + _HEADER_BYTES[form]
        if end > len(data):
            return None
        if form < 2:
            high, low, longer, length, kind = _LONG_HEADER.unpack_from(data, at)
        else:
            high, low = _SHORT_HEADER.unpack_from(data, at)
        written = high << 16 | low
        extended = written == _EXTENDED
        if extended:
            if end + 4 > len(data):
                return None
            written = int.from_bytes(data[end : end + 4], "big")
        if stream is None:
            if form or len(self._streams) >= _MOST_STREAMS:
                raise ViolationError("it uses too many chunk streams, or begins one in its middle")
            stream = self._streams[number] = _ChunkStream()
        if stream.begun:
            raise ViolationError("a message begins inside another of its chunk stream")
        if form < 2:
            stream.length, stream.kind = longer << 16 | length, kind
        if form == 0:
            stream.stream = int.from_bytes(data[at + 7 : at + 11], "little")
            stream.timestamp = written
        else:
            stream.timestamp = (stream.timestamp + written) & 0xFFFFFFFF
        stream.step, stream.extended = written, extended
        stream.mark = 0xC0 | number if number < 64 and not extended else -1
        return self._begin(stream, end + 4 * extended)

    def _continued(self, stream: _ChunkStream, at: int) -> _ChunkStream | None:
        """A header without fields: the rest of a message, or the next one just like the last."""
        if stream.extended:
            if at + 4 > len(self._data):
                return None
            # Most writers repeat the extended timestamp here, some do not: its value tells.
            if int.from_bytes(self._data[at : at + 4], "big") == stream.step:
                at += 4
        if stream.begun:
            self._at = at
            self._missing = min(self._chunk_size, stream.length - stream.held)
            return stream
        stream.timestamp = (stream.timestamp + stream.step) & 0xFFFFFFFF
        return self._begin(stream, at)

    def _begin(self, stream: _ChunkStream, at: int) -> _ChunkStream:
        if stream.length > self.longest_message:
            raise ViolationError(f"it announces a message of {stream.length} bytes")
        stream.begun = True
        self._begun_bytes += stream.length
        if self._begun_bytes > 2 * self.longest_message:
            raise ViolationError("it begins too many messages at once")
        self._at, self._missing = at, min(self._chunk_size, stream.length)
        return stream


def written(message: Message, chunk_stream: int, chunk_size: int = 128) -> bytes:
    """The message as chunks, for chunk streams 2 to 63."""
    payload = message.payload
    extended = message.timestamp >= _EXTENDED
    stamp = struct.pack(">I", message.timestamp) if extended else b""
    head = (
        struct.pack(">I", min(message.timestamp, _EXTENDED))[1:]
        + struct.pack(">I", len(payload))[1:]
        + bytes([message.kind])
        + struct.pack("<I", message.stream)
    )
    parts = [bytes([chunk_stream]), head, stamp, payload[:chunk_size]]
    for at in range(chunk_size, len(payload), chunk_size):
        parts += [bytes([0xC0 | chunk_stream]), stamp, payload[at : at + chunk_size]]
    return b"".join(parts)
