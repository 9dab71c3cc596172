"""Every promise of the product, asked for when all is at rest."""

from __future__ import annotations

import asyncio
from typing import Any

from recorder.adapters.objects import Bucket
from recorder.domain.people import OPERATOR
from recorder.errors import RecorderError
from recorder.runtime import Deps
from recorder.services import audit
from recorder.services.audit import Level
from tests.torture.stand import Stand


async def rows(deps: Deps, query: str, *given: object) -> list[Any]:
    """The rows of a query; a database that is just starting again is waited for."""
    for _ in range(100):
        try:
            async with deps.database.acquire() as connection:
                return list(await connection.fetch(query, *given))
        except RecorderError:
            await asyncio.sleep(0.2)
    raise AssertionError("the database stays away")


async def given_up(stand: Stand) -> set[str]:
    """Keys of uploads whose parts the killed store itself had lost, by the alarm that says so."""
    found = await rows(
        stand.straight,
        "SELECT u.object_key FROM upload u JOIN alarm a ON a.about_id = u.id::text"
        " WHERE a.code = 'upload_stuck' AND a.facts ->> 'error' = 'multipart-gone'"
        " AND u.state = 'completing'",
    )
    return {row["object_key"] for row in found}


async def broken_promises(stand: Stand, level: Level) -> list[str]:
    """A sentence for each that is not kept; the audit at this level."""
    deps = stand.straight
    lost = await given_up(stand)
    report = await audit.run(deps, OPERATOR, level=level)
    broken = [f"audit: {finding.sentence}" for finding in report.findings]
    broken += await _leftovers(deps, lost)
    broken += await _lost_bytes(stand, lost)
    sealed = await rows(
        deps,
        "SELECT count(*) AS n FROM custody_event WHERE name IN ('RecordingSealed',"
        " 'RecordingMismatched') GROUP BY subject_id HAVING count(*) > 1",
    )
    if sealed:
        broken.append(f"{len(sealed)} recordings were decided about more than once")
    twice = await rows(
        deps,
        "SELECT count(*) AS n FROM rendition GROUP BY recording_id, profile HAVING count(*) > 1",
    )
    if twice:
        broken.append(f"{len(twice)} renditions were adopted more than once")
    return broken + (await stand.drawer.broken() if stand.drawer else [])


async def _leftovers(deps: Deps, lost: set[str]) -> list[str]:
    broken = []
    keys = await rows(
        deps, "SELECT object_key FROM upload UNION SELECT object_key FROM store_intent"
    )
    for row in keys:
        if row["object_key"] in lost:
            continue
        found = await deps.objects.open_multiparts(row["object_key"])
        broken += [f"multipart {each.key} {each.id} is orphaned" for each in found]
    staged = deps.objects.versions_below(Bucket.STAGING, "")
    broken += [f"piece {stored.key} is orphaned" async for stored in staged]
    for table, where in (("store_intent", "true"), ("upload_piece", "removed_at IS NULL")):
        left = await rows(deps, f"SELECT count(*) AS n FROM {table} WHERE {where}")  # noqa: S608
        if left[0]["n"]:
            broken.append(f"{left[0]['n']} rows left in {table}")
    return broken


async def _lost_bytes(stand: Stand, lost: set[str]) -> list[str]:
    """Acknowledged bytes that are in no sealed recording; those ``lost`` came again by another
    upload, since each file was sealed."""
    uploads = {
        f"/api/v1/uploads/{row['id']}": row
        for row in await rows(
            stand.straight,
            "SELECT u.id, u.object_key, r.integrity, r.length_bytes FROM upload u"
            " LEFT JOIN recording r ON r.id = u.recording_id",
        )
    }
    broken = []
    for path, acknowledged in stand.ear.acknowledged.items():
        row = uploads.get(path)
        if row is not None and row["object_key"] in lost:
            continue
        if acknowledged and (
            row is None or row["integrity"] != "sealed" or row["length_bytes"] < acknowledged
        ):
            broken.append(f"{path}: {acknowledged} acknowledged bytes are not in a recording")
    return broken
