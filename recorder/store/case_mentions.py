"""Plans and parties that cases mention: by people, and with the rows of sources."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from recorder.domain.case_mention import CaseMention, Mention, MentionKind
from recorder.domain.case_number import grams, query_grams
from recorder.domain.ids import AgencyId, CaseId, new_uuid
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = "m.id, m.case_id, m.kind, m.text, m.code, m.source_id, m.said_at, m.said_by"
#: A person took none of it back, and the row of a source that says it stands.
_STANDS = (
    " m.withdrawn_at IS NULL AND (m.source_id IS NULL OR EXISTS (SELECT FROM feed_case f"
    " WHERE f.source_id = m.source_id AND f.key = m.key AND f.withdrawn_at IS NULL))"
)
#: More cases than anybody looks through.
MOST_FOUND = 5000


def _from_row(row: Row) -> CaseMention:
    return CaseMention(
        id=row["id"],
        case=row["case_id"],
        kind=MentionKind(row["kind"]),
        text=row["text"],
        code=row["code"],
        from_feed=row["source_id"] is not None,
        said_at=row["said_at"],
        said_by=row["said_by"],
    )


async def replace(
    change: Change,
    source: uuid.UUID,
    known: Collection[str],
    said: Sequence[tuple[str, CaseId, AgencyId, Mention]],
) -> None:
    """What rows of a source mention from now on; ``known``: keys that may have said others."""
    if known:
        await change.connection.execute(
            "DELETE FROM case_mention WHERE source_id = $1 AND key = ANY($2::text[])",
            source,
            list(known),
        )
    if said:
        await change.connection.execute(
            "INSERT INTO case_mention (id, case_id, agency_id, kind, text, code, find, grams,"
            " source_id, key, said_at, said_by)"
            " SELECT m.id, m.case_id, m.agency_id, m.kind, m.text, m.code, m.find,"
            " string_to_array(m.grams, E'\\x01'), $1, m.key, $2::timestamptz, $3"
            " FROM unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[],"
            " $10::text[], $11::text[], $12::text[])"
            " AS m (id, case_id, agency_id, kind, text, code, find, grams, key)",
            source,
            change.now,
            change.actor.name,
            [new_uuid(change.now) for _ in said],
            [case for _, case, _, _ in said],
            [agency for _, _, agency, _ in said],
            [mention.kind.value for *_, mention in said],
            [mention.text for *_, mention in said],
            [mention.code for *_, mention in said],
            [mention.find for *_, mention in said],
            # Arrays of arrays must be rectangular; no key holds a control character.
            ["\x01".join(grams(mention.find)) for *_, mention in said],
            [key for key, *_ in said],
        )


async def insert(change: Change, case: CaseId, agency: AgencyId, mention: Mention) -> uuid.UUID:
    """A person says it; saying it again changes nothing but its words."""
    made: uuid.UUID = await change.connection.fetchval(
        "INSERT INTO case_mention (id, case_id, agency_id, kind, text, code, find, grams, said_at,"
        " said_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (case_id, kind, find) WHERE source_id IS NULL AND withdrawn_at IS NULL"
        " DO UPDATE SET text = excluded.text, code = excluded.code RETURNING id",
        new_uuid(change.now),
        case,
        agency,
        mention.kind.value,
        mention.text,
        mention.code,
        mention.find,
        list(grams(mention.find)),
        change.now,
        change.actor.name,
    )
    return made


async def withdraw(change: Change, case: CaseId, mention: uuid.UUID) -> CaseMention | None:
    """Take back what a person said; None where no such mention stands."""
    row = await change.connection.fetchrow(
        "UPDATE case_mention m SET withdrawn_at = $3 WHERE id = $2 AND case_id = $1"  # noqa: S608 - constant text
        f" AND source_id IS NULL AND withdrawn_at IS NULL RETURNING {_COLUMNS}",
        case,
        mention,
        change.now,
    )
    return _from_row(row) if row else None


async def move(change: Change, source: CaseId, into: CaseId) -> None:
    """What a merged case mentions, the other one mentions; what both do stays once."""
    await change.connection.execute(
        "UPDATE case_mention m SET withdrawn_at = $3 WHERE case_id = $1 AND source_id IS NULL"
        " AND withdrawn_at IS NULL AND EXISTS (SELECT FROM case_mention o WHERE o.case_id = $2"
        "  AND o.kind = m.kind AND o.find = m.find AND o.source_id IS NULL"
        "  AND o.withdrawn_at IS NULL)",
        source,
        into,
        change.now,
    )
    await change.connection.execute(
        "UPDATE case_mention SET case_id = $2 WHERE case_id = $1 AND withdrawn_at IS NULL",
        source,
        into,
    )


async def of_case(connection: Connection, case: CaseId) -> list[CaseMention]:
    """What stands, plans first, in the order in which it was said."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM case_mention m WHERE m.case_id = $1 AND {_STANDS}"  # noqa: S608 - constant text
        " ORDER BY m.kind DESC, m.said_at, m.id",
        case,
    )
    return [_from_row(row) for row in rows]


