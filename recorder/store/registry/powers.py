"""When agencies were published as subjects of enforcement, and what others let them do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from recorder.domain.coverage.facts import PowerTerm
from recorder.domain.ids import AgencyId
from recorder.store.connection import Connection, Row
from recorder.store.registry.entries import counts_at

Terms = dict[AgencyId, tuple[PowerTerm, ...]]


async def of_agencies(
    connection: Connection, agencies: Collection[AgencyId], as_of: datetime | None = None
) -> tuple[Terms, Terms]:
    """When they were published subjects, and what others let them do; who has none is absent.

    ``as_of``: as it was known at a moment.
    """
    published = _by_agency(
        await connection.fetch(
            "SELECT agency_id, '' AS matter, valid_from, valid_to FROM enforcement_subject"  # noqa: S608 - constant text
            f" WHERE agency_id = ANY($1) AND {counts_at('$2')} ORDER BY agency_id, valid_from",
            list(agencies),
            as_of,
        )
    )
    entrusted = _by_agency(
        await connection.fetch(
            "SELECT agent_id AS agency_id, matter, valid_from, valid_to FROM entrustment"  # noqa: S608 - constant text
            f" WHERE agent_id = ANY($1) AND {counts_at('$2')}"
            " ORDER BY agent_id, valid_from, matter",
            list(agencies),
            as_of,
        )
    )
    return published, entrusted


def _by_agency(rows: Sequence[Row]) -> Terms:
    found: Terms = {}
    for row in rows:
        term = PowerTerm(row["valid_from"], row["valid_to"], row["matter"])
        found[row["agency_id"]] = (*found.get(row["agency_id"], ()), term)
    return found
