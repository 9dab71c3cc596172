"""Multipart uploads that the store still has, against the rows that need or intend them."""

from __future__ import annotations

from recorder.services.audit.progress import Progress
from recorder.services.audit.reading import PacedStore
from recorder.store import audit


async def check_multiparts(progress: Progress, store: PacedStore) -> None:
    """Each is named by an unfinished upload or claimed by an open intent.

    The store is asked for the whole bucket, and, where that may be left unanswered, for the exact
    key of each unfinished upload.
    """
    deps, report = progress.deps, progress.report
    async with deps.database.acquire() as connection:
        keys = await audit.unfinished_keys(connection)
    found = await store.open_multiparts(keys)
    report.looked_at["multiparts"] += len(found)
    if not found:
        return
    listed = sorted({key for key, _ in found})
    async with deps.database.acquire() as connection:
        # Asked after the listing: an intent comes before its multipart upload, and goes in the
        # statement that names it.
        intended = await audit.intended_keys(connection, listed)
        named = await audit.named_multiparts(connection, listed)
    strange = {each for each in found - named if each[0] not in intended}
    if strange:
        strange &= await store.open_multiparts(sorted({key for key, _ in strange}))
    for key, multipart_id in sorted(strange):
        report.found("multipart-unclaimed", "object", key, f"multipart upload {multipart_id}")
