"""Findings of a city are narrowed by an index, whatever by; officers are named by theirs."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

import asyncpg

from recorder.domain.finding import FindingKind, FindingState
from recorder.domain.ids import AgencyId
from recorder.domain.organisation_tree import Holding
from recorder.domain.people import EVERYTHING, Scope
from recorder.store.connection import Connection
from recorder.store.coverage import findings, lines
from recorder.store.coverage.findings import Wanted
from tests.support.bureau import Bureau, open_bureau
from tests.support.plans import nodes, plans_of

_AGENCIES = """
INSERT INTO agency (id, code, name, created_at)
SELECT gen_random_uuid(), 'N' || n, 'N' || n, now() FROM generate_series(1, 100) n
"""
_FINDINGS = """
WITH c AS (INSERT INTO case_file (id, agency_id, state) VALUES (gen_random_uuid(), $1, 'confirmed')
    RETURNING id)
INSERT INTO finding (id, identity, case_id, agency_id, kind, severity, confidence, rule, about,
    began_at, recordings, officers, facts, day, state, raised_at, changed_at, owner)
SELECT gen_random_uuid(), gen_random_uuid(), c.id, a.id,
    CASE WHEN n % 3 = 0 THEN 'unrecorded' ELSE 'upload_late' END, 'major', 'certain', 'r', '',
    now(), '{}', ARRAY['O' || n % 3000, 'P' || n % 2500], '{}',
    date '2026-03-01' - n % 700,
    CASE WHEN n % 5 = 0 THEN 'open' ELSE 'closed' END, now() - n * interval '1 minute', now(),
    CASE WHEN n % 5000 = 0 THEN 'W' END
FROM generate_series(1, 30000) n JOIN agency a ON a.code = 'N' || (1 + n % 100), c
"""
_OFFICERS = """
INSERT INTO officer (id, number, agency_id, name, valid_from, valid_to, noted_at)
SELECT gen_random_uuid(), 'A' || n, $1, 'N' || n, '2020-01-01', '2030-01-01', now()
FROM generate_series(1, 5000) n
"""
NARROWED = {
    "officer": Wanted(officer="O17"),
    "officer, some days": Wanted(officer="O17", first=date(2026, 1, 1), last=date(2026, 1, 7)),
    "whose answer": Wanted(state=FindingState.OPEN, owner="W"),
    "nobody's answer": Wanted(state=FindingState.OPEN, owner="nobody"),
    "some days": Wanted(first=date(2025, 1, 1), last=date(2025, 1, 7), kind=FindingKind.UNRECORDED),
    "days to come": Wanted(first=date(2030, 1, 1)),
}


async def _first_page(scope: Scope, wanted: Wanted, connection: Connection) -> object:
    return await findings.listed(connection, scope, wanted, None, 101)


async def _ways(bureau: Bureau, scope: Scope, wanted: Wanted) -> set[str]:
    """By which of its indexes PostgreSQL would go through findings; or that it reads them all."""
    (plan,) = await plans_of(bureau.deps.database, partial(_first_page, scope, wanted))
    named = {str(node.get("Index Name", "")) for node in nodes(plan)}
    whole = {
        str(node["Node Type"])
        for node in nodes(plan)
        if node.get("Relation Name") == "finding" and node["Node Type"] == "Seq Scan"
    }
    return {name for name in named if name.startswith("finding_")} | whole


async def test_names_of_a_citys_officers_are_found_by_their_numbers(
    database_url: str, owner_database_url: str, tmp_path: Path
) -> None:
    async with open_bureau(database_url, tmp_path) as bureau:
        owner = await asyncpg.connect(owner_database_url)
        await owner.execute(_OFFICERS, bureau.ours)
        await owner.execute("ANALYZE officer")
        await owner.close()
        days = date(2026, 1, 1), date(2026, 1, 7)
        held = [Holding(bureau.ours, bureau.ours, *days)]
        (plan,) = await plans_of(
            bureau.deps.database, lambda reader: lines.officers(reader, EVERYTHING, held, 300)
        )
    reads = [node for node in nodes(plan) if node.get("Relation Name") == "officer"]
    assert [node["Node Type"] for node in reads] == ["Index Scan"]


async def test_findings_of_a_city_are_never_all_read(
    database_url: str, owner_database_url: str, tmp_path: Path
) -> None:
    async with open_bureau(database_url, tmp_path) as bureau:
        async with bureau.deps.database.acquire() as connection:
            await connection.execute(_AGENCIES)
            await connection.execute(_FINDINGS, bureau.ours)
            one = await connection.fetchval("SELECT id FROM agency WHERE code = 'N7'")
        owner = await asyncpg.connect(owner_database_url)
        # Entries that wait to be put into the index of officers would be read one by one.
        await owner.execute("VACUUM ANALYZE finding")
        await owner.close()
        narrowed = {name: (EVERYTHING, wanted) for name, wanted in NARROWED.items()}
        within = (AgencyId(one),)
        narrowed["an organisation"] = (EVERYTHING, Wanted(agency="N7", within=within))
        narrowed["the own ones"] = (Scope(AgencyId(one), officer="O6"), Wanted())
        told = {name: await _ways(bureau, *asked) for name, asked in narrowed.items()}
    # From the newest on, one would pass over most of a million to find the few.
    dear = {"finding_newest", "Seq Scan"}
    assert {name: ways for name, ways in told.items() if not ways or ways & dear} == {}
