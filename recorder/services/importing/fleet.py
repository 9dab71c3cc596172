"""Files of devices and of hand-overs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from recorder.domain.events import DeviceAdded, DeviceStateChanged
from recorder.domain.ids import AgencyId, DeviceId, new_uuid
from recorder.domain.officer import device_name
from recorder.domain.registry_columns import RegistryRow
from recorder.domain.registry_facts import DeviceFacts
from recorder.domain.validity import Fate
from recorder.services.importing.kinds import Work, check_device_codes
from recorder.services.importing.settling import BATCH, Book, Statement, settle_all
from recorder.store import attribution, devices
from recorder.store.registry import handovers, registrations

#: Number → id, agency and state of a device.
_Known = dict[str, tuple[DeviceId, AgencyId, str]]
#: A log may be written up to a day early; beyond that it is a slip of the pen.
_EARLIEST = timedelta(days=1)
_REASON = "import"


async def take_devices(work: Work, rows: Sequence[RegistryRow]) -> None:
    """Devices by their serials, new ones too; a new one fetches its token by an enrolment code."""
    known = await _known(work, (row["serial"] for row in rows))
    said: list[Statement[DeviceId, DeviceFacts]] = []
    states: dict[str, RegistryRow] = {}
    fresh: dict[str, tuple[DeviceId, str, AgencyId, str]] = {}
    for row in rows:
        agency = work.agency(row, "organisation")
        number = row["serial"]
        if agency is None or (number in known and not work.acts(row, "serial", known[number][1])):
            continue
        check_device_codes(work, row)
        if number not in known:
            device = DeviceId(new_uuid(work.change.now))
            known[number] = (device, agency, row["state"] or "active")
            fresh[number] = (device, number, agency, row["state"] or "active")
        states[number] = row
        facts = _facts(row, agency)
        said.append(
            Statement(row.line, known[number][0], facts, row["valid_from"], row["valid_to"])
        )
    await registrations.insert_devices(work.change, list(fresh.values()))
    for device, number, agency, _ in fresh.values():
        work.change.record(DeviceAdded(subject=device, agency=agency, number=number))
    numbers = {device: number for number, (device, _, _) in known.items()}
    book = Book(
        registrations.of_devices,
        registrations.supersede,
        registrations.insert,
        lambda key: numbers[key],
    )
    await settle_all(work.change, book, said, work.account, work.source, work.today)
    await _set_states(work, states, known)
    await _move(work, known)


def _facts(row: RegistryRow, agency: AgencyId) -> DeviceFacts:
    facts = DeviceFacts(
        agency=agency,
        serial=row["serial"],
        user_number=row["user_number"],
        user_name=row["user_name"],
        unit_number=row["unit_number"],
        unit_name=row["unit_name"],
        user_name_raw=row["user_name_bytes"],
        unit_name_raw=row["unit_name_bytes"],
        gb28181=row["gb28181"],
    )
    if facts.user_name_raw and not facts.user_name:
        facts = replace(facts, user_name=device_name(facts.user_name_raw))
    if facts.unit_name_raw and not facts.unit_name:
        facts = replace(facts, unit_name=device_name(facts.unit_name_raw))
    return facts


async def _known(work: Work, numbers: Iterable[str]) -> _Known:
    wanted = list(dict.fromkeys(numbers))
    found: _Known = {}
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        found |= await registrations.devices_by_numbers(work.change.connection, part)
    return found


async def _set_states(work: Work, states: dict[str, RegistryRow], known: _Known) -> None:
    for number, row in states.items():
        device, agency, before = known[number]
        after = row["state"] or before
        if after == before or not await devices.set_state(work.change, device, before, after):
            continue
        work.change.record(
            DeviceStateChanged(
                subject=device,
                agency=agency,
                number=number,
                before=before,
                after=after,
                reason=_REASON,
            )
        )
        work.account.tell(row.line, Fate.CHANGED, number)


async def _move(work: Work, known: _Known) -> None:
    """A device belongs to the agency of the term that holds today."""
    owned = {device: agency for device, agency, _ in known.values()}
    ids = list(owned)
    homes: list[tuple[DeviceId, AgencyId]] = []
    for start in range(0, len(ids), BATCH):
        found = await registrations.of_devices(work.change.connection, ids[start : start + BATCH])
        homes += [
            (device, entry.term.facts.agency)
            for device, entries in found.items()
            for entry in entries
            if entry.term.holds_on(work.today) and entry.term.facts.agency != owned[device]
        ]
    if homes:
        await registrations.move_devices(work.change, homes)


async def take_handovers(work: Work, rows: Sequence[RegistryRow]) -> None:
    """Lines of the hand-over log: from then on this officer wears the device, or nobody."""
    known = await _known(work, (row["device"] for row in rows))
    lines: dict[tuple[DeviceId, datetime], tuple[int, str | None]] = {}
    returns: list[tuple[int, DeviceId, datetime]] = []
    titles = {}
    for row in rows:
        if row["device"] not in known:
            work.wrong(row.line, "device", "device-unknown", f"There is no device {row['device']}.")
            continue
        device, agency, _ = known[row["device"]]
        titles[device] = row["device"]
        if not work.acts(row, "device", agency) or not _times_fit(work, row):
            continue
        officer = row["officer"] or None
        there = lines.setdefault((device, row["at"]), (row.line, officer))
        if there[1] != officer:
            work.wrong(row.line, "at", "handover-conflict", f"Line {there[0]} names another one.")
        work.account.tell(row.line, Fate.UNCHANGED, row["device"])
        if row["returned_at"]:
            returns.append((row.line, device, row["returned_at"]))
    for line, device, moment in returns:
        # Handed on at the very moment it came back: the one who wears it then counts.
        lines.setdefault((device, moment), (line, None))
    touched = await _write_lines(work, lines, titles)
    await attribution.log_changed(work.change.connection, touched)


def _times_fit(work: Work, row: RegistryRow) -> bool:
    latest = max(row["at"], row["returned_at"] or row["at"])
    if latest > work.change.now + _EARLIEST:
        work.wrong(row.line, "at", "handover-time", "A hand-over is not later than tomorrow.")
        return False
    if row["returned_at"] and row["returned_at"] <= row["at"]:
        work.wrong(row.line, "returned_at", "term-reversed", "It would end before it begins.")
        return False
    return True


async def _write_lines(
    work: Work,
    lines: dict[tuple[DeviceId, datetime], tuple[int, str | None]],
    titles: dict[DeviceId, str],
) -> handovers.Lines:
    moments = list(lines)
    touched: dict[DeviceId, tuple[datetime, datetime]] = {}
    for start in range(0, len(moments), BATCH):
        part = moments[start : start + BATCH]
        there = await handovers.at_moments(work.change.connection, part)
        new = []
        for moment in part:
            line, officer = lines[moment]
            if moment not in there:
                new.append((*moment, officer))
                work.account.tell(line, Fate.ADDED, titles[moment[0]])
            elif officer is not None and there[moment] != officer:
                work.wrong(
                    line, "at", "handover-conflict", "The log names somebody else at this moment."
                )
        await handovers.insert(work.change, new)
        for device, at, _ in new:
            first, last = touched.get(device, (at, at))
            touched[device] = (min(first, at), max(last, at))
    return touched
