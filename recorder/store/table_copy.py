"""Whole tables out of one snapshot and into an empty database, in PostgreSQL's COPY text format.

For ``services/backup.py``; on connections of their own, as the owner of the schema where they
write. Nothing here knows what a row means.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from recorder.store.connection import Row, translated

#: What a backup holds, each table behind those it refers to.
TABLES = (
    "agency",
    "person",
    "second_factor",
    "recovery_code",
    "device",
    "dock",
    "device_handover",
    "registry_import",
    "organisation",
    "agency_reach",
    "officer",
    "officer_certificate",
    "device_registration",
    "matter",
    "enforcement_subject",
    "entrustment",
    "roster",
    "holiday",
    "approval",
    "device_enrolment",
    "token",
    "upload",
    "upload_piece",
    "upload_part",
    "recording",
    "original_object",
    "card_copy",
    "live_copy_release",
    "fixity",
    "duplicate_object",
    "case_file",
    "case_identifier",
    "case_link",
    "rendition",
    "livestream",
    "livestream_period",
    "livestream_segment",
    "livestream_gap",
    "livestream_loss",
    "volume_intent",
    "livestream_place",
    "superseded_object",
    "livestream_push_key",
    "gateway",
    "gateway_stream",
    "gateway_file",
    "mark",
    "gap_reason",
    "restriction",
    "livestream_restriction",
    "provenance",
    "filmed_code",
    "feed_source",
    "feed_day",
    "feed_mapping",
    "feed_mapping_spread",
    "feed_row",
    "feed_case",
    "case_mention",
    "case_event",
    "feed_past",
    "link_proposal",
    "case_document",
    "case_merge_proposal",
    "feed_pull",
    "feed_file",
    "webhook_endpoint",
    "webhook_message",
    "webhook_delivery",
    "duty_list",
    "duty_rule",
    "coverage_due",
    "coverage_partner",
    "coverage_case",
    "coverage_scene",
    "coverage_presence",
    "coverage_day",
    "scene_day",
    "officer_day",
    "late_day",
    "finding",
    "finding_act",
    "finding_day",
    "event_fact",
    "task_run",
    "store_intent",
    "alarm",
    "custody_event",
    "left_behind",
)
#: What it does not hold: who was signed in, had a turn, had spent a limit or was in the middle of
#: an audit must not be so again, addresses of cameras hold their passwords, what was seen in the
#: store is looked for anew, beginnings of playlists are written anew, recordings count themselves
#: as they come back, the schema makes itself, and the feed of facts begins another life.
LEFT_OUT = (
    "session",
    "login_link",
    "sign_in_failure",
    "playback_grant",
    "case_embed",
    "livestream_ticket",
    "livestream_source",
    "livestream_stretch",
    "allowance",
    "open_stream",
    "event_fact_feed",
    "turn",
    "store_look",
    "device_day",
    "footage_day",
    "device_month",
    "device_year",
    "footage_week",
    "footage_stale",
    "footage_delta",
    "marked_delta",
    "scene_week",
    "finding_week",
    "late_week",
    "figure_stale",
    "audit_run",
    "audit_finding",
    "schema_migration",
)
#: Transaction numbers belong to one server: rows of another would never become visible.
_LOCAL_COLUMNS = frozenset({("custody_event", "xid")})


@dataclass(frozen=True, slots=True)
class TableCopy:
    """The connection under an open snapshot or an open load."""

    raw: asyncpg.Connection[Row]

    async def migrations(self) -> list[tuple[int, str, str]]:
        """Number, name and digest of each applied migration, in order."""
        with translated():
            rows = await self.raw.fetch(
                "SELECT number, name, digest FROM schema_migration ORDER BY number"
            )
        return [(row["number"], row["name"], row["digest"]) for row in rows]

    async def newest_position(self) -> int:
        """The highest position of a custody event; 0 when there is none."""
        with translated():
            found: int = await self.raw.fetchval(
                "SELECT coalesce(max(position), 0) FROM custody_event"
            )
        return found

    async def columns(self, table: str) -> list[str]:
        """The columns of a table that travel, in their order."""
        with translated():
            rows = await self.raw.fetch(
                "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass"
                " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                table,
            )
        names = [row["attname"] for row in rows]
        return [name for name in names if (table, name) not in _LOCAL_COLUMNS]

    async def copy_out(
        self, table: str, columns: list[str], write: Callable[[bytes], Coroutine[Any, Any, None]]
    ) -> int:
        """Hand every row to ``write`` in blocks; gives the number of rows."""
        with translated():
            status = await self.raw.copy_from_table(table, columns=columns, output=write)
        return _rows(status)

    async def filled(self) -> list[str]:
        """The tables of a backup that have rows here."""
        with translated():
            return [
                table
                for table in TABLES
                if await self.raw.fetchval(
                    f"SELECT EXISTS (SELECT FROM {table})"  # noqa: S608 - constant names
                )
            ]

    async def copy_in(self, table: str, columns: list[str], blocks: AsyncIterator[bytes]) -> int:
        """Add the rows in these blocks; gives their number."""
        with translated():
            status = await self.raw.copy_to_table(table, columns=columns, source=blocks)
        return _rows(status)

    async def go_on_behind(self) -> None:
        """Have the next custody event and fact take the position behind the highest one."""
        with translated():
            await self.raw.execute(
                "SELECT setval(pg_get_serial_sequence('custody_event', 'position'),"
                " greatest(1, (SELECT max(position) FROM custody_event)),"
                " EXISTS (SELECT FROM custody_event))"
            )
            await self.raw.execute(
                "UPDATE event_fact_feed SET position ="
                " (SELECT coalesce(max(position), 0) FROM event_fact)"
            )


def _rows(status: str) -> int:
    return int(status.rsplit(" ", 1)[-1])


@asynccontextmanager
async def snapshot(url: str) -> AsyncIterator[TableCopy]:
    """One read-only look at one moment; writers are not kept waiting."""
    async with _connected(url) as raw:
        with translated():
            await raw.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield TableCopy(raw)


@asynccontextmanager
async def load(url: str) -> AsyncIterator[TableCopy]:
    """One transaction that writes: committed when the block ends well, else nothing happened."""
    async with _connected(url) as raw:
        with translated():
            await raw.execute("BEGIN")
        yield TableCopy(raw)
        with translated():
            await raw.execute("COMMIT")


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection[Row]]:
    with translated():
        raw = await asyncpg.connect(
            url,
            timeout=10,
            server_settings={"application_name": "recorder backup", "timezone": "UTC"},
        )
    try:
        yield raw
    finally:
        # Closing ends what was not committed.
        await raw.close()
