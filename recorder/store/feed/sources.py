"""Sources: other systems that feed cases, what they sent by day, and whose turn it is.

A source is added and suspended in a Change; what was heard of it is a figure and no evidence.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.ids import AgencyId, TokenId
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "s.id, s.agency_id, a.code AS agency_code, s.name, s.city, s.token_id, s.rows_per_minute,"
    " s.created_at, s.suspended_at, s.heard_at, s.newest_at,"
    " ARRAY(SELECT r.seen_id FROM agency_reach r WHERE r.agency_id = s.agency_id AND r.acts)"
    " AS branches"
)
_FROM = " FROM feed_source s JOIN agency a ON a.id = s.agency_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSource:
    """Another system that feeds cases, without its token."""

    id: uuid.UUID
    agency: AgencyId
    agency_code: str
    #: Its word in addresses.
    name: str
    #: Speaks for every agency, not for its own alone.
    city: bool
    token: TokenId
    rows_per_minute: int
    created_at: datetime
    suspended_at: datetime | None
    heard_at: datetime | None
    #: The latest moment that any of its rows tells of.
    newest_at: datetime | None
    #: Branches of its agency, and those whose place that took: it speaks for them too.
    branches: frozenset[AgencyId] = frozenset()

    def speaks_for(self, agency: AgencyId) -> bool:
        """Whether its rows may be of this organ."""
        return self.city or agency == self.agency or agency in self.branches


@dataclass(frozen=True, slots=True)
class FeedDay:
    """What became of the rows that came on one day."""

    day: date
    accepted: int
    superseded: int
    repeated: int
    pooled: int


def _from_row(row: Row) -> FeedSource:
    return FeedSource(
        id=row["id"],
        agency=row["agency_id"],
        agency_code=row["agency_code"],
        name=row["name"],
        city=row["city"],
        token=row["token_id"],
        rows_per_minute=row["rows_per_minute"],
        created_at=row["created_at"],
        suspended_at=row["suspended_at"],
        heard_at=row["heard_at"],
        newest_at=row["newest_at"],
        branches=frozenset(row["branches"]),
    )


async def insert(change: Change, source: FeedSource) -> bool:
    """Write the source; False when there is one of that name."""
    touched = await change.connection.execute(
        "INSERT INTO feed_source (id, agency_id, name, city, token_id, rows_per_minute,"
        " created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING",
        source.id,
        source.agency,
        source.name,
        source.city,
        source.token,
        source.rows_per_minute,
        source.created_at,
    )
    return touched == 1


async def by_name(connection: Connection, name: str, scope: Scope) -> FeedSource | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}{_FROM} WHERE s.name = $1 AND in_scope(s.agency_id, $2)",
        name,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def listed(connection: Connection, scope: Scope) -> list[FeedSource]:
    """The sources of the scope by their names; there are few, so they come in one piece."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS}{_FROM} WHERE in_scope(s.agency_id, $1) ORDER BY s.name",
        scope.agencies,
    )
    return [_from_row(row) for row in rows]


async def hold(change: Change, source: uuid.UUID) -> None:
    """Let no other batch of this source begin until the transaction ends."""
    await change.connection.execute("SELECT 1 FROM feed_source WHERE id = $1 FOR UPDATE", source)


async def set_suspended(change: Change, source: uuid.UUID, at: datetime | None) -> bool:
    """Suspend it, or bring it back; False when it was so already."""
    touched = await change.connection.execute(
        "UPDATE feed_source SET suspended_at = $2"
        " WHERE id = $1 AND (suspended_at IS NULL) = ($2::timestamptz IS NOT NULL)",
        source,
        at,
    )
    return touched == 1


async def heard(
    change: Change, source: uuid.UUID, today: FeedDay, newest_at: datetime | None
) -> None:
    """Count a batch to its day."""
    await change.connection.execute(
        "WITH day AS (INSERT INTO feed_day AS d (source_id, day, accepted, superseded, repeated,"
        " pooled) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (source_id, day) DO UPDATE SET"
        " accepted = d.accepted + $3, superseded = d.superseded + $4,"
        " repeated = d.repeated + $5, pooled = d.pooled + $6)"
        " UPDATE feed_source SET heard_at = $7::timestamptz,"
        " newest_at = greatest(newest_at, $8::timestamptz)"
        " WHERE id = $1",
        source,
        today.day,
        today.accepted,
        today.superseded,
        today.repeated,
        today.pooled,
        change.now,
        newest_at,
    )


async def days(connection: Connection, source: uuid.UUID, limit: int) -> list[FeedDay]:
    """The last days on which it sent something, newest first."""
    rows = await connection.fetch(
        "SELECT day, accepted, superseded, repeated, pooled FROM feed_day WHERE source_id = $1"
        " ORDER BY day DESC LIMIT $2",
        source,
        limit,
    )
    return [FeedDay(**dict(row)) for row in rows]
