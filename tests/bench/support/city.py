"""The footage of a whole city, made inside the database: statements, and the order they run in.

407 organs of very unequal size, numbers in every scheme of the requirements, ids that sort by
birth as the product's do. Everything follows from the running number, so that two loads differ in
nothing but the random bits of ids.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

ORGANS = 407
FIRST_DAY = "2020-01-01"

_DISTRICTS = ("", "福", "罗", "南", "盐", "宝", "龙", "龙华", "坪", "光", "鹏", "汕")
_BUREAUS = (
    "市监", "交", "城管", "环", "应急", "卫", "文", "水", "规划资源", "住建", "人社", "消", "公",
    "税", "烟", "农", "气象", "民", "教", "医保",
)  # fmt: skip
_STREETS = ("园岭", "南园", "华强北", "沙头", "梅林", "香蜜湖", "莲花", "桂园", "东门", "翠竹",
            "粤海", "招商", "西丽", "沙河", "新安", "西乡", "福永", "沙井")  # fmt: skip


def abbreviations() -> list[str]:
    """What stands at the head of each organ's numbers, the largest organ first."""
    bureaus = (f"深{district}{bureau}" for bureau in _BUREAUS for district in _DISTRICTS)
    streets = (f"深{district}{street}街道" for district in _DISTRICTS[1:] for street in _STREETS)
    return list(itertools.islice(itertools.chain(bureaus, streets), ORGANS))


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to be."""

    cases: int = 5_400_000
    recordings: int = 10_000_000

    @property
    def unlinked(self) -> int:
        """Footage without a case: what the cases' own footage leaves of the number."""
        return max(0, self.recordings - int(self.cases * 1.8))


#: u(n, seed): a fixed number in [0, 1) for each n.
FUNCTIONS = """
CREATE SCHEMA bench;
CREATE FUNCTION bench.u(n bigint, seed bigint) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (hashint8extended(n, seed) & 1048575) / 1048576.0;
CREATE FUNCTION bench.devices(rank int) RETURNS int LANGUAGE sql IMMUTABLE
    RETURN 40 + 1500 / (rank + 2);
CREATE TABLE bench.done (what text, start bigint, PRIMARY KEY (what, start));
CREATE TABLE bench.again (id int GENERATED ALWAYS AS IDENTITY, of text, sql text);
CREATE TABLE bench.organ (rank int PRIMARY KEY, id uuid NOT NULL, abbr text NOT NULL);
"""

