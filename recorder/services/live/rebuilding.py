"""Livestreams that the store holds and the database does not know are written anew.

From their descriptions, their manifests and the keys of their segments; *verify* reads the bytes
back. Nothing in the store is changed, and nothing is ever deleted here.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from recorder.adapters.digests import both_digests
from recorder.adapters.objects import Bucket, StoredObject
from recorder.domain import fragments
from recorder.domain.events import LivestreamRebuilt
from recorder.domain.ids import AgencyId, LivestreamId, RecordingId
from recorder.domain.instant import Instant
from recorder.domain.livestream import (
    Form,
    Livestream,
    LivestreamState,
    PeriodCause,
    Segment,
    opening_key,
)
from recorder.domain.people import EVERYTHING, Actor
from recorder.domain.recording import Flag
from recorder.errors import IntegrityError, InvalidInput
from recorder.ledger import canonical
from recorder.runtime import Deps
from recorder.services.live import chunks, manifest, rebuilding_volumes, sealing
from recorder.services.live.opening import lock_end
from recorder.services.live.rebuilding_volumes import Place
from recorder.services.live.tally import Tally
from recorder.store import (
    devices,
    livestream_arrivals,
    livestream_chunks,
    livestream_segments,
    livestreams,
    rebuilding,
    recordings,
    sealed_segments,
)
from recorder.store.change import Change
from recorder.store.livestream_chunks import FileBeginning

_SEGMENT = re.compile(r"/p(\d{6})/(init|\d{9,})-(\d{13})-([0-9a-f]{64})$", re.ASCII)
_MANIFEST = re.compile(r"/sealed-([0-9a-f-]{36})\.json$", re.ASCII)
#: Finds the agency of a code, or makes it with its old id.
FindAgency = Callable[[Change, str, AgencyId], Awaitable[AgencyId]]


@dataclass(slots=True)
class Rebuilt:
    """What became of one livestream."""

    recordings: int = 0
    #: Keys of descriptions and manifests that cannot be used, for a person to look at.
    unreadable: list[str] = field(default_factory=list)
    #: Manifests of which the store lacks a segment.
    incomplete: list[str] = field(default_factory=list)


async def rebuild_livestream(
    deps: Deps, actor: Actor, prefix: str, keys: Sequence[str], find_agency: FindAgency
) -> Rebuilt:
    """Write what is below this prefix; safe to repeat and to interrupt.

    Recordings get their old ids and the flag ``rebuilt``. A livestream that no manifest closes is
    closing: its device may go on with it, and the clock seals what is there.
    """
    report = Rebuilt()
    said = await _manifests(deps, keys, report)
    indexed = await rebuilding_volumes.found(deps, keys, report.unreadable)
    for each in indexed:
        if each.manifest not in said:
            # The database knows the livestream and not what was made of it.
            said[each.manifest] = manifest.read((await _read(deps, each.manifest))[1])
    livestream = await _livestream(deps, actor, prefix, said, report, find_agency)
    if livestream is None:
        return report
    known = {each["key"]: each for one in said.values() for each in one.said["segments"]}
    # What a manifest lists has its number; of other bodies the first that came.
    for key in sorted(keys, key=lambda key: (key not in known, "/init-" not in key, key)):
        if (match := _SEGMENT.search(key)) is not None:
            await _segment(deps, actor, livestream, key, match, known.get(key))
    gone = await rebuilding_volumes.gone(deps, prefix, indexed, said)
    for key in sorted(gone, key=lambda key: ("/init-" not in key, key)):
        if (match := _SEGMENT.search(key)) is not None:
            await _segment(deps, actor, livestream, key, match, known.get(key), gone[key])
    for key in sorted(said, key=lambda key: (said[key].said["continues"] is not None, key)):
        await _recording(deps, actor, livestream.id, key, said[key], report)
    for each in indexed:
        if not await rebuilding_volumes.adopt(deps, actor, livestream.id, each, gone):
            report.incomplete.append(each.stored.key)
    await rebuilding_volumes.leave_unnamed(deps, keys)
    return report


async def _read(deps: Deps, key: str) -> tuple[StoredObject, bytes]:
    # The oldest version is ours; whoever can write to the store could add others behind it.
    stored = (await deps.objects.versions(Bucket.ORIGINALS, key))[-1]
    blocks = deps.objects.read(Bucket.ORIGINALS, key, stored.version)
    return stored, b"".join([block async for block in blocks])


async def _manifests(
    deps: Deps, keys: Sequence[str], report: Rebuilt
) -> dict[str, manifest.Manifest]:
    found = {}
    for key in keys:
        if _MANIFEST.search(key):
            try:
                found[key] = manifest.read((await _read(deps, key))[1])
            except IntegrityError:
                report.unreadable.append(key)
    return found


async def _livestream(
    deps: Deps,
    actor: Actor,
    prefix: str,
    said: Mapping[str, manifest.Manifest],
    report: Rebuilt,
    find_agency: FindAgency,
) -> Livestream | None:
    """The row of the livestream: as it is, or written from what was said when it opened."""
    livestream_id = LivestreamId(uuid.UUID(prefix.rpartition("/live-")[2]))
    async with deps.database.acquire() as connection:
        known = await livestreams.find(connection, livestream_id, EVERYTHING)
    if known is not None:
        return known
    key = opening_key(prefix)
    try:
        words = [one.said for one in said.values()]
        if not words:
            words = [_object(canonical.decode((await _read(deps, key))[1]))]
        async with deps.change(actor) as change:
            found = await _understood(deps, change, prefix, words[0], find_agency)
            await livestreams.insert(change, found)
            await livestreams.begin_closing(change, found.id, words[0].get("last"))
            change.record(
                LivestreamRebuilt(subject=found.id, agency=found.agency, title=found.title)
            )
        return found
    except (InvalidInput, IndexError, KeyError, TypeError, ValueError):
        report.unreadable.append(key)
        return None


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no description")
    return value


async def _understood(
    deps: Deps, change: Change, prefix: str, said: dict[str, Any], find_agency: FindAgency
) -> Livestream:
    agency = await find_agency(
        change, str(said["agency_code"] or said["agency"]), AgencyId(uuid.UUID(said["agency"]))
    )
    number = said["device_number"]
    device = await devices.find_by_number(change.connection, number, EVERYTHING) if number else None
    dock = None
    if said["dock"]:
        dock = await rebuilding.dock_of(change.connection, uuid.UUID(said["dock"]))
    clock, place = said["device_clock_at"], _position(said.get("position"))
    return Livestream(
        id=LivestreamId(uuid.UUID(said["livestream"])),
        agency=agency,
        agency_code="",
        device=device.id if device else None,
        device_number=number,
        dock=dock,
        officer=said["officer"],
        title=str(said["title"]),
        stage=said["stage"],
        case_numbers=tuple(said["case_numbers"]),
        opened_by=str(said["opened_by"]),
        source=str(said["source"]).replace(f"@{said['agency']}", f"@{agency}"),
        quarantine_reasons=tuple(said["quarantine_reasons"]),
        flags=tuple(dict.fromkeys([*said["flags"], Flag.REBUILT.value])),
        form=Form(said["form"]),
        state=LivestreamState.CLOSING,
        key_prefix=prefix,
        device_clock_at=Instant.parse(clock).at if clock else None,
        clock_offset_ms=said["clock_offset_ms"],
        created_at=Instant.parse(said["opened_at"]).at,
        closing_at=deps.clock.now(),
        media_type=said.get("media_type"),
        left_out=tuple(said.get("left_out", ())),
        continues=_id_of(said.get("goes_on_with")),
        latitude=place.get("latitude"),
        longitude=place.get("longitude"),
        accuracy_m=place.get("accuracy_m"),
    )


def _id_of(text: str | None) -> LivestreamId | None:
    return LivestreamId(uuid.UUID(text)) if text else None


def _position(text: str | None) -> dict[str, float]:
    """The inverse of ``opening.position_text``."""
    names = ("latitude", "longitude", "accuracy_m")
    return dict(zip(names, map(float, (text or "").split()), strict=False))


async def _segment(
    deps: Deps,
    actor: Actor,
    livestream: Livestream,
    key: str,
    match: re.Match[str],
    listed: Mapping[str, Any] | None,
    place: Place | None = None,
) -> None:
    """Write the row of one segment; its bytes are read only where no manifest lists them.

    Those of the first chunk of a period too: it holds the description of the tracks. With
    ``place`` its own object is gone, and its bytes lie in a volume.
    """
    period, sha256 = int(match[1]), bytes.fromhex(match[4])
    number = -period if match[2] == "init" else int(match[2])
    async with deps.database.acquire() as connection:
        begun = await livestream_chunks.beginning(connection, livestream.id, period)
    whole = listed is None or number < 0 or begun is None
    stored, content = await _looked_at(deps, key, place, whole=whole)
    sm3 = bytes.fromhex(listed["sm3"]) if listed else (await both_digests(content))[1]
    said = listed or {}
    segment = Segment(
        livestream=livestream.id,
        number=number,
        period=period,
        state="intended",
        key=key,
        version=None,
        length=stored.length,
        sha256=sha256,
        sm3=sm3,
        lock_until=stored.lock_until or lock_end(deps),
        previous_sha256=None,
        media_time_us=said.get("media_time_us"),
        duration_us=said.get("duration_us"),
        device_at=Instant.parse(said["device_at"]).at if said.get("device_at") else None,
        arrived_at=datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(match[3])),
        keyframe=None,
        recording=None,
    )
    look = _look(livestream, number, content, begun)
    async with deps.database.acquire() as connection:
        if listed is None and number > 0:
            segment = replace(
                segment,
                media_time_us=look.facts.media_time_us,
                duration_us=look.facts.duration_us,
                keyframe=look.facts.keyframe,
            )
        await livestream_arrivals.intend(connection, [segment])
        own = segment.livestream, segment.number, segment.sha256
        # An earlier rebuild's row, with its key, counts.
        segment = await livestream_segments.find(connection, *own) or segment
    await _count(deps, actor, livestream, segment, stored.version, content, look)


def _look(
    livestream: Livestream, number: int, content: bytes, begun: FileBeginning | None
) -> chunks.Look:
    """What the bytes say of themselves, if they were read."""
    if livestream.form is Form.CHUNKED:
        return chunks.look_at(livestream, number, content, begun) if content else chunks.Look()
    return chunks.Look(facts=fragments.read_fragment(content, begun.tracks if begun else ()))


async def _looked_at(
    deps: Deps, key: str, place: Place | None, *, whole: bool
) -> tuple[StoredObject, bytes]:
    """What is or was under the key, and all its bytes if they are wanted."""
    if place is not None:
        return place.gone, await place.read(deps) if whole else b""
    if whole:
        return await _read(deps, key)
    return (await deps.objects.versions(Bucket.ORIGINALS, key))[-1], b""


async def _count(
    deps: Deps,
    actor: Actor,
    livestream: Livestream,
    segment: Segment,
    version: str,
    content: bytes,
    look: chunks.Look,
) -> None:
    """Make the segment count, or stand beside the one that has its number."""
    async with deps.change(actor, told_later=True) as change:
        await livestreams.locked(change, segment.livestream)
        state = await livestream_segments.adopt(change, segment, version, segment.lock_until)
        if state != "stored":
            return
        await livestreams.add_arrival(
            change, segment.livestream, segment.number, segment.length, segment.arrived_at
        )
        await livestream_segments.chain_successor(change, segment)
        if livestream.form is Form.CHUNKED:
            await chunks.begin(change, livestream, segment, PeriodCause.UNKNOWN, look)
        elif segment.number < 0:
            cause = PeriodCause.START if segment.period == 1 else PeriodCause.UNKNOWN
            tracks = fragments.read_init(content)
            await livestream_segments.insert_period(
                change, segment.livestream, segment.period, cause, tracks, segment.arrived_at
            )


async def _recording(
    deps: Deps,
    actor: Actor,
    livestream_id: LivestreamId,
    key: str,
    listed: manifest.Manifest,
    report: Rebuilt,
) -> None:
    """Write the recording of one manifest, if it is not there and all its segments are."""
    stored, content = await _read(deps, key)
    recording = RecordingId(uuid.UUID(listed.said["recording"]))
    async with deps.database.acquire() as connection:
        if await recordings.find(connection, recording, EVERYTHING) is not None:
            return
        tally, keys = Tally(), set[str]()
        async for page in sealed_segments.waiting(connection, livestream_id):
            members = tally.taken([each for each in page if each.number in listed.numbers])
            keys.update(each.key for each in members)
    if keys != {each["key"] for each in listed.said["segments"]}:
        report.incomplete.append(key)
        return
    async with deps.change(actor) as change:
        await livestreams.name_sealing(change, livestream_id, recording)
        found = await livestreams.locked(change, livestream_id)
        if found is None or found.sealing != recording:
            return
        await sealing.write(
            change,
            sealing.Assembly(
                livestream=found,
                recording=recording,
                members=tally,
                gaps=listed.gaps,
                manifest=key,
                manifest_version=stored.version,
                manifest_sha256=hashlib.sha256(content).hexdigest(),
            ),
        )
        report.recordings += 1
