"""Opening an upload, asking where it stands, and ending it before its time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recorder.domain.footage_facts import FootageFacts, parse_metadata, read_facts
from recorder.domain.ids import AgencyId, DeviceId, DockId, RecordingId, UploadId, new_uuid
from recorder.domain.people import EVERYTHING, Actor, ActorKind, Role
from recorder.domain.recording import Flag, Integrity, QuarantineReason
from recorder.domain.upload import Upload, UploadState, check_length, lock_floor, part_bytes_for
from recorder.errors import Forbidden, Gone, NotFound, StorageFull
from recorder.runtime import Deps
from recorder.services import guard
from recorder.services.ingest import copies
from recorder.services.ingest.finishing import complete, end_early
from recorder.services.ingest.intake import FLUSH_CHANNEL, intake_of
from recorder.store import devices, open_uploads, recordings, uploads
from recorder.store.connection import Connection
from recorder.store.registry import officers

_SUSPENDED = QuarantineReason.DEVICE_SUSPENDED.value
#: How long a HEAD waits for the holder of an upload to make its buffers durable.
_HOLDER_PATIENCE_S = 1.0
#: A holder that has not shown life for this long is not asked.
_HOLDER_SILENCE = timedelta(seconds=10)
#: An upload that had no byte for this long keeps no room from others.
_ALIVE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class UploadStatus:
    upload: Upload
    #: The recording it became; None while bytes are missing.
    recording: RecordingId | None
    #: What became of that one, for the sender to know without a look at it; None while unknown.
    state: str | None = None
    integrity: Integrity | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where footage comes from, as far as we know the sender and the device."""

    agency: AgencyId
    device: DeviceId | None
    dock: DockId | None
    #: Within one source, equal content is one recording.
    source: str
    quarantine: tuple[str, ...]
    #: A person brought it, or a program of nobody's device.
    by_hand: bool = False


async def open_upload(deps: Deps, actor: Actor, *, length: int, metadata: str) -> Upload:
    """Make an upload that takes ``length`` bytes; nothing is stored before its first byte.

    Odd metadata are kept and flagged; an unknown, suspended or contradicted device leads to
    quarantine, never to refusal. Raises InvalidInput for a length or header that is no such
    thing, StorageFull ``storage-full`` when there is no room for that many bytes, Unavailable
    ``database-younger-than-store`` while the store is ahead of the database.
    """
    check_length(length)
    await guard.require_whole(deps)
    facts = read_facts(parse_metadata(metadata))
    now = deps.clock.now()
    async with deps.database.acquire() as connection:
        await _require_room(deps, connection, length)
        facts = await copies.attributed(connection, actor, facts)
        facts, origin = await origin_of(connection, actor, facts, now)
        recording = RecordingId(new_uuid(now))
        upload = Upload(
            id=UploadId(new_uuid(now)),
            agency=origin.agency,
            state=UploadState.OPEN,
            length=length,
            offset=0,
            part_bytes=part_bytes_for(length),
            key=uploads.object_key(recording, now),
            multipart_id=None,
            fence=0,
            holder=None,
            holder_seen_at=None,
            lock_until=lock_floor(now, _longest_life(deps)),
            recording=recording,
            ended_early=False,
            created_at=now,
            expires_at=now + deps.config.upload_idle,
        )
        await uploads.insert(
            connection,
            upload,
            opened_by=actor.sender,
            facts={**facts.to_json(), **origin_json(origin)},
            raw_metadata=metadata,
        )
    return upload


async def _require_room(deps: Deps, connection: Connection, length: int) -> None:
    room = deps.objects.room_bytes()
    if room is None:
        return
    # What others are bringing has its place already: two that fit alone may not fit together.
    room -= await open_uploads.still_to_come(connection, deps.clock.now() - _ALIVE)
    if room < length:
        raise StorageFull(
            "storage-full",
            "There is no room for footage of this length; free space and try again.",
            length=length,
            room=max(0, room),
        )


def _longest_life(deps: Deps) -> timedelta:
    # An upload may go on for as long as bytes come; locks are extended at completion and by the
    # clock, so the floor only has to outlive one idle time generously.
    return 4 * deps.config.upload_idle


