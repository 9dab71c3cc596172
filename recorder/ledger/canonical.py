"""Canonical JSON: one value, one sequence of bytes, for everything that is signed or hashed.

This is RFC 8785 (JSON Canonicalization Scheme) restricted to null, booleans, integers within
±(2^53 - 1), text, lists and objects. Fractions are refused, because their canonical form needs
ECMAScript's number printing and no fact of ours needs them: times are text, lengths are integers.
It must not learn about events; what the values mean is their owners' business.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TypeAlias

from recorder.errors import InvalidInput

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

#: Largest integer that every JSON reader keeps exact (RFC 8785, section 3.2.2.3; RFC 7493).
MAX_INTEGER = 2**53 - 1
#: Deeper values are refused, so that hostile nesting cannot exhaust the stack.
MAX_DEPTH = 64
#: The standard library escapes exactly what RFC 8785, section 3.2.2.2 asks for. Made once: making
#: it costs more than using it.
_ENCODER = json.JSONEncoder(ensure_ascii=False)


def encode(value: object) -> bytes:
    """The canonical UTF-8 bytes of a value: no white space, keys in UTF-16 code unit order.

    Equal values give equal bytes whatever the order in which their keys were set. Raises
    InvalidInput ``canonical-type`` for a float, an integer out of range, a lone surrogate, a key
    that is not text, any other type, and nesting deeper than ``MAX_DEPTH``.
    """
    return _text_of(value, 0).encode("utf-8")


def decode(content: bytes) -> Json:
    """Read bytes that must already be canonical.

    Raises InvalidInput ``canonical-malformed`` for bytes that are not JSON or that differ from
    the canonical form of what they say (order, spaces, doubled keys, escapes), and
    ``canonical-type`` for a value outside the permitted types.
    """
    try:
        value: Json = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidInput("canonical-malformed", "These bytes are not JSON in UTF-8.") from error
    if encode(value) != content:
        raise InvalidInput(
            "canonical-malformed",
            "These bytes are JSON, but not in the canonical form of RFC 8785.",
        )
    return value


def _text_of(value: object, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise _refused(f"nested deeper than {MAX_DEPTH}")
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            if abs(value) > MAX_INTEGER:
                raise _refused("an integer beyond 2^53 - 1")
            return str(int(value))
        case str():
            return _quoted(value)
        case list():
            return "[" + ",".join(_text_of(item, depth + 1) for item in value) + "]"
        case dict():
            return "{" + ",".join(_members(value, depth + 1)) + "}"
        case _:
            raise _refused(f"a {type(value).__name__}")


def _members(value: dict[object, object], depth: int) -> list[str]:
    keyed: list[tuple[bytes, str, object]] = []
    for key, item in value.items():
        if not isinstance(key, str):
            raise _refused(f"a key that is a {type(key).__name__}")
        keyed.append((*_key(key), item))
    keyed.sort(key=lambda member: member[0])
    return [f"{name}:{_text_of(item, depth)}" for _, name, item in keyed]


@lru_cache(maxsize=1024)
def _key(key: str) -> tuple[bytes, str]:
    """What a key is sorted by and how it is written; long lists repeat a few keys."""
    name = _quoted(key)
    # Big-endian UTF-16 compares by bytes as its code units compare by number.
    return key.encode("utf-16-be"), name


def _quoted(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _refused("text with a lone surrogate") from error
    return _ENCODER.encode(text)


def _refused(what: str) -> InvalidInput:
    return InvalidInput("canonical-type", f"Canonical JSON cannot hold {what}.")
