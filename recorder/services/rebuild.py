"""Rebuild: recordings that the store holds and the database does not know are written anew.

Everything comes from the sidecars; the bytes are read back and sealed again by *verify*. Nothing
in the store is changed but locks, which only grow, and nothing is ever deleted here.
"""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from recorder.adapters.objects import Bucket, StoredObject
from recorder.domain.events import AgencyAdded, RecordingQuarantined, RecordingRebuilt
from recorder.domain.footage_facts import FootageFacts
from recorder.domain.ids import AgencyId, RecordingId
from recorder.domain.original_key import (
    NO_FOOTAGE,
    is_sidecar,
    livestream_prefix,
    original_key,
    sidecar_key,
)
from recorder.domain.people import EVERYTHING, Actor
from recorder.domain.recording import Flag
from recorder.domain.upload import arrival_digest
from recorder.errors import Conflict, IntegrityError, InternalError, InvalidInput, NotFound
from recorder.runtime import Deps
from recorder.services import casework, guard, live, restriction_notes
from recorder.services.audit.objects import leave_behind
from recorder.services.ingest.finishing import (
    Received,
    insert_recording,
    locked_ahead,
    recording_of,
    write_duplicate,
)
from recorder.services.ingest.sidecar import LONGEST_BYTES, Sidecar, read_sidecar
from recorder.store import agencies, devices, rebuilding, recordings, upload_arrivals
from recorder.store.agencies import Agency
from recorder.store.change import Change

_AT_ONCE = 500
#: A transfer that was completed this recently is left to the service, which may be at it.
_UNDER_WAY = timedelta(minutes=10)


@dataclass(slots=True)
class RebuildReport:
    """What a walk through the store has found; keys for a person to look at."""

    #: Written anew (or to be written, in a dry run).
    recordings: int = 0
    #: Objects that repeat the content of a recording.
    duplicates: int = 0
    #: Originals that the database knows.
    known: int = 0
    #: Left to the service: their upload is just being completed.
    under_way: int = 0
    #: Restrictions of who may watch that came back from their notes.
    restrictions: int = 0
    #: Renditions and staged pieces that the lost database knew alone.
    left_behind: int = 0
    unreadable_sidecars: list[str] = field(default_factory=list)
    sidecars_without_original: list[str] = field(default_factory=list)
    originals_without_sidecar: list[str] = field(default_factory=list)

    @property
    def findings(self) -> int:
        """How many things a person should look at."""
        return (
            len(self.unreadable_sidecars)
            + len(self.sidecars_without_original)
            + len(self.originals_without_sidecar)
        )


class _KnownMeanwhile(Exception):
    """Another process has finished this upload: leaves the Change without writing."""


async def rebuild(deps: Deps, actor: Actor, *, dry_run: bool = False) -> RebuildReport:
    """Write what only the store knows into the database; safe to repeat and to interrupt.

    Recordings get their old ids, agencies (by code), numbers, cases (provisional where unknown)
    and pinned versions, the flag ``rebuilt``, and the tasks of a new recording. Those whose
    sidecar says that they repeat another come last, so that of equal contents the one that stood
    for all, and whose receipt is out, does so again. Restrictions of who may watch stand again
    before anything counts. Renditions and staged pieces that nothing
    claims are noted as left behind. Ends the guard's read-only state, unless
    ``dry_run``, which writes nothing. Takes about 200 bytes of memory for each unknown original.
    """
    report = RebuildReport()
    streamed: dict[str, list[str]] = {}
    unknown = sorted(await _unknown(deps, report, streamed))
    await _livestreams(deps, actor, report, streamed, dry_run=dry_run)
    contents: set[tuple[str, int, bytes]] = set()
    adopt = partial(_one, deps, actor, report, contents if dry_run else None)
    repeating = [key for key in unknown if not await adopt(key, repeating=False)]
    for key in repeating:
        await adopt(key, repeating=True)
    if not dry_run:
        restored = await restriction_notes.restore(deps, actor)
        report.restrictions = restored.restrictions
        report.unreadable_sidecars += restored.unreadable
        report.left_behind = await leave_behind(deps)
        await guard.accept(deps, actor, rebuilt=report.recordings, agency=None)
    return report


