"""From the stored segments of a livestream to one recording that waits for verification.

Steps, each safe to repeat: 1 the recording is named in the row of the livestream, 2 its manifest
is written beside the segments, locked, 3 recording, objects, gaps and events in one transaction.
What the manifest lists is what the recording consists of: a crash after step 2 goes on with that
very list, and what came meanwhile becomes a supplementary recording.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.adapters.objects import Bucket
from recorder.domain.events import LivestreamClosed, RecordingAssembled, RecordingQuarantined
from recorder.domain.ids import LivestreamId, RecordingId, new_uuid
from recorder.domain.livestream import (
    Form,
    Gap,
    Livestream,
    LivestreamState,
    Segment,
    gap_of,
    manifest_key,
    missing_at_end,
    told_damaged,
)
from recorder.domain.people import EVERYTHING, Actor
from recorder.domain.recording import Admission, Flag, Integrity, QuarantineReason, Recording
from recorder.errors import Conflict, InternalError
from recorder.runtime import Deps
from recorder.services import casework, sharing
from recorder.services.live import manifest
from recorder.services.live.marking import place_marks
from recorder.services.live.opening import lock_end
from recorder.services.live.tally import Tally
from recorder.services.live.telling import tell
from recorder.store import (
    devices,
    livestream_losses,
    livestream_segments,
    livestreams,
    recordings,
    sealed_segments,
)
from recorder.store.change import Change
from recorder.store.connection import Connection

#: Whose word the times of footage are that came while it was made: ours.
ARRIVAL = "arrival"
#: What a device or a server keeps and sends at once when it begins; more was made some time ago.
_AHEAD = timedelta(minutes=1)
_CLOSABLE = (LivestreamState.CLOSING, LivestreamState.CLOSED)


@dataclass(frozen=True, slots=True)
class Assembly:
    """What a recording is about to be made of."""

    livestream: Livestream
    recording: RecordingId
    members: Tally
    gaps: tuple[Gap, ...]
    manifest: str
    manifest_version: str
    manifest_sha256: str

    @property
    def continues(self) -> RecordingId | None:
        return self.livestream.recording


async def seal(deps: Deps, actor: Actor, livestream_id: LivestreamId) -> RecordingId | None:
    """Make one recording of what is stored and in none yet, and close the livestream.

    Safe to repeat, from any process. None when nothing ever came, or another process was quicker.
    """
    livestream = await _named(deps, actor, livestream_id)
    if livestream is None:
        return None
    if livestream.sealing is None:
        await _close_empty(deps, actor, livestream)
        return None
    assembly = await _assembled(deps, livestream, livestream.sealing)
    async with deps.change(actor, told_later=True) as change:
        if not await _is_ours(change, livestream, assembly):
            return None
        await write(change, assembly)
    return assembly.recording


async def _named(deps: Deps, actor: Actor, livestream_id: LivestreamId) -> Livestream | None:
    """The livestream with the name of its next recording, all its segments told.

    The name is None where no segment waits.
    """
    async with deps.change(actor, told_later=True) as change:
        found = await livestreams.locked(change, livestream_id)
        if found is None or found.state not in _CLOSABLE:
            return None
        while await tell(change, found):
            pass
        if found.sealing is None and await sealed_segments.is_any_waiting(
            change.connection, livestream_id
        ):
            await livestreams.name_sealing(change, livestream_id, RecordingId(new_uuid()))
        return await livestreams.locked(change, livestream_id)


async def _close_empty(deps: Deps, actor: Actor, livestream: Livestream) -> None:
    async with deps.change(actor, told_later=True) as change:
        if livestream.state is LivestreamState.CLOSING and await livestreams.close(
            change, livestream.id, None
        ):
            change.record(_closed(livestream, None, ()))


async def _assembled(deps: Deps, livestream: Livestream, recording: RecordingId) -> Assembly:
    """What the manifest lists: that of an earlier try, or one of everything that waits now."""
    tally = Tally()
    key = manifest_key(livestream.key_prefix, recording)
    # Segments may come meanwhile: what is told as missing must be what is not listed.
    async with deps.database.acquire() as connection, connection.snapshot():
        gaps = await gaps_now(connection, livestream)
        blocks = [
            manifest.lines(tally.taken(page))
            async for page in sealed_segments.waiting(connection, livestream.id)
        ]
    head, tail = manifest.around(livestream, recording, gaps, tally.arrival_sha256)
    content = [head, b",".join(blocks), tail]
    try:
        stored = await deps.objects.put(
            Bucket.ORIGINALS,
            key,
            content,
            lock_until=lock_end(deps),
            media_type="application/json",
        )
    except Conflict:
        stored = (await deps.objects.versions(Bucket.ORIGINALS, key))[-1]
        read = deps.objects.read(Bucket.ORIGINALS, key, stored.version)
        content = [b"".join([block async for block in read])]
        listed = manifest.read(content[0])
        gaps = list(listed.gaps)
        tally = await _listed(deps, livestream, listed)
    return Assembly(
        livestream,
        recording,
        tally,
        tuple(gaps),
        key,
        stored.version,
        hashlib.sha256(b"".join(content)).hexdigest(),
    )


async def _listed(deps: Deps, livestream: Livestream, listed: manifest.Manifest) -> Tally:
    """The segments that an earlier try has listed; whatever else waits is not for now."""
    tally = Tally()
    async with deps.database.acquire() as connection:
        async for page in sealed_segments.waiting(connection, livestream.id):
            tally.taken([each for each in page if each.number in listed.numbers])
    return tally


async def gaps_now(connection: Connection, livestream: Livestream) -> list[Gap]:
    """Where media are missing or do not join, as far as it is known now."""
    edges = await livestream_segments.edges(connection, livestream.id)
    lost = await livestream_losses.numbers(connection, livestream.id)
    gaps = [told_damaged(gap, lost) for gap in map(gap_of, edges) if gap is not None]
    newest = await livestream_segments.newest(connection, livestream.id)
    # What waits in the spool of a running one is on its way, and not missing.
    over = livestream.state in _CLOSABLE
    expected = max(filter(None, (livestream.expected_number, *lost)), default=None)
    end = missing_at_end(expected, newest) if over else None
    return [*gaps, told_damaged(end, lost)] if end else gaps


async def _is_ours(change: Change, livestream: Livestream, assembly: Assembly) -> bool:
    found = await livestreams.locked(change, livestream.id)
    return found is not None and found.sealing == assembly.recording


async def write(change: Change, assembly: Assembly) -> None:
    """Step 3: all rows and events of the recording that is named in the livestream's row."""
    livestream = assembly.livestream
    conflicts = await livestream_segments.has_conflicts(change.connection, livestream.id)
    reasons = dict.fromkeys(livestream.quarantine_reasons)
    if await devices.is_out_of_use(change.connection, livestream.device, livestream.opened_by):
        # Whoever has it now may have sent the end.
        reasons[QuarantineReason.DEVICE_SUSPENDED.value] = None
    continues = assembly.continues or await _goes_on_with(change, livestream)
    recording = _recording(change, assembly, conflicts, tuple(reasons), continues)
    await recordings.insert(
        change,
        recording,
        # Two livestreams of one device may hold the same bytes, and are two recordings.
        source=f"livestream:{livestream.id}",
        arrival_sha256=assembly.members.arrival_sha256,
    )
    await sealed_segments.join(
        change,
        livestream.id,
        recording.id,
        assembly.members.numbers,
        (assembly.manifest, assembly.manifest_version),
    )
    if assembly.continues is None:
        await livestream_segments.insert_gaps(change, recording.id, assembly.gaps)
        await place_marks(change, livestream.id, recording.id)
    await livestreams.close(change, livestream.id, recording.id)
    if assembly.continues is None:
        change.record(_closed(livestream, recording.id, assembly.gaps))
    change.record(_told(assembly, recording))
    if recording.quarantine_reasons:
        change.record(
            RecordingQuarantined(
                subject=recording.id,
                agency=recording.agency,
                reasons=recording.quarantine_reasons,
            )
        )
    await sharing.inherit(change, recording.id)
    await casework.link_on_arrival(
        change,
        recording_id=recording.id,
        agency=livestream.agency,
        numbers=livestream.case_numbers,
        stage=livestream.stage,
    )


