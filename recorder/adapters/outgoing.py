"""What every library that connects to where somebody else says asks before it does."""

from __future__ import annotations

import socket
from typing import Any


class ForbiddenAddressError(OSError):
    """A connection would lead where it may not."""


def from_where(family: int, place: tuple[Any, ...]) -> list[str]:
    """The address that a connection there would come from; nothing is sent to find it."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as tried:
            tried.connect(place)
            return [str(tried.getsockname()[0])]
    except OSError:
        return []


def is_forbidden(error: BaseException) -> bool:
    """Whether a refusal of ours is at the bottom of it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ForbiddenAddressError) or "not allowed" in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
