"""Volumes that the store holds and the database does not know are the original again.

An index says that everything was read back before it was written; *verify* does so again. What no
index names was being written when the database was lost: superseded, since the segments are there.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from recorder.adapters.objects import Bucket, StoredObject
from recorder.domain.compaction import Member, Volume, offsets
from recorder.domain.ids import LivestreamId, RecordingId
from recorder.domain.people import EVERYTHING, Actor
from recorder.errors import Conflict, IntegrityError, NotFound
from recorder.runtime import Deps
from recorder.services.ingest.finishing import locked_ahead
from recorder.services.live import manifest, volumes
from recorder.services.live.opening import lock_end
from recorder.store import rebuilding, recordings
from recorder.store import volumes as rows
from recorder.store.volumes import INDEX, Pinned

_INDEX = re.compile(r"/volumes-([0-9a-f-]{36})/index-\d+-[0-9a-f]{64}\.json$", re.ASCII)
_ANY = re.compile(r"/volumes-([0-9a-f-]{36})/[^/]+$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Indexed:
    """An index whose volumes are all in the store."""

    index: volumes.Index
    content: bytes
    stored: StoredObject
    volumes: tuple[StoredObject, ...]

    @property
    def manifest(self) -> str:
        return self.index.manifest.key


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of a segment lie whose own object is gone."""

    #: What that object was.
    gone: StoredObject
    volume: Pinned
    offset: int

    async def read(self, deps: Deps) -> bytes:
        blocks = deps.objects.read(
            Bucket.ORIGINALS,
            self.volume.key,
            self.volume.version,
            offset=self.offset,
            length=self.gone.length,
        )
        return b"".join([block async for block in blocks])


async def found(deps: Deps, keys: Sequence[str], unreadable: list[str]) -> list[Indexed]:
    """The newest whole index of each recording among these keys."""
    whole: dict[RecordingId, Indexed] = {}
    for key in sorted(keys):
        if _INDEX.search(key):
            try:
                read = await _read(deps, key)
            except IntegrityError:
                unreadable.append(key)
                continue
            if read is not None:
                whole[read.index.recording] = read
    return list(whole.values())


async def _read(deps: Deps, key: str) -> Indexed | None:
    oldest = (await deps.objects.versions(Bucket.ORIGINALS, key))[-1]
    blocks = deps.objects.read(Bucket.ORIGINALS, key, oldest.version)
    content = b"".join([block async for block in blocks])
    index = volumes.decode(content)
    stat = partial(deps.objects.stat, Bucket.ORIGINALS)
    try:
        await stat(index.manifest.key, index.manifest.version)
        there = [await stat(each["key"], each["version"]) for each in index.volumes]
    except NotFound:
        return None
    if [stored.length for stored in there] != [each["length"] for each in index.volumes]:
        return None
    return Indexed(index, content, await stat(key, oldest.version), tuple(there))


async def gone(
    deps: Deps, prefix: str, indexed: Sequence[Indexed], said: Mapping[str, manifest.Manifest]
) -> dict[str, Place]:
    """Keys that manifests list and the store has not, with where their bytes lie now."""
    if not indexed:
        return {}
    listed = deps.objects.versions_below(Bucket.ORIGINALS, prefix + "/")
    there = {stored.key async for stored in listed}
    places: dict[str, Place] = {}
    for each in indexed:
        members = _members(said[each.manifest])
        for n, named in enumerate(each.index.volumes):
            volume = volumes.volume_of(n, named)
            held = members[volume.first : volume.first + volume.members]
            for member, offset in zip(held, offsets(members, volume), strict=True):
                if member.key not in there:
                    old = StoredObject(Bucket.ORIGINALS, member.key, member.version, member.length)
                    pinned = Pinned(named["key"], named["version"])
                    places[member.key] = Place(old, pinned, offset)
    return places


def _members(listed: manifest.Manifest) -> list[Member]:
    return [
        Member(
            each["number"],
            each["key"],
            each["version"],
            each["length"],
            bytes.fromhex(each["sha256"]),
        )
        for each in listed.said["segments"]
    ]


async def adopt(
    deps: Deps,
    actor: Actor,
    livestream: LivestreamId,
    each: Indexed,
    lost: Mapping[str, Place],
) -> bool:
    """Make the volumes the original, if they are not; False when the rows do not fit."""
    recording = each.index.recording
    async with deps.database.acquire() as connection:
        row = await recordings.find(connection, recording, EVERYTHING)
        members = await rows.members(connection, recording)
    if row is None or (members and len(members) != each.index.members):
        return False
    if row.sha256 is not None and row.sha256.hex() != each.index.sha256:
        return False
    if not members:
        return True
    until = min([await locked_ahead(deps, stored) for stored in (*each.volumes, each.stored)])
    claimed = [volumes.volume_of(n, named) for n, named in enumerate(each.index.volumes)]
    claimed.append(Volume(INDEX, each.stored.key, each.stored.length, 0, 0))
    pinned = Pinned(each.stored.key, each.stored.version)
    try:
        async with deps.change(actor) as change:
            event = volumes.told(row, livestream, each.index, each.content, pinned)
            change.record(event)
            await rows.hold(change.connection, recording)
            await rows.claim(change.connection, recording, claimed, until, change.now)
            await rows.reclaim(change.connection, [volume.key for volume in claimed])
            await volumes.switch(change, event)
            await rows.forget(change, recording, list(lost))
    except Conflict:
        # The database is at it itself: its own task makes the switch.
        return True
    return True


async def leave_unnamed(deps: Deps, keys: Sequence[str]) -> None:
    """Volumes and indexes of known recordings that nothing claims are superseded."""
    left: dict[RecordingId, list[str]] = {}
    for key in keys:
        if (match := _ANY.search(key)) is not None:
            left.setdefault(RecordingId(uuid.UUID(match[1])), []).append(key)
    for recording, below in left.items():
        async with deps.database.acquire() as connection:
            known = await recordings.find(connection, recording, EVERYTHING)
            claimed = await rebuilding.claimed(connection, below)
        if known is None:
            continue
        stored = []
        for key in below:
            if key not in claimed:
                oldest = (await deps.objects.versions(Bucket.ORIGINALS, key))[-1]
                there = await deps.objects.stat(Bucket.ORIGINALS, key, oldest.version)
                locked = there.lock_until or lock_end(deps)
                stored.append((key, there.version, there.length, locked))
        async with deps.database.acquire() as connection:
            await rows.leave(connection, recording, stored, deps.clock.now())
