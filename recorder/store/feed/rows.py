"""Rows of sources as they came, and what became of them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.feed.problems import Problem, ProblemCode
from recorder.domain.feed.rows import FeedRow
from recorder.store.change import Change
from recorder.store.connection import Connection, Row


@dataclass(frozen=True, slots=True)
class KeptRow:
    """What a register needs to know of a row that is kept."""

    key: str
    digest: bytes
    revision: int | None
    #: winning, superseded, pooled or withdrawn.
    state: str
    kind: str
    about: str | None
    problem: Problem | None

    @property
    def counts(self) -> bool:
        """Whether it is the winner of its key."""
        return self.state in ("winning", "withdrawn")


_KEPT = "key, digest, revision, state, kind, about, problem, problem_field, problem_value"


def _problem(row: Row) -> Problem | None:
    if row["problem"] is None:
        return None
    return Problem(ProblemCode(row["problem"]), row["problem_field"], row["problem_value"])


def _from_row(row: Row) -> KeptRow:
    return KeptRow(
        row["key"],
        row["digest"],
        row["revision"],
        row["state"],
        row["kind"],
        row["about"],
        _problem(row),
    )


async def of_keys(
    connection: Connection,
    source: uuid.UUID,
    keys: Collection[str],
    digests: Collection[bytes] = (),
) -> list[KeptRow]:
    """Every row under one of these keys; without a key those of these digests."""
    rows = await connection.fetch(
        f"SELECT {_KEPT} FROM feed_row WHERE source_id = $1"  # noqa: S608 - constant text
        " AND key = ANY($2::text[]) AND (key <> '' OR digest = ANY($3::bytea[]))",
        source,
        list(keys),
        list(digests),
    )
    return [_from_row(row) for row in rows]


async def texts_of(
    connection: Connection, source: uuid.UUID, asked: Collection[tuple[str, bytes]]
) -> list[str]:
    """The rows of these keys and digests as they came."""
    rows = await connection.fetch(
        "SELECT f.body FROM feed_row f JOIN unnest($2::text[], $3::bytea[]) AS a (key, digest)"
        " ON f.key = a.key AND f.digest = a.digest WHERE f.source_id = $1",
        source,
        [key for key, _ in asked],
        [digest for _, digest in asked],
    )
    return [row["body"] for row in rows]


async def withdrawals_of(
    connection: Connection, source: uuid.UUID, keys: Collection[str]
) -> list[KeptRow]:
    """The winning withdrawals that name one of these keys, undone ones too."""
    rows = await connection.fetch(
        f"SELECT {_KEPT} FROM feed_row WHERE source_id = $1"  # noqa: S608 - constant text
        " AND about IS NOT NULL AND about = ANY($2::text[]) AND state IN ('winning', 'withdrawn')",
        source,
        list(keys),
    )
    return [_from_row(row) for row in rows]


async def insert(
    change: Change,
    source: uuid.UUID,
    rows: Sequence[tuple[FeedRow, str, Problem | None]],
) -> None:
    """Keep new rows, each with its state and problem."""
    await change.connection.execute(
        "INSERT INTO feed_row (source_id, key, digest, revision, kind, about, body, received_at,"
        " state, problem, problem_field, problem_value)"
        " SELECT $1, r.key, r.digest, r.revision, r.kind, r.about, r.body, $2::timestamptz,"
        " r.state,"
        " r.problem, r.field, r.value"
        " FROM unnest($3::text[], $4::bytea[], $5::bigint[], $6::text[], $7::text[], $8::text[],"
        " $9::text[], $10::text[], $11::text[], $12::text[])"
        " AS r (key, digest, revision, kind, about, body, state, problem, field, value)",
        source,
        change.now,
        [row.key for row, _, _ in rows],
        [row.digest for row, _, _ in rows],
        [row.revision for row, _, _ in rows],
        [row.kind.value if row.kind else "" for row, _, _ in rows],
        [row.about for row, _, _ in rows],
        [row.text for row, _, _ in rows],
        [state for _, state, _ in rows],
        [problem.code.value if problem else None for _, _, problem in rows],
        [problem.field if problem else None for _, _, problem in rows],
        [problem.value if problem else None for _, _, problem in rows],
    )


async def set_states(
    change: Change,
    source: uuid.UUID,
    rows: Sequence[tuple[str, bytes, str, Problem | None]],
) -> None:
    """Say anew what became of rows that are kept: key, digest, state, problem."""
    await change.connection.execute(
        "UPDATE feed_row f SET state = r.state, problem = r.problem, problem_field = r.field,"
        " problem_value = r.value FROM unnest($2::text[], $3::bytea[], $4::text[], $5::text[],"
        " $6::text[], $7::text[]) AS r (key, digest, state, problem, field, value)"
        " WHERE f.source_id = $1 AND f.key = r.key AND f.digest = r.digest",
        source,
        [key for key, _, _, _ in rows],
        [digest for _, digest, _, _ in rows],
        [state for _, _, state, _ in rows],
        [problem.code.value if problem else None for _, _, _, problem in rows],
        [problem.field if problem else None for _, _, _, problem in rows],
        [problem.value if problem else None for _, _, _, problem in rows],
    )


async def settle_unnumbered(change: Change, source: uuid.UUID, keys: Collection[str]) -> None:
    """Rows without a revision are mended by one with a revision that comes after them."""
    await change.connection.execute(
        "UPDATE feed_row SET state = 'superseded' WHERE source_id = $1 AND key = ANY($2::text[])"
        " AND state = 'pooled' AND revision IS NULL",
        source,
        list(keys),
    )


# --- the pool ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PooledRow:
    """A row that waits, as it came."""

    key: str
    digest: bytes
    text: str
    received_at: datetime
    problem: Problem


def _pooled(row: Row) -> PooledRow:
    problem = _problem(row) or Problem(ProblemCode.FIELD_MALFORMED)
    return PooledRow(row["key"], row["digest"], row["body"], row["received_at"], problem)


#: Where a walk along keys and digests begins.
Place = tuple[str, bytes]
START: Place = ("", b"")


async def waiting_for(
    connection: Connection,
    source: uuid.UUID,
    problem: Problem,
    *,
    after: Place = START,
    limit: int,
) -> list[PooledRow]:
    """Pooled rows that have this very problem, in the order of keys and digests behind a place."""
    rows = await connection.fetch(
        "SELECT key, digest, body, received_at, problem, problem_field, problem_value"
        " FROM feed_row WHERE source_id = $1 AND state = 'pooled' AND problem = $2"
        " AND problem_field = $3 AND problem_value = $4 AND (key, digest) > ($5, $6)"
        " ORDER BY key, digest LIMIT $7",
        source,
        problem.code.value,
        problem.field,
        problem.value,
        *after,
        limit,
    )
    return [_pooled(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of one walk through a source."""

    #: Bodies of those that were wanted.
    texts: tuple[str, ...]
    #: Where the walk goes on; None: it has ended.
    end: Place | None


