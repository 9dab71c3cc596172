"""The canary: proof by deed that a store keeps its promises, asked at start and by doctor."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from recorder.adapters.objects import Bucket, ObjectStore, StoredObject
from recorder.domain.ids import new_uuid
from recorder.errors import Forbidden

PREFIX = "canary/"
LOCK = timedelta(seconds=60)
_SONG = b"This object is locked for a minute; nobody can delete it before that.\n"


async def check(
    store: ObjectStore,
    now: datetime,
    plain_delete: Callable[[str], Awaitable[None]] | None = None,
) -> list[str]:
    """Lay one locked canary, try to delete it, and remove those whose lock has ended.

    ``plain_delete`` deletes a key without naming a version, where the store knows such a thing.

    Gives English sentences, one for each promise that the store breaks. Raises Unavailable
    when the store does not answer, for that says nothing about its promises.
    """
    problems: list[str] = []
    await _remove_old(store)
    until = now + LOCK
    key = f"{PREFIX}{new_uuid(now).hex}"
    laid = await store.put(Bucket.ORIGINALS, key, [_SONG], lock_until=until)
    found = await store.stat(Bucket.ORIGINALS, key, laid.version)
    if found.lock_until is None or found.lock_until < until - timedelta(seconds=1):
        problems.append("The store did not lock an object that was written with a lock.")
    try:
        await store.delete(Bucket.ORIGINALS, key, laid.version)
    except Forbidden:
        pass
    else:
        problems.append("The store let a locked object be deleted: originals are not protected.")
        return problems
    if plain_delete is not None:
        with contextlib.suppress(Forbidden):
            await plain_delete(key)
    if await _content(store, laid) != _SONG:
        problems.append("The store gave back other bytes than were written.")
    return problems


async def _content(store: ObjectStore, stored: StoredObject) -> bytes:
    content = bytearray()
    async for block in store.read(stored.bucket, stored.key, stored.version):
        content += block
    return bytes(content)


async def _remove_old(store: ObjectStore) -> None:
    """Let go of canaries whose lock has ended; the store itself keeps the others."""
    async for stored in store.versions_below(Bucket.ORIGINALS, PREFIX):
        try:
            await store.delete(stored.bucket, stored.key, stored.version)
        except Forbidden:
            continue
