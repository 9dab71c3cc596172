"""Delete markers: somebody with the store's keys has deleted without naming a version.

Nothing is lost by one: a locked version stays, and every read of ours names its version. But
whoever looks at the store by other means sees the object gone, and no part of the product ever
deletes that way: it is a sign of a lifecycle rule, a tool, or a person (docs/design/audit.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from recorder.adapters.objects import Bucket, DeleteMarker, ObjectStore
from recorder.domain.alarm import AlarmCode
from recorder.domain.instant import format_utc
from recorder.domain.original_key import PASSING
from recorder.runtime import Deps
from recorder.services import alarms, turns
from recorder.services.pace import Pace
from recorder.store import store_looks
from recorder.store.store_looks import StoreLook

#: The turn, and the row of the last look.
LOOK = "delete markers"
#: The buckets that keep versions; only there a delete leaves a marker.
_BUCKETS = (Bucket.ORIGINALS, Bucket.RENDITIONS)
#: Between two looks: as long as twenty of the last one, but never less or more than this.
_PAUSES = (timedelta(minutes=50), timedelta(days=1))
_PATIENCE = 20
#: Pages of a thousand versions: beside a store in use.
_PAGES_PER_SECOND = 20
#: Keys that the alarm names.
_NAMED = 5


async def of_bucket(
    objects: ObjectStore, bucket: Bucket, pace: Pace, page_length: int = 1000
) -> AsyncIterator[DeleteMarker]:
    """Every delete marker of a bucket, but for places where objects come and go."""
    cursor = None
    before: frozenset[DeleteMarker] = frozenset()
    while True:
        await pace.request()
        page = await objects.delete_markers(bucket, cursor, page_length)
        for marker in page.markers:
            if marker not in before and not marker.key.startswith(PASSING):
                yield marker
        if page.cursor is None:
            return
        cursor, before = page.cursor, frozenset(page.markers)


async def look(deps: Deps) -> None:
    """Chore: walk through the store when it is time; raise the alarm, or clear it."""
    await turns.while_ours(deps, LOOK, lambda: _look_when_due(deps))


async def last_look(deps: Deps) -> StoreLook | None:
    """The last look that came to its end."""
    async with deps.database.acquire() as connection:
        return await store_looks.last(connection, LOOK)


async def _look_when_due(deps: Deps) -> None:
    began_at = deps.clock.now()
    last = await last_look(deps)
    if last is not None:
        pause = min(max(_PATIENCE * (last.finished_at - last.began_at), _PAUSES[0]), _PAUSES[1])
        # One that ended in the future was dated by a wrong clock.
        if timedelta() <= began_at - last.finished_at < pause:
            return
    found: list[DeleteMarker] = []
    number = 0
    pace = Pace(None, _PAGES_PER_SECOND)
    for bucket in _BUCKETS:
        async for marker in of_bucket(deps.objects, bucket, pace):
            number += 1
            found = sorted([*found, marker], key=lambda each: each.made_at)[:_NAMED]
    async with deps.database.acquire() as connection:
        await store_looks.finish(connection, LOOK, StoreLook(began_at, deps.clock.now(), number))
    await _settle(deps, number, found)


async def _settle(deps: Deps, number: int, first: list[DeleteMarker]) -> None:
    if not first:
        await alarms.clear_if_open(
            deps,
            AlarmCode.DELETE_MARKERS,
            about_kind="store",
            about="objects",
            note="Its cause is gone.",
        )
        return
    since = format_utc(first[0].made_at)
    await alarms.report(
        deps,
        AlarmCode.DELETE_MARKERS,
        about_kind="store",
        about="objects",
        detail=f"Delete markers hide {number} objects of the store, the first since {since}:"
        f" {', '.join(marker.key for marker in first)}. Reading goes on by version.",
        facts={"count": number, "first_at": since, "keys": [marker.key for marker in first]},
    )
