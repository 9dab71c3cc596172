"""What dead processes left in the store, found by the intents they wrote before making it.

Only keys that our own intent rows name are looked at, and only what no other row names goes.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from recorder.adapters.objects import Bucket
from recorder.errors import RecorderError
from recorder.runtime import Deps
from recorder.services import guard
from recorder.store import store_intents
from recorder.store.store_intents import StoreIntent

logger = logging.getLogger(__name__)

_AT_ONCE = 100
#: Longer than any call to the store takes, and than clocks differ: who wrote it is gone.
_INTENT_LIFE = timedelta(days=1)


async def sweep_intents(deps: Deps) -> int:
    """Remove multipart uploads and renditions whose writer died before a row could name them.

    Intents are claimed first, so that a writer that wakes up late cannot adopt what goes; they
    are dropped last, so that a crash in between only repeats the sweep. An intent whose leftovers
    the store does not let go yet stays for the next sweep.
    """
    now = await guard.ending(deps)
    if now is None:
        return 0
    before = now - _INTENT_LIFE
    async with deps.database.acquire() as connection:
        leftover = await store_intents.claim_leftover(connection, before, now, _AT_ONCE)
    gone = []
    for intent in leftover:
        try:
            if intent.kind == "multipart":
                await _abort_unnamed(deps, Bucket.ORIGINALS, intent.key, before)
            else:
                await _remove_rendition(deps, intent, before)
            gone.append(intent.id)
        except RecorderError as error:
            logger.warning("what %s left could not be removed yet: %s", intent.key, error)
    if gone:
        async with deps.database.acquire() as connection:
            await store_intents.drop_swept(connection, gone)
    return len(gone)


async def _abort_unnamed(deps: Deps, bucket: Bucket, key: str, before: datetime) -> None:
    """Abort the key's multipart uploads that are old and that no unfinished upload names."""
    found = await deps.objects.open_multiparts(key, bucket=bucket)
    async with deps.database.acquire() as connection:
        # Asked after the listing: what a row adopts later is younger than ``before``.
        named = await store_intents.named_multipart(connection, key)
    for each in found:
        if each.id != named and each.begun_at < before:
            await deps.objects.abort_multipart(key, each.id, bucket=bucket)


async def _remove_rendition(deps: Deps, intent: StoreIntent, before: datetime) -> None:
    """Remove an object that only its dead attempt could have adopted."""
    await _abort_unnamed(deps, Bucket.RENDITIONS, intent.key, before)
    async with deps.database.acquire() as connection:
        if await store_intents.is_adopted(connection, intent.key):
            return
    for stored in await deps.objects.versions(Bucket.RENDITIONS, intent.key):
        await deps.objects.delete(Bucket.RENDITIONS, intent.key, stored.version)
