"""Change: no evidence without an event, no event without its work, and nothing ever taken back."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from recorder.domain.events import MediaProbed, RecordingViewed, SubjectKind, UploadCompleted
from recorder.domain.ids import RecordingId
from recorder.domain.people import OPERATOR
from recorder.errors import InternalError, RecorderError
from recorder.ledger import canonical
from recorder.store import custody_events, recordings, task_runs
from tests.support.bureau import Bureau, open_bureau
from tests.support.waiting import eventually


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


def completed(bureau: Bureau, recording: RecordingId) -> UploadCompleted:
    return UploadCompleted(
        subject=recording,
        agency=bureau.ours,
        upload=uuid.UUID(int=7),
        length=1,
        key="k",
        version="v",
        arrival_sha256=bytes(32),
        declared_sha256=None,
        original_name="clip.mp4",
        device_number=None,
        officer=None,
        incomplete=False,
        flags=(),
    )


async def note_of(bureau: Bureau, recording: RecordingId) -> object:
    return await bureau.value("SELECT note FROM recording WHERE id = $1", recording)


async def test_a_change_without_an_event_is_refused_and_rolled_back(bureau: Bureau) -> None:
    recording = await bureau.recording()
    with pytest.raises(InternalError) as refused:
        async with bureau.deps.change(OPERATOR) as change:
            await change.connection.execute("UPDATE recording SET note = 'silently'")
    assert refused.value.code == "change-without-event"
    assert await note_of(bureau, recording) is None


async def test_an_exception_takes_rows_events_and_runs_back_together(bureau: Bureau) -> None:
    recording = await bureau.recording()
    before = await bureau.event_names()

    async def change_and_break() -> None:
        async with bureau.deps.change(OPERATOR) as change:
            await change.connection.execute("UPDATE recording SET note = 'almost'")
            change.record(completed(bureau, recording))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_and_break()
    assert await bureau.event_names() == before
    assert await bureau.value("SELECT count(*) FROM task_run") == 0
    assert await note_of(bureau, recording) is None


async def test_events_and_the_runs_they_start_come_in_one_transaction(bureau: Bureau) -> None:
    recording = await bureau.recording()
    async with bureau.deps.change(OPERATOR) as change:
        change.record(completed(bureau, recording))
        assert await bureau.value("SELECT count(*) FROM task_run") == 0
    async with bureau.deps.database.acquire() as connection:
        runs = await task_runs.of_subject(connection, "recording", recording)
        events = await custody_events.of_subject(
            connection, SubjectKind.RECORDING, recording, after=0, limit=10
        )
    assert {(run.task, run.state) for run in runs} == {("verify", "pending"), ("probe", "pending")}
    assert set(change.started) == {(run.queue, run.id) for run in runs}
    together = await bureau.value(
        "SELECT count(*) FROM custody_event e JOIN task_run r ON r.subject_id = e.subject_id"
        " WHERE e.name = 'UploadCompleted' AND r.xmin = e.xmin"
    )
    assert together == 2
    newest = events[-1]
    said = canonical.decode(newest.leaf)
    assert isinstance(said, dict)
    assert said["facts"] == newest.facts
    assert (said["id"], said["event"]) == (str(newest.id), "UploadCompleted")


async def test_the_same_event_again_starts_nothing_again(bureau: Bureau) -> None:
    recording = await bureau.recording()
    for expected in (2, 0):
        async with bureau.deps.change(OPERATOR) as change:
            change.record(completed(bureau, recording))
        assert len(change.started) == expected
    assert await bureau.value("SELECT count(*) FROM task_run") == 2


async def test_an_event_that_has_no_canonical_bytes_stops_the_change(bureau: Bureau) -> None:
    recording = await bureau.recording()
    before = await bureau.event_names()
    probed = MediaProbed(
        subject=recording,
        agency=bureau.ours,
        showable="none",
        needs_proxy=False,
        flags=(),
        tool="t",
        tool_version="1",
        media={"length": 2**60},
    )

    async def change_media() -> None:
        async with bureau.deps.change(OPERATOR) as change:
            await recordings.set_media(change, probed, None, None)
            change.record(probed)

    with pytest.raises(RecorderError):
        await change_media()
    assert await bureau.event_names() == before
    assert await bureau.value("SELECT media FROM recording WHERE id = $1", recording) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE custody_event SET name = 'Nothing'",
        "DELETE FROM custody_event",
        "TRUNCATE custody_event",
        "UPDATE custody_event SET leaf = leaf WHERE false",
    ],
)
async def test_neither_the_service_nor_the_owner_changes_custody_events(
    bureau: Bureau, database_url: str, owner_database_url: str, statement: str
) -> None:
    await bureau.recording()
    before = await bureau.event_names()
    assert before != []
    for url in (database_url, owner_database_url):
        connection = await asyncpg.connect(url)
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        finally:
            await connection.close()
    assert await bureau.event_names() == before


async def test_who_reads_on_behind_the_last_event_misses_none_of_a_slower_transaction(
    bureau: Bureau,
) -> None:
    recording = await bureau.recording()

    async def seen(after: int = 0) -> list[custody_events.RecordedEvent]:
        async with bureau.deps.database.acquire() as connection:
            return await custody_events.of_subject(
                connection, SubjectKind.RECORDING, recording, after=after, limit=10
            )

    async def complete() -> None:
        async with bureau.deps.change(OPERATOR) as change:
            change.record(completed(bureau, recording))

    waiting = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    last = (await seen())[-1].position
    viewed = RecordingViewed(subject=recording, agency=bureau.ours)
    async with bureau.deps.database.transaction() as slow:
        # Takes its position first and would commit last.
        await custody_events.append(slow, OPERATOR, datetime.now(UTC), [viewed])
        fast = asyncio.create_task(complete())
        held_up: object = await eventually(
            lambda: bureau.value(waiting), within=20, what="the second change waits for its turn"
        )
        assert held_up == 1
        assert await seen(last) == []
    await fast
    assert [event.name for event in await seen(last)] == ["RecordingViewed", "UploadCompleted"]


async def test_a_slow_transaction_about_another_subject_hides_no_event(bureau: Bureau) -> None:
    recording = await bureau.recording()
    viewed = RecordingViewed(subject=uuid.UUID(int=recording.int ^ 1), agency=bureau.ours)
    async with bureau.deps.database.transaction() as slow:
        await custody_events.append(slow, OPERATOR, datetime.now(UTC), [viewed])
        async with bureau.deps.change(OPERATOR) as change:
            change.record(completed(bureau, recording))
        async with bureau.deps.database.acquire() as connection:
            events = await custody_events.of_subject(
                connection, SubjectKind.RECORDING, recording, after=0, limit=10
            )
    assert events[-1].name == "UploadCompleted"
