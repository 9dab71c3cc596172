"""Where recordings come from, as people say; custody events keep what was said before."""

from __future__ import annotations

from recorder.domain.ids import RecordingId
from recorder.domain.provenance import Provenance, ProvenanceKind
from recorder.store.change import Change
from recorder.store.connection import Connection


async def state(change: Change, said: Provenance) -> None:
    """This counts from now on."""
    await change.connection.execute(
        "INSERT INTO provenance (recording_id, agency_id, kind, reason, provider, handed_over_at,"
        " receipt, stated_at, stated_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (recording_id) DO UPDATE SET kind = $3, reason = $4, provider = $5,"
        " handed_over_at = $6, receipt = $7, stated_at = $8, stated_by = $9",
        said.recording,
        said.agency,
        said.kind.value,
        said.reason,
        said.provider,
        said.handed_over_at,
        said.receipt,
        said.stated_at,
        said.stated_by,
    )
    await change.connection.execute(
        "UPDATE recording SET provenance = $2 WHERE id = $1", said.recording, said.kind.value
    )


async def find(connection: Connection, recording: RecordingId) -> Provenance | None:
    """What was said last; None where nobody said anything."""
    row = await connection.fetchrow(
        "SELECT recording_id, agency_id, kind, reason, provider, handed_over_at, receipt,"
        " stated_at, stated_by FROM provenance WHERE recording_id = $1",
        recording,
    )
    if row is None:
        return None
    return Provenance(
        recording=row["recording_id"],
        agency=row["agency_id"],
        kind=ProvenanceKind(row["kind"]),
        reason=row["reason"],
        provider=row["provider"],
        handed_over_at=row["handed_over_at"],
        receipt=row["receipt"],
        stated_at=row["stated_at"],
        stated_by=row["stated_by"],
    )
