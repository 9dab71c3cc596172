"""Rows that are fetched: from another database by a query, from files in a folder; each once."""

from __future__ import annotations

import io
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from recorder.adapters import row_files, sql_source
from recorder.domain.people import OPERATOR
from recorder.errors import InvalidInput, Unavailable
from recorder.services.feeding import pulling, sources
from tests.support.feed_desk import Desk, case, event, open_desk

QUERY = """
SELECT 'event' AS kind, id AS key, version AS revision, happened_at AS occurred_at,
    'seizure' AS event, numbers AS identifiers, changed_at AS watermark
FROM visits WHERE $1 = '' OR changed_at >= $1::timestamptz ORDER BY changed_at, id
"""


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as opened:
        yield opened


@asynccontextmanager
async def other_system(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """The database of a case system."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "CREATE TABLE visits (id text PRIMARY KEY, version integer NOT NULL,"
            " happened_at timestamptz NOT NULL, numbers jsonb NOT NULL,"
            " changed_at timestamptz NOT NULL)"
        )
        yield connection
    finally:
        await connection.close()


async def visit(
    connection: asyncpg.Connection[asyncpg.Record], key: str, version: int, minute: int
) -> None:
    numbers = [{"scheme": "case", "number": "深罚〔2026〕1号"}]
    await connection.execute(
        "INSERT INTO visits VALUES ($1, $2, '2026-03-05T01:00:00Z', $3,"
        " '2026-03-05T02:00:00Z'::timestamptz + make_interval(mins => $4))"
        " ON CONFLICT (id) DO UPDATE SET version = $2, changed_at = excluded.changed_at",
        key,
        version,
        json.dumps(numbers),
        minute,
    )


async def pull(desk: Desk) -> None:
    """Let the clock come to the next pull, and do it."""
    desk.bureau.clock.forward(seconds=61)
    while await pulling.pull_due(desk.bureau.deps):
        pass


async def test_a_query_is_asked_from_where_it_ended(desk: Desk, empty_database_url: str) -> None:
    async with other_system(empty_database_url) as other:
        await visit(other, "v1", 1, 0)
        await visit(other, "v2", 1, 1)
        deps = desk.bureau.deps
        await pulling.add_sql(deps, OPERATOR, "sj", dsn=empty_database_url, query=QUERY)
        await pull(desk)
        assert [key for key, _, _ in await desk.events()] == ["v1", "v2"]
        await visit(other, "v3", 1, 2)
        await visit(other, "v1", 2, 3)
        await pull(desk)
        value = desk.bureau.value
        assert [key for key, _, _ in await desk.events()] == ["v1", "v2", "v3"]
        assert await value("SELECT revision FROM case_event WHERE key = 'v1'") == 2
        # The row at the watermark came twice, and nothing changed by it.
        assert await value("SELECT count(*) FROM feed_row") == 4
        (kept,) = await pulling.pulls_of(deps, OPERATOR, "sj")
        assert (kept.trouble, kept.watermark) == (None, "2026-03-05T02:03:00+00:00")
        assert empty_database_url.encode() not in kept.place


async def test_a_row_that_was_committed_late_is_fetched_all_the_same(
    desk: Desk, empty_database_url: str
) -> None:
    async with other_system(empty_database_url) as other:
        deps = desk.bureau.deps
        await visit(other, "v1", 1, 0)
        await pulling.add_sql(deps, OPERATOR, "sj", dsn=empty_database_url, query=QUERY)
        await pull(desk)
        await visit(other, "v5", 1, 5)
        await pull(desk)
        # Written before the row that was fetched, and committed behind it.
        await visit(other, "v3", 1, 3)
        for _ in range(11):
            await pull(desk)
        assert [key for key, _, _ in await desk.events()] == ["v1", "v3", "v5"]
        (kept,) = await pulling.pulls_of(deps, OPERATOR, "sj")
        assert (kept.watermark, kept.behind) == (("2026-03-05T02:05:00+00:00",) * 2)


async def test_a_query_can_change_nothing_over_there(desk: Desk, empty_database_url: str) -> None:
    async with other_system(empty_database_url) as other:
        await visit(other, "v1", 1, 0)
        for query in (
            "DELETE FROM visits WHERE $1 = '' RETURNING id AS watermark",
            "SELECT id FROM visits WHERE $1 = ''",
            "SELECT nothing FROM nowhere WHERE $1 = ''",
        ):
            with pytest.raises(InvalidInput) as refused:
                await pulling.add_sql(
                    desk.bureau.deps, OPERATOR, "sj", dsn=empty_database_url, query=query
                )
            assert refused.value.code == "pull-query-invalid", query
        assert await other.fetchval("SELECT count(*) FROM visits") == 1


async def test_a_database_that_is_away_is_asked_again_and_its_password_not_told(
    desk: Desk, empty_database_url: str, free_port: int
) -> None:
    deps = desk.bureau.deps
    nowhere = f"postgresql://somebody:geheim@127.0.0.1:{free_port}/x"
    with pytest.raises(Unavailable) as refused:
        await pulling.add_sql(deps, OPERATOR, "sj", dsn=nowhere, query=QUERY)
    assert (refused.value.code, "geheim" in refused.value.detail) == ("pull-unreachable", False)
    async with other_system(empty_database_url) as other:
        await pulling.add_sql(deps, OPERATOR, "sj", dsn=empty_database_url, query=QUERY)
        await other.execute("ALTER TABLE visits RENAME TO gone")
        await pull(desk)
        (kept,) = await pulling.pulls_of(deps, OPERATOR, "sj")
        assert (kept.trouble or "").startswith("pull-query-invalid")
        await other.execute("ALTER TABLE gone RENAME TO visits")
        await visit(other, "v1", 1, 0)
        await pull(desk)
        assert [key for key, _, _ in await desk.events()] == ["v1"]


HOSTILE = """
SELECT 'event' AS kind, 'k' || n AS key, n AS revision, '2026-03-05T01:00:00Z' AS occurred_at,
    'seizure' AS event, '[{"number": "深罚〔2026〕1号"}]'::jsonb AS identifiers,
    lpad(n::text, 2, '0') AS watermark, %s AS place
FROM generate_series(1, 9) n WHERE $1 < lpad(n::text, 2, '0') ORDER BY n
"""


@pytest.mark.parametrize(
    "value",
    ["'NaN'::numeric", "'infinity'::numeric", "10::numeric ^ 5000", "'infinity'::timestamptz",
     "'NaN'::float8", "repeat('[', 100000)", "repeat('x', 100000)", "'\\x00ff'::bytea",
     "interval '1 day'", "ARRAY[ARRAY[1, 2], ARRAY[3, 4]]"],
)  # fmt: skip
async def test_whatever_a_column_holds_the_look_ends_and_says_where_it_is(
    desk: Desk, empty_database_url: str, value: str
) -> None:
    deps = desk.bureau.deps
    await pulling.add_sql(deps, OPERATOR, "sj", dsn=empty_database_url, query=HOSTILE % value)
    await pull(desk)
    (kept,) = await pulling.pulls_of(deps, OPERATOR, "sj")
    assert (kept.trouble, kept.watermark) == (None, "09")


async def test_a_whole_row_that_is_no_json_stops_no_other(
    desk: Desk, empty_database_url: str
) -> None:
    query = """
    SELECT CASE n WHEN 1 THEN 'no json' WHEN 2 THEN repeat('[', 100000) WHEN 3 THEN '[]'
        ELSE '{"kind": "event", "key": "v", "revision": 1, "event": "seizure",'
            || '"occurred_at": "2026-03-05T01:00:00Z", "identifiers": [{"number": "1号"}]}' END
        AS row, n AS watermark
    FROM generate_series(1, 4) n WHERE $1 = '' OR n > $1::int ORDER BY n
    """
    deps = desk.bureau.deps
    await pulling.add_sql(deps, OPERATOR, "sj", dsn=empty_database_url, query=query)
    await pull(desk)
    assert [key for key, _, _ in await desk.events()] == ["v"]


async def test_rows_that_share_a_watermark_are_all_taken_or_it_is_told(
    desk: Desk, empty_database_url: str
) -> None:
    """Six thousand rows of one moment are more than one look asks for."""
    query = """
    SELECT 'event' AS kind, 'k' || n AS key, 1 AS revision, '2026-03-05T01:00:00Z' AS occurred_at,
        'seizure' AS event, '[{"number": "1号"}]'::jsonb AS identifiers, n / 6000 AS watermark,
        %s AS scan
    FROM generate_series(0, 11999) n WHERE $1 = '' OR n / 6000 >= $1::int ORDER BY n
    """
    deps = desk.bureau.deps
    await pulling.add_sql(deps, OPERATOR, "sj", dsn=empty_database_url, query=query % "''")
    await pull(desk)
    assert len(await desk.events()) == 12_000
    large = query % "repeat('x', 60000)"
    nothing = "SELECT n AS key, NULL::int AS watermark FROM generate_series(1, 2) n WHERE $1 = ''"
    for wrong in (large, nothing):
        with pytest.raises(InvalidInput) as refused:
            await sql_source.fetch(empty_database_url, wrong, "", 5000)
        assert refused.value.code == "pull-query-invalid"


def test_a_table_that_is_none_is_read_to_its_end() -> None:
    head = b"kind,key,revision\n"
    for content in (
        head + b'event,"' + b"x" * 200_000,
        head + b"x" * 400_000,
        b"\0" * 1000,
        head + b"event,a," + b"9" * 5000 + b"\n",
        b"key,key,,\na,b,c,d,e,f\n",
        "表".encode() + b"\xff\xfe" + head,
        b"," * 300_000,
    ):
        found = list(row_files.rows_of(io.BytesIO(content), "a.csv"))
        assert len(found) <= 1, content[:40]


async def test_each_file_of_a_folder_is_taken_once(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    deps = desk.bureau.deps
    await pulling.add_folder(deps, OPERATOR, "sj", folder=folder)
    said = [case("C1", 1, "深罚〔2026〕1号"), *(event(f"e{n}", 1, "C1") for n in range(1500))]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in said)
    (folder / "rows.ndjson").write_text(text, "utf-8")
    (folder / "copy.ndjson").write_text(text, "utf-8")
    (folder / ".half.ndjson").write_text('{"key"', "utf-8")
    (folder / "rows.txt").write_text("nothing of ours", "utf-8")
    table = (
        "kind,key,revision,occurred_at,event,number.case,officers\n"
        "event,t1,1,2026-03-05 09:00:00,hearing,深罚〔2026〕1号,0815;0816\n"
    )
    (folder / "表.csv").write_bytes(table.encode("gb18030"))
    await pull(desk)
    await pull(desk)
    assert len(await desk.events()) == 1501
    value = desk.bureau.value
    assert await value("SELECT jsonb_array_length(officers) FROM case_event WHERE key = 't1'") == 2
    assert await value("SELECT count(*) FROM feed_file") == 2
    assert await value("SELECT sum(repeated) FROM feed_day") == 0


async def test_a_file_is_opened_once_and_one_that_cannot_be_read_stops_no_other(
    desk: Desk, tmp_path: Path
) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    deps = desk.bureau.deps
    await pulling.add_folder(deps, OPERATOR, "sj", folder=folder)
    # A file of which reading fails, whoever reads it.
    (folder / "0.ndjson").symlink_to("/proc/self/mem")

    def write(name: str, row: dict[str, object], age_s: int) -> None:
        (folder / name).write_text(json.dumps(row, ensure_ascii=False), "utf-8")
        then = desk.bureau.clock.at.timestamp() - age_s
        os.utime(folder / name, (then, then))

    write("a.ndjson", case("C1", 1, "深罚〔2026〕1号"), 10_000)
    write("b.ndjson", event("e1", 1, "C1"), 9_000)
    await pull(desk)
    assert [key for key, _, _ in await desk.events()] == ["e1"]
    (kept,) = await pulling.pulls_of(deps, OPERATOR, "sj")
    assert kept.files == 2
    assert (kept.trouble or "").startswith("pull-unreachable: The file 0.ndjson")
    (folder / "0.ndjson").unlink()
    # Nobody can tell from outside that it holds something else, so it is not opened.
    facts = (folder / "b.ndjson").stat()
    write("b.ndjson", event("e2", 1, "C1"), 0)
    os.utime(folder / "b.ndjson", ns=(facts.st_mtime_ns, facts.st_mtime_ns))
    await pull(desk)
    assert [key for key, _, _ in await desk.events()] == ["e1"]
    os.utime(folder / "b.ndjson", (1, 1))
    os.utime(folder / "a.ndjson", (1, 1))
    await pull(desk)
    assert [key for key, _, _ in await desk.events()] == ["e1", "e2"]
    (kept,) = await pulling.pulls_of(deps, OPERATOR, "sj")
    assert (kept.files, kept.trouble) == (3, None)
    # What looks otherwise and holds the same is read, and nothing of it is taken twice.
    assert await desk.bureau.value("SELECT sum(repeated) FROM feed_day") == 0


async def test_nothing_is_fetched_for_a_source_that_is_suspended_or_whose_pull_was_stopped(
    desk: Desk, tmp_path: Path
) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    deps = desk.bureau.deps
    await pulling.add_folder(deps, OPERATOR, "sj", folder=folder)
    (folder / "a.ndjson").write_text(json.dumps(case("C1", 1, "深罚〔2026〕1号")), "utf-8")
    await sources.set_state(deps, OPERATOR, "sj", suspended=True, reason="x")
    await pull(desk)
    assert await desk.bureau.value("SELECT count(*) FROM feed_row") == 0
    await sources.set_state(deps, OPERATOR, "sj", suspended=False, reason="x")
    assert await pulling.stop(deps, OPERATOR, "sj", reason="换系统") == 1
    await pull(desk)
    assert await desk.bureau.value("SELECT count(*) FROM feed_row") == 0
