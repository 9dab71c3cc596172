"""A city of scenes, findings and footage days, made by the database itself, for the dashboard.

Scenes are facts as an evaluation writes them; their figures come from the same view that the
product adds up. Footage is made as days of devices: recordings one by one would say no more.
"""

from __future__ import annotations

import asyncpg

from recorder.simulation import names
from recorder.store.connection import Connection, Row
from recorder.store.coverage import days

#: Of a city at scale 1 in a year (docs/design/city.md).
AGENCIES, OFFICERS, CASES = 407, 16_246, 5_405_000
LAST_DAY = "2026-03-01"
_CITY = (
    # $1: names of districts; $2: name of the city.
    "CREATE TABLE made_place AS SELECT uuidv7() AS id, 'C' AS code, $2::text AS name,"
    " 'city' AS kind, NULL::text AS above, 1.0 AS heat, 0 AS n"
    " UNION ALL SELECT uuidv7(), 'D' || n, $2 || name, 'district', 'C', 1.0, n::int"
    " FROM unnest($1::text[]) WITH ORDINALITY AS d (name, n)"
    " UNION ALL SELECT uuidv7(), 'A' || lpad(a.n::text, 4, '0'), $2 || d.name"
    " || (ARRAY['市场监管', '城管执法', '生态环境', '交通运输', '应急管理', '卫生健康', '文化市场',"
    " '规划土地', '住房建设', '水务'])[a.n / 10 % 10 + 1]"
    " || CASE WHEN a.n > 99 THEN a.n / 100 + 1 || '所'"
    " ELSE '局' END, 'bureau', 'D' || d.n,"
    " CASE WHEN a.n % 7 = 0 THEN 3.5 WHEN a.n % 4 = 1 THEN 1.6 ELSE 0.4 + a.n % 3 * 0.2 END, a.n"
    " FROM generate_series(0, :agencies - 1) a (n)"
    " JOIN unnest($1::text[]) WITH ORDINALITY AS d (name, n)"
    " ON d.n = a.n % cardinality($1::text[]) + 1"
)
_PLACES = (
    "INSERT INTO agency (id, code, name) SELECT id, code, name FROM made_place",
    "INSERT INTO organisation (id, agency_id, name, kind, parent_id, valid_from, valid_to,"
    " noted_at) SELECT uuidv7(), p.id, p.name, p.kind, a.id, '2010-01-01', 'infinity', now()"
    " FROM made_place p LEFT JOIN made_place a ON a.code = p.above",
)
_PEOPLE = (
    "CREATE TABLE made_officer AS SELECT o AS n, 'P' || lpad(o::text, 6, '0') AS number,"
    " 'K' || lpad(o::text, 6, '0') AS device, p.id AS agency_id, p.heat, p.n AS agency_n"
    " FROM generate_series(0, :officers - 1) o JOIN made_place p ON p.kind = 'bureau'"
    " AND p.n = o % (SELECT count(*) FROM made_place WHERE kind = 'bureau')::int",
    "CREATE TABLE made_day AS SELECT d::date AS day FROM generate_series(:last - 450,"
    " :last, interval '1 day') d WHERE extract(isodow FROM d) < 6",
)
_REGISTERS = (
    "INSERT INTO officer (id, number, agency_id, name, valid_from, valid_to, noted_at)"
    " SELECT uuidv7(), number, agency_id, (ARRAY['王', '李', '张', '刘', '陈', '杨', '黄', '赵',"
    " '周', '吴'])[n % 10 + 1] || (ARRAY['一', '二', '三', '四', '五', '六', '七', '八',"
    " '九'])[n / 10 % 9 + 1] || '某', '2015-01-01', 'infinity', now() FROM made_officer",
    "INSERT INTO device (id, agency_id, number) SELECT uuidv7(), agency_id, device"
    " FROM made_officer",
    "INSERT INTO device_day SELECT o.agency_id, o.device, d.day, o.number, 4,"
    " (40 + (o.n * 31 + (d.day - '2020-01-01')) % 80) * 60000::bigint,"
    " CASE WHEN (o.n + (d.day - '2020-01-01')) % 9 < o.heat THEN 1 ELSE 0 END,"
    " CASE WHEN (o.n + (d.day - '2020-01-01')) % 9 < o.heat THEN 900000 ELSE 0 END"
    " FROM made_officer o CROSS JOIN made_day d WHERE o.n % 23 <> 0"
    " AND (o.n * 7 + (d.day - '2020-01-01') * 3) % 10 > o.heat",
    "INSERT INTO footage_day SELECT agency_id, day, sum(recordings), sum(footage_ms),"
    " sum(unlinked), sum(unlinked_ms) FROM device_day GROUP BY agency_id, day",
    "INSERT INTO device_month SELECT agency_id, date_trunc('month', day::timestamp)::date, device,"
    " bit_or(1 << (extract(day FROM day)::int - 1)) FROM device_day WHERE recordings > 0"
    " GROUP BY 1, 2, 3",
)
#: Each is one scene of two officers of an agency.
_SCENES = (
    "CREATE TABLE made_scene AS SELECT uuidv7() AS case_id, c.n, o.agency_id, o.number AS one,"
    " coalesce(m.number, o.number) AS two, o.heat, d.day,"
    " d.day::timestamp AT TIME ZONE interval '8 hours' + interval '9 hours'"
    " + c.n % 480 * interval '1 minute' AS began_at, (20 + c.n % 5 * 10) * 60000 AS expected_ms,"
    " hashint8(c.n) & 1023 AS luck FROM generate_series(1, :cases) c (n)"
    " JOIN made_officer o ON o.n = (c.n::bigint * 7919 % (SELECT count(*) FROM made_officer))"
    " LEFT JOIN made_officer m ON m.n = o.n + (SELECT count(*) FROM made_place"
    "  WHERE kind = 'bureau')"
    " JOIN (SELECT row_number() OVER (ORDER BY day) - 1 AS n, day FROM made_day) d"
    " ON d.n = c.n % (SELECT count(*) FROM made_day)",
    "INSERT INTO case_file (id, agency_id, state, title) SELECT case_id, agency_id, 'confirmed',"
    " '案件' FROM made_scene",
    "INSERT INTO case_identifier (id, case_id, agency_id, scheme, raw, norm, key, grams)"
    " SELECT uuidv7(), case_id, agency_id, 'case', t, t, t, '{}' FROM made_scene,"
    " LATERAL (SELECT '执法〔' || extract(year FROM day) || '〕' || n || '号' AS t) x",
    "INSERT INTO coverage_scene (case_id, key, agency_id, day, kind, act_type, stage, officers,"
    " state, level, began_at, ended_at, expected_ms, covered_ms, holes, recordings, due_at,"
    " provisional, confidence, late, late_ms, counted)"
    " SELECT case_id, 'visit', agency_id, day,"
    " (ARRAY['onsite_inspection', 'evidence_taking', 'seizure', 'service_in_person', 'hearing'])"
    "[sort], (ARRAY['inspection', 'penalty', 'penalty', 'penalty', 'coercion'])[sort],"
    " (ARRAY['investigation', 'investigation', 'enforcement', 'service', 'review'])[sort],"
    " ARRAY[one, two], state, 'required', began_at, began_at + expected_ms * interval '1 ms',"
    " expected_ms, CASE state WHEN 'recorded' THEN expected_ms WHEN 'holes'"
    " THEN expected_ms - 300000 ELSE 0 END,"
    " CASE state WHEN 'holes' THEN jsonb_build_array(jsonb_build_object("
    "'began_at', to_char((began_at + interval '7 min') AT TIME ZONE 'UTC',"
    ' \'YYYY-MM-DD"T"HH24:MI:SS.000"Z"\'),'
    " 'ended_at', to_char((began_at + interval '12 min') AT TIME ZONE 'UTC',"
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.000\"Z\"'), 'place', 'middle', 'reason',"
    " CASE WHEN luck % 3 = 0 THEN 'battery' END)) ELSE '[]' END,"
    " CASE WHEN state IN ('recorded', 'holes') THEN ARRAY[case_id] ELSE ARRAY[]::uuid[] END,"
    " began_at + interval '1 day', false, 'certain',"
    " is_late::int, CASE WHEN is_late THEN ARRAY[(1 + luck % 97) * 3600000::bigint] ELSE '{}' END,"
    " true FROM (SELECT *, state IN ('recorded', 'holes') AND luck % 37 < heat AS is_late FROM"
    "  (SELECT *, (luck >> 3) % 5 + 1 AS sort,"
    "  CASE WHEN day > :last - 2 AND luck % 3 = 0 THEN 'awaited'"
    "  WHEN luck < 20 * heat THEN 'unrecorded' WHEN luck < 55 * heat THEN 'holes'"
    "  ELSE 'recorded' END AS state FROM made_scene) s) s",
    # Findings themselves are needed for what is overdue only.
    "INSERT INTO finding (id, identity, case_id, agency_id, kind, severity, confidence, rule,"
    " scene, about, began_at, recordings, officers, facts, day, state, raised_at, changed_at,"
    " answer_by) SELECT uuidv7(), case_id, case_id, agency_id, 'voice_statement_missing',"
    " 'notice', 'certain', 'r', 'visit', '', began_at, '{}', ARRAY[one, two], '{}', day, 'open',"
    " began_at, began_at, began_at + interval '5 days' FROM made_scene WHERE luck % 20 = 0",
)
_FIGURES = (
    "INSERT INTO scene_day SELECT agency_id, day, kind, act_type, stage, sum(scenes), sum(must),"
    " sum(recorded), sum(holes), sum(unrecorded), sum(awaited), sum(gaps), sum(explained),"
    " sum(recordings), sum(late), sum(expected_ms), sum(covered_ms), sum(missing_ms)"
    " FROM counted_scene GROUP BY agency_id, day, kind, act_type, stage",
    "INSERT INTO officer_day SELECT agency_id, day, o.officer, sum(scenes), sum(must),"
    " sum(recorded), sum(holes), sum(unrecorded), sum(awaited), sum(gaps), sum(explained),"
    " sum(recordings), sum(late), sum(expected_ms), sum(covered_ms), sum(missing_ms)"
    " FROM counted_scene s, LATERAL (SELECT DISTINCT unnest(s.officers)) AS o (officer)"
    " GROUP BY agency_id, day, o.officer",
    "INSERT INTO late_day SELECT agency_id, day, hours, count(*) FROM counted_late"
    " GROUP BY 1, 2, 3",
    "INSERT INTO finding_day SELECT agency_id, day, f.kind, f.state, sum(f.n) FROM scene_day s,"
    " LATERAL (VALUES ('unrecorded', 'closed', unrecorded - unrecorded / 3),"
    " ('unrecorded', 'open', unrecorded / 3),"
    " ('gap_unexplained', 'closed', (gaps - explained) / 2),"
    " ('gap_unexplained', 'open', gaps - explained - (gaps - explained) / 2),"
    " ('upload_late', 'replied', late), ('voice_statement_missing', 'open', must / 20),"
    " ('too_few_officers', 'appealed', unrecorded / 9)) AS f (kind, state, n)"
    " WHERE f.n > 0 GROUP BY 1, 2, 3, 4",
    "DROP TABLE made_scene, made_day, made_officer, made_place",
)


async def fill(url: str, scale: float) -> None:
    """Make the city in an empty database, as the owner of its schema."""
    connection: asyncpg.Connection[Row] = await asyncpg.connect(url, command_timeout=36_000)
    sizes = {
        ":agencies": str(max(10, round(AGENCIES * scale))),
        ":officers": str(max(40, round(OFFICERS * scale))),
        ":cases": str(max(3_000, round(CASES * scale))),
        ":last": f"date '{LAST_DAY}'",
    }
    try:
        await connection.execute(_sized(_CITY, sizes), list(names.DISTRICTS), names.CITY)
        for statement in (*_PLACES, *_PEOPLE, *_REGISTERS, *_SCENES, *_FIGURES):
            await connection.execute(_sized(statement, sizes))
        # By the owner's connection, whose patience a whole city does not end.
        assert await days.miscounted_scenes(Connection(connection)) == 0
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _sized(statement: str, sizes: dict[str, str]) -> str:
    for name, size in sizes.items():
        statement = statement.replace(name, size)
    return statement
