"""AMF0, the form of RTMP's commands and metadata, with a limit on everything a stranger can nest.

Own code of a page because the maintained library (Py3AMF) makes Python classes from names that the
peer sends and has no limit on depth. Values are str, float, bool, None, dict and list; what AMF0
calls undefined is None, a date is its milliseconds, and a class name is left out.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from recorder.live.rtmp.violation import ViolationError

Value: TypeAlias = "str | float | bool | Mapping[str, Value] | Sequence[Value] | None"

_DEEPEST = 8
_MOST_VALUES = 2_000

_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _UNDEFINED = 0, 1, 2, 3, 5, 6
_ECMA_ARRAY, _OBJECT_END, _STRICT_ARRAY, _DATE, _LONG_STRING = 8, 9, 10, 11, 12
_XML, _TYPED_OBJECT = 15, 16


def decode(data: bytes) -> list[Value]:
    """All values of ``data``. Raises ViolationError when they are cut, too deep or too many."""
    reader = _Reader(data)
    values: list[Value] = []
    while reader.at < len(data):
        values.append(reader.value(0))
    return values


def encode(*values: Value) -> bytes:
    """The values one after the other."""
    return b"".join(_encoded(value) for value in values)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0
        self._left = _MOST_VALUES

    def value(self, depth: int) -> Value:
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            raise ViolationError("a command nests too deep or holds too many values")
        marker = self._take(1)[0]
        if marker == _NUMBER:
            return float(struct.unpack(">d", self._take(8))[0])
        if marker == _BOOLEAN:
            return self._take(1) != b"\0"
        if marker == _STRING:
            return self._text(2)
        if marker in (_LONG_STRING, _XML):
            return self._text(4)
        if marker in (_NULL, _UNDEFINED):
            return None
        if marker == _DATE:
            return float(struct.unpack(">d", self._take(10)[:8])[0])
        return self._container(marker, depth + 1)

    def _container(self, marker: int, depth: int) -> Value:
        if marker == _STRICT_ARRAY:
            count = int.from_bytes(self._take(4), "big")
            if count > self._left:
                raise ViolationError("an array of a command is too long")
            return [self.value(depth) for _ in range(count)]
        if marker == _TYPED_OBJECT:
            self._text(2)
        elif marker == _ECMA_ARRAY:
            self._take(4)  # A hint only: writers give 0 and end it as an object.
        elif marker != _OBJECT:
            raise ViolationError("a command holds a value of a form that is not taken")
        members: dict[str, Value] = {}
        while True:
            name = self._text(2)
            if not name and self._data[self.at : self.at + 1] == bytes([_OBJECT_END]):
                self.at += 1
                return members
            members[name] = self.value(depth)

    def _text(self, width: int) -> str:
        return self._take(int.from_bytes(self._take(width), "big")).decode("utf-8", "replace")

    def _take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self._data):
            raise ViolationError("a command is cut short")
        taken = self._data[self.at : end]
        self.at = end
        return taken


def _encoded(value: Value) -> bytes:
    if value is None:
        return bytes([_NULL])
    if isinstance(value, bool):
        return bytes([_BOOLEAN, value])
    if isinstance(value, (int, float)):
        return bytes([_NUMBER]) + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode()
        if len(text) > 0xFFFF:
            return bytes([_LONG_STRING]) + struct.pack(">I", len(text)) + text
        return bytes([_STRING]) + struct.pack(">H", len(text)) + text
    if isinstance(value, Mapping):
        members = b"".join(_name(name) + _encoded(member) for name, member in value.items())
        return bytes([_OBJECT]) + members + b"\0\0" + bytes([_OBJECT_END])
    items = b"".join(_encoded(item) for item in value)
    return bytes([_STRICT_ARRAY]) + struct.pack(">I", len(value)) + items


def _name(name: str) -> bytes:
    text = name.encode()
    return struct.pack(">H", len(text)) + text
