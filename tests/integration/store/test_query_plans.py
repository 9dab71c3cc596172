"""Statements over long tables: each has an index that PostgreSQL takes for the values given."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from recorder.domain.events import SubjectKind
from recorder.domain.ids import AgencyId, RecordingId, new_uuid
from recorder.domain.instant import CHINA
from recorder.domain.marking_term import MarkingDue
from recorder.domain.people import EVERYTHING, Scope
from recorder.domain.pipeline import WorkQueue
from recorder.store import (
    attribution,
    case_links,
    coverage_due,
    custody_events,
    figures,
    fixity,
    original_objects,
    recording_lists,
    recordings,
    task_runs,
    unmarked,
)
from recorder.store.connection import Connection
from tests.support.bureau import Bureau, open_bureau
from tests.support.enforcement import a_source
from tests.support.plans import nodes, plans_of, whole_reads

_FOOTAGE = """
INSERT INTO recording (id, agency_id, integrity, admission, length_bytes, source, arrival_sha256,
    sha256, sm3, original_name, received_at, started_at, flags, links, created_at, device_number,
    officer)
SELECT gen_random_uuid(), $1,
    CASE WHEN n % 1250 = 7 THEN 'mismatched' WHEN n % 1250 = 8 THEN 'received' ELSE 'sealed' END,
    CASE WHEN n % 1250 = 9 THEN 'quarantined' ELSE 'admitted' END, n, 'device:' || n,
    sha256(n::text::bytea), sha256(n::text::bytea), sha256(n::text::bytea), n || '.mp4', at, at,
    CASE WHEN n % 1250 = 10 THEN ARRAY['truncated'] ELSE '{}' END,
    CASE WHEN n % 1250 = 11 THEN 0 ELSE 1 END, at, 'D' || n % 250, 'O' || n % 250
FROM generate_series(1, 10000) AS n, LATERAL (SELECT $2::timestamptz - n * interval '1 min') t (at)
"""
_RUNS = """
INSERT INTO task_run (id, task, queue, priority, subject_kind, subject_id, agency_id, state)
SELECT gen_random_uuid(), 'verify', 'io', 0, 'recording', id, agency_id, 'done' FROM recording
"""
_UPLOADS = """
INSERT INTO upload (id, agency_id, opened_by, state, length_bytes, part_bytes, object_key,
    lock_until, recording_id, facts, raw_metadata, expires_at)
SELECT gen_random_uuid(), agency_id, 'device:x', 'finished', 1, 1, id::text, now(), id, '{}', '',
    now() FROM recording
"""
_EVENTS = """
INSERT INTO custody_event (id, at, name, actor_kind, actor_id, actor_name, agency_id,
    subject_kind, subject_id, facts, leaf)
SELECT gen_random_uuid(), now(), 'RecordingViewed', 'person', 'p', 'p', agency_id, 'recording',
    id, '{}', '' FROM recording
"""
_LINKS = """
INSERT INTO case_link (id, recording_id, case_id, origin, linked_at, linked_by, unlinked_at)
SELECT gen_random_uuid(), id, $1, 'upload', now(), 'x', CASE WHEN links > 0 THEN now() END
FROM recording
"""
_LOOKS = """
WITH objects AS (INSERT INTO original_object (recording_id, n, object_key, version, length_bytes,
    lock_until, sidecar_key, sidecar_version)
    SELECT id, 0, id::text, '', 1, $1::timestamptz + random() * interval '1 day', '', ''
    FROM recording RETURNING recording_id)
INSERT INTO fixity (recording_id, n, agreed_at, looked_at, failed_at, failure, untold)
SELECT recording_id, 0, $1::timestamptz - random() * interval '90 day', $1,
    NULL, NULL, random() < 0.001 FROM objects
