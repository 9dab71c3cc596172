"""Cases by their numbers, many at once: found, opened, numbered, confirmed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from recorder.domain.case import CaseIdentifier, CaseState
from recorder.domain.case_number import grams
from recorder.domain.ids import AgencyId, CaseId, new_uuid
from recorder.store.change import Change
from recorder.store.connection import Connection

#: A number within its organ.
NumberKey = tuple[AgencyId, str, str]


@dataclass(frozen=True, slots=True)
class NewCase:
    id: CaseId
    agency: AgencyId
    title: str | None


async def cases_of(
    connection: Connection, numbers: Collection[NumberKey]
) -> dict[NumberKey, CaseId]:
    """The case of each number (agency, scheme, key) that is known."""
    listed = list(numbers)
    rows = await connection.fetch(
        "SELECT i.agency_id, i.scheme, i.key, i.case_id FROM case_identifier i"
        " JOIN unnest($1::uuid[], $2::text[], $3::text[]) AS n (agency_id, scheme, key)"
        ' ON i.agency_id = n.agency_id AND i.key = n.key COLLATE "C" AND i.scheme = n.scheme',
        [agency for agency, _, _ in listed],
        [scheme for _, scheme, _ in listed],
        [key for _, _, key in listed],
    )
    return {(r["agency_id"], r["scheme"], r["key"]): r["case_id"] for r in rows}


async def open_cases(change: Change, cases: Sequence[NewCase]) -> None:
    """Write confirmed cases; their numbers follow in the same transaction."""
    await change.connection.execute(
        "INSERT INTO case_file (id, agency_id, state, title, created_at, updated_at)"
        " SELECT c.id, c.agency_id, 'confirmed', c.title, $4::timestamptz, $4"
        " FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS c (id, agency_id, title)",
        [case.id for case in cases],
        [case.agency for case in cases],
        [case.title for case in cases],
        change.now,
    )


async def add(change: Change, numbers: Sequence[tuple[CaseId, AgencyId, CaseIdentifier]]) -> int:
    """Give cases numbers; how many were new in their organs.

    In the order of numbers, so that of two who add the same ones the second waits for the first.
    """
    ordered = sorted(numbers, key=lambda each: (each[1], each[2].key, each[2].scheme.value))
    return await change.connection.execute(
        "INSERT INTO case_identifier (id, case_id, agency_id, scheme, raw, norm, key, grams,"
        " created_at) SELECT n.id, n.case_id, n.agency_id, n.scheme, n.raw, n.norm, n.key,"
        " string_to_array(n.grams, E'\\x01'), $9::timestamptz"
        " FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[],"
        " $7::text[], $8::text[]) AS n (id, case_id, agency_id, scheme, raw, norm, key, grams)"
        " ON CONFLICT (agency_id, key, scheme) DO NOTHING",
        [new_uuid(change.now) for _ in ordered],
        [case for case, _, _ in ordered],
        [agency for _, agency, _ in ordered],
        [number.scheme.value for _, _, number in ordered],
        [number.raw for _, _, number in ordered],
        [number.norm for _, _, number in ordered],
        [number.key for _, _, number in ordered],
        # Arrays of arrays must be rectangular; no key holds a control character.
        ["\x01".join(grams(number.key)) for _, _, number in ordered],
        change.now,
    )


@dataclass(frozen=True, slots=True)
class HeldCase:
    """A case that cannot be merged until the transaction ends."""

    id: CaseId
    agency: AgencyId
    state: CaseState
    title: str | None


async def hold(change: Change, cases: Collection[CaseId]) -> list[HeldCase]:
    """Keep these cases from being merged."""
    rows = await change.connection.fetch(
        "SELECT id, agency_id, state, title FROM case_file WHERE id = ANY($1)"
        " ORDER BY id FOR KEY SHARE",
        list(cases),
    )
    return [HeldCase(r["id"], r["agency_id"], CaseState(r["state"]), r["title"]) for r in rows]


async def confirm(
    change: Change, cases: Sequence[CaseId], titles: Sequence[str | None]
) -> list[tuple[CaseId, str | None, CaseState]]:
    """Confirm provisional cases, and give a title to those without: those that changed, as before.

    Of each the title and state that it had.
    """
    rows = await change.connection.fetch(
        "WITH wanted AS (SELECT c.id, c.title AS before, c.state, w.title FROM case_file c"
        "  JOIN unnest($1::uuid[], $2::text[]) AS w (id, title) ON w.id = c.id"
        "  WHERE c.state = 'provisional' OR (c.title IS NULL AND w.title IS NOT NULL)"
        "  ORDER BY c.id FOR NO KEY UPDATE OF c)"
        " UPDATE case_file c SET state = 'confirmed', title = coalesce(w.before, w.title),"
        " updated_at = $3::timestamptz FROM wanted w WHERE c.id = w.id"
        " RETURNING c.id, w.before, w.state",
        list(cases),
        list(titles),
        change.now,
    )
    return [(r["id"], r["before"], CaseState(r["state"])) for r in rows]
