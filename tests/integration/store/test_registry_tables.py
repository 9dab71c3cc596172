"""Registries on a real database: the tree of a day, whom people see, and rows that only end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from recorder.domain.events import RegistryImported
from recorder.domain.ids import AgencyId, DeviceId, new_uuid
from recorder.domain.officer import Certificate
from recorder.domain.organisation import OrganisationKind
from recorder.domain.people import OPERATOR, Scope
from recorder.domain.registry_facts import (
    CertificateFacts,
    DeviceFacts,
    EntrustmentFacts,
    HolidayFacts,
    MatterFacts,
    OfficerFacts,
    OrganisationFacts,
    SubjectFacts,
)
from recorder.domain.validity import EVER, FURTHER_NOTICE, Term
from recorder.errors import RecorderError
from recorder.services import registry
from recorder.store.change import Change
from recorder.store.registry import (
    entrustments,
    handovers,
    holidays,
    matters,
    officers,
    organisations,
    registrations,
    subjects,
)
from tests.support.bureau import Bureau, open_bureau

TODAY = date(2026, 3, 2)
MERGED = date(2026, 1, 1)
CITY, DISTRICT, BUREAU, STREET, SQUAD, OLD = range(6)


@dataclass(frozen=True)
class Town:
    """A city, a district below it with a bureau and a street, a squad of the bureau.

    The old bureau ended when the present one took its place.
    """

    bureau: Bureau
    ids: list[AgencyId]


def _said(kind: OrganisationKind, parent: AgencyId | None) -> OrganisationFacts:
    return OrganisationFacts(name=f"机构 {kind}", kind=kind, parent=parent)


def _note(change: Change) -> None:
    change.record(
        RegistryImported(
            subject=new_uuid(change.now),
            agency=None,
            kind="organisations",
            file_name="x.csv",
            digest="00",
            length=1,
            rows=1,
            added=1,
            changed=0,
            ended=0,
        )
    )


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with open_bureau(database_url, tmp_path) as bureau:
        ids = [AgencyId(new_uuid(bureau.clock.at)) for _ in range(6)]
        kinds = list(OrganisationKind)
        old_parent = Term(_said(kinds[3], ids[DISTRICT]), EVER, MERGED - timedelta(days=1))
        merged = replace(_said(kinds[3], ids[DISTRICT]), predecessors=(ids[OLD],))
        async with bureau.deps.change(OPERATOR) as change:
            made = await organisations.insert_agencies(
                change, [(one, f"T{n}", f"机构 {n}") for n, one in enumerate(ids)]
            )
            assert made == ids
            await organisations.insert(
                change,
                [
                    (ids[CITY], Term(_said(kinds[0], None))),
                    (ids[DISTRICT], Term(_said(kinds[1], ids[CITY]))),
                    (ids[BUREAU], Term(merged, MERGED)),
                    (ids[STREET], Term(_said(kinds[2], ids[DISTRICT]))),
                    (ids[SQUAD], Term(_said(kinds[4], ids[BUREAU]))),
                    (ids[OLD], old_parent),
                ],
                None,
            )
            await organisations.renew_reach(change.connection, TODAY)
            _note(change)
        yield Town(bureau, ids)


async def test_a_subtree_is_that_of_the_day(town: Town) -> None:
    ids = town.ids
    async with town.bureau.deps.database.acquire() as connection:
        now = await organisations.subtree(connection, ids[DISTRICT], TODAY)
        then = await organisations.subtree(connection, ids[DISTRICT], date(2025, 6, 1))
    assert set(now) == {ids[DISTRICT], ids[BUREAU], ids[STREET], ids[SQUAD]}
    assert set(then) == {ids[DISTRICT], ids[OLD], ids[STREET]}


async def test_people_see_what_is_below_and_what_was_taken_over(town: Town) -> None:
    ids = town.ids
    async with town.bureau.deps.database.acquire() as connection:
        of_bureau = await organisations.reach_of(connection, ids[BUREAU])
        of_district = await organisations.reach_of(connection, ids[DISTRICT])
        of_street = await organisations.reach_of(connection, ids[STREET])
        acts = await connection.fetch(
            "SELECT seen_id FROM agency_reach WHERE acts ORDER BY seen_id"
        )
        unchanged = await organisations.renew_reach(connection, TODAY)
    assert set(of_bureau) == {ids[SQUAD], ids[OLD]}
    assert set(of_district) == {ids[BUREAU], ids[STREET], ids[SQUAD], ids[OLD]}
    assert (of_street, unchanged) == ([], 0)
    assert {row["seen_id"] for row in acts} == {ids[SQUAD], ids[OLD]}


async def test_one_filter_is_the_plain_comparison_for_one_agency(town: Town) -> None:
    async with town.bureau.deps.database.acquire() as connection:
        plans = [
            [
                row[0]
                for row in await connection.fetch(
                    "EXPLAIN SELECT id FROM device WHERE in_scope(agency_id, $1)", seen
                )
            ]
            for seen in (None, [town.ids[0]], town.ids[:2])
        ]
        none_seen = await connection.fetchval("SELECT in_scope($1, '{}')", town.ids[0])
        listed = await organisations.listed(connection, Scope(town.ids[0]), TODAY)
    conditions = [
        [line.strip() for line in plan if "Cond" in line or "Filter" in line] for plan in plans
    ]
    assert conditions[0] == []
    assert all("agency_id = '" in line for line in conditions[1])
    assert all("ANY" in line for line in conditions[2])
    assert (len(conditions[1]) > 0, len(conditions[2]) > 0, none_seen) == (True, True, False)
    assert [one.code for one in listed] == ["T0"]


async def test_registries_give_what_was_written(town: Town) -> None:
    bureau, street = town.ids[BUREAU], town.ids[STREET]
    clerk = Term(OfficerFacts(agency=bureau, name="甲", user_number="000001"))
    power = Term(MatterFacts(name="占道经营", legal_basis="第一条"), MERGED)
    async with town.bureau.deps.change(OPERATOR) as change:
        await officers.insert(change, [("O1", clerk)], None)
        await officers.insert_certificates(
            change,
            [
                (("O1", "190301"), Term(CertificateFacts(), date(2020, 1, 1), date(2025, 1, 1))),
                (("O1", "190302"), Term(CertificateFacts(), date(2025, 1, 2))),
            ],
            None,
        )
        await matters.insert(change, [(("M-1", street), power)], None)
        await subjects.insert(
            change, [((street, "街道办事处"), Term(SubjectFacts(kind="statutory")))], None
        )
        await entrustments.insert(
            change, [((bureau, street, "M-1"), Term(EntrustmentFacts(document="书"), MERGED))], None
        )
        await holidays.insert(change, [(TODAY, Term(HolidayFacts(kind="holiday")))], None)
        _note(change)
    async with town.bureau.deps.database.acquire() as connection:
        assert (await officers.by_numbers(connection, ["O1", "O2"]))["O1"][0].term == clerk
        assert await officers.certificates(connection, ["O1", "O2"]) == {
            "O1": (
                Certificate("190301", date(2020, 1, 1), date(2025, 1, 1)),
                Certificate("190302", date(2025, 1, 2), FURTHER_NOTICE),
            )
        }
        (found,) = (await matters.by_codes(connection, ["M-1"]))["M-1"]
        assert (found.agency_code, found.valid_from) == ("T3", MERGED)
        assert len(await subjects.valid_on(connection, [street], TODAY)) == 1
        (entrusted,) = await entrustments.valid_on(connection, [street], TODAY)
        assert entrusted.key == (bureau, street, "M-1")
        assert await entrustments.valid_on(connection, [street], date(2025, 12, 31)) == []
        assert await holidays.between(connection, TODAY, TODAY) == {
            TODAY: HolidayFacts(kind="holiday")
        }


async def test_the_officer_who_wears_a_device_is_told_for_a_span(town: Town) -> None:
    added = await registry.add_device(town.bureau.deps, OPERATOR, number="TA00716")
    device = added.device.id
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    lines = [(device, at + timedelta(hours=n), who) for n, who in ((0, "O1"), (4, None), (5, "O2"))]
    async with town.bureau.deps.change(OPERATOR) as change:
        await handovers.insert(change, lines)
        _note(change)
    async with town.bureau.deps.database.acquire() as connection:

        async def worn(first: int, last: int) -> list[str | None]:
            found = await handovers.worn(
                connection, device, at + timedelta(hours=first), at + timedelta(hours=last)
            )
            return [line.officer for line in found]

        assert await worn(-2, -1) == []
        assert await worn(1, 2) == ["O1"]
        assert await worn(1, 5) == ["O1", None, "O2"]
        assert await worn(6, 7) == ["O2"]


async def test_a_row_of_a_registry_is_superseded_and_never_overwritten(town: Town) -> None:
    device = DeviceId((await registry.add_device(town.bureau.deps, OPERATOR, number="D")).device.id)
    facts = DeviceFacts(agency=town.bureau.ours, serial="TA00716", user_name_raw=b"\xcd\xf5")
    async with town.bureau.deps.change(OPERATOR) as change:
        await registrations.insert(change, [(device, Term(facts))], None)
        _note(change)
    async with town.bureau.deps.database.acquire() as connection:
        (entry,) = (await registrations.of_devices(connection, [device]))[device]
        assert entry.term == Term(facts)
        for sql in (
            "UPDATE device_registration SET serial = 'x'",
            "UPDATE organisation SET valid_to = valid_from",
            "DELETE FROM officer",
        ):
            with pytest.raises(RecorderError) as refused:
                await connection.execute(sql)
            assert refused.value.code == "database-refused"
    async with town.bureau.deps.change(OPERATOR) as change:
        await registrations.supersede(change, [entry.id])
        _note(change)
    async with town.bureau.deps.database.acquire() as connection:
        assert await registrations.of_devices(connection, [device]) == {}
        assert await connection.fetchval("SELECT count(*) FROM device_registration") == 1