async def taken_after(
    connection: Connection,
    source: uuid.UUID,
    after: Place,
    kinds: Collection[str],
    pieces: Collection[str],
    limit: int,
) -> Slice:
    """Of so many rows behind a place those that count, of these kinds, with one of the pieces."""
    rows = await connection.fetch(
        "WITH walked AS (SELECT key, digest, kind, state, body FROM feed_row WHERE source_id = $1"
        "  AND (key, digest) > ($2, $3) ORDER BY key, digest LIMIT $6)"
        " SELECT key, digest, CASE WHEN state IN ('winning', 'withdrawn')"
        "  AND kind = ANY($4::text[]) AND EXISTS (SELECT FROM unnest($5::text[]) p"
        "   WHERE strpos(body, p) > 0) THEN body END AS body FROM walked ORDER BY key, digest",
        source,
        *after,
        list(kinds),
        list(pieces),
        limit,
    )
    end = (rows[-1]["key"], rows[-1]["digest"]) if len(rows) == limit else None
    return Slice(tuple(row["body"] for row in rows if row["body"] is not None), end)


async def mended(connection: Connection, source: uuid.UUID) -> list[Problem]:
    """What rows wait for and what is there by now: organs, and cases that were told of.

    So do rows of an organ that has become a branch of the source's own.
    """
    rows = await connection.fetch(
        "WITH awaited AS (SELECT DISTINCT problem, problem_field, problem_value FROM feed_row"
        "  WHERE source_id = $1 AND state = 'pooled'"
        "  AND problem IN ('organ-unknown', 'organ-foreign', 'case-unknown')),"
        " named AS (SELECT a.code AS word, a.id FROM agency a UNION SELECT o.uscc, o.agency_id"
        "  FROM organisation o WHERE o.uscc <> '' AND o.superseded_at IS NULL)"
        " SELECT w.problem, w.problem_field, w.problem_value FROM awaited w"
        " WHERE CASE w.problem WHEN 'case-unknown' THEN EXISTS (SELECT FROM feed_case c"
        "  WHERE c.source_id = $1 AND c.key = w.problem_value)"
        " WHEN 'organ-unknown' THEN EXISTS (SELECT FROM named n WHERE n.word = w.problem_value)"
        " ELSE EXISTS (SELECT FROM named n JOIN agency_reach r ON r.seen_id = n.id AND r.acts"
        "  JOIN feed_source s ON s.agency_id = r.agency_id AND s.id = $1"
        "  WHERE n.word = w.problem_value) END"
        " ORDER BY w.problem DESC, w.problem_value",
        source,
    )
    return [found for row in rows if (found := _problem(row)) is not None]


