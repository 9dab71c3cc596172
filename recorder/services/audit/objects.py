"""Rows against the store, both ways.

Whatever seems to be wrong is looked at a second time, rows first: beside a running server an
object may have come, or been let go, between two questions.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from recorder.adapters.objects import Bucket, StoredObject
from recorder.domain.original_key import NO_FOOTAGE, is_sidecar, original_key
from recorder.runtime import Deps
from recorder.services.audit.findings import Level, Report
from recorder.services.audit.progress import Progress
from recorder.services.audit.reading import Days, PacedStore, batches
from recorder.services.audit.rows import PAGE, check_recording
from recorder.services.pace import Pace
from recorder.store import audit, rebuilding
from recorder.store.audit import AuditedObject, AuditedRecording, ClaimedObject
from recorder.store.connection import Connection

#: Locks are extended once an hour when they are due; being that late is no finding.
_LATE = timedelta(days=1)
_RENDITION = re.compile(
    r"[0-9a-f-]{36}/[a-z0-9_]+-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-\d+\.\w+"
)


# --- from the rows to the store --------------------------------------------------------------


async def check_originals(progress: Progress, store: PacedStore) -> None:
    """Each recording: its row, and each of its objects with its sidecar."""
    deps, report = progress.deps, progress.report
    days = Days(store)
    while True:
        last = uuid.UUID(progress.cursor) if progress.cursor else None
        async with deps.database.acquire() as connection:
            page = await audit.recordings_page(connection, last, PAGE)
        await store.pace.request()
        if not page:
            return
        for found in page:
            report.looked_at["recordings"] += 1
            check_recording(report, found)
            for each in found.objects:
                await _check_original(progress, store, days, found, each)
                if report.level is Level.DIGEST:
                    await _check_bytes(report, store, found, each)
            await progress.at(str(found.id))


async def _check_original(
    progress: Progress,
    store: PacedStore,
    days: Days,
    found: AuditedRecording,
    each: AuditedObject,
) -> None:
    deps, report = progress.deps, progress.report
    report.looked_at["objects"] += 1
    stored: StoredObject | None = None
    listed = await days.of(each.key)
    if report.level is not Level.PRESENCE or not listed:
        stored = await store.stat(Bucket.ORIGINALS, each.key, each.version)
        if stored is None:
            versions = await store.versions(Bucket.ORIGINALS, each.key)
            code = "original-version-missing" if versions else "original-missing"
            report.found(code, "recording", found.id, each.key)
        elif stored.length != each.length:
            report.found("original-length-differs", "recording", found.id, f"{stored.length} bytes")
    ends = each.lock_until
    if stored is not None:
        ends = min(ends, stored.lock_until or datetime.min.replace(tzinfo=ends.tzinfo))
    promised = deps.clock.now() + timedelta(seconds=deps.config.lock_ahead_s) - _LATE
    if each.lock_kept and ends < promised:
        report.found("lock-short", "recording", found.id, f"until {ends.isoformat()}")
    beside = [(each.sidecar_key, each.sidecar_version), *([each.index] if each.index else [])]
    for key, version in beside:
        there = {version for version, _ in await days.of(key)}
        if version not in there and await store.stat(Bucket.ORIGINALS, key, version) is None:
            report.found("sidecar-missing", "recording", found.id, key)


async def _check_bytes(
    report: Report, store: PacedStore, found: AuditedRecording, each: AuditedObject
) -> None:
    """Unverified and mismatched originals have no digest to be held to."""
    if found.integrity != "sealed" or each.sha256 is None:
        return
    read = await store.sha256_of(Bucket.ORIGINALS, each.key, each.version)
    if read is None:
        return
    report.looked_at["bytes"] += read[1]
    if read[0] != each.sha256:
        report.found("original-digest-differs", "recording", found.id, each.key)


Pages = Callable[[Connection, str | None], Awaitable[list[ClaimedObject]]]


async def _duplicates(connection: Connection, cursor: str | None) -> list[ClaimedObject]:
    return await audit.duplicates_page(connection, uuid.UUID(cursor) if cursor else None, PAGE)


async def _renditions(connection: Connection, cursor: str | None) -> list[ClaimedObject]:
    return await audit.renditions_page(connection, cursor or "", PAGE)


async def _pieces(connection: Connection, cursor: str | None) -> list[ClaimedObject]:
    return await audit.pieces_page(connection, cursor or "", PAGE)


async def _segments(connection: Connection, cursor: str | None) -> list[ClaimedObject]:
    return await audit.segments_page(connection, cursor or "", PAGE)


async def _superseded(connection: Connection, cursor: str | None) -> list[ClaimedObject]:
    return await audit.superseded_page(connection, cursor or "", PAGE)


#: What else rows say is in the store, by step: bucket, word in the codes, kind of owner, pages.
CLAIMS: dict[str, tuple[Bucket, str, str, Pages]] = {
    "duplicates": (Bucket.ORIGINALS, "duplicate", "upload", _duplicates),
    "segments": (Bucket.ORIGINALS, "segment", "livestream", _segments),
    "superseded": (Bucket.ORIGINALS, "superseded", "recording", _superseded),
    "renditions": (Bucket.RENDITIONS, "rendition", "recording", _renditions),
    "pieces": (Bucket.STAGING, "piece", "upload", _pieces),
}


async def check_claimed(progress: Progress, store: PacedStore) -> None:
    """Duplicates, renditions or pieces: each row has its object."""
    deps, report = progress.deps, progress.report
    bucket, word, owner, pages = CLAIMS[progress.step]
    while True:
        async with deps.database.acquire() as connection:
            page = await pages(connection, progress.cursor)
        await store.pace.request()
        if not page:
            return
        for claim in page:
            report.looked_at["objects"] += 1
            code = await _verdict(report, store, bucket, claim)
            if code is not None and await _is_claimed(deps, bucket, claim):
                report.found(f"{word}-{code}", owner, claim.owner, claim.key)
            await progress.at(str(claim.owner) if word == "duplicate" else claim.key)


async def _verdict(
    report: Report, store: PacedStore, bucket: Bucket, claim: ClaimedObject
) -> str | None:
    stored = await store.stat(bucket, claim.key, claim.version)
    if stored is None:
        return "missing"
    if report.level is not Level.PRESENCE and stored.length != claim.length:
        return "length-differs" if bucket is Bucket.RENDITIONS else "digest-differs"
    if report.level is Level.DIGEST and claim.sha256 is not None:
        read = await store.sha256_of(bucket, claim.key, claim.version)
        report.looked_at["bytes"] += read[1] if read else 0
        if read is not None and read[0] != claim.sha256:
            return "digest-differs"
    return None


async def _is_claimed(deps: Deps, bucket: Bucket, claim: ClaimedObject) -> bool:
    """Whether the row still says so: it may have been let go since it was read."""
    async with deps.database.acquire() as connection:
        match bucket:
            case Bucket.ORIGINALS:
                streamed = await audit.claims_of_livestreams(connection, [claim.key])
                if streamed.get(claim.key) == claim.version:
                    return True
                claims = await audit.claims_on_originals(connection, [claim.key])
                return claim.key in claims and claim.version in claims[claim.key].versions
            case Bucket.RENDITIONS:
                kept, _ = await audit.claimed_renditions(connection, [claim.key], [])
                return kept.get(claim.key) == claim.version
            case Bucket.STAGING:
                return await audit.piece_is_durable(connection, claim.key)


# --- from the store to the rows --------------------------------------------------------------


Names = set[tuple[str, str]]
Claimed = Callable[[Connection, Sequence[StoredObject], Level], Awaitable[Names]]


async def _claimed_originals(
    connection: Connection, batch: Sequence[StoredObject], level: Level
) -> Names:
    keys = sorted({original_key(stored.key) for stored in batch})
    # In this order: a volume is claimed until the commit that makes it an original.
    streamed = await audit.claims_of_livestreams(connection, [stored.key for stored in batch])
    claims = await audit.claims_on_originals(connection, keys)
    kept: Names = set()
    for stored in batch:
        if stored.key in streamed and streamed[stored.key] in (None, stored.version):
            kept.add((stored.key, stored.version))
        claim = claims.get(original_key(stored.key))
        if stored.key.startswith(NO_FOOTAGE):
            kept.add((stored.key, stored.version))
        elif claim is not None:
            pinned = claim.sidecar_versions if is_sidecar(stored.key) else claim.versions
            if claim.intended or level is Level.PRESENCE or stored.version in pinned:
                kept.add((stored.key, stored.version))
    return kept


async def _claimed_renditions(
    connection: Connection, batch: Sequence[StoredObject], level: Level
) -> Names:
    runs = {
        stored.key: uuid.UUID(match[1])
        for stored in batch
        if (match := _RENDITION.fullmatch(stored.key))
    }
    kept, running = await audit.claimed_renditions(
        connection, [stored.key for stored in batch], sorted(set(runs.values()))
    )
    keys = [stored.key for stored in batch]
    intended = await audit.intended_keys(connection, keys)
    left = await rebuilding.left_behind(connection, Bucket.RENDITIONS.value, keys)
    return left | {
        (stored.key, stored.version)
        for stored in batch
        if kept.get(stored.key) == stored.version
        or (level is Level.PRESENCE and stored.key in kept)
        or runs.get(stored.key) in running
        or stored.key in intended
    }


async def _claimed_pieces(
    connection: Connection, batch: Sequence[StoredObject], level: Level
) -> Names:
    keys = [stored.key for stored in batch]
    kept = await audit.claimed_pieces(connection, keys)
    left = await rebuilding.left_behind(connection, Bucket.STAGING.value, keys)
    return left | {(stored.key, stored.version) for stored in batch if stored.key in kept}


#: What the store lists, by step: bucket, code, and which of a batch are claimed.
LISTINGS: dict[str, tuple[Bucket, str, Claimed]] = {
    "listed originals": (Bucket.ORIGINALS, "original-unclaimed", _claimed_originals),
    "listed renditions": (Bucket.RENDITIONS, "rendition-unclaimed", _claimed_renditions),
    "listed pieces": (Bucket.STAGING, "piece-unclaimed", _claimed_pieces),
}


async def check_unclaimed(progress: Progress, store: PacedStore) -> None:
    """Every object that the store lists belongs to a row, or to work under way.

    Rows are asked after the listing, and every object is written after the row that claims it. A
    listing has no promised order, so an interrupted one begins anew: nothing is saved meanwhile.
    """
    report = progress.report
    bucket, code, claimed = LISTINGS[progress.step]
    async for batch in batches(store, bucket):
        report.looked_at["listed"] += len(batch)
        async with progress.deps.database.acquire() as connection:
            kept = await claimed(connection, batch, report.level)
        for stored in batch:
            gone = (stored.key, stored.version) not in kept and await store.stat(
                bucket, stored.key, stored.version
            ) is not None
            if gone:
                report.found(code, "object", stored.key, f"version {stored.version}")


#: Where a delete can leave a marker, by step.
HIDDEN: dict[str, Bucket] = {
    "hidden originals": Bucket.ORIGINALS,
    "hidden renditions": Bucket.RENDITIONS,
}


async def check_hidden(progress: Progress, store: PacedStore) -> None:
    """No delete marker hides anything; nothing of ours ever leaves one."""
    async for marker in store.delete_markers(HIDDEN[progress.step]):
        progress.report.found(
            "delete-marker", "object", marker.key, f"marker {marker.version} of {marker.made_at}"
        )


async def leave_behind(deps: Deps) -> int:
    """Note the renditions and staged pieces that nothing claims; says how many there are.

    For a database that has taken another one's place: what that one made is known by nobody else.
    """
    store = PacedStore(deps.objects, Pace())
    number = 0
    for bucket, _, claimed in LISTINGS.values():
        if bucket is Bucket.ORIGINALS:
            continue
        async for batch in batches(store, bucket):
            async with deps.database.transaction() as connection:
                kept = await claimed(connection, batch, Level.SIZE)
                left = [(s.key, s.version) for s in batch if (s.key, s.version) not in kept]
                await rebuilding.leave_behind(connection, bucket.value, left, deps.clock.now())
            number += len(left)
    return number
