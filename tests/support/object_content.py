"""Bytes to store and ways to look at what was stored."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from recorder.adapters.objects import ObjectStore, StoredObject

MIB = 1 << 20
#: The smallest part that is not the last one.
PART = 5 * MIB
#: An id and a version that no store has given.
ABSENT = "0123456789abcdef0123456789abcdef"


def in_a_while(**after: int) -> datetime:
    return datetime.now(UTC) + timedelta(**(after or {"hours": 1}))


def noise(length: int, seed: int = 1) -> bytes:
    """Bytes that differ from place to place and from seed to seed."""
    return hashlib.shake_128(seed.to_bytes(8, "big")).digest(length)


async def content(
    store: ObjectStore, stored: StoredObject, offset: int = 0, length: int | None = None
) -> bytes:
    blocks = [
        block
        async for block in store.read(
            stored.bucket, stored.key, stored.version, offset=offset, length=length
        )
    ]
    assert all(0 < len(block) <= MIB for block in blocks)
    return b"".join(blocks)
