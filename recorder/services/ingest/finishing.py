"""Completion: from durable bytes to a recording that waits for verification.

Steps, each safe to repeat: 1 stop taking bytes, 2 make the object, 3 write the sidecar, 4 see
that the locks reach far enough, 5 write the recording with its events in one transaction. A
crash between steps leaves an object that the upload's row claims; the next HEAD, or the sweep,
goes through the same steps again.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recorder.adapters.objects import Bucket, StoredObject, StoredPart
from recorder.domain.events import DuplicateReceived, RecordingQuarantined, UploadCompleted
from recorder.domain.footage_facts import FootageFacts
from recorder.domain.ids import DeviceId, DockId, LivestreamId, RecordingId, UploadId, new_uuid
from recorder.domain.mark import Mark
from recorder.domain.people import Actor
from recorder.domain.provenance import UNSAID
from recorder.domain.recording import Admission, Flag, Integrity, QuarantineReason, Recording
from recorder.domain.upload import Part, Upload, UploadState, arrival_digest
from recorder.errors import Conflict, Gone, IntegrityError, NotFound
from recorder.runtime import Deps
from recorder.services import casework, stating
from recorder.services.ingest import copies
from recorder.services.ingest.appender import Appender
from recorder.services.ingest.intake import intake_of
from recorder.services.ingest.losses import lost
from recorder.services.ingest.sidecar import store_sidecar
from recorder.store import provenances, recordings, store_intents, upload_arrivals, uploads
from recorder.store.change import Change
from recorder.store.uploads import Transfer

MEDIA_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Received:
    """Everything about a finished transfer that its recording is made of."""

    upload: Upload
    facts: FootageFacts
    origin: dict[str, object]
    parts: tuple[Part, ...]
    original: StoredObject
    sidecar: StoredObject
    #: Both objects are locked at least until then.
    lock_until: datetime

    @property
    def source(self) -> str:
        return str(self.origin["source"])

    @property
    def arrival_sha256(self) -> bytes:
        return arrival_digest(self.upload.part_bytes, self.parts)


class _FinishedMeanwhile(Exception):
    """Another process has finished this upload; its result counts."""


async def complete(deps: Deps, actor: Actor, upload_id: UploadId) -> Upload:
    """Turn a fully received upload into a recording awaiting verification, which it names.

    Safe to repeat, from any process: completing twice returns the same recording. The object is
    in place before the row exists. Equal content from the same source gives the recording that
    was there first.

    Raises Conflict ``upload-incomplete`` while bytes are missing, Gone ``multipart-gone`` when the
    store has lost some: the sender has them still, and must not ask for this upload for ever.
    """
    async with intake_of(deps).completing(upload_id):
        transfer = await _transfer(deps, upload_id)
        upload = transfer.upload
        if upload.state is UploadState.OPEN and upload.offset == upload.length:
            await _stop_taking(deps, upload_id, early=False)
            transfer = await _transfer(deps, upload_id)
        try:
            return await _complete(deps, actor, transfer)
        except IntegrityError as error:
            raise lost(error) from error


async def _transfer(deps: Deps, upload_id: UploadId) -> Transfer:
    async with deps.database.acquire(patient=True) as connection:
        transfer = await uploads.find_transfer(connection, upload_id)
    if transfer is None:
        raise NotFound("upload-not-found", "There is no such upload.")
    return (
        replace(transfer, facts=_suspended(transfer.facts)) if transfer.is_suspended else transfer
    )


def _suspended(facts: dict[str, object]) -> dict[str, object]:
    """As if it had been opened now: whoever has the device may have sent the end of it."""
    reasons, ours = facts["quarantine"], QuarantineReason.DEVICE_SUSPENDED.value
    if not isinstance(reasons, list) or ours in reasons:
        return facts
    return {**facts, "quarantine": [*reasons, ours], "source": f"{facts['source']}/suspended"}


async def _stop_taking(
    deps: Deps, upload_id: UploadId, *, early: bool, expired_by: datetime | None = None
) -> None:
    """Open → completing, of one that is full or may end early; a tail in pieces becomes a part
    first.

    A full upload has such a tail when the store refused its last part and took the piece.
    """
    intake = intake_of(deps)
    async with deps.database.acquire(patient=True) as connection:
        if not early and await uploads.begin_completion(connection, upload_id, fence=None):
            return
        taken = await uploads.take(
            connection, upload_id, deps.instance, deps.clock.now(), expired_by=expired_by
        )
        if taken is None:
            return
        pieces = await upload_arrivals.pieces(connection, upload_id)
    appender = Appender(deps, intake.budget, taken, pieces)
    try:
        await appender.close_tail()
    finally:
        await asyncio.shield(appender.end())
    async with deps.database.acquire() as connection:
        # One whose bytes were all in whole parts; else it has begun with the last part.
        await uploads.begin_completion(connection, upload_id, fence=taken.fence)


async def _complete(deps: Deps, actor: Actor, transfer: Transfer) -> Upload:
    upload, parts = transfer.upload, transfer.parts
    if upload.state is UploadState.FINISHED:
        return upload
    if upload.state is not UploadState.COMPLETING:
        raise Conflict("upload-incomplete", "Bytes are missing.", offset=upload.offset)
    if sum(part.length for part in parts) != upload.offset:
        raise IntegrityError(
            "upload-parts-missing",
            "The parts of this upload do not add up to what was acknowledged.",
            upload=str(upload.id),
        )
    original = await _store_original(deps, upload, parts)
    source, arrival = str(transfer.facts["source"]), arrival_digest(upload.part_bytes, parts)
    # Before the sidecar, which says so: after a rebuild the same recording stands for both.
    first = await _same_content(deps, source, original.length, arrival)
    sidecar = await store_sidecar(deps, transfer, original, repeats=first)
    lock_until = min(await locked_ahead(deps, original), await locked_ahead(deps, sidecar))
    facts = FootageFacts.from_json(transfer.facts)
    received = Received(upload, facts, transfer.facts, parts, original, sidecar, lock_until)
    while True:
        try:
            recording = await _write_rows(deps, actor, received, first)
            return replace(upload, state=UploadState.FINISHED, recording=recording)
        except _FinishedMeanwhile:
            present = (await _transfer(deps, upload.id)).upload
            if present.state is UploadState.FINISHED:
                return present
        except Conflict as conflict:
            if conflict.facts.get("constraint") != "recording_content":
                raise
        # The same content may have been finished a moment ago: this one is then its duplicate.
        first = await _same_content(deps, source, original.length, arrival)


async def _same_content(
    deps: Deps, source: str, length: int, arrival_sha256: bytes
) -> RecordingId | None:
    async with deps.database.acquire(patient=True) as connection:
        return await recordings.find_by_content(connection, source, length, arrival_sha256)


async def _store_original(deps: Deps, upload: Upload, parts: tuple[Part, ...]) -> StoredObject:
    if upload.offset == 0:
        present = await deps.objects.versions(Bucket.ORIGINALS, upload.key)
        if present:
            return present[-1]
        return await deps.objects.put(
            Bucket.ORIGINALS, upload.key, [], lock_until=upload.lock_until, media_type=MEDIA_TYPE
        )
    if upload.multipart_id is None:
        raise Gone("multipart-gone", "The parts of this upload are not known to the store.")
    return await deps.objects.complete_multipart(
        upload.key,
        upload.multipart_id,
        [StoredPart(p.number, p.offset, p.length, p.sha256, p.etag) for p in parts],
    )


async def locked_ahead(deps: Deps, stored: StoredObject) -> datetime:
    """See that the lock reaches a week beyond the promised time ahead; says until when."""
    promised = deps.clock.now() + timedelta(seconds=deps.config.lock_ahead_s, days=7)
    if stored.lock_until is not None and stored.lock_until >= promised:
        return stored.lock_until
    await deps.objects.extend_lock(Bucket.ORIGINALS, stored.key, stored.version, promised)
    return promised


async def _write_rows(
    deps: Deps, actor: Actor, received: Received, first: RecordingId | None
) -> RecordingId:
    async with deps.change(actor, patient=True) as change:
        target = first or received.upload.recording
        if not await uploads.finish(change, received.upload.id, target):
            raise _FinishedMeanwhile
        if first is not None:
            await write_duplicate(change, received, first)
        else:
            await _write_recording(deps, change, received)
        await copies.arrived(change, received.origin, received.facts, target)
        await casework.link_on_arrival(
            change,
            recording_id=target,
            agency=received.upload.agency,
            numbers=received.facts.case_numbers,
            stage=received.facts.stage,
        )
    return target


async def write_duplicate(change: Change, received: Received, first: RecordingId) -> None:
    """Note that the transfer repeats a recording's content, with its event."""
    original, sidecar = received.original, received.sidecar
    await recordings.insert_duplicate(
        change,
        received.upload.id,
        first,
        key=original.key,
        version=original.version,
        length=original.length,
        sidecar_key=sidecar.key,
        sidecar_version=sidecar.version,
        lock_until=received.lock_until,
        original_name=received.facts.original_name,
    )
    change.record(
        DuplicateReceived(
            subject=first,
            agency=received.upload.agency,
            upload=received.upload.id,
            key=received.original.key,
            version=received.original.version,
            original_name=received.facts.original_name,
        )
    )


