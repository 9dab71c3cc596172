"""compact: the small objects of a sealed livestream, in order, into a few large locked ones.

Keys name their content and are claimed before it is written, so this may die at any line and run
twice at once. Nothing is the original but what was read back: the runner commits the switch.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from datetime import datetime

from recorder.adapters.objects import Bucket, StoredObject, StoredPart
from recorder.domain.compaction import Member, Volume, plan, volume_key, worthwhile
from recorder.domain.events import CustodyEvent
from recorder.domain.ids import LivestreamId
from recorder.domain.people import EVERYTHING
from recorder.domain.recording import Integrity, OriginalObject, Recording
from recorder.errors import Conflict, IntegrityError, Unavailable
from recorder.services import guard, tasks
from recorder.services.ingest.finishing import locked_ahead
from recorder.services.live import volumes as indexes
from recorder.services.live.opening import lock_end
from recorder.store import livestreams, recordings, volumes
from recorder.store.connection import Connection
from recorder.store.volumes import INDEX, Claim, Pinned, PlacedVolume
from workers.context import StepContext, missing_is_alarming
from workers.steps.digests import DoubleDigest, absorb_object

#: A part is sent as soon as it is so long.
_PART_BYTES = 16 * 1024 * 1024
#: Small objects are read so many, and so many bytes, ahead of the one that is sent.
_AHEAD = 8
_AHEAD_BYTES = 64 * 1024 * 1024
#: Contents up to this length are digested without asking a thread.
_AT_ONCE_BYTES = 64 * 1024
_VOLUME_TYPE = "application/octet-stream"


async def compact(context: StepContext) -> Sequence[CustodyEvent]:
    """RecordingCompacted; nothing where there is nothing to gain, or nothing may be changed.

    Raises IntegrityError ``original-missing``, ``original-differs`` for a small object that is
    not what it was, ``volume-differs`` for a volume that is not what was written; Unavailable
    ``database-younger-than-store``.
    """
    await guard.require_whole(context.deps)
    recording, objects, _ = await context.recording()
    if recording.livestream is None or recording.integrity is not Integrity.SEALED:
        return ()
    async with context.deps.database.acquire() as connection:
        members = await volumes.members(connection, recording.id)
        allowed = await volumes.may_be_compacted(connection, recording.id)
        livestream = await livestreams.find(connection, recording.livestream, EVERYTHING)
    if not members or not allowed or livestream is None:
        return ()
    if len(members) != len(objects):
        raise IntegrityError("original-differs", "Not every object of the original is a segment.")
    claims = await _claimed(context, recording, livestream.key_prefix, members)
    for claim in claims:
        await _write(context, claim.volume, members)
    placed = await _read_back(context, recording, livestream.key_prefix, members, claims)
    if not placed:
        return ()
    return [await _described(context, recording, livestream.id, livestream.key_prefix, placed)]


async def _claimed(
    context: StepContext, recording: Recording, prefix: str, members: Sequence[Member]
) -> list[Claim]:
    """The claims of an earlier attempt, or those of a plan that is made now; none: no use."""
    deps = context.deps
    async with deps.database.transaction() as connection:
        # Two attempts with different settings must not mix their plans.
        await volumes.hold(connection, recording.id)
        claims = await volumes.claims(connection, recording.id)
        if not claims:
            planned = plan(prefix, recording.id, members, deps.config.compact_object_bytes)
            if not worthwhile(members, planned):
                return []
            until, now = lock_end(deps), deps.clock.now()
            await volumes.claim(connection, recording.id, planned, until, now)
            await volumes.reclaim(connection, [each.key for each in planned])
            claims = await volumes.claims(connection, recording.id)
    return [claim for claim in claims if claim.volume.n != INDEX]


# --- writing ----------------------------------------------------------------------------------


async def _write(context: StepContext, volume: Volume, members: Sequence[Member]) -> None:
    """See that the volume is in the store, whoever wrote it; what it holds is seen later."""
    store = context.deps.objects
    if await store.versions(Bucket.ORIGINALS, volume.key):
        return
    for left in await store.open_multiparts(volume.key):
        await store.abort_multipart(volume.key, left.id)
    multipart = await store.create_multipart(
        volume.key, lock_until=lock_end(context.deps), media_type=_VOLUME_TYPE
    )
    parts: list[StoredPart] = []
    offset = 0
    held = members[volume.first : volume.first + volume.members]
    async with aclosing(_parts(context, held)) as runs:
        async for blocks in runs:
            part = await store.upload_part(
                volume.key,
                multipart,
                number=len(parts) + 1,
                offset=offset,
                writer=context.run.attempt,
                blocks=blocks,
            )
            parts.append(part)
            offset += part.length
    with suppress(Conflict):
        # Another attempt was quicker: the same bytes, or reading back says otherwise.
        await store.complete_multipart(volume.key, multipart, parts)


async def _parts(
    context: StepContext, members: Sequence[Member]
) -> AsyncGenerator[list[bytes], None]:
    """Contents of whole members, as many as make a part."""
    blocks: list[bytes] = []
    size = 0
    async with aclosing(_contents(context, members)) as contents:
        async for content in contents:
            blocks.append(content)
            size += len(content)
            if size >= _PART_BYTES:
                yield blocks
                blocks, size = [], 0
    if blocks:
        yield blocks


async def _contents(context: StepContext, members: Sequence[Member]) -> AsyncGenerator[bytes, None]:
    """The bytes of each member, as it arrived; some are read ahead."""
    ahead: deque[tuple[Member, asyncio.Task[bytes]]] = deque()
    size = 0
    try:
        for member in members:
            ahead.append((member, asyncio.create_task(_content(context, member))))
            size += member.length
            while len(ahead) >= _AHEAD or size > _AHEAD_BYTES:
                first, reading = ahead[0]
                content = await reading
                ahead.popleft()
                size -= first.length
                yield content
                if not ahead:
                    break
        while ahead:
            content = await ahead[0][1]
            ahead.popleft()
            yield content
    finally:
        for _, reading in ahead:
            reading.cancel()
        await asyncio.gather(*(reading for _, reading in ahead), return_exceptions=True)


async def _content(context: StepContext, member: Member) -> bytes:
    stored = OriginalObject(0, member.key, member.version, member.length, member.sha256, None)
    with missing_is_alarming(stored):
        read = context.deps.objects.read(Bucket.ORIGINALS, member.key, member.version)
        content = b"".join([block async for block in read])
    digest = (
        hashlib.sha256(content)
        if len(content) <= _AT_ONCE_BYTES
        else await asyncio.to_thread(hashlib.sha256, content)
    )
    if digest.digest() != member.sha256:
        raise IntegrityError(
            "original-differs", "An object of the original is not what arrived.", key=member.key
        )
    return content


# --- reading back -----------------------------------------------------------------------------


async def _read_back(
    context: StepContext,
    recording: Recording,
    prefix: str,
    members: Sequence[Member],
    claims: Sequence[Claim],
) -> list[PlacedVolume]:
    """Every volume as the store gives it, with its lock ahead; all of them are what was sealed."""
    whole = DoubleDigest()
    placed = []
    for claim in claims:
        volume = claim.volume
        held = members[volume.first : volume.first + volume.members]
        stored = await _oldest(context, volume.key)
        own = DoubleDigest([member.length for member in held])
        before = whole.length

        def show(length: int, before: int = before) -> None:
            percent = 100 * (before + length) // max(1, recording.length)
            context.progress["percent"] = min(100, percent)

        await absorb_object(
            context.deps.objects, Bucket.ORIGINALS, stored.key, stored.version, [own, whole], show
        )
        if own.length != volume.length or own.spans != [member.sha256 for member in held]:
            other = volume_key(prefix, recording.id, volume.n, claim.attempt + 1, held)
            raise await _given_up(context, stored, other)
        until = await _lock(context, stored)
        placed.append(PlacedVolume(volume, stored.version, own.sha256, own.sm3, until))
    if placed and (whole.sha256, whole.sm3) != (recording.sha256, recording.sm3):
        raise IntegrityError(
            "original-differs", "The objects of the original are not what was sealed."
        )
    return placed


async def _oldest(context: StepContext, key: str) -> StoredObject:
    """Ours is the oldest version; whoever can write to the store could add others behind it."""
    found = await context.deps.objects.versions(Bucket.ORIGINALS, key)
    if not found:
        raise Unavailable("store-unavailable", "What was written is not there.", key=key)
    return await context.deps.objects.stat(Bucket.ORIGINALS, key, found[-1].version)


async def _lock(context: StepContext, stored: StoredObject) -> datetime:
    until = await locked_ahead(context.deps, stored)
    async with context.deps.database.acquire() as connection:
        await volumes.set_lock(connection, context.recording_id, stored.key, until)
    return until


async def _given_up(context: StepContext, stored: StoredObject, other: str) -> IntegrityError:
    """What was found under a claimed key waits until its lock ends; another key is claimed."""
    deps, recording = context.deps, context.recording_id
    async with deps.database.transaction() as connection:
        await volumes.hold(connection, recording)
        await tasks.require_ours(connection, context.run)
        await _replace(context, connection, stored, other)
    return IntegrityError(
        "volume-differs",
        "A large object does not read back as what was written.",
        key=stored.key,
    )


async def _replace(
    context: StepContext, connection: Connection, stored: StoredObject, other: str
) -> None:
    recording, now = context.recording_id, context.deps.clock.now()
    if await volumes.give_up(connection, recording, stored.key, stored.version, stored.length, now):
        await volumes.claim_again(connection, recording, stored.key, other, lock_end(context.deps))


# --- the index --------------------------------------------------------------------------------


async def _described(
    context: StepContext,
    recording: Recording,
    livestream: LivestreamId,
    prefix: str,
    placed: Sequence[PlacedVolume],
) -> CustodyEvent:
    """The index is in the store, and everything is locked ahead: the event of the switch."""
    deps = context.deps
    async with deps.database.acquire() as connection:
        manifest = Pinned(*await recordings.sidecar_of(connection, recording.id))
    with missing_is_alarming(OriginalObject(0, manifest.key, manifest.version, 0, None, None)):
        stored = await deps.objects.stat(Bucket.ORIGINALS, manifest.key, manifest.version)
        listing = deps.objects.read(Bucket.ORIGINALS, manifest.key, manifest.version)
        digest = hashlib.sha256(b"".join([block async for block in listing])).hexdigest()
    locks = [each.lock_until for each in placed] + [await locked_ahead(deps, stored)]
    index = indexes.Index(
        recording.id,
        _hex(recording.sha256),
        _hex(recording.sm3),
        manifest,
        digest,
        tuple(map(indexes.listed, placed)),
    )
    content = indexes.encode(index)
    found = await _put_index(context, prefix, content)
    locks.append(await _lock(context, found))
    async with deps.database.acquire() as connection:
        for each in placed:
            await volumes.set_lock(connection, recording.id, each.volume.key, min(locks))
    return indexes.told(recording, livestream, index, content, Pinned(found.key, found.version))


def _hex(digest: bytes | None) -> str:
    return digest.hex() if digest else ""


async def _put_index(context: StepContext, prefix: str, content: bytes) -> StoredObject:
    deps, recording = context.deps, context.recording_id
    async with deps.database.acquire() as connection:
        known = [c for c in await volumes.claims(connection, recording) if c.volume.n == INDEX]
    attempt = known[0].attempt if known else 0
    key = indexes.index_key(prefix, recording, attempt, content)
    if not known:
        claimed = Volume(INDEX, key, len(content), 0, 0)
        async with deps.database.acquire() as connection:
            await volumes.claim(connection, recording, [claimed], lock_end(deps), deps.clock.now())
    elif known[0].volume.key != key:
        # One of an earlier attempt names a volume that was given up since.
        await _replace_index(context, known[0].volume.key, key)
    try:
        await deps.objects.put(
            Bucket.ORIGINALS,
            key,
            [content],
            lock_until=lock_end(deps),
            media_type="application/json",
        )
    except Conflict:
        there = await _oldest(context, key)
        read = deps.objects.read(Bucket.ORIGINALS, key, there.version)
        if b"".join([block async for block in read]) != content:
            other = indexes.index_key(prefix, recording, attempt + 1, content)
            raise await _given_up(context, there, other) from None
    return await _oldest(context, key)


async def _replace_index(context: StepContext, key: str, other: str) -> None:
    deps, recording = context.deps, context.recording_id
    found = await deps.objects.versions(Bucket.ORIGINALS, key)
    async with deps.database.transaction() as connection:
        await volumes.hold(connection, recording)
        await tasks.require_ours(connection, context.run)
        if found:
            await _replace(context, connection, found[-1], other)
        else:
            await volumes.claim_again(connection, recording, key, other, lock_end(deps))
