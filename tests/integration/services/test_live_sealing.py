"""The end of livestreams: interruptions, closing, one recording, and what comes later."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from recorder.adapters.media import FfmpegTool, MediaLimits
from recorder.adapters.objects import Bucket
from recorder.domain.ids import LivestreamId, RecordingId
from recorder.domain.livestream import Form, Livestream, LivestreamState, PeriodCause
from recorder.domain.people import EVERYTHING, SERVICE, Actor, Role
from recorder.domain.pipeline import WorkQueue
from recorder.domain.recording import Integrity, Recording
from recorder.errors import Unavailable
from recorder.ledger import receipt as receipts
from recorder.services import audit, casework, live, originals, review
from recorder.services.live import manifest
from recorder.store import recordings
from tests.support import footage
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.streams import Take, opened, put, put_init, take
from tests.support.workshop import work_off

NUMBER = "沪市监案〔2026〕7号"


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def pushed(
    bureau: Bureau, actor: Actor, sent: Take, numbers: list[int] | None = None
) -> Livestream:
    """A livestream with these numbers of the take, in one period."""
    livestream = await opened(bureau.deps, actor, case_numbers=(NUMBER,))
    await put_init(bureau.deps, actor, livestream.id, sent.init)
    for number in numbers or range(1, len(sent.segments) + 1):
        await put(bureau.deps, actor, livestream.id, number, sent.segments[number - 1])
    return livestream


async def look(bureau: Bureau, livestream: LivestreamId) -> live.LivestreamView:
    return await live.view_livestream(bureau.deps, SERVICE, livestream)


async def recording_of(bureau: Bureau, livestream: LivestreamId) -> RecordingId:
    found = (await look(bureau, livestream)).livestream.recording
    assert found is not None
    return found


async def original_of(bureau: Bureau, recording: RecordingId) -> tuple[Recording, bytes]:
    """A recording with all the bytes of its original, read as one."""
    async with bureau.deps.database.acquire() as connection:
        row = await recordings.find(connection, recording, EVERYTHING)
        objects = await recordings.objects_of(connection, recording)
    assert row is not None
    blocks = originals.read(bureau.deps, objects, 0, row.length)
    return row, b"".join([block async for block in blocks])


async def verify(bureau: Bureau) -> None:
    media = FfmpegTool(Path(footage.ffmpeg()), limits=MediaLimits(stall_s=60))
    await work_off(bureau.deps, media, WorkQueue.IO)


async def test_a_closed_livestream_is_one_recording_of_the_very_bytes(bureau: Bureau) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await pushed(bureau, actor, sent)
    closed = await live.request_close(bureau.deps, actor, livestream.id, last=6)
    assert closed.state is LivestreamState.CLOSED
    assert closed.recording is not None
    row, content = await original_of(bureau, closed.recording)
    assert content == sent.whole
    assert (row.integrity, row.flags, row.livestream) == (Integrity.RECEIVED, (), livestream.id)
    await verify(bureau)
    row, _ = await original_of(bureau, closed.recording)
    assert row.integrity is Integrity.SEALED
    assert row.sha256 == hashlib.sha256(sent.whole).digest()
    assert row.sm3 == hashlib.new("sm3", sent.whole).digest()
    text = await review.receipt(bureau.deps, actor, closed.recording)
    proven = receipts.verify(
        text, [bureau.deps.signer.verifier], length=len(sent.whole), sha256=row.sha256.hex()
    )
    # Small however long it was: it names the manifest, which names every object.
    (named,) = proven.objects
    assert (named.listed, named.length, len(text) < 2500) == (7, len(sent.whole), True)
    assert named.version is not None
    blocks = bureau.deps.objects.read(Bucket.ORIGINALS, named.key, named.version)
    listing = b"".join([block async for block in blocks])
    assert hashlib.sha256(listing).hexdigest() == named.list_sha256
    assert [each["sha256"] for each in manifest.read(listing).said["segments"]] == [
        hashlib.sha256(part).hexdigest() for part in (sent.init, *sent.segments)
    ]
    digests = await bureau.value(
        "SELECT count(*) FROM original_object o JOIN livestream_segment s USING (object_key)"
        " WHERE o.recording_id = $1 AND o.sha256 = s.sha256 AND o.sm3 = s.sm3",
        closed.recording,
    )
    assert digests == 7
    found = await casework.find_cases(bureau.deps, bureau.actor(), number=NUMBER)
    assert [case.recordings for case in found.items] == [1]
    for level in audit.Level:
        assert (await audit.run(bureau.deps, SERVICE, level=level)).findings == []


async def test_the_same_bytes_in_two_livestreams_of_a_device_are_two_recordings(
    bureau: Bureau,
) -> None:
    actor, sent = await camera(bureau), take()
    made = []
    for _ in range(2):
        livestream = await pushed(bureau, actor, sent, [1])
        await live.request_close(bureau.deps, actor, livestream.id, last=1)
        made.append(await recording_of(bureau, livestream.id))
    assert made[0] != made[1]


async def test_a_byte_that_changed_in_the_store_is_a_mismatch(bureau: Bureau) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await pushed(bureau, actor, sent)
    await live.request_close(bureau.deps, actor, livestream.id, last=6)
    recording = await recording_of(bureau, livestream.id)
    async with bureau.deps.database.acquire() as connection:
        third = (await recordings.objects_of(connection, recording))[3]
    path = bureau.deps.objects.local_path(Bucket.ORIGINALS, third.key, third.version)
    assert path is not None
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
    await verify(bureau)
    row, _ = await original_of(bureau, recording)
    assert row.integrity is Integrity.MISMATCHED
    told: Any = await bureau.value(
        "SELECT facts FROM custody_event WHERE name = 'RecordingMismatched' AND subject_id = $1",
        recording,
    )
    assert told["reasons"] == ["arrival_digests"]
    assert [each["n"] for each in told["objects"]] == [3]
    begins = len(sent.init) + len(sent.segments[0]) + len(sent.segments[1])
    assert told["differing_offsets"] == [begins]


async def test_a_manifest_that_lists_something_else_is_a_mismatch(bureau: Bureau) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await pushed(bureau, actor, sent)
    await live.request_close(bureau.deps, actor, livestream.id, last=6)
    recording = await recording_of(bureau, livestream.id)
    async with bureau.deps.database.acquire() as connection:
        key, version = await recordings.sidecar_of(connection, recording)
    path = bureau.deps.objects.local_path(Bucket.ORIGINALS, key, version)
    assert path is not None
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(
        content.replace(hashlib.sha256(sent.segments[1]).hexdigest().encode(), b"0" * 64)
    )
    await verify(bureau)
    row, _ = await original_of(bureau, recording)
    assert (row.integrity, row.sha256) == (
        Integrity.MISMATCHED,
        hashlib.sha256(sent.whole).digest(),
    )


async def test_what_is_missing_may_come_for_a_day_and_then_it_is_sealed_at_once(
    bureau: Bureau,
) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await pushed(bureau, actor, sent, [1, 2, 5])
    await live.request_close(bureau.deps, actor, livestream.id, last=6)
    bureau.clock.forward(hours=20)
    await live.watch_livestreams(bureau.deps)
    assert (await look(bureau, livestream.id)).livestream.state is LivestreamState.CLOSING
    for number in (4, 6, 3):
        await put(bureau.deps, actor, livestream.id, number, sent.segments[number - 1])
    await live.watch_livestreams(bureau.deps)
    view = await look(bureau, livestream.id)
    assert (view.livestream.state, view.gaps) == (LivestreamState.CLOSED, ())
    _, content = await original_of(bureau, await recording_of(bureau, livestream.id))
    assert content == sent.whole


async def test_what_never_comes_is_a_gap_and_what_comes_too_late_a_supplement(
    bureau: Bureau,
) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await pushed(bureau, actor, sent, [1, 2, 4])
    await live.request_close(bureau.deps, actor, livestream.id, last=6)
    bureau.clock.forward(hours=24, seconds=1)
    await live.watch_livestreams(bureau.deps)
    view = await look(bureau, livestream.id)
    assert [(gap.first_missing, gap.last_missing) for gap in view.gaps] == [(3, 3), (5, 6)]
    first = await recording_of(bureau, livestream.id)
    row, content = await original_of(bureau, first)
    assert row.flags == ("live_gaps",)
    assert content == sent.init + b"".join(sent.segments[n - 1] for n in (1, 2, 4))
    await put(bureau.deps, actor, livestream.id, 3, sent.segments[2])
    assert await live.supplement_livestreams(bureau.deps) == 0
    bureau.clock.forward(seconds=601)
    assert await live.supplement_livestreams(bureau.deps) == 1
    assert await live.supplement_livestreams(bureau.deps) == 0
    assert await recording_of(bureau, livestream.id) == first
    second = await bureau.value("SELECT id FROM recording WHERE continues = $1", first)
    row, content = await original_of(bureau, RecordingId(second))  # type: ignore[arg-type]
    assert (content, row.flags) == (sent.segments[2], ("supplementary",))
    # Played with the init segment of the one before, which is not copied.
    assert (await review.recording(bureau.deps, SERVICE, row.id)).playable.profile == "hls"
    assert (await look(bureau, livestream.id)).gaps == view.gaps
    await verify(bureau)
    row, _ = await original_of(bureau, row.id)
    assert row.integrity is Integrity.SEALED
    await work_off(bureau.deps, FfmpegTool(Path(footage.ffmpeg())))
    assert await bureau.value("SELECT count(*) FROM rendition WHERE profile = 'poster'") == 2
    assert (await audit.run(bureau.deps, SERVICE, level=audit.Level.DIGEST)).findings == []


async def test_silence_interrupts_and_then_closes(bureau: Bureau) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await pushed(bureau, actor, sent, [1])
    bureau.clock.forward(seconds=6)
    await live.watch_livestreams(deps)
    assert (await look(bureau, livestream.id)).livestream.state is LivestreamState.LIVE
    bureau.clock.forward(seconds=1)
    # It shows before the clock has written it down.
    assert (await look(bureau, livestream.id)).livestream.state is LivestreamState.INTERRUPTED
    await asyncio.gather(*(live.watch_livestreams(deps) for _ in range(3)))
    assert (await bureau.event_names()).count("LivestreamInterrupted") == 1
    await put(deps, actor, livestream.id, 2, sent.segments[1])
    assert (await look(bureau, livestream.id)).livestream.state is LivestreamState.LIVE
    assert (await bureau.event_names())[-1] == "LivestreamResumed"
    bureau.clock.forward(seconds=601)
    await asyncio.gather(*(live.watch_livestreams(deps) for _ in range(5)))
    assert (await look(bureau, livestream.id)).livestream.state is LivestreamState.CLOSING
    assert (await bureau.event_names()).count("LivestreamClosing") == 1
    bureau.clock.forward(hours=25)
    await asyncio.gather(*(live.watch_livestreams(deps) for _ in range(3)))
    assert (await look(bureau, livestream.id)).livestream.state is LivestreamState.CLOSED
    assert (await bureau.event_names()).count("LivestreamClosed") == 1
    assert (await bureau.event_names()).count("RecordingAssembled") == 1


async def test_a_received_one_is_sealed_when_its_receiver_has_let_go(bureau: Bureau) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, actor, form=Form.RECEIVED)
    fence = await live.take(deps, livestream.id)
    begun = live.InitArrival(period=1, body=sent.init, fence=fence)
    await live.put_init(deps, SERVICE, livestream.id, begun)
    arrival = live.SegmentArrival(period=1, number=1, body=sent.segments[0], fence=fence)
    await live.put_segment(deps, SERVICE, livestream.id, arrival)
    await live.request_close(deps, SERVICE, livestream.id, last=None)
    await live.watch_livestreams(deps)
    assert (await look(bureau, livestream.id)).livestream.state is LivestreamState.CLOSING
    second = dataclasses.replace(arrival, number=2, body=sent.segments[1])
    await live.put_segment(deps, SERVICE, livestream.id, second)
    await live.let_go(deps, livestream.id, fence)
    await live.watch_livestreams(deps)
    _, content = await original_of(bureau, await recording_of(bureau, livestream.id))
    assert content == sent.init + sent.segments[0] + sent.segments[1]


async def test_one_to_which_nothing_came_closes_without_a_recording(bureau: Bureau) -> None:
    actor = await camera(bureau)
    livestream = await opened(bureau.deps, actor)
    closed = await live.request_close(bureau.deps, actor, livestream.id, last=0)
    assert (closed.state, closed.recording) == (LivestreamState.CLOSED, None)
    assert await bureau.value("SELECT count(*) FROM recording") == 0


async def test_periods_follow_each_other_in_the_original(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    first, second = take(seconds=2), take("lane", seconds=3, size="160x90")
    livestream = await pushed(bureau, actor, first)
    await put_init(deps, actor, livestream.id, second.init, 2, PeriodCause.CODEC_CHANGE)
    for number, body in enumerate(second.segments, 3):
        await put(deps, actor, livestream.id, number, body, period=2)
    closed = await live.request_close(deps, actor, livestream.id, last=5)
    assert closed.recording is not None
    row, content = await original_of(bureau, closed.recording)
    assert content == first.whole + second.whole
    assert row.flags == ("live_gaps",)
    (gap,) = (await look(bureau, livestream.id)).gaps
    assert (gap.cause, gap.first_missing) == ("codec_change", None)


async def test_footage_of_a_device_nobody_knows_is_sealed_in_quarantine(bureau: Bureau) -> None:
    supervisor, sent = bureau.actor(Role.SUPERVISOR), take()
    livestream = await opened(bureau.deps, supervisor, device_number="nobody's")
    await put_init(bureau.deps, supervisor, livestream.id, sent.init)
    await put(bureau.deps, supervisor, livestream.id, 1, sent.segments[0])
    await put(bureau.deps, supervisor, livestream.id, 1, sent.segments[1])
    closed = await live.request_close(bureau.deps, supervisor, livestream.id, last=1)
    assert closed.recording is not None
    row, _ = await original_of(bureau, closed.recording)
    assert (row.state, row.quarantine_reasons) == ("quarantined", ("device_unknown",))
    assert row.flags == ("segment_conflict",)


@pytest.mark.parametrize("when", When)
async def test_a_store_that_fails_while_sealing_changes_nothing_of_the_result(
    bureau: Bureau, when: When
) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await pushed(bureau, actor, sent, [1, 2, 3])
    faulty = FaultyObjects(bureau.deps.objects, [Fault("put", when)])
    deps = dataclasses.replace(bureau.deps, objects=faulty)
    with pytest.raises(Unavailable):
        await live.request_close(deps, actor, livestream.id, last=3)
    assert (await audit.run(bureau.deps, SERVICE, level=audit.Level.SIZE)).findings == []
    # What comes between two tries is no part of a recording whose manifest stands.
    await put(deps, actor, livestream.id, 4, sent.segments[3])
    await asyncio.gather(*(live.seal(deps, SERVICE, livestream.id) for _ in range(3)))
    recording = await recording_of(bureau, livestream.id)
    _, content = await original_of(bureau, recording)
    listed = 3 if when is When.AFTER else 4
    assert content == sent.init + b"".join(sent.segments[:listed])
    # One of the three that begins late may already find the fourth segment waiting.
    assert await bureau.value("SELECT count(*) FROM recording WHERE continues IS NULL") == 1
    key = await bureau.value(
        "SELECT DISTINCT sidecar_key FROM original_object WHERE recording_id = $1", recording
    )
    (stored,) = await deps.objects.versions(Bucket.ORIGINALS, str(key))
    blocks = deps.objects.read(Bucket.ORIGINALS, stored.key, stored.version)
    said = manifest.read(b"".join([block async for block in blocks]))
    assert said.numbers == {-1, *range(1, listed + 1)}
    bureau.clock.forward(seconds=601)
    await live.supplement_livestreams(bureau.deps)
    assert await bureau.value("SELECT count(*) FROM recording") == 1 + (4 - listed)
    assert (await audit.run(bureau.deps, SERVICE, level=audit.Level.DIGEST)).findings == []


async def test_ranges_across_segments_are_read_as_one_file(bureau: Bureau) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await pushed(bureau, actor, sent)
    await live.request_close(bureau.deps, actor, livestream.id, last=6)
    recording = await recording_of(bureau, livestream.id)
    edges = list(itertools.accumulate(map(len, (sent.init, *sent.segments))))
    supervisor = bureau.actor(Role.SUPERVISOR)
    for first, last in ((edges[0] - 1, edges[0]), (edges[1] - 5, edges[4] + 5), (0, edges[-1] - 1)):
        read = await review.open_original(bureau.deps, supervisor, recording, first, last)
        blocks = read.read(first, last - first + 1)
        assert b"".join([block async for block in blocks]) == sent.whole[first : last + 1]


async def test_a_segment_that_the_store_lost_is_found_before_it_is_in_a_recording(
    bureau: Bureau,
) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await pushed(bureau, actor, sent, [1, 2])
    async with deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT object_key, version FROM livestream_segment WHERE number > 0 ORDER BY number"
        )
    lost, altered = [
        deps.objects.local_path(Bucket.ORIGINALS, row["object_key"], row["version"]) for row in rows
    ]
    assert lost is not None
    assert altered is not None
    lost.unlink()
    content = bytearray(altered.read_bytes())
    content[50] ^= 1
    altered.chmod(0o600)
    altered.write_bytes(content)
    report = await audit.run(deps, SERVICE, level=audit.Level.DIGEST)
    assert [(each.code, each.about_kind, each.about) for each in report.findings] == [
        ("segment-missing", "livestream", str(livestream.id)),
        ("segment-digest-differs", "livestream", str(livestream.id)),
    ]


async def test_what_is_in_no_recording_stays_locked_ahead(bureau: Bureau) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    await pushed(bureau, actor, sent, [1])
    assert await live.extend_segment_locks(deps) == 0
    bureau.clock.forward(days=20)
    # The init segment, the segment, and the description beside them.
    assert await live.extend_segment_locks(deps) == 3
    assert await live.extend_segment_locks(deps) == 0
    async with deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT object_key, version FROM livestream_segment UNION ALL"
            " SELECT key_prefix || '/opened.json', opening_version FROM livestream"
        )
    for row in rows:
        stored = await deps.objects.stat(Bucket.ORIGINALS, row["object_key"], row["version"])
        assert stored.lock_until is not None
        assert (stored.lock_until - bureau.clock.at).days == 37
