"""Very many cases with events and footage, made by the database itself in a few statements."""

from __future__ import annotations

import asyncpg

from recorder.store.connection import Row

#: Of every hundred cases: how many have no footage, and how many a gap.
UNRECORDED, GAPPED = 5, 10

#: $1: cases; $2: agency. A minute between two cases of a team of two officers.
_STATEMENTS = (
    "INSERT INTO token (id, secret_hash, agency_id, name, role)"
    " SELECT uuidv7(), sha256('feed'), $1, 'feed', 'source'",
    "INSERT INTO feed_source (id, agency_id, name, token_id, rows_per_minute, created_at)"
    " SELECT uuidv7(), $1, 'bench', id, 1000, now() FROM token WHERE name = 'feed'",
    "CREATE TABLE made AS SELECT n, uuidv7() AS case_id, uuidv7() AS one, uuidv7() AS two,"
    " timestamptz '2026-03-02 01:00+00' + n / 500 * interval '1 day' + n % 7 * interval '1 hour'"
    " AS at, n % 500 AS team FROM generate_series(1, $1::int) n",
    "INSERT INTO case_file (id, agency_id, state, title)"
    " SELECT case_id, $1, 'confirmed', 'bench' FROM made",
    "INSERT INTO case_identifier (id, case_id, agency_id, scheme, raw, norm, key, grams)"
    " SELECT uuidv7(), case_id, $1, 'case', n::text, n::text, n::text, '{}' FROM made",
    "INSERT INTO case_event (id, source_id, key, case_id, agency_id, revision, kind, act_type,"
    " stage, began_at, ended_at, officers, latitude, longitude, matter, received_at, changed_at)"
    " SELECT uuidv7(), s.id, 'e' || n, case_id, $1, 1,"
    " CASE n % 4 WHEN 0 THEN 'seizure' ELSE 'onsite_inspection' END, 'inspection',"
    " 'investigation', m.at, m.at + interval '40 minutes', jsonb_build_array("
    "jsonb_build_object('number', 'A' || team), jsonb_build_object('number', 'B' || team)),"
    " 22.5 + team * 0.0001, 114.0, 'M' || n % 4, m.at, m.at FROM made m, feed_source s",
    "INSERT INTO case_document (id, source_id, key, case_id, agency_id, revision, document,"
    " event, occurred_at, began_at, ended_at, received_at, changed_at)"
    " SELECT uuidv7(), s.id, 'd' || n, case_id, $1, 1, 'record', 'e' || n, m.at, m.at,"
    " m.at + interval '40 minutes', m.at, m.at FROM made m, feed_source s",
    "INSERT INTO recording (id, agency_id, device_number, officer, integrity, admission,"
    " length_bytes, source, arrival_sha256, original_name, received_at, started_at, ended_at,"
    " clock_offset_ms, latitude, longitude, links)"
    " SELECT r.id, $1, 'D' || team, 'A' || team, 'received', 'admitted', 1000, 'bench',"
    " sha256(r.id::text::bytea), 'clip.mp4', m.at + interval '3 hours', m.at + r.begins,"
    " m.at + r.ends, 0, 22.5 + team * 0.0001, 114.0, 1 FROM made m,"
    " LATERAL (VALUES (one, interval '-1 minute', interval '20 minutes'),"
    " (two, CASE WHEN n % 100 < $2 THEN interval '25 minutes' ELSE interval '20 minutes' END,"
    " interval '41 minutes')) AS r (id, begins, ends) WHERE n % 100 >= $3",
    "INSERT INTO case_link (id, recording_id, case_id, origin, linked_at, linked_by)"
    " SELECT uuidv7(), r.id, m.case_id, 'upload', m.at, 'bench' FROM made m"
    " JOIN recording r ON r.id IN (m.one, m.two)",
    "INSERT INTO coverage_due (case_id, because, bulk) SELECT case_id, 'event', true FROM made",
)


async def fill(url: str, cases: int, agency: object) -> list[object]:
    """Make the cases, all of them due; gives their ids in the order of making."""
    connection: asyncpg.Connection[Row] = await asyncpg.connect(url, command_timeout=3600)
    try:
        for statement in _STATEMENTS:
            if "generate_series" in statement:
                await connection.execute(statement, cases)
            elif "$3" in statement:
                await connection.execute(statement, agency, GAPPED + UNRECORDED, UNRECORDED)
            elif "$1" in statement:
                await connection.execute(statement, agency)
            else:
                await connection.execute(statement)
        rows = await connection.fetch("SELECT case_id FROM made ORDER BY n")
        await connection.execute("VACUUM ANALYZE")
        return [row["case_id"] for row in rows]
    finally:
        await connection.close()
