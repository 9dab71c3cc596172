"""Footage is linked to its case by rule, in a database, and people have the last word."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from recorder.domain.attribution import Evidence
from recorder.domain.ids import CaseId, RecordingId
from recorder.domain.people import OPERATOR, Role
from recorder.errors import Conflict, InvalidInput, NotFound
from recorder.services import casework, registry
from recorder.simulation.city import simulate
from tests.support import city
from tests.support.bureau import Bureau, open_bureau
from tests.support.city import name_of
from tests.support.city_database import CityDatabase


@pytest.fixture
async def bureau(
    database_url: str, owner_database_url: str, tmp_path: Path
) -> AsyncIterator[Bureau]:
    """A bureau with a small city in its database."""
    (tmp_path / "office").mkdir()
    simulate(0.00003, 5, 2025, tmp_path / "city")
    async with open_bureau(database_url, tmp_path / "office") as opened:
        await CityDatabase(opened.deps.database, owner_database_url, tmp_path / "city").load()
        yield opened


async def attribute_all(bureau: Bureau) -> None:
    while await casework.attribute_footage(bureau.deps):
        pass


async def links_of(bureau: Bureau, recording: uuid.UUID) -> list[tuple[uuid.UUID, str]]:
    async with bureau.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT case_id, origin FROM case_link WHERE recording_id = $1 AND unlinked_at IS NULL",
            recording,
        )
    return [(row["case_id"], row["origin"]) for row in rows]


def an_ordinary_one(folder: Path) -> tuple[RecordingId, CaseId]:
    """Footage without a number, with a place and with nothing wrong, and its case."""
    odd = {row["scene"] for row in city.rows(folder, "labels")}
    truth = {row["recording"]: row for row in city.rows(folder, "truth")}
    for row in city.rows(folder, "recordings"):
        told = truth[row["recording"]]
        is_ordinary = told["scene"] and told["scene"] not in odd and row["latitude"]
        if is_ordinary and row["case_number"] is None:
            return RecordingId(name_of(row["recording"])), CaseId(name_of(told["case"]))
    raise AssertionError("a city without ordinary footage")


async def look_at(bureau: Bureau, recording: RecordingId, but: str = "links = 0") -> None:
    """Look at this recording only, with some of its facts changed."""
    async with bureau.deps.database.transaction() as connection:
        await connection.execute("UPDATE case_event SET attributed_at = changed_at")
        await connection.execute("UPDATE recording SET attributed_at = now()")
        await connection.execute(
            f"UPDATE recording SET attributed_at = NULL, {but} WHERE id = $1",  # noqa: S608 - our own
            recording,
        )
    await attribute_all(bureau)


async def test_a_city_in_a_database_is_linked_as_the_rule_says_and_hardly_ever_falsely(
    bureau: Bureau, tmp_path: Path
) -> None:
    await attribute_all(bureau)
    truth = {row["recording"]: row["case"] for row in city.rows(tmp_path / "city", "truth")}
    linkable = linked = false = 0
    for row in city.rows(tmp_path / "city", "recordings"):
        if row["case_number"] is not None:
            continue
        right = truth[row["recording"]]
        linkable += right is not None
        for case, origin in await links_of(bureau, name_of(row["recording"])):
            assert origin == "rule"
            linked += 1
            false += right is None or case != name_of(right)
    assert linkable > 150
    assert false <= 0.001 * linked
    assert linked >= 0.9 * linkable
    assert await bureau.links_are_counted()
    events = await bureau.event_names()
    assert events.count("RecordingLinked") == linked
    due = await bureau.value("SELECT count(*) FROM coverage_due WHERE because = 'link'")
    cases = await bureau.value(
        "SELECT count(DISTINCT case_id) FROM case_link WHERE origin = 'rule'"
    )
    assert due == cases


async def test_what_a_person_unlinked_is_not_linked_by_rule_again(
    bureau: Bureau, tmp_path: Path
) -> None:
    recording, case = an_ordinary_one(tmp_path / "city")
    await look_at(bureau, recording)
    assert await links_of(bureau, recording) == [(case, "rule")]
    await casework.unlink(
        bureau.deps, bureau.actor(city=True), recording=recording, case_id=case, reason="弄错了"
    )
    await look_at(bureau, recording)
    assert await links_of(bureau, recording) == []
    # Nor under the name of another case, if theirs is merged into it.
    other = await bureau.value(
        "SELECT o.id FROM case_file c JOIN case_file o ON o.agency_id = c.agency_id"
        " AND o.id <> c.id WHERE c.id = $1 ORDER BY o.id LIMIT 1",
        case,
    )
    await casework.merge_cases(
        bureau.deps, bureau.actor(city=True), case, into=CaseId(uuid.UUID(str(other))), reason="x"
    )
    await look_at(bureau, recording)
    assert await links_of(bureau, recording) == []


async def test_doubtful_footage_is_shown_with_reasons_and_a_person_decides(
    bureau: Bureau, tmp_path: Path
) -> None:
    recording, case = an_ordinary_one(tmp_path / "city")
    person = bureau.actor(Role.SUPERVISOR, city=True)
    # As if no log were kept for its device.
    await look_at(bureau, recording, "device_id = NULL, latitude = NULL, longitude = NULL")
    proposals = await casework.proposals_of(bureau.deps, person, recording)
    assert proposals[0].case == case
    assert Evidence.OFFICER_THERE in proposals[0].evidence
    assert Evidence.WEARER_THERE not in proposals[0].evidence

    stranger = bureau.actor(Role.SUPERVISOR)
    with pytest.raises(NotFound, match="recording"):
        await casework.proposals_of(bureau.deps, stranger, recording)
    with pytest.raises(NotFound, match="recording"):
        await casework.decide(bureau.deps, stranger, recording, case, "accepted")
    with pytest.raises(InvalidInput, match="accepted or rejected"):
        await casework.decide(bureau.deps, person, recording, case, "perhaps")

    made = await casework.decide(bureau.deps, person, recording, case, "accepted")
    assert made is not None
    assert made.origin.value == "person"
    with pytest.raises(Conflict, match="Nobody asks"):
        await casework.decide(bureau.deps, person, recording, case, "accepted")
    assert await casework.proposals_of(bureau.deps, person, recording) == []


async def test_a_rejected_case_is_neither_proposed_nor_linked_again(
    bureau: Bureau, tmp_path: Path
) -> None:
    recording, case = an_ordinary_one(tmp_path / "city")
    person = bureau.actor(Role.SUPERVISOR, city=True)
    await look_at(bureau, recording, "clock_offset_ms = NULL, latitude = NULL, longitude = NULL")
    assert await casework.decide(bureau.deps, person, recording, case, "rejected") is None
    # Now it would be clear.
    await look_at(bureau, recording, "clock_offset_ms = 0")
    assert await links_of(bureau, recording) == []
    assert await casework.proposals_of(bureau.deps, person, recording) == []


#: A camera that is set to another zone, as its dock has noticed.
EIGHT_HOURS_AHEAD = (
    "clock_offset_ms = 28800000, flags = ARRAY['clock_offset'],"
    " started_at = started_at + interval '8 hours', ended_at = ended_at + interval '8 hours'"
)


@pytest.mark.parametrize("but", ["links = 0", EIGHT_HOURS_AHEAD])
async def test_footage_is_looked_at_again_when_its_event_comes_late(
    bureau: Bureau, tmp_path: Path, but: str
) -> None:
    recording, case = an_ordinary_one(tmp_path / "city")
    withdrawn = "UPDATE case_event SET withdrawn_at = $2, changed_at = $3 WHERE case_id = $1"
    async with bureau.deps.database.acquire() as connection:
        # It has not been told yet.
        await connection.execute(withdrawn, case, bureau.clock.now(), bureau.clock.now())
    await look_at(bureau, recording, but)
    assert await links_of(bureau, recording) == []
    bureau.clock.forward(days=1)
    async with bureau.deps.database.acquire() as connection:
        await connection.execute(withdrawn, case, None, bureau.clock.now())
    await attribute_all(bureau)
    assert await links_of(bureau, recording) == [(case, "rule")]


async def test_footage_is_looked_at_again_when_the_log_of_its_camera_comes_late(
    bureau: Bureau, tmp_path: Path
) -> None:
    """By time and the number in its name it is likely; with its wearer it is clear."""
    recording, case = an_ordinary_one(tmp_path / "city")
    device = (await registry.add_device(bureau.deps, OPERATOR, number="D9")).device.id
    await look_at(
        bureau, recording,
        f"device_id = '{device}', device_number = 'D9', latitude = NULL, longitude = NULL",
    )  # fmt: skip
    assert await links_of(bureau, recording) == []
    async with bureau.deps.database.acquire() as connection:
        row = await connection.fetchrow(
            "SELECT officer, started_at FROM recording WHERE id = $1", recording
        )
    assert row is not None
    await registry.hand_over(
        bureau.deps, OPERATOR, device=device, officer=row["officer"],
        at=row["started_at"] - timedelta(hours=1),
    )  # fmt: skip
    await attribute_all(bureau)
    assert await links_of(bureau, recording) == [(case, "rule")]


async def test_times_that_no_camera_can_mean_hold_up_no_other_footage(
    bureau: Bureau, tmp_path: Path
) -> None:
    recording, case = an_ordinary_one(tmp_path / "city")
    async with bureau.deps.database.acquire() as connection:
        odd = await connection.fetchval(
            "SELECT id FROM recording WHERE id <> $1 ORDER BY created_at DESC, id LIMIT 1",
            recording,
        )
    await look_at(bureau, odd, "started_at = '9999-12-31 20:00Z', ended_at = '9999-12-31 23:00Z'")
    assert await links_of(bureau, odd) == []
    await look_at(bureau, recording)
    assert await links_of(bureau, recording) == [(case, "rule")]
