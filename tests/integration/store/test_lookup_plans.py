"""Searches for cases and lists among many rows: each statement reads the index made for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from recorder.domain.ids import AgencyId, CaseId, new_uuid
from recorder.domain.people import EVERYTHING, Scope
from recorder.store import alarms, case_search, recording_lists, task_runs
from recorder.store.case_search import Wanted
from recorder.store.connection import Connection
from recorder.store.recording_lists import Query
from tests.support.bureau import Bureau, open_bureau
from tests.support.plans import nodes, plans_of, whole_reads
from tests.support.waiting import eventually

# Ten years of cases, one in twenty ours; grams as the product makes them.
_CASES = """
INSERT INTO case_file (id, agency_id, state, created_at)
SELECT uuidv7(-n * interval '9 h'), CASE WHEN n % 20 = 0 THEN $1::uuid ELSE $2 END, 'confirmed',
    now() - n * interval '9 h' FROM generate_series(1, 10000) AS n
"""
_NUMBERS = """
INSERT INTO case_identifier (id, case_id, agency_id, scheme, raw, norm, key, grams)
SELECT gen_random_uuid(), id, agency_id, 'case', key, key, key, ARRAY(
    SELECT DISTINCT substr(key, i, l) FROM generate_series(1, length(key)) i,
        (VALUES (2), (3)) AS v (l) WHERE i + l <= length(key) + 1)
FROM (SELECT *, '深市监罚〔' || extract(year FROM created_at) || '〕' || row_number() OVER ()
    AS key FROM case_file) c
"""
_FOOTAGE = """
INSERT INTO recording (id, agency_id, integrity, admission, length_bytes, source, arrival_sha256,
    original_name, received_at, started_at, links, created_at, officer)
SELECT gen_random_uuid(), CASE WHEN n % 20 = 0 THEN $1::uuid ELSE $2 END, 'received',
    CASE WHEN n % 500 = 7 THEN 'quarantined' ELSE 'admitted' END, n, 'x',
    sha256(n::text::bytea), n || '.mp4', at, at, 1, at, 'O' || n % 200
FROM generate_series(1, 10000) AS n, LATERAL (SELECT now() - n * interval '9 h') t (at)
"""
_ALARMS = """
INSERT INTO alarm (id, code, severity, about_kind, about_id, agency_id, detail, raised_at, seen_at,
    cleared_at)
SELECT id, 'task_failed', 'warning', 'recording', id::text, agency_id, '', created_at, created_at,
    CASE WHEN length_bytes % 500 <> 7 THEN now() END FROM recording
"""
_RUNS = """
INSERT INTO task_run (id, task, queue, priority, subject_kind, subject_id, agency_id, state,
    finished_at)
SELECT id, 'verify', 'io', 0, 'recording', id, agency_id,
    CASE WHEN length_bytes % 50 = 7 THEN 'failed' ELSE 'done' END, created_at FROM recording
