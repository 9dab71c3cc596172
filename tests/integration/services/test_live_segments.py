"""Segments of livestreams: durable, told once, never overwritten, in any order, by whoever may."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.adapters.objects import Bucket
from recorder.domain import fragments
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Form, LivestreamState, PeriodCause, gap_of
from recorder.domain.people import EVERYTHING, SERVICE, Role
from recorder.errors import (
    Conflict,
    InvalidInput,
    Locked,
    NotFound,
    RecorderError,
    TooLarge,
    Unavailable,
    Unprocessable,
)
from recorder.services import audit, live
from recorder.services.live.telling import line
from recorder.store import livestream_segments, livestreams
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.streams import opened, put, put_init, stored_bytes, take


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def numbers(bureau: Bureau, livestream: LivestreamId, state: str) -> list[int]:
    async with bureau.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT number FROM livestream_segment WHERE livestream_id = $1 AND state = $2"
            " ORDER BY number",
            livestream,
            state,
        )
    return [row["number"] for row in rows]


async def test_what_was_pushed_is_what_lies_locked_in_the_store(bureau: Bureau) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, actor, case_numbers=("沪市监案〔2026〕1号",))
    first = await put_init(deps, actor, livestream.id, sent.init)
    received = [
        await put(deps, actor, livestream.id, n, body) for n, body in enumerate(sent.segments, 1)
    ]
    parts = [await stored_bytes(deps, each) for each in (first, *received)]
    assert b"".join(parts) == sent.whole
    for each, body in zip(received, sent.segments, strict=True):
        assert each.segment.sha256 == hashlib.sha256(body).digest()
        assert each.segment.sm3 == hashlib.new("sm3", body).digest()
        found = await deps.objects.stat(
            Bucket.ORIGINALS, each.segment.key, each.segment.version or ""
        )
        assert found.lock_until is not None
        assert found.lock_until >= bureau.clock.at + timedelta(seconds=deps.config.lock_ahead_s)
    chain = [each.segment.previous_sha256 for each in received]
    assert chain == [None, *(each.segment.sha256 for each in received[:-1])]
    after = await live.find_livestream(deps, actor, livestream.id)
    assert (after.state, after.segments, after.highest_number) == (LivestreamState.LIVE, 6, 6)
    assert after.length == len(sent.whole)
    assert await bureau.event_names() == [
        "AgencyAdded",
        "AgencyAdded",
        "DeviceAdded",
        "TokenIssued",
        "LivestreamOpened",
        "LivestreamPeriodBegan",
        "LivestreamBegan",
    ]


async def test_times_in_the_media_are_read_and_the_three_clocks_stay_apart(bureau: Bureau) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, sent.init)
    device_at = datetime(2019, 1, 1, tzinfo=UTC)
    arrived = bureau.clock.at - timedelta(minutes=3)
    arrival = live.SegmentArrival(
        period=1, number=3, body=sent.segments[2], device_at=device_at, arrived_at=arrived
    )
    found = (await live.put_segment(deps, actor, livestream.id, arrival)).segment
    assert (found.duration_us, found.keyframe) == (1_000_000, True)
    behind = (await put(deps, actor, livestream.id, 4, sent.segments[3])).segment
    assert found.media_time_us is not None
    assert 2_000_000 <= found.media_time_us < 2_050_000
    assert behind.media_time_us == found.media_time_us + 1_000_000
    assert (found.device_at, found.arrived_at) == (device_at, arrived)


async def test_the_same_bytes_are_the_same_segment_however_often_they_come(bureau: Bureau) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, actor)
    for _ in range(3):
        await put_init(deps, actor, livestream.id, sent.init)
    together = await asyncio.gather(
        *(put(deps, actor, livestream.id, 1, sent.segments[0]) for _ in range(5))
    )
    again = await put(deps, actor, livestream.id, 1, sent.segments[0])
    assert not again.fresh
    assert {each.segment.version for each in together} == {again.segment.version}
    versions = await deps.objects.versions(Bucket.ORIGINALS, again.segment.key)
    assert len(versions) == 1
    after = await live.find_livestream(deps, actor, livestream.id)
    assert (after.segments, after.length) == (1, len(sent.init) + len(sent.segments[0]))
    assert (await bureau.event_names()).count("LivestreamPeriodBegan") == 1


async def test_a_second_body_for_a_number_is_kept_beside_the_first_and_told(
    bureau: Bureau,
) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, sent.init)
    first = await put(deps, actor, livestream.id, 1, sent.segments[0])
    second = await put(deps, actor, livestream.id, 1, sent.segments[1])
    assert (first.conflicting, second.conflicting) == (False, True)
    assert await stored_bytes(deps, first) == sent.segments[0]
    assert await stored_bytes(deps, second) == sent.segments[1]
    assert (await put(deps, actor, livestream.id, 1, sent.segments[1])).conflicting
    other = await put_init(deps, actor, livestream.id, take(size="160x90", seconds=2).init)
    assert other.conflicting
    assert await numbers(bureau, livestream.id, "stored") == [-1, 1]
    assert await numbers(bureau, livestream.id, "conflicting") == [-1, 1]
    assert (await bureau.event_names()).count("LivestreamSegmentConflicted") == 2
    assert (await live.find_livestream(deps, actor, livestream.id)).segments == 1


async def test_of_two_bodies_at_once_one_counts_and_both_are_kept(bureau: Bureau) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, sent.init)
    received = await asyncio.gather(
        *(put(deps, actor, livestream.id, 1, body) for body in sent.segments)
    )
    assert sum(not each.conflicting for each in received) == 1
    kept = [await stored_bytes(deps, each) for each in received]
    assert sorted(kept) == sorted(sent.segments)


async def test_segments_in_any_order_come_to_one_chain(bureau: Bureau) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, sent.init)
    order = list(enumerate(sent.segments, 1))
    random.Random(7).shuffle(order)
    for number, body in order:
        await put(deps, actor, livestream.id, number, body)
    async with deps.database.acquire() as connection:
        found = [
            await livestream_segments.stored(connection, livestream.id, n) for n in range(1, 7)
        ]
        edges = await livestream_segments.edges(connection, livestream.id)
    chain = [each.previous_sha256 for each in found if each]
    assert chain == [None, *(each.sha256 for each in found[:-1] if each)]
    assert [gap_of(edge) for edge in edges] == [None]


async def test_what_is_missing_and_what_does_not_join_are_gaps_with_a_cause(
    bureau: Bureau,
) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, sent.init)
    began = bureau.clock.at
    for number in (2, 3, 5):
        bureau.clock.forward(seconds=1)
        await put(deps, actor, livestream.id, number, sent.segments[number - 1])
    bureau.clock.forward(seconds=40)
    await put_init(deps, actor, livestream.id, sent.init, 2, PeriodCause.RECONNECT)
    await put(deps, actor, livestream.id, 6, sent.segments[1], period=2)
    async with deps.database.acquire() as connection:
        edges = await livestream_segments.edges(connection, livestream.id)
    gaps = [gap for gap in map(gap_of, edges) if gap]
    assert [(gap.cause, gap.first_missing, gap.last_missing) for gap in gaps] == [
        ("segments_missing", 1, 1),
        ("segments_missing", 4, 4),
        ("reconnect", None, None),
    ]
    assert (gaps[0].begins_at, gaps[0].ends_at) == (None, began)
    lost = gaps[2]
    assert (lost.begins_at, lost.ends_at) == (
        began + timedelta(seconds=3),
        began + timedelta(seconds=42),
    )
    assert lost.clock == "arrival"


async def test_nobody_but_its_opener_and_its_device_delivers(bureau: Bureau) -> None:
    deps, sent = bureau.deps, take()
    actor, stranger = await camera(bureau), await camera(bureau, "TA00717")
    supervisor = bureau.actor(Role.SUPERVISOR)
    livestream = await opened(deps, supervisor, device_number="TA00716")
    await put_init(deps, actor, livestream.id, sent.init)
    await put(deps, supervisor, livestream.id, 1, sent.segments[0])
    await put(deps, SERVICE, livestream.id, 2, sent.segments[1])
    for somebody in (stranger, bureau.actor(Role.SUPERVISOR), bureau.actor(agency=bureau.theirs)):
        with pytest.raises(NotFound):
            await put(deps, somebody, livestream.id, 3, sent.segments[2])
    assert await numbers(bureau, livestream.id, "stored") == [-1, 1, 2]
    with pytest.raises(NotFound):
        await live.find_livestream(deps, stranger, livestream.id)
    with pytest.raises(NotFound):
        await live.find_livestream(deps, bureau.actor(agency=bureau.theirs), livestream.id)
    assert [each.id for each in (await live.list_livestreams(deps, supervisor)).items] == [
        livestream.id
    ]


async def test_what_no_segment_can_be_is_refused_and_leaves_nothing(bureau: Bureau) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, actor)

    async def refused(kind: type[RecorderError], code: str, **change: object) -> None:
        arrival = live.SegmentArrival(period=1, number=1, body=sent.segments[0])
        changed = dataclasses.replace(arrival, **change)  # type: ignore[arg-type]
        with pytest.raises(kind) as caught:
            await live.put_segment(deps, actor, livestream.id, changed)
        assert caught.value.code == code

    await refused(Conflict, "period-not-begun")
    await put_init(deps, actor, livestream.id, sent.init)
    await refused(Conflict, "period-not-begun", period=2)
    await refused(Unprocessable, "period-number-invalid", period=0)
    await refused(Unprocessable, "segment-number-invalid", number=0)
    await refused(Unprocessable, "segment-number-too-far", number=86_401)
    await refused(InvalidInput, "segment-empty", body=b"")
    await refused(TooLarge, "segment-too-large", body=bytes(64 * 1024 * 1024 + 1))
    await refused(Unprocessable, "segment-digest-mismatch", declared_sha256=bytes(32))
    assert await numbers(bureau, livestream.id, "intended") == []
    assert await numbers(bureau, livestream.id, "stored") == [-1]


async def test_bytes_that_nobody_can_read_are_kept_as_they_are(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, b"\x1aE\xdf\xa3 no mp4")
    garbage = random.Random(1).randbytes(50_000)
    found = await put(deps, actor, livestream.id, 1, garbage)
    assert await stored_bytes(deps, found) == garbage
    assert found.segment.media_time_us is None


@pytest.mark.parametrize("when", When)
async def test_a_store_that_fails_keeps_nothing_from_counting_later(
    bureau: Bureau, when: When
) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await opened(bureau.deps, actor)
    await put_init(bureau.deps, actor, livestream.id, sent.init)
    faulty = FaultyObjects(bureau.deps.objects, [Fault("put", when)])
    deps = dataclasses.replace(bureau.deps, objects=faulty)
    with pytest.raises(Unavailable):
        await put(deps, actor, livestream.id, 1, sent.segments[0])
    assert await numbers(bureau, livestream.id, "stored") == [-1]
    bureau.clock.forward(minutes=5)
    found = await put(deps, actor, livestream.id, 1, sent.segments[0])
    assert found.fresh
    assert await stored_bytes(deps, found) == sent.segments[0]
    assert len(await deps.objects.versions(Bucket.ORIGINALS, found.segment.key)) == 1
    # It came when the first try brought it.
    assert found.segment.arrived_at == bureau.clock.at - timedelta(minutes=5)


async def test_every_segment_stands_in_exactly_one_event(bureau: Bureau) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, sent.init)
    received = [
        await put(deps, actor, livestream.id, n, body) for n, body in enumerate(sent.segments, 1)
    ]
    assert await live.tell_segments(deps) == 0
    bureau.clock.forward(seconds=31)
    told = await asyncio.gather(*(live.tell_segments(deps) for _ in range(3)))
    assert sum(told) == 6
    assert await live.tell_segments(deps) == 0
    digest = hashlib.sha256(b"".join(line(each.segment) for each in received)).hexdigest()
    facts = await bureau.value(
        "SELECT facts FROM custody_event WHERE name = 'LivestreamSegmentsReceived'"
    )
    assert isinstance(facts, dict)
    assert (facts["first"], facts["last"], facts["segments"]) == (1, 6, 6)
    assert facts["digest"] == digest


async def test_one_process_receives_at_a_time_and_an_old_fence_changes_nothing(
    bureau: Bureau,
) -> None:
    deps, sent = bureau.deps, take()
    actor = await camera(bureau)
    livestream = await opened(deps, actor, form=Form.RECEIVED)
    other = dataclasses.replace(deps, instance="another")
    fence = await live.take(deps, livestream.id)
    with pytest.raises(Locked):
        await live.take(other, livestream.id)
    first = live.InitArrival(period=1, body=sent.init, fence=fence)
    await live.put_init(deps, SERVICE, livestream.id, first)
    bureau.clock.forward(seconds=5)
    assert await live.keep(deps, livestream.id, fence)
    bureau.clock.forward(seconds=9)
    newer = await live.take(other, livestream.id)
    assert newer > fence
    assert not await live.keep(deps, livestream.id, fence)
    arrival = live.SegmentArrival(period=1, number=1, body=sent.segments[0], fence=fence)
    with pytest.raises(Conflict) as caught:
        await live.put_segment(deps, SERVICE, livestream.id, arrival)
    assert caught.value.code == "livestream-taken-over"
    await live.put_segment(other, SERVICE, livestream.id, dataclasses.replace(arrival, fence=newer))
    await live.let_go(other, livestream.id, newer)
    assert await live.take(deps, livestream.id) > newer


async def test_leases_that_are_kept_together_are_judged_one_by_one(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    streams = [await opened(deps, actor, form=Form.RECEIVED) for _ in range(3)]
    fences = [await live.take(deps, each.id) for each in streams]
    await live.let_go(deps, streams[2].id, fences[2])
    bureau.clock.forward(seconds=9)
    await live.take(dataclasses.replace(deps, instance="another"), streams[1].id)
    kept = await asyncio.gather(
        *(live.keep(deps, each.id, fence) for each, fence in zip(streams, fences, strict=True))
    )
    assert kept == [LivestreamState.OPEN, None, None]


async def test_the_announced_end_must_fit_what_is_there(bureau: Bureau) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, sent.init)
    await put(deps, actor, livestream.id, 3, sent.segments[2])
    with pytest.raises(Unprocessable):
        await live.request_close(deps, actor, livestream.id, last=2)
    closing = await live.request_close(deps, actor, livestream.id, last=5)
    assert (closing.state, closing.last_number) == (LivestreamState.CLOSING, 5)
    await live.request_close(deps, actor, livestream.id, last=5)
    assert (await bureau.event_names()).count("LivestreamClosing") == 1


async def test_an_unknown_device_is_taken_and_quarantined(bureau: Bureau) -> None:
    deps, dock = bureau.deps, bureau.actor(Role.SUPERVISOR)
    livestream = await opened(
        deps, dock, device_number="nobody's", device_clock_at=bureau.clock.at + timedelta(hours=1)
    )
    assert livestream.quarantine_reasons == ("device_unknown",)
    assert (livestream.clock_offset_ms, livestream.flags) == (3_600_000, ("clock_offset",))
    async with deps.database.acquire() as connection:
        assert await livestreams.find(connection, livestream.id, EVERYTHING) == livestream


def test_the_tracks_of_an_init_segment_are_read() -> None:
    picture, sound = fragments.read_init(take().init)
    assert (picture.kind, picture.width, picture.height) == ("vide", 320, 180)
    assert picture.codec.startswith("avc1.42")
    assert (sound.kind, sound.codec, sound.timescale) == ("soun", "mp4a.40.2", 48_000)


@pytest.mark.parametrize("level", audit.Level)
async def test_an_audit_beside_running_livestreams_has_no_findings(
    bureau: Bureau, level: audit.Level
) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, sent.init)
    await put(deps, actor, livestream.id, 1, sent.segments[0])
    await put(deps, actor, livestream.id, 1, sent.segments[1])
    faulty = FaultyObjects(deps.objects, [Fault("put", When.AFTER)])
    with pytest.raises(Unavailable):
        await put(
            dataclasses.replace(deps, objects=faulty), actor, livestream.id, 2, sent.segments[2]
        )
    report = await audit.run(deps, SERVICE, level=level)
    assert report.findings == []
