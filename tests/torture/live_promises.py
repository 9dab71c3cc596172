"""Every promise about livestreams, asked for when all is at rest."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from recorder.adapters.objects import Bucket
from recorder.domain.ids import LivestreamId
from tests.support import hls_source
from tests.support.stored import Stored
from tests.torture import pushed_media, pusher
from tests.torture.promises import rows
from tests.torture.stand import Stand

_SEGMENTS = (
    "SELECT s.livestream_id, s.number, s.period, s.sha256, s.state, s.object_key, s.version,"
    " s.duration_us, s.recording_id, r.integrity, r.continues, l.form,"
    " p.protocol AS fetched_by FROM livestream_segment s"
    " JOIN livestream l ON l.id = s.livestream_id LEFT JOIN recording r ON r.id = s.recording_id"
    " LEFT JOIN livestream_source p ON p.livestream_id = l.id"
    " WHERE l.created_at >= $1 ORDER BY s.livestream_id, s.number"
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What came in a round, as it is known beside the product."""

    since: datetime
    #: Addresses of the livestreams of the device, of the phone, and of the playlist.
    pushed: str
    chunked: str
    fetched: str
    #: Seconds of media that were published at least, and that the playlist listed.
    published_s: int
    listed_s: int
    #: Address of the livestream whose sound is listed apart, if there was one, and the frames of
    #: each kind that were listed; a folder for its files.
    apart: str
    frames: dict[str, int]
    place: Path
    #: The livestream that was closed while a spool held segments of it.
    spooled: uuid.UUID | None
    #: Whether a process died that may have held media of either.
    has_lost_hands: bool


async def broken_live_promises(stand: Stand, sent: Sent) -> list[str]:
    """A sentence for each that is not kept, of the livestreams of a round."""
    segments = await rows(stand.straight, _SEGMENTS, sent.since)
    broken = _lost(stand, segments)
    broken += await _uncounted(stand, segments)
    broken += await _unlike(stand, segments)
    broken += await _known(stand, sent.pushed)
    broken += await _chunked(stand, sent.chunked)
    broken += await _compacted(stand, sent.pushed)
    broken += await _gaps(stand, segments, sent.since)
    broken += _seconds(segments, sent)
    broken += await _apart(stand, sent)
    broken += _closed_spooled(segments, sent)
    if left := stand.spooled_files():
        broken.append(f"{len(left)} files are left in the spool")
    return broken


async def _apart(stand: Stand, sent: Sent) -> list[str]:
    """Of a playlist whose sound is listed apart each picture and each sound is there, once."""
    if not sent.apart:
        return []
    livestream = LivestreamId(uuid.UUID(sent.apart.rpartition("/")[2]))
    found = Counter[str]()
    for file in await Stored(stand.straight).files(livestream, sent.place):
        for kind, frames in hls_source.frames_in(file).items():
            found[kind] += len(frames)
    return [
        f"{found[kind]} of {count} frames of {kind} that were listed apart are there"
        for kind, count in sent.frames.items()
        if found[kind] > count or (found[kind] < count and not sent.has_lost_hands)
    ]


def _closed_spooled(segments: list[Any], sent: Sent) -> list[str]:
    """What waited in a spool when somebody closed it is in the recording of the closing."""
    if sent.spooled is None or sent.has_lost_hands:
        return []
    return [
        f"segment {row['number']} waited in a spool at the closing and came too late for it"
        for row in segments
        if row["livestream_id"] == sent.spooled and row["continues"] is not None
    ]


def _seconds(segments: list[Any], sent: Sent) -> list[str]:
    """Media that came and are not there, or are there twice."""
    published_us, fetched_us = 0, defaultdict[str, int](int)
    for row in segments:
        if row["form"] == "received" and row["state"] == "stored":
            if row["fetched_by"] == "hls":
                fetched_us[str(row["livestream_id"])] += row["duration_us"] or 0
            elif row["fetched_by"] is None:
                published_us += row["duration_us"] or 0
    broken = [
        f"{there_us} µs of a playlist of {sent.listed_s} s are there"
        for livestream, there_us in fetched_us.items()
        # The other playlist has a length of its own; its frames are counted.
        if livestream != sent.apart.rpartition("/")[2] and there_us > sent.listed_s * 1_010_000
    ]
    if not sent.has_lost_hands:
        if published_us < sent.published_s * 990_000:
            broken.append(
                f"{published_us} µs of {sent.published_s} s that were published are there"
            )
        listed_us = fetched_us[sent.fetched.rpartition("/")[2]]
        if listed_us < sent.listed_s * 990_000:
            broken.append(f"{listed_us} µs of {sent.listed_s} s that were listed are there")
    return broken