"""


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        async with opened.deps.database.acquire() as connection:
            await connection.execute(_FOOTAGE, opened.ours, opened.clock.now())
            case = new_uuid()
            await connection.execute(
                "INSERT INTO case_file (id, agency_id, state) VALUES ($1, $2, 'confirmed')",
                case,
                opened.ours,
            )
            await connection.execute(_LINKS, case)
            for sql in (_RUNS, _UPLOADS, _EVENTS):
                await connection.execute(sql)
            await connection.execute(_LOOKS, opened.clock.now())
            await connection.execute("ANALYZE")
        yield opened


def _searches(agency: AgencyId) -> dict[str, tuple[Scope, recording_lists.Query]]:
    ours = Scope(agency)
    return {
        "pool": (ours, recording_lists.Query(linked=False)),
        "quarantined": (ours, recording_lists.Query(state="quarantined")),
        "received": (ours, recording_lists.Query(state="received")),
        "mismatched": (EVERYTHING, recording_lists.Query(state="mismatched")),
        "flag": (EVERYTHING, recording_lists.Query(flag="truncated")),
        "device": (ours, recording_lists.Query(device="D3")),
        "officer": (Scope(agency, officer="O3"), recording_lists.Query()),
        "newest": (EVERYTHING, recording_lists.Query()),
    }


async def _first_page(scope: Scope, query: recording_lists.Query, connection: Connection) -> object:
    return await recording_lists.search(connection, scope, query, None, 51)


async def test_every_list_of_footage_reads_an_index_and_few_rows(bureau: Bureau) -> None:
    dear = {}
    for name, (scope, query) in _searches(bureau.ours).items():
        (plan,) = await plans_of(bureau.deps.database, partial(_first_page, scope, query))
        cost = plan[0]["Plan"]["Total Cost"]
        # Reading all of it costs several thousand.
        if cost > 600 or whole_reads(plan):
            dear[name] = (cost, whole_reads(plan))
    assert dear == {}


async def test_of_what_came_later_only_that_of_the_term_is_read(bureau: Bureau) -> None:
    today = bureau.clock.now().astimezone(CHINA).date()
    async with bureau.deps.database.acquire() as connection:
        await connection.execute("UPDATE recording SET started_at = received_at - interval '1 day'")
        await connection.execute("ANALYZE recording")
    first, until = today - timedelta(days=30), today - timedelta(days=2)
    due = [MarkingDue(one, one, first, until, until) for one in (bureau.ours, bureau.theirs)]

    async def ask(connection: Connection) -> None:
        await unmarked.by_way(connection, EVERYTHING, due)
        await unmarked.by_officer(connection, EVERYTHING, due)

    for plan in await plans_of(bureau.deps.database, ask):
        (condition,) = (
            str(node.get("Index Cond"))
            for node in nodes(plan)
            if node.get("Index Name") == "recording_came_later"
        )
        # Of days that PostgreSQL knows when it plans: of unknown ones it takes a third of all.
        assert "received_at >= '" in condition


_HAPPENED = """
INSERT INTO case_event (id, source_id, key, case_id, agency_id, revision, kind, began_at, ended_at,
    officers, received_at, changed_at)
SELECT gen_random_uuid(), s.id, 'E' || n, c.id, c.agency_id, 1, 'seizure', at, at, '[]', at, at
FROM feed_source s, case_file c, generate_series(1, 2000) AS n,
    LATERAL (SELECT $1::timestamptz - n * interval '1 min') t (at)
"""
_WORN = """
WITH devices AS (INSERT INTO device (id, agency_id, number)
    SELECT gen_random_uuid(), $1, 'D' || n FROM generate_series(0, 249) n RETURNING id)
