"""What lists of work and alarms call a recording: name, device, cases. Reads only."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from recorder.domain.people import Scope
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Subject:
    """A recording as a line of a list names it."""

    name: str
    device_number: str | None
    #: The first number of each case it is linked to, as written.
    case_numbers: tuple[str, ...]


async def named(
    connection: Connection, recordings: Collection[uuid.UUID], scope: Scope
) -> dict[uuid.UUID, Subject]:
    """Those of the recordings that are in the agencies of the scope."""
    rows = await connection.fetch(
        "SELECT r.id, r.original_name, r.device_number,"
        " ARRAY(SELECT (SELECT i.norm FROM case_identifier i WHERE i.case_id = l.case_id"
        "  ORDER BY i.created_at, i.id LIMIT 1) FROM case_link l"
        "  WHERE l.recording_id = r.id AND l.unlinked_at IS NULL ORDER BY l.linked_at, l.id)"
        " AS numbers FROM recording r"
        " WHERE r.id = ANY($1) AND in_scope(r.agency_id, $2)",
        list(recordings),
        scope.agencies,
    )
    return {
        row["id"]: Subject(
            row["original_name"],
            row["device_number"],
            tuple(number for number in row["numbers"] if number),
        )
        for row in rows
    }