#: $1: the abbreviations.
ORGANS_OF_THE_CITY = """
WITH made AS (INSERT INTO bench.organ SELECT n, uuidv7(now() - clock_timestamp()), abbr
    FROM unnest($1::text[]) WITH ORDINALITY AS t (abbr, n) RETURNING *)
INSERT INTO agency (id, code, name) SELECT id, 'B' || lpad(rank::text, 3, '0'), abbr FROM made
"""
DEVICES = """
INSERT INTO device (id, agency_id, number)
SELECT uuidv7(now() - clock_timestamp()), id, lpad((rank * 1000 + d)::text, 7, '0')
FROM bench.organ, generate_series(0, bench.devices(rank) - 1) AS d
"""
PEOPLE = """
INSERT INTO person (id, agency_id, login, name, role, officer, password_hash)
SELECT uuidv7(now() - clock_timestamp()), id, 'p' || (rank * 1000 + d), '民警' || d, 'officer',
    lpad((rank * 1000 + d)::text, 6, '0'), ''
FROM bench.organ, generate_series(0, bench.devices(rank) / 2) AS d
"""
#: Big organs have up to 6 % of them, the smallest a few thousand.
PLAN = f"""
CREATE UNLOGGED TABLE bench.plan AS
SELECT n, rank, at, uuidv7(at - clock_timestamp()) AS id, year,
    row_number() OVER (PARTITION BY rank, year ORDER BY n) AS serial,
    CASE WHEN n % 1000 = 7 THEN 0 WHEN n = {{cases}} - 1000 THEN 2000
         WHEN bench.u(n, 4) < 0.25 THEN 0 WHEN bench.u(n, 4) < 0.55 THEN 1
         WHEN bench.u(n, 4) < 0.78 THEN 2 WHEN bench.u(n, 4) < 0.92 THEN 4 ELSE 6 END AS clips
FROM (SELECT n, rank, at, extract(year FROM at)::int - (bench.u(n, 3) < 0.05)::int AS year
    FROM (SELECT n, 1 + floor({ORGANS} * power(bench.u(n, 1), 2.2))::int AS rank,
            '{FIRST_DAY}'::timestamptz
                + (now() - interval '3 days' - '{FIRST_DAY}') * (n / {{cases}}.0) AS at
        FROM generate_series(1, {{cases}}) AS n) AS placed) AS born
ORDER BY n
"""  # noqa: S608 - constant text
#: One of a thousand was merged away and has neither numbers nor footage. $1, $2: from, to.
CASES = """
INSERT INTO case_file (id, agency_id, state, merged_into, created_at, updated_at)
SELECT p.id, o.id, CASE WHEN p.n % 1000 = 7 THEN 'merged' WHEN bench.u(p.n, 5) < 0.1
    THEN 'provisional' ELSE 'confirmed' END,
    CASE WHEN p.n % 1000 = 7 THEN (SELECT id FROM bench.plan WHERE n = p.n - 1) END, p.at, p.at
FROM bench.plan p JOIN bench.organ o USING (rank) WHERE p.n > $1 AND p.n <= $2 ORDER BY p.n
"""
#: Half of the cases have a second number, one in ten a third. Grams are those of
#: domain/case_number.py with their repeats, which index and statistics do not see.
#: $1, $2: from, to.
NUMBERS = """
INSERT INTO case_identifier (id, case_id, agency_id, scheme, raw, norm, key, grams, created_at)
SELECT uuidv7(at - clock_timestamp()), id, organ, scheme, norm, norm, key, ARRAY(
        SELECT substr(key, i, l) COLLATE "C" FROM generate_series(1, length(key) - 1) i,
            (VALUES (2), (3)) AS v (l) WHERE i + l <= length(key) + 1), at
FROM (
    SELECT p.id, o.id AS organ, s.scheme, p.at + s.later * interval '9 days' AS at,
        f.key, CASE WHEN scheme IN ('clue', 'inspection', 'archive', 'scan', 'hotline') THEN f.key
            WHEN scheme = 'court' THEN '〔' || year || '〕粤03行终' || serial || '号'
            WHEN bench.u(n, 9) < 0.1 AND serial < 1000
                THEN replace(f.key, '〕', '〕0') || '号' ELSE f.key || '号' END AS norm, n, later
    FROM bench.plan p JOIN bench.organ o USING (rank), LATERAL (
        SELECT CASE WHEN bench.u(n, 6) < 0.55 THEN 'case' WHEN bench.u(n, 6) < 0.75 THEN 'filing'
            WHEN bench.u(n, 6) < 0.85 THEN 'clue' WHEN bench.u(n, 6) < 0.92 THEN 'inspection'
            WHEN bench.u(n, 6) < 0.97 THEN 'hotline' ELSE 'scan' END AS scheme, 0 AS later
        UNION ALL SELECT CASE WHEN bench.u(n, 7) < 0.7 THEN 'decision'
            WHEN bench.u(n, 7) < 0.85 THEN 'notice' ELSE 'coercion' END, 1
            WHERE bench.u(n, 8) < 0.5
        UNION ALL SELECT CASE WHEN bench.u(n, 7) < 0.9 THEN 'archive' ELSE 'court' END, 2
            WHERE bench.u(n, 8) < 0.1) s, LATERAL (
        SELECT CASE scheme
            WHEN 'case' THEN abbr || '罚立〔' || year || '〕' || serial
            WHEN 'filing' THEN abbr || '立〔' || year || '〕' || serial
            WHEN 'clue' THEN 'XS' || to_char(p.at, 'YYYYMMDD') || lpad((n % 1000000)::text, 6, '0')
            WHEN 'inspection' THEN 'JC' || to_char(p.at, 'YYYYMMDD') || '-' || n % 100000
            WHEN 'hotline' THEN to_char(p.at, 'YYYYMMDD') || lpad((n % 1000000)::text, 6, '0')
            WHEN 'scan' THEN '4403' || to_char(p.at, 'YYMMDD') || lpad(n::text, 8, '0')
            WHEN 'decision' THEN abbr || CASE rank % 3 WHEN 0 THEN '处罚字' ELSE '罚' END
                || '〔' || year || '〕' || serial
            WHEN 'notice' THEN abbr || '罚告〔' || year || '〕' || serial
            WHEN 'coercion' THEN abbr || '强制〔' || year || '〕' || serial
            WHEN 'archive' THEN abbr || '案卷' || year || '-' || serial
            ELSE '〔' || year || '〕粤3行终' || serial END AS key) f
    WHERE p.n > $1 AND p.n <= $2 AND p.n % 1000 <> 7
) numbered ORDER BY n, later
"""
#: Footage of the cases $1 to $2 with its links. $3: media facts as the prober writes them.
FOOTAGE = """
WITH made AS MATERIALIZED (
    SELECT uuidv7(p.at - clock_timestamp()) AS recording, p.id AS case_id,
        uuidv7(p.at - clock_timestamp()) AS link,
        p.n::bigint * 4096 + j AS m, p.rank, o.id AS organ, p.at + j * interval '7 minutes' AS at,
        floor(bench.u(p.n::bigint * 4096 + j, 11) * bench.devices(rank))::int AS d
    FROM bench.plan p JOIN bench.organ o USING (rank), generate_series(1, p.clips) AS j
    WHERE p.n > $1 AND p.n <= $2 ORDER BY p.n, j
), linked AS (
    INSERT INTO case_link (id, recording_id, case_id, origin, linked_at, linked_by)
    SELECT link, recording, case_id, 'upload', at, 'device' FROM made
)
"""
#: Footage that no case has. $1, $2: from, to; $3 as above; $4: all of it.
POOL = """
WITH made AS MATERIALIZED (
    SELECT uuidv7(at - clock_timestamp()) AS recording, -n AS m, rank, o.id AS organ, at,
        floor(bench.u(-n, 11) * bench.devices(rank))::int AS d
    FROM (SELECT n, 1 + floor(407 * power(bench.u(-n, 1), 2.2))::int AS rank,
            '2020-01-01'::timestamptz
                + (now() - interval '2 days' - '2020-01-01') * (n / $4::float8) AS at
        FROM generate_series($1::bigint + 1, $2::bigint) AS n) AS born
    JOIN bench.organ o USING (rank)
)
"""
#: Ends both statements above: one received in 50,000, as many mismatched, two quarantined in 1,000.
RECORDINGS = """
INSERT INTO recording (id, agency_id, device_id, device_number, officer, integrity, admission,
    quarantine_reasons, length_bytes, source, arrival_sha256, sha256, sm3, original_name,
    received_at, started_at, started_at_source, flags, media, showable, links, created_at,
    sealed_at)
SELECT recording, organ, v.id, v.number, lpad((rank * 1000 + d / 2)::text, 6, '0'),
    CASE WHEN m % 50000 = 7 THEN 'received' WHEN m % 50000 = 8 THEN 'mismatched'
        ELSE 'sealed' END,
    CASE WHEN bench.u(m, 12) < 0.002 THEN 'quarantined' ELSE 'admitted' END,
    CASE WHEN bench.u(m, 12) < 0.002 THEN ARRAY['device_unknown'] ELSE '{}' END,
    1000000 + floor(bench.u(m, 13) * 500000000)::bigint, 'device:' || v.id,
    digest, digest, digest,
    v.number || '_' || lpad((rank * 1000 + d / 2)::text, 6, '0') || '_'
        || to_char(at - interval '2 hours', 'YYYYMMDDHH24MISS') || '.mp4',
    at, at - interval '2 hours', 'file_name',
    CASE WHEN bench.u(m, 14) < 0.01 THEN ARRAY['truncated']
        WHEN bench.u(m, 14) < 0.0101 THEN ARRAY['incomplete_upload'] ELSE '{}' END,
    $3::jsonb, 'as_is', links, at, at
FROM (SELECT *, sha256(m::text::bytea) AS digest, LINKS_NOW AS links FROM made) made
JOIN bench.device v USING (rank, d)
"""
#: Work: the newest recordings have finished runs, a few thousand failed ones, some under way.
WORK = """
INSERT INTO task_run (id, task, queue, priority, subject_kind, subject_id, agency_id, state,
    created_at, due_at, finished_at, error_code, error_detail)
SELECT uuidv7(r.created_at - clock_timestamp()), t.task, 'io', 0, 'recording', r.id, r.agency_id,
    CASE WHEN t.task = 'verify' AND k <= 600 THEN 'pending'
        WHEN t.task = 'proxy' AND k % 25 = 7 THEN 'failed' ELSE 'done' END,
    r.created_at, r.created_at, CASE WHEN k > 600 OR t.task <> 'verify' THEN r.created_at END,
    CASE WHEN t.task = 'proxy' AND k % 25 = 7 THEN 'media-unreadable' END,
    CASE WHEN t.task = 'proxy' AND k % 25 = 7 THEN 'It cannot be read.' END
FROM (SELECT id, agency_id, created_at, row_number() OVER () AS k FROM (SELECT * FROM recording
    ORDER BY created_at DESC LIMIT 500000) newest) r, (VALUES ('verify'), ('proxy')) t (task)
"""
UPLOADS = """
INSERT INTO upload (id, agency_id, opened_by, state, length_bytes, part_bytes, object_key,
    lock_until, recording_id, facts, raw_metadata, created_at, expires_at)
SELECT uuidv7(created_at - clock_timestamp()), agency_id, 'device:x',
    CASE WHEN k <= 500 THEN 'open' ELSE 'finished' END, 1000000, 8388608, id::text,
    now() + interval '60 days', id,
    jsonb_build_object('original_name', original_name, 'device_number', device_number), '',
    created_at, now() + interval '7 days'
FROM (SELECT *, row_number() OVER () AS k FROM (SELECT * FROM recording
    ORDER BY created_at DESC LIMIT 200000) newest) r
"""
#: 300 alarms are open, half of them old.
ALARMS = """
INSERT INTO alarm (id, code, severity, about_kind, about_id, agency_id, detail, raised_at, seen_at,
    cleared_at, cleared_by)
SELECT uuidv7(r.created_at - clock_timestamp()), 'task_failed', 'warning', 'recording', r.id::text,
    r.agency_id, 'It cannot be read.', r.created_at, r.created_at,
    CASE WHEN k > 150 AND k <= 199850 THEN r.created_at END,
    CASE WHEN k > 150 AND k <= 199850 THEN 'clock' END
FROM (SELECT *, row_number() OVER () AS k FROM (SELECT * FROM recording
    ORDER BY created_at DESC LIMIT 200000) newest) r
"""
EVENTS = """
INSERT INTO custody_event (id, at, name, actor_kind, actor_id, actor_name, agency_id,
    subject_kind, subject_id, facts, leaf)
SELECT uuidv7(created_at - clock_timestamp()), created_at, 'CaseOpened', 'device', 'd', 'd',
    agency_id, 'case', id,
    '{"state": "provisional", "scheme": "case", "number": "x", "key": "x", "title": null}',
    sha256(id::text::bytea) FROM (SELECT * FROM case_file ORDER BY created_at DESC LIMIT 500000) c
"""
DEVICE_MAP = """
CREATE TABLE bench.device AS SELECT o.rank, (v.number::int - o.rank * 1000) AS d, v.id, v.number
FROM device v JOIN bench.organ o ON o.id = v.agency_id
"""
