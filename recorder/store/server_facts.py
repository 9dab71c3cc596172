"""What the database server says about itself and about the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from recorder.store.connection import Connection, translated


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One look at the server, as one login sees it."""

    #: ``16.4``
    version: str
    major: int
    now: datetime
    #: Every commit survives a loss of power.
    durable: bool
    connections: int
    max_connections: int
    #: The login may change the schema, or everything.
    may_too_much: bool


async def look(url: str) -> ServerFacts:
    """Ask the server of this address; raises Unavailable when it does not answer."""
    with translated():
        connection = await asyncpg.connect(url, timeout=10)
        try:
            (row,) = await connection.fetch(
                "SELECT current_setting('server_version') AS version,"
                " current_setting('server_version_num')::int / 10000 AS major,"
                " current_setting('fsync')::bool"
                " AND current_setting('synchronous_commit') <> 'off' AS durable,"
                " (SELECT count(*) FROM pg_stat_activity"
                "  WHERE backend_type = 'client backend') AS connections,"
                " current_setting('max_connections')::int AS max_connections,"
                " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
                " OR has_schema_privilege('public', 'CREATE') AS may_too_much,"
                " clock_timestamp() AS now"
            )
        finally:
            await connection.close()
    return ServerFacts(
        version=str(row["version"]).partition(" ")[0],
        major=row["major"],
        now=row["now"],
        durable=row["durable"],
        connections=row["connections"],
        max_connections=row["max_connections"],
        may_too_much=row["may_too_much"],
    )


async def earlier(connection: Connection, now: datetime) -> datetime:
    """``now``, or what the server's own clock says if that is earlier."""
    found: datetime = await connection.fetchval(
        "SELECT least($1::timestamptz, clock_timestamp())", now
    )
    return found