async def _write_recording(deps: Deps, change: Change, received: Received) -> None:
    recording = recording_of(deps, change, received)
    came = await insert_recording(change, received, recording)
    change.record(
        UploadCompleted(
            subject=recording.id,
            agency=recording.agency,
            upload=received.upload.id,
            length=recording.length,
            key=received.original.key,
            version=received.original.version,
            arrival_sha256=received.arrival_sha256,
            declared_sha256=recording.declared_sha256,
            original_name=recording.original_name,
            device_number=recording.device_number,
            officer=recording.officer,
            incomplete=received.upload.ended_early,
            flags=recording.flags,
            copy_of=recording.copy_of,
        )
    )
    said = stating.said_by_sender(received.facts, recording, change.actor)
    if said is not None:
        change.record(stating.stated(said, before=None))
    for mark in came:
        change.record(stating.marked(recording.id, mark))
    if recording.quarantine_reasons:
        change.record(
            RecordingQuarantined(
                subject=recording.id,
                agency=recording.agency,
                reasons=recording.quarantine_reasons,
            )
        )


async def insert_recording(change: Change, received: Received, recording: Recording) -> list[Mark]:
    """Write the row of a recording, the one object that is its original, and what its sender says.

    No event; gives the marks that came with it.
    """
    await recordings.insert(
        change, recording, source=received.source, arrival_sha256=received.arrival_sha256
    )
    said = stating.said_by_sender(received.facts, recording, change.actor)
    if said is not None:
        await provenances.state(change, said)
    await recordings.insert_object(
        change,
        recording.id,
        0,
        key=received.original.key,
        version=received.original.version,
        length=received.original.length,
        lock_until=received.lock_until,
        sidecar_key=received.sidecar.key,
        sidecar_version=received.sidecar.version,
    )
    return await stating.write_marks(change, received.facts, recording)