INSERT INTO device_handover (id, device_id, officer, at, noted_by)
SELECT gen_random_uuid(), id, 'A', $2::timestamptz - n * interval '1 hour', 'x'
FROM devices, generate_series(1, 100) n
"""


async def test_footage_that_news_concern_is_found_without_reading_all_of_it(
    bureau: Bureau,
) -> None:
    """Events that came, lines of hand-over logs, certificates, rosters; 500 events at a time."""
    now, (first, last) = bureau.clock.now(), (bureau.clock.now() - timedelta(hours=9),) * 2
    await a_source(bureau)
    async with bureau.deps.database.acquire() as connection:
        await connection.execute(_HAPPENED, now)
        await connection.execute(_WORN, bureau.ours, now)
        # Much belongs to no case, so that each event is thought to concern a lot of it.
        await connection.execute("UPDATE recording SET links = 0 WHERE length_bytes % 3 = 0")
        await connection.execute("ANALYZE")
        device = await connection.fetchval("SELECT id FROM device WHERE number = 'D7'")

    async def news(connection: Connection) -> None:
        await attribution.send_to_look(connection, now, 500)
        await attribution.log_changed(connection, {device: (first, last)})
        await attribution.look_again(connection, ["O1", "O2"], first, last)
        await coverage_due.touch_officers(connection, ["O1", "O2"])

    plans = await plans_of(bureau.deps.database, news)
    assert [whole_reads(plan) for plan in plans] == [[]] * len(plans)
    assert len(plans) >= 5


async def test_lookups_about_one_subject_never_read_a_whole_table(bureau: Bureau) -> None:
    recording = RecordingId(new_uuid())
    scope = Scope(bureau.ours)

    async def lookups(connection: Connection) -> None:
        await case_links.of_recording(connection, recording, scope, ended=True)
        await case_links.of_recording(connection, recording, scope, ended=False)
        await task_runs.unfinished(connection, scope, 200)
        await task_runs.unfinished(connection, EVERYTHING, 200)
        await task_runs.of_subject(connection, "recording", recording)
        await recordings.upload_of(connection, recording)
        await custody_events.of_subject(
            connection, SubjectKind.RECORDING, recording, after=0, limit=50
        )

    plans = await plans_of(bureau.deps.database, lookups)
    assert len(plans) == 7
    assert [whole_reads(plan) for plan in plans] == [[]] * 7


async def test_figures_of_the_installation_never_read_a_whole_table(bureau: Bureau) -> None:
    now = bureau.clock.now()

    async def figures_of_long_tables(connection: Connection) -> None:
        await figures.uploads_open(connection)
        # There is no row where statements are only explained.
        with contextlib.suppress(ValueError):
            await figures.queue(connection, "io", now)
        await figures.failed_runs(connection)
        await figures.oldest_unsealed(connection)
        await figures.quarantined(connection)
        await figures.unlinked(connection)

    plans = await plans_of(bureau.deps.database, figures_of_long_tables)
    assert len(plans) == 6
    assert [whole_reads(plan) for plan in plans] == [[]] * 6
    assert max(plan[0]["Plan"]["Total Cost"] for plan in plans) < 600


async def test_what_the_clock_does_for_originals_never_reads_a_whole_table(
    bureau: Bureau,
) -> None:
    now = bureau.clock.now()

    async def look(connection: Connection) -> None:
        await fixity.failing(connection, now, now)
        await fixity.oldest(connection, now, now)
        await fixity.from_the_future(connection, now, now)
        await fixity.oldest_look(connection)
        await fixity.count_failing(connection, 100)
        # There is no row where statements are only explained.
        with contextlib.suppress(ValueError):
            await fixity.untold(connection, 1000)
        await fixity.tell(connection, 10)
        await task_runs.some_due(connection, WorkQueue.IO, now)
        await original_objects.with_lock_before(connection, now, None, 100)
        await original_objects.with_lock_before(connection, now, (now, "k"), 100)

    plans = await plans_of(bureau.deps.database, look)
    assert len(plans) == 10
    assert "fixity_failed" in str(plans[0])
    assert [whole_reads(plan) for plan in plans] == [[]] * 10


async def test_the_service_may_not_write_the_list_of_migrations(
    database_url: str, tmp_path: Path
) -> None:
    async with open_bureau(database_url, tmp_path) as bureau:
        rights = [
            await bureau.value("SELECT has_table_privilege('recorder_service', $1, $2)", *each)
            for each in [
                ("schema_migration", "INSERT"),
                ("schema_migration", "UPDATE"),
                ("custody_event", "UPDATE"),
                ("custody_event", "DELETE"),
                ("recording", "DELETE"),
            ]
        ]
    assert rights == [False] * 5
