"""The database is gone and the store is not: livestreams are found again, closed and running."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.adapters.media import FfmpegTool
from recorder.adapters.objects import Bucket
from recorder.domain.ids import RecordingId
from recorder.domain.livestream import Form, LivestreamState
from recorder.domain.people import EVERYTHING, OPERATOR, SERVICE, Role
from recorder.domain.pipeline import WorkQueue
from recorder.domain.recording import Integrity, Recording
from recorder.services import audit, casework, guard, live, originals
from recorder.services.rebuild import rebuild
from recorder.store import livestream_chunks, livestream_segments, recordings
from tests.support import footage
from tests.support import postgres as databases
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.lost_database import new_database
from tests.support.streams import opened, put, put_init, take
from tests.support.workshop import work_off

NUMBER = "沪市监案〔2026〕7号"


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def original_of(bureau: Bureau, recording: RecordingId) -> tuple[Recording, bytes]:
    async with bureau.deps.database.acquire() as connection:
        row = await recordings.find(connection, recording, EVERYTHING)
        objects = await recordings.objects_of(connection, recording)
    assert row is not None
    blocks = originals.read(bureau.deps, objects, 0, row.length)
    return row, b"".join([block async for block in blocks])


async def test_closed_livestreams_are_the_same_recordings_again(
    bureau: Bureau, postgres: databases.Cluster
) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await opened(bureau.deps, actor, case_numbers=(NUMBER,), officer="JX0227")
    await put_init(bureau.deps, actor, livestream.id, sent.init)
    for number in (1, 2, 4):
        await put(bureau.deps, actor, livestream.id, number, sent.segments[number - 1])
    await put(bureau.deps, actor, livestream.id, 4, sent.segments[5])
    await live.request_close(bureau.deps, actor, livestream.id, last=5)
    bureau.clock.forward(hours=25)
    await live.watch_livestreams(bureau.deps)
    await put(bureau.deps, actor, livestream.id, 3, sent.segments[2])
    bureau.clock.forward(seconds=601)
    assert await live.supplement_livestreams(bureau.deps) == 1
    before = await live.view_livestream(bureau.deps, SERVICE, livestream.id)
    assert before.livestream.recording is not None
    async with new_database(bureau, postgres) as again:
        assert await guard.is_younger(again.deps)
        looked = await rebuild(again.deps, OPERATOR, dry_run=True)
        assert (looked.recordings, looked.findings) == (2, 0)
        report = await rebuild(again.deps, OPERATOR)
        assert (report.recordings, report.findings) == (2, 0)
        assert (await rebuild(again.deps, OPERATOR)).recordings == 0
        after = await live.view_livestream(again.deps, SERVICE, livestream.id)
        assert after.gaps == before.gaps
        assert after.livestream.state is LivestreamState.CLOSED
        assert after.livestream.recording == before.livestream.recording
        assert (after.livestream.segments, after.livestream.officer) == (4, "JX0227")
        row, content = await original_of(again, before.livestream.recording)
        assert content == sent.init + b"".join(sent.segments[n - 1] for n in (1, 2, 4))
        assert set(row.flags) == {"rebuilt", "live_gaps", "segment_conflict"}
        late = await again.value("SELECT id FROM recording WHERE continues IS NOT NULL")
        assert (await original_of(again, RecordingId(late)))[1] == sent.segments[2]  # type: ignore[arg-type]
        found = await casework.find_cases(
            again.deps, again.actor(Role.SUPERVISOR, city=True), number=NUMBER
        )
        assert [case.recordings for case in found.items] == [2]
        await work_off(again.deps, FfmpegTool(Path(footage.ffmpeg())), WorkQueue.IO)
        assert (await original_of(again, row.id))[0].integrity is Integrity.SEALED
        bureau.clock.forward(seconds=31)
        # Their events are lost with the database: they are told anew, with the init segment.
        assert await live.tell_segments(again.deps) == 5
        assert (await audit.run(again.deps, SERVICE, level=audit.Level.DIGEST)).findings == []


async def test_a_livestream_that_was_running_goes_on_or_is_sealed_as_far_as_it_came(
    bureau: Bureau, postgres: databases.Cluster
) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await opened(bureau.deps, actor)
    await put_init(bureau.deps, actor, livestream.id, sent.init)
    arrived = [
        (await put(bureau.deps, actor, livestream.id, n, sent.segments[n - 1])).segment
        for n in (1, 2)
    ]
    async with new_database(bureau, postgres) as again:
        bureau.clock.forward(minutes=5)
        report = await rebuild(again.deps, OPERATOR)
        assert (report.recordings, report.findings) == (0, 0)
        found = (await live.view_livestream(again.deps, SERVICE, livestream.id)).livestream
        assert (found.state, found.segments) == (LivestreamState.CLOSING, 2)
        assert found.last_arrival_at == arrived[-1].arrived_at
        await put(again.deps, actor, livestream.id, 3, sent.segments[2])
        closed = await live.request_close(again.deps, actor, livestream.id, last=3)
        assert closed.recording is not None
        row, content = await original_of(again, closed.recording)
        assert content == sent.init + b"".join(sent.segments[:3])
        assert row.flags == ("rebuilt",)
        async with again.deps.database.acquire() as connection:
            times = await connection.fetch(
                "SELECT media_time_us, duration_us FROM livestream_segment WHERE number IN (1, 2)"
                " ORDER BY number"
            )
        assert [tuple(each) for each in times] == [
            (each.media_time_us, each.duration_us) for each in arrived
        ]
        assert (await audit.run(again.deps, SERVICE, level=audit.Level.DIGEST)).findings == []


async def test_chunks_of_a_phone_are_found_again_sealed_and_not_yet_sealed(
    bureau: Bureau, postgres: databases.Cluster
) -> None:
    actor, sent = await camera(bureau), take()
    bodies = (sent.init + sent.segments[0], sent.segments[1], sent.init + sent.segments[2])
    said = {"media_type": "video/mp4", "latitude": 31.2, "longitude": 121.5}
    one, two = await opened(bureau.deps, actor, **said), await opened(bureau.deps, actor, **said)
    arrived = {}
    for livestream in (one.id, two.id):
        for number, body in enumerate(bodies, 1):
            period = 2 if number == 3 else 1
            put_now = live.ChunkArrival(period=period, number=number, body=body)
            receipt = await live.put_chunk(bureau.deps, actor, livestream, put_now)
            arrived[number] = receipt.segment
    closed = await live.request_close(bureau.deps, actor, one.id, last=3)
    async with new_database(bureau, postgres) as again:
        assert (await rebuild(again.deps, OPERATOR)).findings == 0
        assert closed.recording is not None
        row, content = await original_of(again, closed.recording)
        assert content == b"".join(bodies)
        assert (row.latitude, row.longitude, row.accuracy_m) == (31.2, 121.5, None)
        found = (await live.view_livestream(again.deps, SERVICE, two.id)).livestream
        assert (found.form, found.media_type, found.segments) == (Form.CHUNKED, "video/mp4", 3)
        async with again.deps.database.acquire() as connection:
            for livestream in (one.id, two.id):
                for number, was in arrived.items():
                    now = await livestream_segments.stored(connection, livestream, number)
                    assert now is not None
                    assert (now.duration_us, now.media_time_us) == (
                        was.duration_us, was.media_time_us,
                    )  # fmt: skip
                begins = await livestream_chunks.beginning(connection, livestream, 2)
                assert begins is not None
                assert (begins.number, begins.length) == (3, len(sent.init))
        assert (await audit.run(again.deps, SERVICE, level=audit.Level.DIGEST)).findings == []


async def test_what_cannot_be_understood_is_named_and_nothing_is_lost(
    bureau: Bureau, postgres: databases.Cluster
) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await opened(bureau.deps, actor)
    await put_init(bureau.deps, actor, livestream.id, sent.init)
    (stored,) = await bureau.deps.objects.versions(
        Bucket.ORIGINALS, f"{livestream.key_prefix}/opened.json"
    )
    path = bureau.deps.objects.local_path(Bucket.ORIGINALS, stored.key, stored.version)
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(b"{}")
    async with new_database(bureau, postgres) as again:
        report = await rebuild(again.deps, OPERATOR)
        assert report.unreadable_sidecars == [stored.key]
        assert await again.value("SELECT count(*) FROM livestream") == 0
