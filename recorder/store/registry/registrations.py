"""The fields of devices by GA/T 947, over all days; the devices themselves are in ``devices``."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from recorder.domain.ids import AgencyId, DeviceId
from recorder.domain.registry_facts import DeviceFacts
from recorder.domain.validity import Term
from recorder.store.change import Change
from recorder.store.connection import Connection, Row
from recorder.store.registry.entries import Entry, Stated, by_key, new_ids

RegistrationEntry = Entry[DeviceId, DeviceFacts]


def _from_row(row: Row) -> RegistrationEntry:
    facts = DeviceFacts(
        agency=row["agency_id"],
        serial=row["serial"],
        user_number=row["user_number"],
        user_name=row["user_name"],
        unit_number=row["unit_number"],
        unit_name=row["unit_name"],
        user_name_raw=row["user_name_raw"],
        unit_name_raw=row["unit_name_raw"],
        gb28181=row["gb28181"],
    )
    return Entry(row["id"], row["device_id"], Term(facts, row["valid_from"], row["valid_to"]))


async def of_devices(
    connection: Connection, devices: Collection[DeviceId]
) -> dict[DeviceId, tuple[RegistrationEntry, ...]]:
    """What is said of these devices, over all days."""
    rows = await connection.fetch(
        "SELECT id, device_id, agency_id, serial, user_number, user_name, unit_number, unit_name,"
        " user_name_raw, unit_name_raw, gb28181, valid_from, valid_to FROM device_registration"
        " WHERE device_id = ANY($1) AND superseded_at IS NULL",
        list(devices),
    )
    return by_key(_from_row(row) for row in rows)


async def devices_by_numbers(
    connection: Connection, numbers: Collection[str]
) -> dict[str, tuple[DeviceId, AgencyId, str]]:
    """Id, agency and state of the devices with these numbers."""
    rows = await connection.fetch(
        "SELECT number, id, agency_id, state FROM device WHERE number = ANY($1)", list(numbers)
    )
    return {row["number"]: (row["id"], row["agency_id"], row["state"]) for row in rows}


async def insert_devices(
    change: Change, devices: Sequence[tuple[DeviceId, str, AgencyId, str]]
) -> None:
    """New devices of these ids, numbers, agencies and states."""
    await change.connection.execute(
        "INSERT INTO device (id, number, agency_id, state, created_at)"
        " SELECT n.*, $5 FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[]) AS n",
        [one[0] for one in devices],
        [one[1] for one in devices],
        [one[2] for one in devices],
        [one[3] for one in devices],
        change.now,
    )


async def move_devices(change: Change, homes: Sequence[tuple[DeviceId, AgencyId]]) -> None:
    """These devices belong to these agencies from now on; their footage stays where it is."""
    await change.connection.execute(
        "UPDATE device d SET agency_id = n.agency FROM unnest($1::uuid[], $2::uuid[])"
        " AS n (id, agency) WHERE d.id = n.id",
        [home[0] for home in homes],
        [home[1] for home in homes],
    )


async def supersede(change: Change, entries: Collection[uuid.UUID]) -> None:
    await change.connection.execute(
        "UPDATE device_registration SET superseded_at = $2"
        " WHERE id = ANY($1) AND superseded_at IS NULL",
        list(entries),
        change.now,
    )


async def insert(
    change: Change, stated: Sequence[Stated[DeviceId, DeviceFacts]], source: uuid.UUID | None
) -> None:
    """Write what is said of devices; ``source`` is the import that says so."""
    await change.connection.execute(
        "INSERT INTO device_registration (id, device_id, agency_id, serial, user_number,"
        " user_name, unit_number, unit_name, user_name_raw, unit_name_raw, gb28181, valid_from,"
        " valid_to, noted_at, import_id) SELECT n.*, $14, $15 FROM unnest($1::uuid[], $2::uuid[],"
        " $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[],"
        " $10::bytea[], $11::text[], $12::date[], $13::date[]) AS n",
        new_ids(len(stated), change.now),
        [key for key, _ in stated],
        [term.facts.agency for _, term in stated],
        [term.facts.serial for _, term in stated],
        [term.facts.user_number for _, term in stated],
        [term.facts.user_name for _, term in stated],
        [term.facts.unit_number for _, term in stated],
        [term.facts.unit_name for _, term in stated],
        [term.facts.user_name_raw for _, term in stated],
        [term.facts.unit_name_raw for _, term in stated],
        [term.facts.gb28181 for _, term in stated],
        [term.begins for _, term in stated],
        [term.ends for _, term in stated],
        change.now,
        source,
    )