def origin_json(origin: Origin) -> dict[str, object]:
    """Plain values for the row of an upload."""
    return {
        "device_id": str(origin.device) if origin.device else None,
        "dock_id": str(origin.dock) if origin.dock else None,
        "source": origin.source,
        "quarantine": list(origin.quarantine),
        "by_hand": origin.by_hand,
    }


async def origin_of(
    connection: Connection, actor: Actor, facts: FootageFacts, now: datetime
) -> tuple[FootageFacts, Origin]:
    """Find device, agency and officer by the order of the contract, noting what does not fit."""
    if actor.agency is None:
        raise Forbidden("agency-missing", "This token belongs to no agency and cannot upload.")
    reasons: dict[str, None] = {}
    own = await devices.find(connection, actor.device, EVERYTHING) if actor.device else None
    number = facts.device_number or (own.number if own else None)
    device = await devices.find_by_number(connection, number, EVERYTHING) if number else None
    if facts.named_device_number not in (None, number):
        reasons[QuarantineReason.DEVICE_CONTRADICTED.value] = None
    if own is not None and number != own.number:
        reasons[QuarantineReason.DEVICE_CONTRADICTED.value] = None
    if number and device is None:
        reasons[QuarantineReason.DEVICE_UNKNOWN.value] = None
    if (device and device.state != "active") or actor.suspended:
        reasons[_SUSPENDED] = None
    if device and device.agency != actor.agency:
        reasons[QuarantineReason.AGENCY_CONTRADICTED.value] = None
    facts = replace(facts, device_number=number)
    facts = await _called_by_number(
        connection, facts, device.agency if device else actor.agency, now
    )
    facts = await _attributed(connection, facts, device, now)
    dock = actor.dock
    if dock is None and facts.dock_name:
        dock = await devices.dock_of_name(connection, actor.agency, facts.dock_name)
    return facts, Origin(
        agency=actor.agency,
        device=device.id if device else None,
        dock=dock,
        source=_source(actor, number, own, suspended=_SUSPENDED in reasons),
        quarantine=tuple(reasons),
        by_hand=actor.kind is ActorKind.PERSON
        or (actor.kind is ActorKind.PROGRAM and device is None),
    )


def _source(
    actor: Actor, number: str | None, own: devices.Device | None, *, suspended: bool
) -> str:
    """Within which equal content is one recording.

    A device that names another one stays apart from what that one sends itself: it neither learns
    of the other's recordings nor adds to them, and what it sends is not taken for the other's. A
    suspended one stays apart from what it sent before: who has it now may repeat that, and must
    not link it to cases of his choice.
    """
    source = _source_of_trust(actor, number, own)
    return f"{source}/suspended" if suspended else source


def _source_of_trust(actor: Actor, number: str | None, own: devices.Device | None) -> str:
    if number is None:
        return f"dock:{actor.dock}" if actor.role is Role.DOCK else f"sender:{actor.id}"
    named = f"device:{number}@{actor.agency}"
    return named if own is None or own.number == number else f"{named}/sender:{actor.id}"


async def _called_by_number(
    connection: Connection, facts: FootageFacts, agency: AgencyId, now: datetime
) -> FootageFacts:
    """Officers by their own numbers, where a camera calls them by those that it holds (R44)."""
    at = facts.started_at or now
    called: dict[str | None, str] = {
        name: await officers.of_user_number(connection, agency, name, at) or name
        for name in {facts.officer, facts.named_officer}
        if name
    }
    return replace(
        facts,
        officer=called.get(facts.officer, facts.officer),
        named_officer=called.get(facts.named_officer, facts.named_officer),
    )


async def _attributed(
    connection: Connection, facts: FootageFacts, device: devices.Device | None, now: datetime
) -> FootageFacts:
    """The officer: as said, else by the hand-over log (R22), else as the file name says."""
    logged = None
    if device is not None and facts.started_at is not None:
        # The log is kept by other clocks than the device's.
        ahead = facts.device_clock_at - now if facts.device_clock_at else timedelta()
        logged = await devices.officer_at(connection, device.id, facts.started_at - ahead)
    claims = {c for c in (facts.officer, logged, facts.named_officer) if c}
    flags = list(facts.flags)
    if logged and len(claims) > 1:
        flags.append(Flag.OFFICER_CONFLICT.value)
    return replace(
        facts, officer=facts.officer or logged or facts.named_officer, flags=tuple(flags)
    )