async def _livestreams(
    deps: Deps,
    actor: Actor,
    report: RebuildReport,
    streamed: dict[str, list[str]],
    *,
    dry_run: bool,
) -> None:
    """Livestreams of which the database lacks something, by prefix with the keys it lacks."""
    for prefix, keys in sorted(streamed.items()):
        if dry_run:
            report.recordings += sum("/sealed-" in key for key in keys)
            continue
        rebuilt = await live.rebuild_livestream(deps, actor, prefix, keys, _agency_of)
        report.recordings += rebuilt.recordings
        report.unreadable_sidecars += rebuilt.unreadable
        report.sidecars_without_original += rebuilt.incomplete


async def _unknown(deps: Deps, report: RebuildReport, streamed: dict[str, list[str]]) -> list[str]:
    """Keys of sidecars whose originals no finished upload claims; fills in what is known.

    Keys of livestreams that no row claims go to ``streamed``, by where the livestream lies.
    """
    sidecars: set[str] = set()
    originals: set[str] = set()
    async for stored in deps.objects.versions_below(Bucket.ORIGINALS, ""):
        if not stored.key.startswith(NO_FOOTAGE):
            (sidecars if is_sidecar(stored.key) else originals).add(stored.key)
    everything = sorted({original_key(key) for key in sidecars} | originals)
    unknown = []
    for keys in _batches(everything):
        async with deps.database.acquire() as connection:
            claims = await rebuilding.claimed(connection, keys)
        for key in keys:
            prefix = livestream_prefix(key)
            if claims.get(key):
                report.known += 1
            elif prefix is not None:
                streamed.setdefault(prefix, []).append(key)
            elif sidecar_key(key) in sidecars:
                unknown.append(sidecar_key(key))
            elif key not in claims:
                report.originals_without_sidecar.append(key)
    return unknown


def _batches(keys: list[str]) -> list[list[str]]:
    return [keys[begin : begin + _AT_ONCE] for begin in range(0, len(keys), _AT_ONCE)]


async def _one(
    deps: Deps,
    actor: Actor,
    report: RebuildReport,
    contents: set[tuple[str, int, bytes]] | None,
    key: str,
    *,
    repeating: bool,
) -> bool:
    """Adopt the original of one sidecar, or only look (with ``contents``) whether that works.

    False, with nothing done, if it repeats another one and ``repeating`` is not set.
    """
    try:
        stored, sidecar = await _read(deps, key)
    except IntegrityError:
        report.unreadable_sidecars.append(key)
        return True
    if sidecar.repeats is not None and not repeating:
        return False
    try:
        original = await deps.objects.stat(Bucket.ORIGINALS, sidecar.upload.key, sidecar.version)
    except NotFound:
        report.sidecars_without_original.append(key)
        return True
    # Its length is the sidecar's word; verify finds out about the bytes.
    original = dataclasses.replace(original, length=sidecar.length)
    async with deps.database.acquire() as connection:
        claims = await rebuilding.claimed(connection, [sidecar.upload.key])
    if claims and deps.clock.now() - sidecar.received_at < _UNDER_WAY:
        report.under_way += 1
        return True
    if contents is not None:
        content = (str(sidecar.facts["source"]), sidecar.length, _arrival(sidecar))
        report.duplicates += content in contents
        report.recordings += content not in contents
        contents.add(content)
        return True
    try:
        first = await _adopt(deps, actor, sidecar, original, stored)
    except _KnownMeanwhile:
        report.known += 1
        return True
    except (InvalidInput, InternalError):
        # It says something that no row can hold; the others must not wait for it.
        report.unreadable_sidecars.append(key)
        return True
    report.duplicates += first
    report.recordings += not first
    return True


async def _read(deps: Deps, key: str) -> tuple[StoredObject, Sidecar]:
    versions = await deps.objects.versions(Bucket.ORIGINALS, key)
    # The oldest version is ours; whoever can write to the store could add others behind it.
    if not versions or versions[-1].length > LONGEST_BYTES:
        raise IntegrityError("sidecar-unreadable", f"The sidecar {key} cannot be used.")
    blocks = deps.objects.read(Bucket.ORIGINALS, key, versions[-1].version)
    return versions[-1], read_sidecar(key, b"".join([block async for block in blocks]))


def _arrival(sidecar: Sidecar) -> bytes:
    return arrival_digest(sidecar.upload.part_bytes, sidecar.parts)


