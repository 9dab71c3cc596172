"""Volumes: the index that tells of them with the database gone, and the switch to them.

The bytes are written and read back by ``workers/steps/compact.py``; until the switch the small
objects are the original, from its commit on the volumes are.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recorder.domain.compaction import Member, Volume, folder_of, offsets
from recorder.domain.events import RecordingCompacted
from recorder.domain.ids import LivestreamId, RecordingId
from recorder.domain.livestream import Segment
from recorder.domain.recording import Recording
from recorder.errors import Conflict, IntegrityError, InvalidInput
from recorder.ledger import canonical
from recorder.services import fixity
from recorder.store import recordings, volumes
from recorder.store.change import Change
from recorder.store.connection import Connection
from recorder.store.volumes import INDEX, Pinned, PlacedVolume


@dataclass(frozen=True, slots=True)
class Index:
    """What an index says: the digests of the whole, its manifest, and the volumes in order."""

    recording: RecordingId
    sha256: str
    sm3: str
    manifest: Pinned
    manifest_sha256: str
    #: {"key", "version", "length", "sha256", "sm3", "first", "members"} of each.
    volumes: tuple[dict[str, Any], ...]

    @property
    def members(self) -> int:
        return sum(int(each["members"]) for each in self.volumes)

    @property
    def length(self) -> int:
        return sum(int(each["length"]) for each in self.volumes)


def encode(index: Index) -> bytes:
    """The canonical bytes of an index."""
    return canonical.encode(
        {
            "v": 1,
            "recording": str(index.recording),
            "length": index.length,
            "sha256": index.sha256,
            "sm3": index.sm3,
            "manifest": {
                "key": index.manifest.key,
                "version": index.manifest.version,
                "sha256": index.manifest_sha256,
            },
            "volumes": list(index.volumes),
        }
    )


def decode(content: bytes) -> Index:
    """Understand an index; IntegrityError ``volume-index-unreadable`` when it is none of ours."""
    try:
        said: Any = canonical.decode(content)
        named = said["manifest"]
        return Index(
            RecordingId(uuid.UUID(said["recording"])),
            str(said["sha256"]),
            str(said["sm3"]),
            Pinned(str(named["key"]), str(named["version"])),
            str(named["sha256"]),
            tuple(_listed(each) for each in said["volumes"]),
        )
    except (InvalidInput, KeyError, TypeError, ValueError) as error:
        raise IntegrityError(
            "volume-index-unreadable", f"The index of volumes cannot be used: {error}"
        ) from error


def _listed(said: dict[str, Any]) -> dict[str, Any]:
    texts = {name: str(said[name]) for name in ("key", "version", "sha256", "sm3")}
    return texts | {name: int(said[name]) for name in ("length", "first", "members")}


def listed(placed: PlacedVolume) -> dict[str, Any]:
    """A volume as the index and the event name it."""
    return {
        "key": placed.volume.key,
        "version": placed.version,
        "length": placed.volume.length,
        "sha256": placed.sha256.hex(),
        "sm3": placed.sm3.hex(),
        "first": placed.volume.first,
        "members": placed.volume.members,
    }


def volume_of(n: int, said: dict[str, Any]) -> Volume:
    """The inverse of ``listed``, as far as a plan goes."""
    return Volume(n, said["key"], said["length"], said["first"], said["members"])


def index_key(prefix: str, recording: RecordingId, attempt: int, content: bytes) -> str:
    """Where an index lies; ``attempt`` counts those that were given up."""
    digest = hashlib.sha256(content).hexdigest()
    return f"{folder_of(prefix, recording)}/index-{attempt}-{digest}.json"


def told(
    recording: Recording, livestream: LivestreamId, index: Index, content: bytes, stored: Pinned
) -> RecordingCompacted:
    """The event with which the switch is made."""
    return RecordingCompacted(
        subject=recording.id,
        agency=recording.agency,
        livestream=livestream,
        length=recording.length,
        members=index.members,
        volumes=index.volumes,
        index=stored.key,
        index_version=stored.version,
        index_sha256=hashlib.sha256(content).hexdigest(),
    )


async def switch(change: Change, event: RecordingCompacted) -> None:
    """The volumes are the original from this commit on, the small objects are superseded.

    Raises Conflict ``volumes-changed`` when what is claimed is not what the event names, or the
    original is not what it was: somebody else was here, and nothing is written.
    """
    recording = RecordingId(event.subject)
    await volumes.hold(change.connection, recording)
    members = await volumes.members(change.connection, recording)
    claims = {each.volume.n: each for each in await volumes.claims(change.connection, recording)}
    placed = [
        PlacedVolume(
            volume_of(n, said),
            said["version"],
            bytes.fromhex(said["sha256"]),
            bytes.fromhex(said["sm3"]),
            claims[n].lock_until if n in claims else change.now,
        )
        for n, said in enumerate(map(_listed, event.volumes))
    ]
    keys = {each.volume.n: each.volume.key for each in placed} | {INDEX: event.index}
    claimed = {n: claim.volume.key for n, claim in claims.items()}
    if len(members) != event.members or claimed != keys:
        raise _changed(event)
    sidecar = await recordings.sidecar_of(change.connection, recording)
    await fixity.tell_recording(change, recording)
    if await volumes.supersede(change, recording) != len(members):
        raise _changed(event)
    if not await volumes.end_claims(change, recording, list(keys.values())):
        raise _changed(event)
    index = Pinned(event.index, event.index_version)
    await volumes.insert_volumes(change, recording, placed, Pinned(*sidecar), index)
    await volumes.begin_fixity(change, recording)
    await _place(change, event, members, [each.volume for each in placed])


async def _place(
    change: Change,
    event: RecordingCompacted,
    members: Sequence[Member],
    planned: Sequence[Volume],
) -> None:
    begins = [at for volume in planned for at in offsets(members, volume)]
    await volumes.insert_places(
        change,
        LivestreamId(event.livestream),
        RecordingId(event.subject),
        [member.number for member in members],
        [volume.n for volume in planned for _ in range(volume.members)],
        begins,
    )


async def located(connection: Connection, segment: Segment) -> tuple[str, str, int] | None:
    """Key and version of the object that holds a segment, and where it begins in that.

    None where nothing of it is stored.
    """
    if segment.version is None:
        return None
    if segment.recording is not None:
        place = await volumes.place_of(connection, segment.livestream, segment.number)
        if place is not None:
            return place
    return segment.key, segment.version, 0


def _changed(event: RecordingCompacted) -> Conflict:
    return Conflict(
        "volumes-changed",
        "The original of this recording, or what is claimed for it, is not what was read back.",
        recording=str(event.subject),
    )
