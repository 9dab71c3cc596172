"""Reading originals: an ordered list of objects read as one run of bytes, by pinned versions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from recorder.adapters.objects import Bucket
from recorder.domain.recording import OriginalObject
from recorder.runtime import Deps


async def read(
    deps: Deps, objects: Sequence[OriginalObject], offset: int, length: int
) -> AsyncIterator[bytes]:
    """The bytes [offset, offset + length) of the original in blocks.

    Raises Unavailable when the store does not give all of them, NotFound ``object-not-found``
    when a version is gone.
    """
    begin = 0
    end = offset + length
    for stored in objects:
        first = max(offset, begin)
        last = min(end, begin + stored.length)
        if first < last:
            async for block in deps.objects.read(
                Bucket.ORIGINALS,
                stored.key,
                stored.version,
                offset=(stored.begins or 0) + first - begin,
                length=last - first,
            ):
                yield block
        begin += stored.length