"""
_VISIBLE = """
SELECT bool_and(relallvisible >= relpages) FROM pg_class
WHERE relname IN ('case_file', 'case_identifier', 'recording', 'alarm', 'task_run')
"""


@pytest.fixture
async def bureau(
    database_url: str, owner_database_url: str, tmp_path: Path
) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        owner = await asyncpg.connect(owner_database_url)
        try:
            for sql in (_CASES, _FOOTAGE):
                await owner.execute(sql, opened.ours, opened.theirs)
            for sql in (_NUMBERS, _ALARMS, _RUNS):
                await owner.execute(sql)

            async def all_is_visible() -> bool:
                await owner.execute("VACUUM (ANALYZE)")
                return bool(await owner.fetchval(_VISIBLE))

            # A page that something else looks at just then is passed over, and plans change.
            visible: bool = await eventually(
                all_is_visible, within=30, what="pages that are all visible"
            )
            assert visible
        finally:
            await owner.close()
        yield opened


async def used(bureau: Bureau, run: Callable[[Connection], Awaitable[object]]) -> list[set[str]]:
    """For each statement its indexes, and whatever is read whole or sorted."""
    return [_used(plan) for plan in await plans_of(bureau.deps.database, run)]


def _used(plan: Any) -> set[str]:
    found = {str(node["Index Name"]) for node in nodes(plan) if "Index Name" in node}
    return found | set(whole_reads(plan))


def sorts(plan: Any) -> list[str]:
    return [node["Node Type"] for node in nodes(plan) if "Sort" in node["Node Type"]]


@pytest.mark.parametrize(("agency", "index"), [(False, "newest"), (True, "agency")])
async def test_walks_through_numbers_read_one_index_and_nothing_else(
    bureau: Bureau, agency: bool, index: str
) -> None:
    scope = Scope(bureau.ours) if agency else EVERYTHING
    upto = CaseId(new_uuid(bureau.clock.now() - timedelta(days=900)))

    async def walks(connection: Connection) -> None:
        for beginning in (False, True):
            wanted = Wanted("市监", scope, beginning)
            await case_search.walk(connection, wanted, None, 300, 51)
            await case_search.walk(connection, wanted, upto, 300, 51)
            await case_search.probe(connection, wanted, [upto], 30)
        await case_search.after_walk(connection, scope, upto, 300)
        await case_search.oldest(connection, scope)

    plans = await plans_of(bureau.deps.database, walks)
    assert [_used(plan) for plan in plans] == [{f"case_identifier_{index}"}] * 8
    read = [node["Node Type"] for node in nodes(plans) if "Index Name" in node]
    assert read == ["Index Only Scan"] * 8
    # Sorting would need all numbers before the first; the marks' few hits may be sorted.
    assert [sorts(plan) for plan in (*plans[:2], *plans[3:5], *plans[6:])] == [[]] * 6


async def test_of_some_agencies_no_number_of_others_is_passed_over(bureau: Bureau) -> None:
    """Their indexes are merged newest case first, and read no further than the walk goes."""
    scope = Scope(bureau.ours, below=(AgencyId(new_uuid()),))
    upto = CaseId(new_uuid(bureau.clock.now() - timedelta(days=900)))

    async def walks(connection: Connection) -> None:
        wanted = Wanted("市监", scope)
        await case_search.walk(connection, wanted, None, 30, 51)
        await case_search.walk(connection, wanted, upto, 30, 51)
        await case_search.after_walk(connection, scope, upto, 30)
        await case_search.oldest(connection, scope)
        await case_search.probe(connection, wanted, [upto], 30)

    plans = await plans_of(bureau.deps.database, walks)
    assert [_used(plan) for plan in plans] == [{"case_identifier_agency"}] * 5
    read = [node["Node Type"] for node in nodes(plans) if "Index Name" in node]
    assert read == ["Index Only Scan"] * 10
    assert [sorts(plan) for plan in plans] == [[]] * 5


async def test_rare_pieces_are_found_by_grams_and_beginnings_by_keys(bureau: Bureau) -> None:
    async def look(connection: Connection) -> None:
        for scope in (EVERYTHING, Scope(bureau.ours)):
            wanted = Wanted("〕4711", scope)
            await case_search.by_grams(connection, wanted, ["471", "711", "〕47"], None, 51)
            await case_search.by_beginning(
                connection, Wanted("深市监罚〔2021〕12", scope), None, 51
            )

    grams, key, own_grams, own_key = await used(bureau, look)
    assert (grams, own_grams) == ({"case_identifier_grams"}, {"case_identifier_grams"})
    assert key == {"case_identifier_beginning"}
    assert own_key <= {"case_identifier_beginning", "case_identifier_agency_id_key_scheme_key"}


@pytest.mark.parametrize("agency", [False, True])
async def test_spans_of_time_are_read_in_the_order_of_the_list(
    bureau: Bureau, agency: bool
) -> None:
    scope = Scope(bureau.ours) if agency else EVERYTHING
    now = bureau.clock.now()
    index = "recording_agency_time" if agency else "recording_time"
    for query in (
        Query(from_=now - timedelta(days=2000), to=now - timedelta(days=900)),
        Query(to=now - timedelta(days=900)),
        Query(from_=now - timedelta(days=2000)),
    ):
        for before in (None, (now - timedelta(days=950), new_uuid())):
            look = partial(
                recording_lists.search, scope=scope, query=query, before=before, limit=51
            )
            (plan,) = await plans_of(bureau.deps.database, look)
            assert index in _used(plan)
            assert (sorts(plan), whole_reads(plan)) == ([], [])


async def test_names_open_alarms_failed_work_and_quarantine_have_their_indexes(
    bureau: Bureau,
) -> None:
    async def look(connection: Connection) -> None:
        await recording_lists.names_begin(connection, EVERYTHING, "4711")
        await recording_lists.search_beginning(connection, EVERYTHING, Query(q="4711"), None, 51)
        for first in (True, False):
            await alarms.listed(
                connection, EVERYTHING, urgent=first, open_only=True, before=None, limit=51
            )
        await task_runs.failed(connection, EVERYTHING, None, 51)
        await recording_lists.search(connection, EVERYTHING, Query(state="quarantined"), None, 51)

        await recording_lists.search(connection, EVERYTHING, Query(officer="O3"), None, 51)
        await recording_lists.search(
            connection, Scope(bureau.ours, officer="O3"), Query(), None, 51
        )

    begin, named, urgent, others, failed, quarantined, *officers = await used(bureau, look)
    assert begin == {"recording_name"}
    assert "recording_name" in named
    assert urgent == others == {"alarm_open_newest"}
    assert failed == {"task_run_failed_newest"}
    assert "recording_quarantined_newest" in quarantined
    assert ["recording_officer_newest" in one for one in officers] == [True, True]