async def waiting_for_cases(
    connection: Connection, source: uuid.UUID, cases: Collection[str], *, limit: int
) -> list[PooledRow]:
    """Pooled rows that wait until one of these cases is told of."""
    rows = await connection.fetch(
        "SELECT key, digest, body, received_at, problem, problem_field, problem_value"
        " FROM feed_row WHERE source_id = $1 AND state = 'pooled' AND problem = 'case-unknown'"
        " AND problem_field = 'case' AND problem_value = ANY($2::text[])"
        " ORDER BY received_at LIMIT $3",
        source,
        list(cases),
        limit,
    )
    return [_pooled(row) for row in rows]


async def pooled(
    connection: Connection,
    source: uuid.UUID,
    after: tuple[str, bytes] | None,
    limit: int,
) -> list[PooledRow]:
    """Rows that wait, in the order of keys, beginning behind a key and digest."""
    key, digest = after or ("", b"")
    rows = await connection.fetch(
        "SELECT key, digest, body, received_at, problem, problem_field, problem_value"
        " FROM feed_row WHERE source_id = $1 AND state = 'pooled' AND (key, digest) > ($2, $3)"
        " ORDER BY key, digest LIMIT $4",
        source,
        key,
        digest,
        limit,
    )
    return [_pooled(row) for row in rows]


@dataclass(frozen=True, slots=True)
class PoolLine:
    """How many rows wait for one thing, and since when."""

    problem: Problem
    rows: int
    oldest_at: datetime


async def pool_summary(connection: Connection, source: uuid.UUID, limit: int) -> list[PoolLine]:
    """What rows wait for, the most frequent first."""
    rows = await connection.fetch(
        "SELECT problem, problem_field, problem_value, count(*) AS rows,"
        " min(received_at) AS oldest_at FROM feed_row WHERE source_id = $1 AND state = 'pooled'"
        " GROUP BY problem, problem_field, problem_value"
        " ORDER BY count(*) DESC, problem, problem_value LIMIT $2",
        source,
        limit,
    )
    return [
        PoolLine(
            _problem(row) or Problem(ProblemCode.FIELD_MALFORMED), row["rows"], row["oldest_at"]
        )
        for row in rows
    ]