def _lost(stand: Stand, segments: list[Any]) -> list[str]:
    """Segments that were answered or durable on a disk and are in no sealed recording."""
    sealed, kept = set(), set()
    for row in segments:
        if row["state"] == "stored" and row["integrity"] == "sealed":
            sealed.add(row["sha256"].hex())
            kind = "chunks" if row["form"] == "chunked" else "segments"
            name = f"periods/{row['period']}/"
            name += f"{kind}/{row['number']}" if row["number"] > 0 else "init"
            kept.add((f"/api/v1/livestreams/{row['livestream_id']}/{name}", row["sha256"]))
    broken = [
        f"{path} was answered and is in no sealed recording"
        for path, said in stand.ear.taken.items()
        if (path, base64.b64decode(said.removeprefix("sha-256=:").rstrip(":"))) not in kept
    ]
    broken += [
        f"a segment that was spooled is in no sealed recording: {sha256}"
        for sha256 in stand.disk.spooled - sealed
    ]
    broken += [
        f"segment {row['number']} of {row['livestream_id']} counts and is in no sealed recording"
        for row in segments
        if row["state"] == "stored" and row["integrity"] != "sealed"
    ]
    stand.ear.taken.clear()
    stand.disk.spooled.clear()
    return broken


async def _uncounted(stand: Stand, segments: list[Any]) -> list[str]:
    """Received media that reached the store and count nowhere: nobody brings them again."""
    broken = []
    for row in segments:
        if row["state"] == "intended" and row["form"] == "received" and row["number"] > 0:
            found = await stand.straight.objects.versions(Bucket.ORIGINALS, row["object_key"])
            broken += [f"{each.key} is stored and counts nowhere" for each in found]
    return broken


async def _unlike(stand: Stand, segments: list[Any]) -> list[str]:
    """Objects that are not what their rows say."""
    broken = []
    for row in segments:
        if row["state"] == "intended":
            continue
        objects, running = stand.straight.objects, hashlib.sha256()
        async for block in objects.read(Bucket.ORIGINALS, row["object_key"], row["version"]):
            running.update(block)
        if running.digest() != row["sha256"]:
            broken.append(f"{row['object_key']} holds other bytes than its row says")
    return broken


async def _known(stand: Stand, pushed: str) -> list[str]:
    """The pushed livestream: two recordings with the digests of what was pushed, its two gaps, and
    the second body beside the first."""
    sent, livestream = pushed_media.takes(), pushed.rpartition("/")[2]
    first, late = hashlib.sha256(sent.init), sent.segments[pusher.LATE - 1]
    for number, body in enumerate(sent.segments, 1):
        if number == pusher.FIRST_PERIOD + 1:
            first.update(sent.init)
        if number != pusher.LATE:
            first.update(body)
    made = await rows(
        stand.straight,
        "SELECT encode(sha256, 'hex') AS sha256, integrity FROM recording"
        " WHERE livestream_id = $1::uuid ORDER BY continues IS NOT NULL",
        livestream,
    )
    wanted = [first.hexdigest(), hashlib.sha256(late).hexdigest()]
    broken = []
    if [row["sha256"] for row in made] != wanted:
        broken.append(f"what was pushed is not what is sealed: {[dict(row) for row in made]}")
    beside = await rows(
        stand.straight,
        "SELECT sha256 FROM livestream_segment WHERE livestream_id = $1::uuid"
        " AND state = 'conflicting'",
        livestream,
    )
    if [row["sha256"] for row in beside] != [hashlib.sha256(pushed_media.second_body()).digest()]:
        broken.append(f"{len(beside)} second bodies are kept, not the one that came")
    gaps = await rows(
        stand.straight,
        "SELECT g.cause, g.first_missing FROM livestream_gap g"
        " JOIN recording r ON r.id = g.recording_id WHERE r.livestream_id = $1::uuid ORDER BY g.n",
        livestream,
    )
    if [(row["cause"], row["first_missing"]) for row in gaps] != [
        ("reconnect", None), ("segments_missing", pusher.LATE)
    ]:  # fmt: skip
        broken.append(f"its gaps are {[dict(row) for row in gaps]}")
    return broken


