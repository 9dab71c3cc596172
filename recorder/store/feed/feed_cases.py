"""What sources say of cases as wholes: the winning state of each key."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from recorder.domain.feed.statements import CaseStatement
from recorder.domain.ids import AgencyId, CaseId
from recorder.store.change import Change
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class KnownCase:
    """Which case a source's key leads to."""

    case: CaseId
    agency: AgencyId


async def by_keys(
    connection: Connection, source: uuid.UUID, keys: Collection[str]
) -> dict[str, KnownCase]:
    """The case of each key that has been told of."""
    rows = await connection.fetch(
        "SELECT key, case_id, agency_id FROM feed_case"
        " WHERE source_id = $1 AND key = ANY($2::text[])",
        source,
        list(keys),
    )
    return {row["key"]: KnownCase(row["case_id"], row["agency_id"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where and as what a winning row is written."""

    key: str
    revision: int
    case: CaseId
    agency: AgencyId
    withdrawn: bool


async def write(
    change: Change, source: uuid.UUID, cases: Sequence[tuple[Standing, CaseStatement]]
) -> None:
    """What these keys say from now on."""
    await change.connection.execute(
        "INSERT INTO feed_case (source_id, key, case_id, agency_id, revision, title, act_type,"
        " matter, opened_on, closed_on, state, occurred_at, received_at, withdrawn_at, classes,"
        " changed_at)"
        " SELECT $1, c.key, c.case_id, c.agency_id, c.revision, c.title, c.act_type, c.matter,"
        " c.opened_on, c.closed_on, c.state, c.occurred_at, $2::timestamptz,"
        " CASE WHEN c.withdrawn THEN $2 END, string_to_array(c.classes, ' '), $2"
        " FROM unnest($3::text[], $4::uuid[], $5::uuid[], $6::bigint[], $7::text[], $8::text[],"
        " $9::text[], $10::date[], $11::date[], $12::text[], $13::timestamptz[], $14::boolean[],"
        " $15::text[])"
        " AS c (key, case_id, agency_id, revision, title, act_type, matter, opened_on, closed_on,"
        " state, occurred_at, withdrawn, classes)"
        " ON CONFLICT (source_id, key) DO UPDATE SET case_id = excluded.case_id,"
        " agency_id = excluded.agency_id, revision = excluded.revision, title = excluded.title,"
        " act_type = excluded.act_type, matter = excluded.matter,"
        " opened_on = excluded.opened_on, closed_on = excluded.closed_on,"
        " state = excluded.state, occurred_at = excluded.occurred_at,"
        " changed_at = excluded.changed_at,"
        " withdrawn_at = excluded.withdrawn_at, classes = excluded.classes",
        source,
        change.now,
        [at.key for at, _ in cases],
        [at.case for at, _ in cases],
        [at.agency for at, _ in cases],
        [at.revision for at, _ in cases],
        [said.title for _, said in cases],
        [said.act_type.value if said.act_type else None for _, said in cases],
        [said.matter for _, said in cases],
        [said.opened_on for _, said in cases],
        [said.closed_on for _, said in cases],
        [said.state for _, said in cases],
        [said.occurred_at for _, said in cases],
        [at.withdrawn for at, _ in cases],
        [" ".join(said.classes) for _, said in cases],
    )


async def set_withdrawn(
    change: Change, source: uuid.UUID, keys: Collection[str], withdrawn: bool
) -> list[CaseId]:
    """Take these back, or bring them back; the cases for which that is news."""
    rows = await change.connection.fetch(
        "UPDATE feed_case SET withdrawn_at = CASE WHEN $3::boolean THEN $4::timestamptz END,"
        " changed_at = $4::timestamptz"
        " WHERE source_id = $1 AND key = ANY($2::text[]) AND (withdrawn_at IS NULL) = $3::boolean"
        " RETURNING case_id",
        source,
        list(keys),
        withdrawn,
        change.now,
    )
    return [row["case_id"] for row in rows]


async def move(change: Change, source: CaseId, into: CaseId) -> None:
    """What was said of a merged case is said of the other one."""
    await change.connection.execute(
        "UPDATE feed_case SET case_id = $2, changed_at = $3 WHERE case_id = $1",
        source,
        into,
        change.now,
    )