def _recording(
    change: Change,
    assembly: Assembly,
    conflicts: bool,
    reasons: tuple[str, ...],
    continues: RecordingId | None,
) -> Recording:
    livestream, members = assembly.livestream, assembly.members
    first, last = members.first, members.last
    if first is None or last is None:
        raise InternalError("livestream-vanished", "A recording of no segments cannot be.")
    made = _made(assembly, first, last)
    flags = dict.fromkeys(livestream.flags)
    if assembly.gaps and assembly.continues is None:
        flags[Flag.LIVE_GAPS.value] = None
    if conflicts:
        flags[Flag.SEGMENT_CONFLICT.value] = None
    if assembly.continues is not None:
        flags[Flag.SUPPLEMENTARY.value] = None
    if made.source == ARRIVAL:
        flags.pop(Flag.CLOCK_OFFSET.value, None)  # It is of a clock by which nothing is told here.
    return Recording(
        id=assembly.recording,
        agency=livestream.agency,
        agency_code="",
        device=livestream.device,
        device_number=livestream.device_number,
        dock=livestream.dock,
        officer=livestream.officer,
        integrity=Integrity.RECEIVED,
        admission=Admission.QUARANTINED if reasons else Admission.ADMITTED,
        quarantine_reasons=reasons,
        length=members.length,
        declared_sha256=None,
        sha256=None,
        sm3=None,
        original_name=f"{livestream.title}{livestream.file_ending}",
        stage=livestream.stage,
        device_clock_at=livestream.device_clock_at,
        received_at=members.received_at or first.arrived_at,
        clock_offset_ms=0 if made.source == ARRIVAL else livestream.clock_offset_ms,
        started_at=made.began_at,
        ended_at=made.ended_at,
        started_at_source=made.source,
        latitude=livestream.latitude,
        longitude=livestream.longitude,
        accuracy_m=livestream.accuracy_m,
        key_file=False,
        note=None,
        flags=tuple(flags),
        media=None,
        showable=None,
        links=0,
        created_at=change.now,
        sealed_at=None,
        livestream=livestream.id,
        continues=continues,
    )