async def find_own_upload(deps: Deps, actor: Actor, upload_id: UploadId) -> Upload:
    """The upload, if this sender opened it; NotFound otherwise, Gone when it ended empty."""
    async with deps.database.acquire() as connection:
        found = await uploads.find_with_opener(connection, upload_id)
    upload, opener = found or (None, None)
    if upload is None or (opener != actor.sender and actor.kind is not ActorKind.SERVICE):
        raise NotFound("upload-not-found", "There is no such upload.")
    if upload.state is UploadState.REMOVED:
        raise Gone("upload-gone", "This upload ended without a byte.")
    return upload


async def upload_status(deps: Deps, actor: Actor, upload_id: UploadId) -> UploadStatus:
    """Where the upload stands, all of it durable. Finishes a completion that was interrupted.

    A live holder is asked to make its buffers durable first and is never disturbed otherwise. One
    that is being completed here is not waited for: its offset is told at once, its recording later.
    """
    upload = await find_own_upload(deps, actor, upload_id)
    if upload.state is UploadState.OPEN and upload.offset < upload.length:
        await _ask_holder(deps, upload)
        upload = await find_own_upload(deps, actor, upload_id)
    if upload.state is UploadState.FINISHED:
        return await _became(deps, actor, upload)
    if upload.state is UploadState.COMPLETING or upload.offset == upload.length:
        if intake_of(deps).is_completing(upload_id):
            return UploadStatus(upload, None)
        done = await complete(deps, actor, upload_id)
        return UploadStatus(done, done.recording)
    return UploadStatus(upload, None)


async def _became(deps: Deps, actor: Actor, upload: Upload) -> UploadStatus:
    async with deps.database.acquire() as connection:
        found = await recordings.find_sent(connection, upload.recording, actor.sender)
    if found is None:
        return UploadStatus(upload, upload.recording)
    return UploadStatus(upload, found.id, found.state, found.integrity)


async def upload_metadata(deps: Deps, actor: Actor, upload_id: UploadId) -> str:
    """What the sender said when it opened the upload, letter by letter (tus: creation, HEAD)."""
    await find_own_upload(deps, actor, upload_id)
    async with deps.database.acquire() as connection:
        return (await uploads.words_of(connection, upload_id))[1]


async def _ask_holder(deps: Deps, upload: Upload) -> None:
    """Have what the holder has in memory made durable, waiting a second at most."""
    intake = intake_of(deps)
    local = intake.open_append(upload.id)
    if local is not None:
        flushing = intake.flush_for_answer(local)
        if flushing is not None:
            await asyncio.wait({flushing}, timeout=_HOLDER_PATIENCE_S)
        return
    asked_at = deps.clock.now()
    seen = upload.holder_seen_at
    if upload.holder in (None, deps.instance) or seen is None or asked_at - seen > _HOLDER_SILENCE:
        return
    async with deps.database.acquire() as connection:
        await uploads.notify_holder(connection, FLUSH_CHANNEL, upload.id)
    deadline = asyncio.get_running_loop().time() + _HOLDER_PATIENCE_S
    while asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.05)
        async with deps.database.acquire() as connection:
            present = await uploads.find(connection, upload.id)
        if present is None or present.offset != upload.offset or present.holder is None:
            return


async def terminate(deps: Deps, actor: Actor, upload_id: UploadId) -> None:
    """End an upload at its sender's wish: an empty one vanishes, any other is sealed as it is.

    Footage that reached us is never thrown away. Raises Forbidden ``upload-finished``, Unavailable
    ``database-younger-than-store``.
    """
    await guard.require_whole(deps)
    upload = await find_own_upload(deps, actor, upload_id)
    if upload.state is not UploadState.OPEN or upload.offset == upload.length:
        raise Forbidden(
            "upload-finished", "This upload is a recording already and cannot be taken back."
        )
    await end_early(deps, actor, upload_id)
