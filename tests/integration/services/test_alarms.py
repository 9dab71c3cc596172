"""Alarms: one open for one thing, counted without a flood of events, settled by people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.alarm import AlarmCode, Severity
from recorder.domain.ids import AgencyId, AlarmId, new_uuid
from recorder.domain.people import SERVICE, Actor
from recorder.errors import Conflict, InternalError, InvalidInput, NotFound
from recorder.services import alarms
from tests.support.bureau import Bureau, open_bureau


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def report(
    bureau: Bureau,
    code: AlarmCode = AlarmCode.DISK_LOW,
    about: str = "originals",
    agency: AgencyId | None = None,
) -> None:
    bureau.clock.forward(seconds=1)
    await alarms.report(
        bureau.deps, code, about_kind="store", about=about, detail="Low.", agency=agency
    )


async def listed(
    bureau: Bureau, actor: Actor | None = None, *, open_only: bool = False
) -> list[alarms.Alarm]:
    page = await alarms.list_alarms(bureau.deps, actor or bureau.actor(), open_only=open_only)
    return list(page.items)


async def test_a_repeated_report_is_counted_and_writes_one_event(bureau: Bureau) -> None:
    for _ in range(5):
        await report(bureau)
    (alarm,) = await listed(bureau)
    assert (alarm.times, alarm.state, alarm.severity) == (5, "raised", Severity.WARNING)
    assert alarm.seen_at == bureau.clock.at
    assert (await bureau.event_names()).count("AlarmRaised") == 1


async def test_an_alarm_says_the_facts_of_its_newest_report(bureau: Bureau) -> None:
    for room in (19 << 30, 2 << 30):
        await alarms.report(
            bureau.deps,
            AlarmCode.DISK_LOW,
            about_kind="store",
            about="objects",
            detail=f"Only {room} bytes.",
            facts={"room_bytes": room},
        )
    (alarm,) = await listed(bureau)
    assert (alarm.facts, alarm.detail) == ({"room_bytes": 2 << 30}, f"Only {2 << 30} bytes.")


async def test_many_reports_at_once_open_one_alarm(bureau: Bureau) -> None:
    await asyncio.gather(*(report(bureau) for _ in range(10)))
    (alarm,) = await listed(bureau)
    assert alarm.times == 10
    assert (await bureau.event_names()).count("AlarmRaised") == 1


async def test_an_alarm_is_raised_with_what_gave_rise_to_it_or_not_at_all(bureau: Bureau) -> None:
    async with bureau.deps.change(SERVICE) as change:
        assert await alarms.raise_alarm(
            change,
            AlarmCode.RECORDING_MISMATCHED,
            about_kind="recording",
            about="r",
            agency=bureau.ours,
            detail="x",
        )
    with pytest.raises(InternalError):
        async with bureau.deps.change(SERVICE) as change:
            await alarms.raise_alarm(
                change,
                AlarmCode.RECORDING_MISMATCHED,
                about_kind="recording",
                about="r",
                agency=bureau.ours,
                detail="y",
            )
    (alarm,) = await listed(bureau)
    assert (alarm.times, alarm.severity) == (1, Severity.CRITICAL)


async def test_acknowledged_then_cleared_then_raised_anew(bureau: Bureau) -> None:
    await report(bureau)
    (alarm,) = await listed(bureau)
    actor = bureau.actor()
    seen = await alarms.acknowledge(bureau.deps, actor, alarm.id, "I look\0")
    assert (seen.state, seen.acknowledged_by, seen.note) == ("acknowledged", actor.name, "I look")
    with pytest.raises(Conflict):
        await alarms.acknowledge(bureau.deps, actor, alarm.id)
    await report(bureau)
    assert [a.state for a in await listed(bureau)] == ["acknowledged"]
    cleared = await alarms.clear(bureau.deps, actor, alarm.id)
    assert (cleared.state, cleared.note) == ("cleared", "I look")
    with pytest.raises(Conflict):
        await alarms.clear(bureau.deps, actor, alarm.id)
    assert await listed(bureau, open_only=True) == []
    await report(bureau)
    assert [a.state for a in await listed(bureau)] == ["raised", "cleared"]
    names = [n for n in await bureau.event_names() if n.startswith("Alarm")]
    assert names == ["AlarmRaised", "AlarmAcknowledged", "AlarmCleared", "AlarmRaised"]


async def test_what_is_well_again_clears_its_alarm(bureau: Bureau) -> None:
    await report(bureau)

    async def well() -> bool:
        return await alarms.clear_if_open(
            bureau.deps, AlarmCode.DISK_LOW, about_kind="store", about="originals", note="Room."
        )

    assert await well()
    assert not await well()
    assert [a.state for a in await listed(bureau)] == ["cleared"]


async def test_an_agency_sees_its_own_alarms_and_those_of_the_system(bureau: Bureau) -> None:
    await report(bureau, AlarmCode.TASK_FAILED, "a", bureau.ours)
    await report(bureau, AlarmCode.LOCK_EXPIRING, "b", bureau.theirs)
    await report(bureau, AlarmCode.STORE_CANARY_FAILED, "c")
    foreign = bureau.actor(agency=bureau.theirs)
    for actor, expected, critical in (
        (bureau.actor(), ["c", "a"], 1),
        (foreign, ["c", "b"], 2),
        (bureau.actor(city=True), ["c", "b", "a"], 2),
    ):
        assert [alarm.about for alarm in await listed(bureau, actor)] == expected
        counts = await alarms.open_count(bureau.deps, actor)
        assert counts[Severity.CRITICAL] == critical
    own = (await listed(bureau))[1]
    with pytest.raises(NotFound):
        await alarms.clear(bureau.deps, foreign, own.id)
    with pytest.raises(NotFound):
        await alarms.acknowledge(bureau.deps, foreign, AlarmId(new_uuid()))


async def test_pages_of_alarms_go_on_where_they_stopped(bureau: Bureau) -> None:
    for number in range(5):
        await report(bureau, about=str(number))
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page = await alarms.list_alarms(bureau.deps, bureau.actor(), cursor=cursor, limit=2)
        seen += [alarm.about for alarm in page.items]
        cursor = page.next
    assert seen == ["4", "3", "2", "1", "0"]
    assert cursor is None


async def test_open_critical_alarms_come_first_however_old_they_are(bureau: Bureau) -> None:
    critical, warning = AlarmCode.STORE_CANARY_FAILED, AlarmCode.DISK_LOW
    for code, about in (
        (critical, "old"), (warning, "w0"), (critical, "over"), (critical, "new"),
        (warning, "w1"), (warning, "w2"),
    ):  # fmt: skip
        await report(bureau, code, about)
    (over,) = [alarm for alarm in await listed(bureau) if alarm.about == "over"]
    await alarms.clear(bureau.deps, bureau.actor(), over.id)
    for open_only, expected in (
        (True, ["new", "old", "w2", "w1", "w0"]),
        (False, ["new", "old", "w2", "w1", "over", "w0"]),
    ):
        for size in range(1, 7):
            seen: list[str] = []
            cursor: str | None = None
            while True:
                page = await alarms.list_alarms(
                    bureau.deps, bureau.actor(), open_only=open_only, cursor=cursor, limit=size
                )
                seen += [alarm.about for alarm in page.items]
                cursor = page.next
                if cursor is None:
                    break
            assert seen == expected, size
    with pytest.raises(InvalidInput):
        await alarms.list_alarms(bureau.deps, bureau.actor(), cursor="c.nonsense")