def recording_of(deps: Deps, change: Change, received: Received) -> Recording:
    """The recording that a finished transfer becomes, as its sender and our clock describe it."""
    facts, upload, origin = received.facts, received.upload, received.origin
    flags = list(facts.flags)
    offset_ms = None
    if facts.device_clock_at is not None:
        # The device said its time when it opened the upload; ours was created_at (R21).
        offset_ms = int((facts.device_clock_at - upload.created_at) / timedelta(milliseconds=1))
        if abs(offset_ms) > deps.config.clock_offset_limit_s * 1000:
            flags.append(Flag.CLOCK_OFFSET.value)
    if upload.ended_early:
        flags.append(Flag.INCOMPLETE_UPLOAD.value)
    quarantine = origin["quarantine"]
    reasons = tuple(str(r) for r in quarantine) if isinstance(quarantine, list) else ()
    device, dock = origin["device_id"], origin["dock_id"]
    declared = facts.declared_sha256
    return Recording(
        id=upload.recording,
        agency=upload.agency,
        agency_code="",
        device=DeviceId(uuid.UUID(str(device))) if device else None,
        device_number=facts.device_number,
        dock=DockId(uuid.UUID(str(dock))) if dock else None,
        officer=facts.officer,
        integrity=Integrity.RECEIVED,
        admission=Admission.QUARANTINED if reasons else Admission.ADMITTED,
        quarantine_reasons=reasons,
        length=received.original.length,
        declared_sha256=bytes.fromhex(declared) if declared else None,
        sha256=None,
        sm3=None,
        original_name=facts.original_name,
        stage=facts.stage,
        device_clock_at=facts.device_clock_at,
        received_at=change.now,
        clock_offset_ms=offset_ms,
        started_at=facts.started_at,
        ended_at=facts.ended_at,
        started_at_source=facts.started_at_source,
        latitude=facts.latitude,
        longitude=facts.longitude,
        accuracy_m=facts.accuracy_m,
        key_file=facts.key_file,
        note=facts.note,
        flags=tuple(flags),
        media=None,
        showable=None,
        links=0,
        created_at=change.now,
        sealed_at=None,
        copy_of=LivestreamId(uuid.UUID(facts.livestream)) if facts.livestream else None,
        provenance=facts.provenance or (UNSAID if origin.get("by_hand") else None),
        camera=facts.camera,
    )


async def _removed_empty(deps: Deps, upload_id: UploadId, expired_by: datetime | None) -> bool:
    """Whether the upload had no byte and is gone now; what its parts left goes too, or is swept."""
    intent, now = new_uuid(), deps.clock.now()
    async with deps.database.transaction() as connection:
        if not await uploads.remove_empty(connection, upload_id, now, expired_by=expired_by):
            return False
        upload = await uploads.find(connection, upload_id)
        if upload is None or upload.multipart_id is None:
            return True
        await store_intents.intend_multipart(connection, intent, upload_id, upload.key, now)
    await deps.objects.abort_multipart(upload.key, upload.multipart_id)
    async with deps.database.acquire() as connection:
        await store_intents.fulfil(connection, intent)
    return True


async def end_early(
    deps: Deps, actor: Actor, upload_id: UploadId, *, expired_by: datetime | None = None
) -> RecordingId | None:
    """End an open upload before its length: sealed as far as it came, flagged.

    None if it was empty, or had not expired at ``expired_by`` after all: a byte came meanwhile.
    Footage from a camera that was smashed in mid-upload is the best evidence there is.
    """
    async with intake_of(deps).exclusively(upload_id):
        if await _removed_empty(deps, upload_id, expired_by):
            return None
        await _stop_taking(deps, upload_id, early=True, expired_by=expired_by)
        transfer = await _transfer(deps, upload_id)
        if expired_by is not None and transfer.upload.state is UploadState.OPEN:
            return None
        return (await _complete(deps, actor, transfer)).recording
