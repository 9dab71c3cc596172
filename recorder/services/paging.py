"""Pages of lists: by key, never by offset, with opaque cursors."""

from __future__ import annotations

import base64
import binascii
import struct
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from recorder.errors import InvalidInput

T = TypeVar("T")
Key = tuple[datetime, uuid.UUID]

#: No list gives more lines at once.
LONGEST_PAGE = 200

_KEY = struct.Struct(">q16s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some lines of a list; ``next`` asks for those behind them, None at the end."""

    items: tuple[T, ...]
    next: str | None


def encode_cursor(at: datetime, last: uuid.UUID) -> str:
    """The key of a line as text for an address: 32 characters of base64url."""
    return base64.urlsafe_b64encode(_KEY.pack((at - _EPOCH) // _MICROSECOND, last.bytes)).decode(
        "ascii"
    )


def decode_cursor(text: str) -> Key:
    """What ``encode_cursor`` was given. Raises InvalidInput ``cursor-invalid``."""
    try:
        micros, last = _KEY.unpack(base64.b64decode(text.encode("ascii"), b"-_", validate=True))
        return _EPOCH + micros * _MICROSECOND, uuid.UUID(bytes=last)
    except (binascii.Error, struct.error, UnicodeEncodeError, OverflowError) as error:
        raise InvalidInput(
            "cursor-invalid", "The cursor is none that this list has given out."
        ) from error


def read_cursor(text: str | None) -> Key | None:
    """As ``decode_cursor``; no text is the beginning of the list."""
    return decode_cursor(text) if text else None


def page_size(limit: int) -> int:
    """The limit if it is one; raises InvalidInput ``limit-invalid`` outside 1 to LONGEST_PAGE."""
    if not 1 <= limit <= LONGEST_PAGE:
        raise InvalidInput("limit-invalid", f"A page has 1 to {LONGEST_PAGE} lines.", limit=limit)
    return limit


def page_of(rows: Sequence[T], limit: int, key: Callable[[T], Key]) -> Page[T]:
    """A page of at most ``limit`` lines out of one more, which tells whether there is a next."""
    shown = tuple(rows[:limit])
    return Page(shown, encode_cursor(*key(shown[-1])) if len(rows) > limit else None)