async def _chunked(stand: Stand, chunked: str) -> list[str]:
    """What the phone delivered: one recording of its files byte for byte, and the gap between."""
    livestream, wanted = chunked.rpartition("/")[2], hashlib.sha256()
    for body in pushed_media.chunks():
        wanted.update(body)
    made = await rows(
        stand.straight,
        "SELECT r.sha256, r.integrity, array(SELECT g.cause FROM livestream_gap g"
        " WHERE g.recording_id = r.id ORDER BY g.n) AS causes FROM recording r"
        " WHERE r.livestream_id = $1::uuid",
        livestream,
    )
    found = [(row["sha256"], row["integrity"], row["causes"]) for row in made]
    if found != [(wanted.digest(), "sealed", ["reconnect"])]:
        return [f"the chunks of {livestream} are {found}"]
    return []


async def _compacted(stand: Stand, pushed: str) -> list[str]:
    """The pushed recording lies in volumes and is what it was; what these replace is known."""
    deps, livestream = stand.straight, pushed.rpartition("/")[2]
    objects = await rows(
        deps,
        "SELECT o.object_key, o.version, r.sha256 FROM original_object o JOIN recording r"
        " ON r.id = o.recording_id WHERE r.livestream_id = $1::uuid AND r.continues IS NULL"
        " ORDER BY o.n",
        livestream,
    )
    broken, whole = [], hashlib.sha256()
    for row in objects:
        async for block in deps.objects.read(Bucket.ORIGINALS, row["object_key"], row["version"]):
            whole.update(block)
        left = await deps.objects.open_multiparts(row["object_key"])
        broken += [f"multipart {each.key} {each.id} is orphaned" for each in left]
    if not all("/volumes-" in row["object_key"] for row in objects):
        broken.append("what was pushed is not put into volumes")
    if {row["sha256"] for row in objects} != {whole.digest()}:
        broken.append("the volumes of what was pushed do not read back as what was sealed")
    counted = await rows(
        deps,
        "SELECT (SELECT count(*) FROM volume_intent) AS claimed, (SELECT count(*)"
        " FROM superseded_object s JOIN recording r ON r.id = s.recording_id"
        " WHERE r.livestream_id = $1::uuid) AS superseded",
        livestream,
    )
    # All segments but the late one, and an init segment for each of two periods.
    if (counted[0]["claimed"], counted[0]["superseded"]) != (0, pusher.LAST - 1 + 2):
        broken.append(f"claimed volumes, superseded objects: {dict(counted[0])}")
    return broken


async def _gaps(stand: Stand, segments: list[Any], since: datetime) -> list[str]:
    """What was received: a gap with its cause before every further period and at every number that
    nobody brought."""
    numbers, periods = defaultdict(set), defaultdict(set)
    for row in segments:
        counts = row["state"] == "stored" and row["number"] > 0 and row["continues"] is None
        if counts and row["form"] == "received":
            numbers[row["recording_id"]].add(row["number"])
            periods[row["recording_id"]].add(row["period"])
    found = defaultdict(list)
    for row in await rows(
        stand.straight,
        "SELECT g.recording_id, g.cause, g.first_missing, g.last_missing FROM livestream_gap g"
        " JOIN recording r ON r.id = g.recording_id WHERE r.created_at >= $1",
        since,
    ):
        found[row["recording_id"]].append(row)
    broken = []
    for recording, there in numbers.items():
        told = {
            number
            for gap in found[recording]
            if gap["first_missing"] is not None
            for number in range(gap["first_missing"], gap["last_missing"] + 1)
        }
        missing = set(range(1, max(there))) - there
        if missing != told & set(range(1, max(there))):
            broken.append(f"{recording}: {sorted(missing)} are missing, {sorted(told)} are told")
        if len(found[recording]) < len(periods[recording]) - 1:
            broken.append(f"{recording}: fewer gaps than borders of periods")
    return broken
