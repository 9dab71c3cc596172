"""Figures of days equal counting anew, whatever happens, and add up along the tree of each day."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from recorder.domain.ids import AgencyId
from recorder.domain.people import OPERATOR, Role
from recorder.errors import Forbidden, NotFound
from recorder.services import coverage, dashboard
from recorder.services.dashboard import Comparison, Dashboard, Question
from recorder.store import footage_days
from tests.support import organisation_tree
from tests.support.bureau import Bureau, open_bureau
from tests.support.chance import DAY, Chance, added_up, miscounted
from tests.support.enforcement import NINE, a_case, a_source, at, evaluated, footage, happened

MONDAY = NINE.date()


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        await a_source(opened)
        yield opened


async def test_figures_equal_counting_anew_after_whatever_happens(bureau: Bureau) -> None:
    cases = [await a_case(bureau, str(n)) for n in range(3)]
    chance, seen = Chance(bureau, cases, seed=2), set[str]()
    await happened(bureau, cases[0])
    await footage(bureau, cases[0], 0, 30)
    await chance.explain(cases[0])
    for _ in range(5):
        assert await miscounted(bureau) == {}
        seen.update(await happened_so_far(bureau))
        for _ in range(12):
            await chance.step()
    assert await miscounted(bureau) == {}
    assert seen == {"late", "how late", "gaps", "explained", "unrecorded", "device"}


async def happened_so_far(bureau: Bureau) -> list[str]:
    """Which figures are not 0: else equality would say little."""
    found = await bureau.value(
        "SELECT array_remove(ARRAY[CASE WHEN bool_or(late > 0) THEN 'late' END,"
        " CASE WHEN EXISTS (SELECT FROM late_day WHERE recordings > 0) THEN 'how late' END,"
        " CASE WHEN bool_or(gaps > 0) THEN 'gaps' END,"
        " CASE WHEN bool_or(explained > 0) THEN 'explained' END,"
        " CASE WHEN bool_or(unrecorded > 0) THEN 'unrecorded' END,"
        " CASE WHEN EXISTS (SELECT FROM device_month WHERE days > 0) THEN 'device' END], NULL)"
        " FROM scene_day"
    )
    assert isinstance(found, list)
    return found


class _Killed(Exception):
    """The end of a worker."""


async def _die_adding_up(bureau: Bureau) -> None:
    async with bureau.deps.database.transaction() as connection:
        deltas, more = await footage_days.take(connection, 10)
        assert (len(deltas), more) == (1, False)
        await footage_days.count_devices(connection, deltas)
        raise _Killed


async def test_who_dies_while_adding_up_has_taken_nothing_away(bureau: Bureau) -> None:
    await bureau.recording(officer="A1", started_at=NINE)
    with pytest.raises(_Killed):
        await _die_adding_up(bureau)
    assert await miscounted(bureau) == {}
    assert await bureau.value("SELECT recordings FROM footage_day") == 1


async def asked(bureau: Bureau, agency: str | None, **others: object) -> Dashboard:
    question = Question(
        first=MONDAY - timedelta(days=6),
        last=MONDAY,
        agency=agency,
        comparison=Comparison.NONE,
        **others,  # type: ignore[arg-type]
    )
    return await dashboard.dashboard(bureau.deps, OPERATOR, question)


async def test_how_late_footage_came_is_told_at_each_level(bureau: Bureau) -> None:
    await organisation_tree.plant(bureau)
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    for n, hours in enumerate((200, 300, 300, 500)):
        clip = await footage(bureau, case, 15 * n, 15 * n + 15)
        await bureau.value(
            "UPDATE recording SET received_at = $2 WHERE id = $1", clip, at(60 * hours)
        )
    bureau.clock.at = at(60 * 600)
    await evaluated(bureau)
    due = await bureau.value(
        "SELECT min(facts ->> 'due_at') FROM finding WHERE kind = 'upload_late'"
    )
    behind = (at(0) - datetime.fromisoformat(str(due))) / timedelta(hours=1)
    ours = str(await bureau.value("SELECT code FROM agency WHERE id = $1", bureau.ours))
    for agency in ("city", ours):
        told = await asked(bureau, agency)
        assert told.total.lateness.hours.total() == 4
        assert told.total.lateness.median_h == math.floor(behind + 300) + 1
        assert told.total.lateness.p90_h == math.floor(behind + 500) + 1
    question = Question(first=MONDAY - timedelta(days=6), last=MONDAY, officer="A1")
    one = await dashboard.dashboard(bureau.deps, bureau.actor(), question)
    assert one.total.lateness.hours == (await asked(bureau, ours)).total.lateness.hours


async def test_answers_are_overdue_once_their_time_is_over(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    bureau.clock.at = at(60 * 600)
    await evaluated(bureau)
    code = str(await bureau.value("SELECT code FROM agency WHERE id = $1", bureau.ours))
    assert (await asked(bureau, code)).total.overdue == 0
    bureau.clock.forward(days=30)
    told = await asked(bureau, code)
    assert told.total.overdue == told.total.findings.open > 0
    first = (await coverage.findings(bureau.deps, OPERATOR)).items[0]
    await coverage.reply(bureau.deps, OPERATOR, first.id, text="x")
    assert (await asked(bureau, code)).total.overdue == told.total.overdue - 1


async def test_each_day_counts_where_the_tree_of_that_day_puts_it(bureau: Bureau) -> None:
    made = await organisation_tree.plant(bureau)
    turn = MONDAY - timedelta(days=2)
    await _moves(bureau, bureau.ours, made["organ"], bureau.theirs, turn)
    for n, day in enumerate((-6, -3, -2, 0)):
        case = await a_case(bureau, str(n))
        await happened(bureau, case, began=day * DAY, ended=day * DAY + 60)
        await footage(bureau, case, day * DAY, day * DAY + 15 * n)
    assert await miscounted(bureau) == {}
    ours = await bureau.value("SELECT code FROM agency WHERE id = $1", bureau.ours)
    for agency, scenes in {"organ": 2, "above": 2, "foreign": 2, "city": 4, str(ours): 4}.items():
        told = await asked(bureau, agency)
        assert (agency, told.total.scenes.scenes) == (agency, scenes)
        assert sum(count.scenes for _, count in told.times) == scenes
        assert told.total.recordings == scenes
    city = await asked(bureau, "city")
    assert {(one.place.code, one.scenes.scenes) for one in city.lines} == {
        ("above", 2),
        ("foreign", 2),
    }
    assert [step.code for step in (await asked(bureau, str(ours))).path] == [
        "city",
        "foreign",
        str(ours),
    ]
    beside = await asked(bureau, "above", beside="foreign")
    assert beside.beside is not None
    assert beside.total.before is not None
    assert (beside.beside.code, beside.total.before.covered_ms) == ("foreign", 75 * 60_000)


async def _moves(
    bureau: Bureau, agency: AgencyId, old: AgencyId, new: AgencyId, turn: date
) -> None:
    await bureau.value("UPDATE organisation SET superseded_at = now() WHERE agency_id = $1", agency)
    await bureau.value(
        "INSERT INTO organisation (id, agency_id, name, kind, parent_id, valid_from, valid_to,"
        " noted_at) SELECT gen_random_uuid(), $1, 'x', 'branch', parent, begins, ends, now()"
        " FROM (VALUES ($2::uuid, '-infinity'::date, $4::date - 1), ($3, $4, 'infinity'))"
        " AS v (parent, begins, ends)",
        agency,
        old,
        new,
        turn,
    )


async def test_who_sees_which_figures(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    await footage(bureau, case, 0, 30)
    await evaluated(bureau)
    deps, code = (
        bureau.deps,
        str(await bureau.value("SELECT code FROM agency WHERE id = $1", bureau.ours)),
    )
    question = Question(first=MONDAY, last=MONDAY, agency=code)
    stranger = bureau.actor(agency=bureau.theirs)
    with pytest.raises(NotFound):
        await dashboard.dashboard(deps, stranger, question)
    everything = await dashboard.dashboard(deps, stranger, Question(first=MONDAY, last=MONDAY))
    assert everything.total.scenes.scenes == 0
    assert (await dashboard.officers(deps, bureau.actor(), question))[0].count.missing_ms > 0
    (scene,) = await dashboard.scenes(deps, bureau.actor(), question)
    assert (scene.case, scene.state, len(scene.holes)) == (case, "holes", 1)

    # An officer with a number is answered for that number, whatever was asked.
    own = bureau.actor(Role.OFFICER, officer="A2")
    told = await dashboard.dashboard(deps, own, question)
    assert (told.officer, told.total.scenes.scenes) == (("A2", ""), 1)
    other = bureau.actor(Role.OFFICER, officer="A9")
    assert (await dashboard.dashboard(deps, other, question)).total.scenes.scenes == 0
    assert await dashboard.scenes(deps, other, question) == []
    one = Question(first=MONDAY, last=MONDAY, officer="A1")
    for forbidden in (own, bureau.actor(Role.ADMINISTRATOR)):
        with pytest.raises(Forbidden):
            await dashboard.dashboard(deps, forbidden, one)
        with pytest.raises(Forbidden):
            await dashboard.officers(deps, forbidden, question)
    assert (await dashboard.dashboard(deps, bureau.actor(), one)).total.scenes.scenes == 1
    nobody = Question(first=MONDAY, last=MONDAY, officer="Z1")
    with pytest.raises(NotFound):
        await dashboard.dashboard(deps, bureau.actor(), nobody)


async def test_footage_without_a_case_grows_old_and_a_device_is_silent(bureau: Bureau) -> None:
    for number, day in (("D1", 0), ("D1", -1), ("D2", -40)):
        recording = await bureau.recording(officer="A1", started_at=at(day * DAY))
        await bureau.value(
            "UPDATE recording SET device_number = $2, ended_at = started_at + interval '1 hour'"
            " WHERE id = $1",
            recording,
            number,
        )
    await bureau.value(
        "INSERT INTO device (id, agency_id, number) SELECT gen_random_uuid(), $1, d"
        " FROM unnest(ARRAY['D1', 'D2', 'D3']) d",
        bureau.ours,
    )
    await added_up(bureau)
    last = bureau.clock.now().date()
    question = Question(first=last - timedelta(days=13), last=last)
    told = await dashboard.dashboard(bureau.deps, bureau.actor(), question)
    hour = 3_600_000
    assert told.unlinked == ((0, 0), (1, hour), (1, hour), (1, hour), (0, 0))
    use = told.total.devices
    assert (use.registered, use.used, use.idle, use.days) == (3, 1, 2, 2)
    assert told.silent_days == 3 * told.workdays - use.workdays
    lines = await dashboard.devices(bureau.deps, bureau.actor(), question)
    assert [(one.number, one.footage_ms) for one, _ in lines][-1] == ("D1", 2 * hour)
    assert {silent for one, silent in lines if one.number != "D1"} == {told.workdays}
