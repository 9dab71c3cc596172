"""When agencies were published as subjects of enforcement, and what others let them do."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from recorder.domain.coverage.facts import PowerTerm
from recorder.domain.ids import AgencyId
from recorder.store.connection import Connection, Row

Terms = dict[AgencyId, tuple[PowerTerm, ...]]


async def of_agencies(
    connection: Connection, agencies: Collection[AgencyId]
) -> tuple[Terms, Terms]:
    """When they were published subjects, and what others let them do; who has none is absent."""
    published = _by_agency(
        await connection.fetch(
            "SELECT agency_id, '' AS matter, valid_from, valid_to FROM enforcement_subject"
            " WHERE agency_id = ANY($1) AND superseded_at IS NULL ORDER BY agency_id, valid_from",
            list(agencies),
        )
    )
    entrusted = _by_agency(
        await connection.fetch(
            "SELECT agent_id AS agency_id, matter, valid_from, valid_to FROM entrustment"
            " WHERE agent_id = ANY($1) AND superseded_at IS NULL"
            " ORDER BY agent_id, valid_from, matter",
            list(agencies),
        )
    )
    return published, entrusted


def _by_agency(rows: Sequence[Row]) -> Terms:
    found: Terms = {}
    for row in rows:
        term = PowerTerm(row["valid_from"], row["valid_to"], row["matter"])
        found[row["agency_id"]] = (*found.get(row["agency_id"], ()), term)
    return found