async def _goes_on_with(change: Change, livestream: Livestream) -> RecordingId | None:
    """The recording of the livestream that its publisher went on with here, if there is one."""
    if livestream.continues is None:
        return None
    first = await livestreams.find(change.connection, livestream.continues, EVERYTHING)
    return first.recording if first else None


@dataclass(frozen=True, slots=True)
class _Made:
    """When footage was made, and by whose word."""

    began_at: datetime | None = None
    ended_at: datetime | None = None
    source: str | None = None


def _made(assembly: Assembly, first: Segment, last: Segment) -> _Made:
    """By the clock of the device, where it said that; else, of what we received while it was made,
    by ours. Media that last a minute longer than it took them to come were made before, and nobody
    knows when.
    """
    if first.device_at is not None:
        return _Made(first.device_at, _end(last), "metadata")
    ended_at = last.arrived_at
    came_at = first.arrived_at - first.length_of_time
    began_at = min(came_at, ended_at - assembly.members.media)
    if assembly.livestream.form is not Form.RECEIVED or came_at - began_at > _AHEAD:
        return _Made()
    return _Made(began_at, ended_at, ARRIVAL)


def _end(segment: Segment) -> datetime | None:
    return segment.device_at + segment.length_of_time if segment.device_at else None


def _closed(
    livestream: Livestream, recording: RecordingId | None, gaps: Sequence[Gap]
) -> LivestreamClosed:
    return LivestreamClosed(
        subject=livestream.id,
        agency=livestream.agency,
        recording=recording,
        segments=livestream.segments,
        length=livestream.length,
        last=livestream.last_number,
        gaps=tuple(manifest.gap_to_json(gap) for gap in gaps),
    )


def _told(assembly: Assembly, recording: Recording) -> RecordingAssembled:
    return RecordingAssembled(
        subject=recording.id,
        agency=recording.agency,
        livestream=assembly.livestream.id,
        length=recording.length,
        objects=len(assembly.members.numbers),
        periods=len(assembly.members.periods),
        arrival_sha256=assembly.members.arrival_sha256,
        manifest=assembly.manifest,
        manifest_version=assembly.manifest_version,
        manifest_sha256=assembly.manifest_sha256,
        original_name=recording.original_name,
        device_number=recording.device_number,
        officer=recording.officer,
        continues=recording.continues,
        flags=recording.flags,
    )