async def _adopt(
    deps: Deps, actor: Actor, sidecar: Sidecar, original: StoredObject, stored: StoredObject
) -> bool:
    """Write the rows of one recording in one transaction; True when it is a duplicate."""
    lock_until = min(await locked_ahead(deps, original), await locked_ahead(deps, stored))
    while True:
        try:
            async with deps.change(actor) as change:
                received = await _received(change, sidecar, original, stored)
                received = dataclasses.replace(received, lock_until=lock_until)
                first = await recordings.find_by_content(
                    change.connection, received.source, original.length, received.arrival_sha256
                )
                await _write(deps, change, received, sidecar, first)
                return first is not None
        except Conflict as conflict:
            if conflict.facts.get("constraint") != "recording_content":
                raise
            # The same content came in by the service a moment ago: this one is its duplicate.
            continue


async def _received(
    change: Change, sidecar: Sidecar, original: StoredObject, stored: StoredObject
) -> Received:
    """The finished transfer as this database knows agencies, devices and docks."""
    connection = change.connection
    agency = await _agency(change, sidecar)
    facts = FootageFacts.from_json(sidecar.facts)
    number = facts.device_number
    device = await devices.find_by_number(connection, number, EVERYTHING) if number else None
    said = sidecar.facts.get("dock_id")
    dock = await rebuilding.dock_of(connection, uuid.UUID(str(said))) if said else None
    origin = {
        **sidecar.facts,
        "device_id": str(device.id) if device else None,
        "dock_id": str(dock) if dock else None,
        "source": str(sidecar.facts["source"]).replace(f"@{sidecar.upload.agency}", f"@{agency}"),
    }
    return Received(
        upload=dataclasses.replace(sidecar.upload, agency=agency),
        facts=facts,
        origin=origin,
        parts=sidecar.parts,
        original=original,
        sidecar=stored,
        lock_until=sidecar.received_at,
    )


async def _agency(change: Change, sidecar: Sidecar) -> AgencyId:
    return await _agency_of(change, sidecar.agency_code, sidecar.upload.agency)


async def _agency_of(change: Change, code: str, former: AgencyId) -> AgencyId:
    """The agency of that code; made with its old id when there is none."""
    known = await agencies.by_code(change.connection, code, EVERYTHING)
    if known is not None:
        return known.id
    agency = Agency(former, code, code)
    if await agencies.insert(change, agency):
        change.record(
            AgencyAdded(subject=agency.id, agency=agency.id, code=agency.code, title=agency.name)
        )
        return agency.id
    return await _agency_of(change, code, former)


async def _write(
    deps: Deps, change: Change, received: Received, sidecar: Sidecar, first: RecordingId | None
) -> None:
    target = first or received.upload.recording
    if not await rebuilding.restore_upload(
        change,
        dataclasses.replace(received.upload, recording=target, lock_until=received.lock_until),
        opened_by=sidecar.opened_by,
        facts=dict(received.origin),
        raw_metadata=sidecar.raw_metadata,
    ):
        raise _KnownMeanwhile
    await rebuilding.restore_parts(change, received.upload, received.parts)
    # What an older database still has as its tail is in the original.
    await upload_arrivals.absorb_pieces(
        change.connection, received.upload.id, received.upload.offset
    )
    if first is not None:
        await write_duplicate(change, received, first)
    else:
        await _write_recording(deps, change, received, sidecar)
    await casework.link_on_arrival(
        change,
        recording_id=target,
        agency=received.upload.agency,
        numbers=received.facts.case_numbers,
        stage=received.facts.stage,
    )


async def _write_recording(
    deps: Deps, change: Change, received: Received, sidecar: Sidecar
) -> None:
    made = recording_of(deps, change, received)
    recording = dataclasses.replace(
        made,
        flags=(*made.flags, Flag.REBUILT.value),
        received_at=sidecar.received_at,
        created_at=sidecar.received_at,
    )
    await insert_recording(change, received, recording)
    change.record(
        RecordingRebuilt(
            subject=recording.id,
            agency=recording.agency,
            upload=received.upload.id,
            length=recording.length,
            key=received.original.key,
            version=received.original.version,
            sidecar_version=received.sidecar.version,
            arrival_sha256=received.arrival_sha256,
            declared_sha256=recording.declared_sha256,
            original_name=recording.original_name,
            device_number=recording.device_number,
            officer=recording.officer,
            incomplete=received.upload.ended_early,
            flags=recording.flags,
            received_at=recording.received_at,
        )
    )
    if recording.quarantine_reasons:
        change.record(
            RecordingQuarantined(
                subject=recording.id,
                agency=recording.agency,
                reasons=recording.quarantine_reasons,
            )
        )
