"""Summaries for somebody who helps from afar: counts, codes and times, no names and no texts.

Reads only, each bounded.
"""

from __future__ import annotations

from datetime import datetime

from recorder.store.connection import Connection, Row

_MOST = 10_000
_MOST_SHOWN = 100


def _plain(rows: list[Row]) -> list[dict[str, object]]:
    return [dict(row) for row in rows]


async def migrations(connection: Connection) -> list[dict[str, object]]:
    """The migrations that this database has had."""
    return _plain(
        await connection.fetch(
            "SELECT number, name, digest, applied_at FROM schema_migration ORDER BY number"
        )
    )


async def runs(connection: Connection) -> list[dict[str, object]]:
    """Task runs that are not done, by task, state and code."""
    return _plain(
        await connection.fetch(
            "SELECT task, queue, state, error_code, count(*) AS number, max(attempt) AS attempts,"
            " min(created_at) AS oldest, max(finished_at) AS newest_end"
            " FROM (SELECT * FROM task_run WHERE state IN ('pending', 'claimed')"
            "  UNION ALL SELECT * FROM task_run WHERE state = 'failed' LIMIT $1) bounded"
            " GROUP BY task, queue, state, error_code ORDER BY task, state, error_code",
            _MOST,
        )
    )


async def failed_runs(connection: Connection) -> list[dict[str, object]]:
    """The newest failed runs, without what they say in words: that may quote a file."""
    return _plain(
        await connection.fetch(
            "SELECT id, task, subject_id, attempt, failures, error_code, worker, created_at,"
            " started_at, finished_at FROM task_run WHERE state = 'failed'"
            " ORDER BY finished_at DESC LIMIT $1",
            _MOST_SHOWN,
        )
    )


async def alarms(connection: Connection) -> list[dict[str, object]]:
    """Open and new alarms, without their sentences and what people wrote to them."""
    return _plain(
        await connection.fetch(
            "SELECT id, code, severity, about_kind, raised_at, seen_at, times,"
            " acknowledged_at IS NOT NULL AS acknowledged, cleared_at"
            " FROM alarm ORDER BY raised_at DESC LIMIT $1",
            _MOST_SHOWN,
        )
    )


async def uploads(connection: Connection) -> list[dict[str, object]]:
    """Uploads that are not finished: how far and how old, not whose."""
    return _plain(
        await connection.fetch(
            "SELECT id, state, offset_bytes, length_bytes, created_at, holder, holder_seen_at"
            " FROM upload WHERE state IN ('open', 'completing') ORDER BY created_at LIMIT $1",
            _MOST_SHOWN,
        )
    )


async def events(connection: Connection, since: datetime) -> list[dict[str, object]]:
    """How often each kind of fact was written since then, of the newest hundred thousand."""
    return _plain(
        await connection.fetch(
            "SELECT name, count(*) AS number, max(at) AS newest FROM (SELECT name, at"
            " FROM custody_event ORDER BY position DESC LIMIT 100000) newest WHERE at >= $1"
            " GROUP BY name ORDER BY name",
            since,
        )
    )


async def audits(connection: Connection) -> list[dict[str, object]]:
    """What the last audits looked at and found, in counts."""
    return _plain(
        await connection.fetch(
            "SELECT at, facts ->> 'level' AS level, facts -> 'looked_at' AS looked_at,"
            " facts -> 'findings' AS findings FROM custody_event"
            " WHERE name = 'AuditCompleted' AND subject_kind = 'system'"
            " ORDER BY position DESC LIMIT 10"
        )
    )


async def tables(connection: Connection) -> list[dict[str, object]]:
    """Rows and bytes of each table, as the server estimates them."""
    return _plain(
        await connection.fetch(
            "SELECT relname AS name, n_live_tup AS rows, n_dead_tup AS dead_rows,"
            " pg_total_relation_size(relid) AS bytes, last_autovacuum, last_autoanalyze"
            " FROM pg_stat_user_tables ORDER BY relname"
        )
    )


async def sessions(connection: Connection) -> list[dict[str, object]]:
    """What connections do and wait for; not their statements, which hold what was asked."""
    return _plain(
        await connection.fetch(
            "SELECT application_name, state, wait_event_type, wait_event, count(*) AS number,"
            " min(xact_start) AS oldest_transaction FROM pg_stat_activity"
            " WHERE datname = current_database()"
            " GROUP BY application_name, state, wait_event_type, wait_event ORDER BY 1, 2, 3, 4"
        )
    )
