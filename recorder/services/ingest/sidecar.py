"""Sidecars: beside each original, what it takes to find it again with the database gone.

Written once at completion, locked like the original, read by ``services/rebuild.py`` alone.
Fields are only ever added: what was written years ago must still be understood.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from recorder.adapters.objects import Bucket, StoredObject
from recorder.domain.footage_facts import FootageFacts
from recorder.domain.ids import AgencyId, RecordingId, UploadId
from recorder.domain.instant import Instant, format_utc
from recorder.domain.original_key import sidecar_key
from recorder.domain.upload import Part, Upload, UploadState, arrival_digest
from recorder.errors import Conflict, IntegrityError, RecorderError
from recorder.ledger import canonical
from recorder.runtime import Deps
from recorder.store.uploads import Transfer

#: No sidecar of ours is longer: 10,000 parts take 1.1 MiB.
LONGEST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What a sidecar says, checked as far as it can be without the database."""

    upload: Upload
    agency_code: str
    opened_by: str
    raw_metadata: str
    #: The sender's words and where they came from, as the upload's row holds them.
    facts: dict[str, Any]
    parts: tuple[Part, ...]
    #: Version and length of the original that was completed.
    version: str
    length: int
    received_at: datetime
    #: The recording whose content this one was known to repeat when it was completed.
    repeats: RecordingId | None


async def store_sidecar(
    deps: Deps, transfer: Transfer, original: StoredObject, *, repeats: RecordingId | None
) -> StoredObject:
    """Write the sidecar of a completed original; safe to repeat."""
    upload, plain, parts = transfer.upload, transfer.facts, transfer.parts
    content = canonical.encode(
        {
            "v": 1,
            "recording": str(upload.recording),
            "upload": str(upload.id),
            "agency": str(upload.agency),
            "agency_code": transfer.agency_code,
            "case_numbers": plain.get("case_numbers") or [],
            "facts": {k: repr(v) if isinstance(v, float) else v for k, v in plain.items()},
            "upload_metadata": transfer.raw_metadata,
            "opened_by": transfer.opened_by,
            "opened_at": format_utc(upload.created_at),
            "received_at": format_utc(deps.clock.now()),
            "original": {"key": original.key, "version": original.version},
            "length": original.length,
            "declared_length": upload.length,
            "part_bytes": upload.part_bytes,
            "parts": [[p.offset, p.length, p.sha256.hex()] for p in parts],
            "arrival_sha256": arrival_digest(upload.part_bytes, parts).hex(),
            "ended_early": upload.ended_early,
            "repeats": str(repeats) if repeats else None,
        }
    )
    key = sidecar_key(upload.key)
    try:
        return await deps.objects.put(
            Bucket.ORIGINALS,
            key,
            [content],
            lock_until=upload.lock_until,
            media_type="application/json",
        )
    except Conflict:
        # Written by an earlier try; its words are the same but for the wall clock's.
        return (await deps.objects.versions(Bucket.ORIGINALS, key))[-1]


def read_sidecar(key: str, content: bytes) -> Sidecar:
    """Understand the sidecar at this key.

    Raises IntegrityError ``sidecar-unreadable`` when it is none of ours, does not belong where
    it lies, or contradicts itself.
    """
    try:
        said: Any = canonical.decode(content)
        found = _understood(said)
        consistent = (
            said["v"] == 1
            and isinstance(found.facts["source"], str)
            and FootageFacts.from_json(found.facts).original_name != ""
            and sidecar_key(found.upload.key) == key
            and sum(part.length for part in found.parts) == found.length == found.upload.offset
            and arrival_digest(found.upload.part_bytes, found.parts).hex() == said["arrival_sha256"]
        )
    except (RecorderError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(key, f"{type(error).__name__}: {error}") from error
    if not consistent:
        raise _unreadable(key, "it contradicts itself or lies in another place")
    return found


def _understood(said: Any) -> Sidecar:
    upload_id = uuid.UUID(said["upload"])
    opened_at = (
        Instant.parse(said["opened_at"]).at if "opened_at" in said else _moment_of(upload_id)
    )
    received_at = Instant.parse(said["received_at"]).at if "received_at" in said else opened_at
    length = int(said["length"])
    parts = tuple(
        Part(number, int(offset), int(size), bytes.fromhex(sha256), "")
        for number, (offset, size, sha256) in enumerate(said["parts"], 1)
    )
    upload = Upload(
        id=UploadId(upload_id),
        agency=AgencyId(uuid.UUID(said["agency"])),
        state=UploadState.FINISHED,
        length=int(said["declared_length"]),
        offset=length,
        part_bytes=int(said["part_bytes"]),
        key=str(said["original"]["key"]),
        multipart_id=None,
        fence=0,
        holder=None,
        holder_seen_at=None,
        lock_until=received_at,
        recording=RecordingId(uuid.UUID(said["recording"])),
        ended_early=bool(said["ended_early"]),
        created_at=opened_at,
        expires_at=received_at,
    )
    facts = dict(said["facts"])
    for name in ("latitude", "longitude", "accuracy_m"):
        # Canonical bytes hold no floating point; a place is said in text.
        if facts.get(name) is not None:
            facts[name] = float(facts[name])
    return Sidecar(
        upload=upload,
        agency_code=str(said["agency_code"] or said["agency"]),
        opened_by=str(said.get("opened_by") or ""),
        raw_metadata=str(said["upload_metadata"]),
        facts=facts,
        parts=parts,
        version=str(said["original"]["version"]),
        length=length,
        received_at=received_at,
        repeats=RecordingId(uuid.UUID(said["repeats"])) if said.get("repeats") else None,
    )


def _moment_of(made: uuid.UUID) -> datetime:
    """The moment in a UUID version 7."""
    return datetime.fromtimestamp((made.int >> 80) / 1000, UTC)


def _unreadable(key: str, why: str) -> IntegrityError:
    return IntegrityError("sidecar-unreadable", f"The sidecar {key} cannot be used: {why}.")
