"""The database is gone and the store is not: everything is found again, and nothing is removed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.adapters.media import FfmpegTool
from recorder.adapters.objects import Bucket
from recorder.domain.ids import RecordingId
from recorder.domain.original_key import sidecar_key
from recorder.domain.people import EVERYTHING, OPERATOR
from recorder.domain.pipeline import WorkQueue
from recorder.errors import Unavailable
from recorder.runtime import Deps, open_deps
from recorder.services import audit, guard, ingest, organs
from recorder.services.rebuild import rebuild
from recorder.store import recordings
from tests.support import footage as footage_set
from tests.support import postgres as databases
from tests.support import s3
from tests.support.bureau import Bureau, open_bureau
from tests.support.senders import Body, content, metadata
from tests.support.workshop import camera, deliver, look_up, open_alarms, work_off

CASES = ("沪城管立〔2026〕第001号", "沪城管立〔2026〕第002号")


@pytest.fixture
def tool() -> FfmpegTool:
    return FfmpegTool(Path(footage_set.ffmpeg()))


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        ingest.begin(opened.deps)
        yield opened
        await ingest.shutdown(opened.deps)


@contextlib.asynccontextmanager
async def new_database(bureau: Bureau, postgres: databases.Cluster) -> AsyncIterator[Bureau]:
    """The same store and clock with a freshly migrated database, as after the loss of the old."""
    async with databases.clone(postgres) as name:
        url = postgres.url(name, databases.SERVICE)
        config = bureau.deps.config.model_copy(
            update={"database_url": type(bureau.deps.config.database_url)(url)}
        )
        async with open_deps(config, clock=bureau.clock) as deps:
            ingest.begin(deps)
            yield replace(bureau, deps=deps)
            await ingest.shutdown(deps)


async def by_case(bureau: Bureau, number: str) -> list[RecordingId]:
    async with bureau.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT l.recording_id FROM case_identifier i JOIN case_link l USING (case_id)"
            " WHERE i.raw = $1 ORDER BY l.recording_id",
            number,
        )
    return [row["recording_id"] for row in rows]


async def digests(deps: Deps, recording: RecordingId) -> tuple[bytes | None, bytes | None]:
    async with deps.database.acquire() as connection:
        row = await recordings.find(connection, recording, EVERYTHING)
    assert row is not None
    return row.sha256, row.sm3


async def test_every_recording_is_found_by_its_case_number_again_with_the_same_digests(
    bureau: Bureau, postgres: databases.Cluster, tool: FfmpegTool
) -> None:
    actor = await camera(bureau)
    sent = {n: content(n) for n in (0, 70_000, 17 * 1024 * 1024)}
    made = [
        await deliver(
            bureau, actor, each, f"clip{n}.mp4", case_number=CASES[0], lat="31.2", lon="121.5"
        )
        for n, each in sent.items()
    ]
    made.append(await deliver(bureau, actor, b"other", "other.mp4", case_number=CASES[1]))
    # The same bytes again: one recording stands for both.
    assert await deliver(bureau, actor, sent[70_000], "again.mp4") == made[1]
    await work_off(bureau.deps, tool, WorkQueue.IO)
    before = {each: await digests(bureau.deps, each) for each in made}
    assert all(sha256 and sm3 for sha256, sm3 in before.values())
    bureau.clock.forward(hours=2)
    async with new_database(bureau, postgres) as new:
        assert (await rebuild(new.deps, OPERATOR, dry_run=True)).recordings == 4
        assert await new.value("SELECT count(*) FROM recording") == 0
        report = await rebuild(new.deps, OPERATOR)
        assert (report.recordings, report.duplicates, report.findings) == (4, 1, 0)
        await work_off(new.deps, tool, WorkQueue.IO)
        assert await by_case(new, CASES[0]) == sorted(made[:3])
        assert await by_case(new, CASES[1]) == [made[3]]
        assert {each: await digests(new.deps, each) for each in made} == before
        row, original = await look_up(new, made[1])
        old, old_original = await look_up(bureau, made[1])
        assert (original.key, original.version) == (old_original.key, old_original.version)
        assert row.flags == ("rebuilt",)
        assert replace(row, flags=(), device=None, created_at=old.created_at, sealed_at=None) == (
            replace(old, device=None, sealed_at=None, media=None, showable=None)
        )
        assert (await audit.run(new.deps, OPERATOR, level=audit.Level.DIGEST)).findings == []
        again = await rebuild(new.deps, OPERATOR)
        assert (again.recordings, again.duplicates, again.known) == (0, 0, 5)
        assert await new.value("SELECT count(*) FROM recording") == 4


async def test_of_equal_contents_the_one_that_was_finished_first_stands_again(
    bureau: Bureau, postgres: databases.Cluster, tool: FfmpegTool
) -> None:
    # Its receipt names it, so it must not matter that the other was opened, and named, before.
    actor = await camera(bureau)
    sent = content(10_000)
    opened = await ingest.open_upload(
        bureau.deps, actor, length=len(sent), metadata=metadata(filename="opened-first.mp4")
    )
    bureau.clock.forward(seconds=1)
    first = await deliver(bureau, actor, sent, "finished-first.mp4")
    await ingest.append(
        bureau.deps, actor, opened.id, offset=0, body=Body(sent), checksum=None, length=None
    )
    assert (await ingest.upload_status(bureau.deps, actor, opened.id)).recording == first
    await work_off(bureau.deps, tool, WorkQueue.IO)
    bureau.clock.forward(hours=2)
    async with new_database(bureau, postgres) as new:
        report = await rebuild(new.deps, OPERATOR)
        assert (report.recordings, report.duplicates, report.findings) == (1, 1, 0)
        row, _ = await look_up(new, first)
        assert row.original_name == "finished-first.mp4"
        assert await new.value("SELECT recording_id FROM duplicate_object") == first


async def test_what_cannot_be_rebuilt_is_named_and_stays_where_it_is(
    bureau: Bureau, postgres: databases.Cluster
) -> None:
    actor = await camera(bureau)
    kept = await deliver(bureau, actor, content(10_000))
    lock = bureau.clock.now() + timedelta(days=1)
    store = bureau.deps.objects
    _, original = await look_up(bureau, kept)
    (good,) = await store.versions(Bucket.ORIGINALS, sidecar_key(original.key))
    words = b"".join([b async for b in store.read(Bucket.ORIGINALS, good.key, good.version)])
    strays = {
        "2026/01/01/a/original": b"footage without a word",
        "2026/01/01/b/original": b"footage",
        "2026/01/01/b/sidecar.json": b"no JSON",
        # Somebody else's words, true in their place.
        "2026/01/01/c/sidecar.json": words,
        "2026/01/01/d/sidecar.json": words.replace(original.key.encode(), b"2026/01/01/d/original"),
    }
    for key, stray in strays.items():
        await store.put(Bucket.ORIGINALS, key, [stray], lock_until=lock)
    bureau.clock.forward(hours=2)
    async with new_database(bureau, postgres) as new:
        report = await rebuild(new.deps, OPERATOR)
    assert report.recordings == 1
    assert report.originals_without_sidecar == ["2026/01/01/a/original"]
    assert report.unreadable_sidecars == [
        "2026/01/01/b/sidecar.json",
        "2026/01/01/c/sidecar.json",
    ]
    assert report.sidecars_without_original == ["2026/01/01/d/sidecar.json"]
    assert report.findings == 4
    for key in strays:
        assert len(await store.versions(Bucket.ORIGINALS, key)) == 1


async def test_an_empty_database_on_a_full_store_takes_nothing_and_removes_nothing(
    bureau: Bureau, postgres: databases.Cluster
) -> None:
    actor = await camera(bureau)
    await deliver(bureau, actor, content(10_000))
    async with new_database(bureau, postgres) as new:
        organ = await organs.ensure_own_agency(new.deps)
        sender = await camera(replace(new, ours=organ), "TA00717")
        with pytest.raises(Unavailable) as refused:
            await deliver(replace(new, ours=organ), sender, b"footage")
        assert refused.value.code == "database-younger-than-store"
        assert await ingest.expire_overdue(new.deps) == 0
        await guard.check_and_mark(new.deps)
        ((code, severity, _),) = await open_alarms(new)
        assert (code, severity) == ("database_younger", "critical")
        assert await guard.newest_marker(new.deps) is None
        bureau.clock.forward(hours=2)
        await rebuild(new.deps, OPERATOR)
        await guard.check_and_mark(new.deps)
        assert await open_alarms(new) == []
        await deliver(replace(new, ours=organ), sender, b"footage")


async def test_a_database_that_lacks_the_newest_marker_waits_until_an_operator_accepts_it(
    bureau: Bureau, postgres: databases.Cluster
) -> None:
    await guard.check_and_mark(bureau.deps)
    await guard.check_and_mark(bureau.deps)
    marker = await guard.newest_marker(bureau.deps)
    assert marker is not None
    # One a day.
    assert marker.number == 1
    bureau.clock.forward(days=1)
    await guard.check_and_mark(bureau.deps)
    assert not await guard.is_younger(bureau.deps)
    async with new_database(bureau, postgres) as new:
        assert "markers/000000002" in (await guard.look(new.deps)).why
        await guard.accept(new.deps, OPERATOR, rebuilt=0, agency=None)
        assert not await guard.is_younger(new.deps)
        assert await new.event_names() == ["DatabaseAccepted"]
        # The old database, should anybody still use it, is the one that is behind now.
        assert (await guard.look(bureau.deps)).why


async def test_an_s3_store_gives_the_recordings_back_too(
    database_url: str, versitygw: s3.S3Server, postgres: databases.Cluster, tmp_path: Path
) -> None:
    settings = {
        "objects": "s3",
        "s3_endpoint": versitygw.host,
        "s3_secure": "false",
        "s3_access_key": versitygw.access_key,
        "s3_secret_key": versitygw.secret_key,
        "s3_make_buckets": "true",
        **{
            f"s3_bucket_{name}": f"{versitygw.bucket_prefix}rebuild-{name}"
            for name in ("originals", "renditions", "staging")
        },
    }
    async with open_bureau(database_url, tmp_path, **settings) as bureau:
        # Locks are kept by the server, whose clock is the real one.
        bureau.clock.at = datetime.now(UTC)
        ingest.begin(bureau.deps)
        made = await deliver(bureau, await camera(bureau), content(30_000), case_number=CASES[0])
        await guard.check_and_mark(bureau.deps)
        await ingest.shutdown(bureau.deps)
        bureau.clock.forward(hours=1)
        async with new_database(bureau, postgres) as new:
            assert await guard.is_younger(new.deps)
            assert (await rebuild(new.deps, OPERATOR)).recordings == 1
            assert not await guard.is_younger(new.deps)
            assert await by_case(new, CASES[0]) == [made]