async def cases_of(
    connection: Connection,
    scope: Scope,
    kind: MentionKind,
    find: str,
    code: str,
    upto: CaseId | None,
    limit: int,
) -> list[CaseId]:
    """Cases in scope that mention exactly this, newest first; a party by its code as well."""
    rows = await connection.fetch(
        "SELECT DISTINCT m.case_id FROM case_mention m WHERE m.kind = $1"  # noqa: S608 - constant text
        " AND (m.find = $2 OR (m.code <> '' AND m.code = $3)) AND in_scope(m.agency_id, $4)"
        f" AND ($5::uuid IS NULL OR m.case_id <= $5) AND {_STANDS}"
        " ORDER BY m.case_id DESC LIMIT $6",
        kind.value,
        find,
        code,
        scope.agencies,
        upto,
        limit,
    )
    return [row["case_id"] for row in rows]


async def cases_of_piece(
    connection: Connection, scope: Scope, piece: str, upto: CaseId | None, limit: int
) -> list[CaseId]:
    """Cases in scope one of whose parties has the piece in its name, newest first."""
    rows = await connection.fetch(
        "WITH found AS MATERIALIZED (SELECT m.case_id FROM case_mention m"  # noqa: S608 - constant text
        " WHERE m.kind = 'party' AND m.grams @> $1::text[] AND strpos(m.find, $2) > 0"
        f" AND in_scope(m.agency_id, $3) AND ($4::uuid IS NULL OR m.case_id <= $4) AND {_STANDS}"
        f" LIMIT {MOST_FOUND}) SELECT DISTINCT case_id FROM found ORDER BY case_id DESC LIMIT $5",
        list(query_grams(piece)),
        piece,
        scope.agencies,
        upto,
        limit,
    )
    return [row["case_id"] for row in rows]


async def cases_at_place(
    connection: Connection,
    scope: Scope,
    piece: str,
    begins_at: datetime,
    ends_at: datetime,
    upto: CaseId | None,
    limit: int,
) -> list[CaseId]:
    """Cases in scope of which an event of that time names the place, newest first."""
    rows = await connection.fetch(
        "SELECT DISTINCT e.case_id FROM case_event e WHERE in_scope(e.agency_id, $1)"
        " AND e.began_at >= $2 AND e.began_at < $3 AND e.withdrawn_at IS NULL"
        " AND strpos(lower(e.place), lower($4)) > 0 AND ($5::uuid IS NULL OR e.case_id <= $5)"
        " ORDER BY e.case_id DESC LIMIT $6",
        scope.agencies,
        begins_at,
        ends_at,
        piece,
        upto,
        limit,
    )
    return [row["case_id"] for row in rows]
