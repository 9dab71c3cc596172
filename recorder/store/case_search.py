"""Steps of finding cases by a piece of their numbers; services/casework/searching.py takes them.

Ids of cases sort by birth, so ``ORDER BY case_id DESC`` is newest first, and both walks below read
nothing but an index that holds scope, id and key. ``upto`` is the newest case that may be given,
itself included.
"""

from __future__ import annotations

from dataclasses import dataclass

from recorder.domain.ids import CaseId
from recorder.domain.people import Scope
from recorder.store.connection import Connection

#: Numbers that begin with a text are looked at in the order of keys, and no more of them.
MOST_CANDIDATES = 20_000
#: So many agencies are walked through side by side; planning that takes a tenth of a millisecond
#: each. Who sees more of them sees so much of all that passing over the rest costs less.
MOST_MERGED = 120


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a number must hold, or begin with."""

    text: str
    scope: Scope
    beginning: bool = False

    @property
    def test(self) -> str:
        """The condition on ``key``, with the text as $1."""
        return "starts_with(key, $1)" if self.beginning else "strpos(key, $1) > 0"


def _numbers(scope: Scope, agencies: str, condition: str, order: str = "DESC") -> str:
    """Case and key of the numbers in scope for which the condition holds, newest case first.

    ``agencies``: the argument that holds them. Of some agencies each is a branch of its own: the
    planner merges their indexes, so that no number of another agency is passed over on the way.
    """
    ordered = f"ORDER BY case_id {order}"
    branch = f"SELECT case_id, key FROM case_identifier WHERE {condition} AND "  # noqa: S608 - constant text
    many = len(scope.agencies or ())
    if not 1 < many <= MOST_MERGED:
        return f"{branch}in_scope(agency_id, {agencies}) {ordered}"
    branches = " UNION ALL ".join(
        # Without an order of its own a branch would not be read by its index.
        f"({branch}agency_id = ({agencies}::uuid[])[{n}] {ordered})"
        for n in range(1, many + 1)
    )
    return f"SELECT case_id, key FROM ({branches}) numbers {ordered}"  # noqa: S608 - constant text


async def walk(
    connection: Connection, wanted: Wanted, upto: CaseId | None, steps: int, limit: int
) -> list[CaseId]:
    """Cases that fit among the newest ``steps`` numbers, newest first; it ends at ``limit``."""
    numbers = _numbers(wanted.scope, "$2", "($3::uuid IS NULL OR case_id <= $3)")
    rows = await connection.fetch(
        f"SELECT DISTINCT case_id FROM ({numbers} LIMIT $4) walked WHERE {wanted.test}"  # noqa: S608 - constant text
        " ORDER BY case_id DESC LIMIT $5",
        wanted.text,
        wanted.scope.agencies,
        upto,
        steps,
        limit,
    )
    return [row["case_id"] for row in rows]


async def after_walk(
    connection: Connection, scope: Scope, upto: CaseId | None, steps: int
) -> CaseId | None:
    """The case at which a walk of so many steps stopped; None when it came to the oldest."""
    numbers = _numbers(scope, "$1", "($2::uuid IS NULL OR case_id <= $2)")
    found: CaseId | None = await connection.fetchval(
        f"SELECT case_id FROM ({numbers} OFFSET $3 LIMIT 1) next",  # noqa: S608 - constant text
        scope.agencies,
        upto,
        steps,
    )
    return found


async def oldest(connection: Connection, scope: Scope) -> CaseId | None:
    """The first case in scope that has a number."""
    numbers = _numbers(scope, "$1", "true", "ASC")
    found: CaseId | None = await connection.fetchval(
        f"SELECT case_id FROM ({numbers} LIMIT 1) first",  # noqa: S608 - constant text
        scope.agencies,
    )
    return found


async def probe(
    connection: Connection, wanted: Wanted, marks: list[CaseId], steps: int
) -> list[int]:
    """How many of the ``steps`` numbers behind each mark fit."""
    numbers = _numbers(wanted.scope, "$2", "case_id <= m.mark")
    rows = await connection.fetch(
        f"SELECT (SELECT count(*) FROM ({numbers} LIMIT $4) near WHERE {wanted.test}) AS hits"  # noqa: S608 - constant text
        " FROM unnest($3::uuid[]) WITH ORDINALITY AS m (mark, place) ORDER BY m.place",
        wanted.text,
        wanted.scope.agencies,
        marks,
        steps,
    )
    return [row["hits"] for row in rows]


async def expected(connection: Connection, grams: tuple[str, ...]) -> list[tuple[float, str]]:
    """How many numbers have each gram by the table's statistics, the rarest first.

    0 stands for those too rare for the statistics, and for all while there are none.
    """
    rows = await connection.fetch(
        "SELECT gram, coalesce(greatest(c.reltuples, 0) * known.share, 0)::float8 AS many"
        " FROM unnest($1::text[]) AS gram JOIN pg_class c ON c.oid = 'case_identifier'::regclass"
        " LEFT JOIN (SELECT e.gram AS common, e.share FROM pg_stats s,"
        "  unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) AS e (gram, share)"
        "  WHERE s.schemaname = current_schema() AND s.tablename = 'case_identifier'"
        "  AND s.attname = 'grams') known ON known.common = gram ORDER BY many, gram",
        list(grams),
    )
    return [(row["many"], row["gram"]) for row in rows]


async def few_by_grams(
    connection: Connection, wanted: Wanted, grams: list[str], upto: CaseId | None, most: int
) -> list[CaseId] | None:
    """As ``by_grams``, all of them; None where more than ``most`` numbers have those grams.

    Reading a number costs fifty times what its place in the index costs, so that what is given up
    has cost little. A limit would make the planner read the table from its beginning instead.
    """
    async with connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        (row,) = await connection.fetch(
            "SELECT count(*) AS many, array_agg(DISTINCT case_id) FILTER (WHERE"  # noqa: S608 - constant text
            f" {wanted.test} AND in_scope(agency_id, $2)"
            " AND ($3::uuid IS NULL OR case_id <= $3)) AS fitting FROM (SELECT case_id, agency_id,"
            "  key FROM case_identifier WHERE grams @> $4::text[] LIMIT $5) few",
            wanted.text,
            wanted.scope.agencies,
            upto,
            grams,
            most + 1,
        )
    if row["many"] > most:
        return None
    return sorted(row["fitting"] or (), reverse=True)


async def by_grams(
    connection: Connection, wanted: Wanted, grams: list[str], upto: CaseId | None, limit: int
) -> list[CaseId]:
    """All cases that fit, found by the grams that their numbers must have, newest first.

    Grams say where the text may be, the test where it is. The candidates are had first: with the
    limit in sight the planner would walk through all numbers instead.
    """
    rows = await connection.fetch(
        "WITH found AS MATERIALIZED (SELECT case_id FROM case_identifier"  # noqa: S608 - constant text
        f" WHERE grams @> $4::text[] AND {wanted.test}"
        " AND in_scope(agency_id, $2) AND ($3::uuid IS NULL OR case_id <= $3))"
        " SELECT DISTINCT case_id FROM found ORDER BY case_id DESC LIMIT $5",
        wanted.text,
        wanted.scope.agencies,
        upto,
        grams,
        limit,
    )
    return [row["case_id"] for row in rows]


async def by_beginning(
    connection: Connection, wanted: Wanted, upto: CaseId | None, limit: int
) -> list[CaseId]:
    """Cases whose numbers begin so, of the first MOST_CANDIDATES numbers, newest first.

    Keys are compared byte by byte, and nothing sorts behind U+10FFFF.
    """
    rows = await connection.fetch(
        "WITH found AS MATERIALIZED (SELECT case_id FROM case_identifier"  # noqa: S608 - constant text
        " WHERE key >= $1 AND key < $1 || chr(1114111)"
        " AND in_scope(agency_id, $2) AND ($3::uuid IS NULL OR case_id <= $3)"
        f" ORDER BY key LIMIT {MOST_CANDIDATES})"
        " SELECT DISTINCT case_id FROM found ORDER BY case_id DESC LIMIT $4",
        wanted.text,
        wanted.scope.agencies,
        upto,
        limit,
    )
    return [row["case_id"] for row in rows]
