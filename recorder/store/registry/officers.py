"""Officers and their certificates, over all days."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.ids import AgencyId
from recorder.domain.officer import Certificate
from recorder.domain.people import Scope
from recorder.domain.registry_facts import CertificateFacts, OfficerFacts
from recorder.domain.validity import Term
from recorder.store.change import Change
from recorder.store.connection import Connection, Row
from recorder.store.registry.entries import Entry, Stated, by_key, counts_at, new_ids

OfficerEntry = Entry[str, OfficerFacts]
#: Number of the officer, number of the certificate.
CertificateKey = tuple[str, str]
CertificateEntry = Entry[CertificateKey, CertificateFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """An officer as known for some days."""

    id: uuid.UUID
    number: str
    agency: AgencyId
    agency_code: str
    name: str
    user_number: str
    valid_from: date
    valid_to: date


def _from_row(row: Row) -> OfficerEntry:
    facts = OfficerFacts(agency=row["agency_id"], name=row["name"], user_number=row["user_number"])
    return Entry(row["id"], row["number"], Term(facts, row["valid_from"], row["valid_to"]))


def _officer(row: Row) -> Officer:
    return Officer(
        id=row["id"],
        number=row["number"],
        agency=row["agency_id"],
        agency_code=row["code"],
        name=row["name"],
        user_number=row["user_number"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
    )


# --- reading ---------------------------------------------------------------------------------


#: Rows that count, or that counted at the moment that is argument 2.
_COUNTS = counts_at("$2")


async def by_numbers(
    connection: Connection, numbers: Collection[str], as_of: datetime | None = None
) -> dict[str, tuple[OfficerEntry, ...]]:
    """What is said of the officers with these numbers, over all days; unknown ones are left out.

    ``as_of``: what was said at a moment.
    """
    rows = await connection.fetch(
        "SELECT id, number, agency_id, name, user_number, valid_from, valid_to FROM officer"  # noqa: S608 - constant text
        f" WHERE number = ANY($1) AND {_COUNTS}",
        list(numbers),
        as_of,
    )
    return by_key(_from_row(row) for row in rows)


async def of_user_number(
    connection: Connection, agency: AgencyId, user_number: str, moment: datetime
) -> str | None:
    """The number of the officer whom cameras call so on that day in China; None unless it is one.

    A device holds six characters (GA/T 947, R44, R58), unique within an organ at best: asked are
    officers of the agency, of its branches and of whose branch it is. Who has the number itself
    is called so by it.
    """
    found: str | None = await connection.fetchval(
        "SELECT CASE WHEN count(DISTINCT o.number) = 1 THEN min(o.number) END FROM officer o"
        " WHERE o.user_number = $2 AND o.superseded_at IS NULL"
        " AND ($3::timestamptz AT TIME ZONE interval '8 hours')::date"
        "  BETWEEN o.valid_from AND o.valid_to AND o.agency_id IN (SELECT $1::uuid"
        "  UNION SELECT agency_id FROM agency_reach WHERE seen_id = $1 AND acts"
        "  UNION SELECT seen_id FROM agency_reach WHERE agency_id = $1 AND acts)"
        " AND NOT EXISTS (SELECT FROM officer n WHERE n.number = $2 AND n.superseded_at IS NULL)",
        agency,
        user_number,
        moment,
    )
    return found


async def holders(
    connection: Connection, certificates: Collection[str], as_of: datetime | None = None
) -> dict[str, str]:
    """Certificate → its officer's number; one that several hold, or that is a number, is left out.

    ``as_of``: as it was known at a moment.
    """
    rows = await connection.fetch(
        "SELECT number, min(officer) AS officer FROM officer_certificate c"  # noqa: S608 - constant text
        f" WHERE number = ANY($1) AND {_COUNTS} AND NOT EXISTS (SELECT FROM officer o"
        f"  WHERE o.number = c.number AND {counts_at('$2', 'o.')})"
        " GROUP BY number HAVING count(DISTINCT officer) = 1",
        list(certificates),
        as_of,
    )
    return {row["number"]: row["officer"] for row in rows}


async def certificates(
    connection: Connection, numbers: Collection[str], as_of: datetime | None = None
) -> dict[str, tuple[Certificate, ...]]:
    """The certificates of the officers with these numbers, whenever valid, in order of days.

    ``as_of``: those that were known at a moment.
    """
    rows = await connection.fetch(
        "SELECT officer, number, valid_from, valid_to FROM officer_certificate"  # noqa: S608 - constant text
        f" WHERE officer = ANY($1) AND {_COUNTS} ORDER BY officer, valid_from, number",
        list(numbers),
        as_of,
    )
    found: dict[str, list[Certificate]] = defaultdict(list)
    for row in rows:
        found[row["officer"]].append(Certificate(row["number"], row["valid_from"], row["valid_to"]))
    return {officer: tuple(own) for officer, own in found.items()}


async def certificate_entries(
    connection: Connection, keys: Collection[CertificateKey]
) -> dict[CertificateKey, tuple[CertificateEntry, ...]]:
    """The rows of these certificates."""
    rows = await connection.fetch(
        "SELECT c.id, c.officer, c.number, c.valid_from, c.valid_to FROM officer_certificate c"
        " JOIN unnest($1::text[], $2::text[]) AS k (officer, number)"
        " ON k.officer = c.officer AND k.number = c.number WHERE c.superseded_at IS NULL",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    return by_key(
        Entry(
            row["id"],
            (row["officer"], row["number"]),
            Term(CertificateFacts(), row["valid_from"], row["valid_to"]),
        )
        for row in rows
    )


async def listed(
    connection: Connection,
    scope: Scope,
    q: str | None,
    day: date | None,
    after: str | None,
    limit: int,
) -> list[Officer]:
    """Officers in scope by number, as they are known last, or those of a day.

    ``q``: number, piece of a name, or code or name of an agency.
    """
    rows = await connection.fetch(
        "SELECT DISTINCT ON (o.number) o.id, o.number, o.agency_id, a.code, o.name, o.user_number,"
        " o.valid_from, o.valid_to FROM officer o JOIN agency a ON a.id = o.agency_id"
        " WHERE o.superseded_at IS NULL AND in_scope(o.agency_id, $1)"
        " AND ($2::text IS NULL OR o.number = $2 OR strpos(o.name, $2) > 0"
        "  OR $2 IN (a.code, a.name))"
        " AND ($3::text IS NULL OR o.number > $3)"
        " AND ($4::date IS NULL OR $4 BETWEEN o.valid_from AND o.valid_to)"
        " ORDER BY o.number, o.valid_from DESC LIMIT $5",
        scope.agencies,
        q,
        after,
        day,
        limit,
    )
    return [_officer(row) for row in rows]


# --- writing ---------------------------------------------------------------------------------


async def supersede(change: Change, entries: Collection[uuid.UUID]) -> None:
    await change.connection.execute(
        "UPDATE officer SET superseded_at = $2 WHERE id = ANY($1) AND superseded_at IS NULL",
        list(entries),
        change.now,
    )


async def insert(
    change: Change, stated: Sequence[Stated[str, OfficerFacts]], source: uuid.UUID | None
) -> None:
    """Write what is said of officers; ``source`` is the import that says so."""
    await change.connection.execute(
        "INSERT INTO officer (id, number, agency_id, name, user_number, valid_from, valid_to,"
        " noted_at, import_id) SELECT n.*, $8, $9 FROM unnest($1::uuid[], $2::text[],"
        " $3::uuid[], $4::text[], $5::text[], $6::date[], $7::date[]) AS n",
        new_ids(len(stated), change.now),
        [key for key, _ in stated],
        [term.facts.agency for _, term in stated],
        [term.facts.name for _, term in stated],
        [term.facts.user_number for _, term in stated],
        [term.begins for _, term in stated],
        [term.ends for _, term in stated],
        change.now,
        source,
    )


async def supersede_certificates(change: Change, entries: Collection[uuid.UUID]) -> None:
    await change.connection.execute(
        "UPDATE officer_certificate SET superseded_at = $2"
        " WHERE id = ANY($1) AND superseded_at IS NULL",
        list(entries),
        change.now,
    )


async def insert_certificates(
    change: Change,
    stated: Sequence[Stated[CertificateKey, CertificateFacts]],
    source: uuid.UUID | None,
) -> None:
    """Write certificates; ``source`` is the import that says so."""
    await change.connection.execute(
        "INSERT INTO officer_certificate (id, officer, number, valid_from, valid_to, noted_at,"
        " import_id) SELECT n.*, $6, $7 FROM unnest($1::uuid[], $2::text[], $3::text[],"
        " $4::date[], $5::date[]) AS n",
        new_ids(len(stated), change.now),
        [key[0] for key, _ in stated],
        [key[1] for key, _ in stated],
        [term.begins for _, term in stated],
        [term.ends for _, term in stated],
        change.now,
        source,
    )
