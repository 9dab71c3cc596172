"""A disk damages what waits in a spool: it is kept aside and told, and holds up nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import LivestreamState
from recorder.domain.people import SERVICE
from recorder.services import audit, live
from recorder.services.live import LivestreamView
from tests.support.bureau import Bureau, open_bureau
from tests.support.live_stand import LONG_S
from tests.support.spool_machine import AWAY, Machine, received
from tests.support.streams import receiving, take
from tests.support.waiting import eventually
from tests.support.workshop import open_alarms


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def left_by_a_dead_machine(bureau: Bureau, root: Path) -> LivestreamId:
    """A livestream that is closing, four numbers of which wait on the disk of a machine."""
    livestream = await received(bureau)
    machine = Machine.made(bureau, root)
    fence = await live.take(bureau.deps, livestream)
    machine.objects.faults = [AWAY]
    await machine.receive(livestream, fence, take(), 2)
    await machine.receive(livestream, fence, take("lane"), 2)
    told: bool = await eventually(lambda: promised(bureau, 4), within=LONG_S)
    assert told
    await machine.spool.close()
    bureau.clock.forward(minutes=1)
    await live.request_close(bureau.deps, bureau.actor(), livestream, last=None)
    await live.watch_livestreams(bureau.deps)
    return livestream


async def promised(bureau: Bureau, number: int) -> bool | None:
    return await bureau.value("SELECT promised_number FROM livestream") == number or None


async def brought_up(bureau: Bureau, root: Path, owner: str) -> None:
    """Another process of that machine brings everything up that can be brought."""
    machine = Machine.made(bureau, root, owner)
    await machine.spool.take_over()
    livestream = LivestreamId(await bureau.value("SELECT id FROM livestream"))  # type: ignore[arg-type]
    await eventually(lambda: not machine.spool.is_waiting(livestream), within=LONG_S)
    await machine.spool.close()


async def closed(bureau: Bureau, livestream: LivestreamId) -> LivestreamView:
    """Closed at once: nobody waits for what can never come."""
    bureau.clock.forward(seconds=11)
    await live.watch_livestreams(bureau.deps)
    view = await live.view_livestream(bureau.deps, SERVICE, livestream)
    assert view.livestream.state is LivestreamState.CLOSED
    report = await audit.run(bureau.deps, SERVICE, level=audit.Level.DIGEST)
    assert list(report.findings) == []
    return view


def told(view: LivestreamView) -> list[tuple[str, int | None, int | None]]:
    return [(gap.cause, gap.first_missing, gap.last_missing) for gap in view.gaps]


@pytest.mark.parametrize("damage", ["body", "head", "unreadable"])
@pytest.mark.parametrize("number", [2, 4])
async def test_a_damaged_segment_is_a_gap_with_its_cause_and_an_alarm_and_the_closing_goes_on(
    bureau: Bureau, tmp_path: Path, damage: str, number: int
) -> None:
    root = tmp_path / "spool"
    livestream = await left_by_a_dead_machine(bureau, root)
    (file,) = root.glob(f"*/*/p*-{number:09d}.segment")
    whole = file.read_bytes()
    file.unlink()
    if damage == "unreadable":
        # Opens, and every read of it ends in EIO.
        file.symlink_to("/proc/self/mem")
    else:
        at = len(whole) - 1 if damage == "body" else 0
        file.write_bytes(whole[:at] + b"?" + whole[at + 1 :])
    await brought_up(bureau, root, "b")
    view = await closed(bureau, livestream)
    assert view.livestream.segments == 3
    cause = ("segments_damaged", number, number)
    # The second is the last of its period, the fourth that of all.
    assert told(view) == ([cause] if number == 2 else [("reconnect", None, None), cause])
    assert [alarm[:2] for alarm in await open_alarms(bureau)] == [("live_damaged", "critical")]
    assert (await bureau.event_names()).count("LivestreamSegmentDamaged") == 1
    (aside,) = root.glob("*/*/p*.damaged")
    assert aside.name == f"{file.name}.damaged"
    # What a person could read back goes up with the next process that takes the folder over.
    aside.unlink()
    aside.write_bytes(whole)
    await brought_up(bureau, root, "c")
    assert not list(root.glob("*/*/p*"))
    bureau.clock.forward(seconds=bureau.deps.config.live_idle_close_s + 1)
    assert await live.supplement_livestreams(bureau.deps) == 1
    lost = await live.find_livestream(bureau.deps, SERVICE, livestream)
    assert (lost.segments, lost.lost) == (4, 0)


async def test_of_a_damaged_description_what_is_left_goes_up_with_its_segments(
    bureau: Bureau, tmp_path: Path
) -> None:
    root = tmp_path / "spool"
    livestream = await left_by_a_dead_machine(bureau, root)
    (file,) = root.glob("*/*/p000001-000000000.init")
    file.write_bytes(file.read_bytes()[:-1])
    await brought_up(bureau, root, "b")
    view = await closed(bureau, livestream)
    assert (view.livestream.segments, told(view)) == (4, [("reconnect", None, None)])
    assert [alarm[0] for alarm in await open_alarms(bureau)] == ["live_damaged"]
    cut = await bureau.value(
        "SELECT length_bytes FROM livestream_segment WHERE number = -1 AND state = 'stored'"
    )
    assert cut == len(take().init) - 1


async def test_without_any_description_only_its_own_segments_stay_behind(
    bureau: Bureau, tmp_path: Path
) -> None:
    root = tmp_path / "spool"
    livestream = await left_by_a_dead_machine(bureau, root)
    (file,) = root.glob("*/*/p000001-000000000.init")
    file.write_bytes(b"")
    await brought_up(bureau, root, "b")
    view = await closed(bureau, livestream)
    assert (view.livestream.segments, told(view)) == (2, [("segments_damaged", 1, 2)])
    assert sorted(path.name for path in root.glob("*/*/p*")) == [
        "p000001-000000000.init.damaged",
        "p000001-000000001.segment.damaged",
        "p000001-000000002.segment.damaged",
    ]


async def test_what_came_another_way_is_not_lost_with_its_file(
    bureau: Bureau, tmp_path: Path
) -> None:
    root = tmp_path / "spool"
    livestream = await left_by_a_dead_machine(bureau, root)
    found = await live.find_livestream(bureau.deps, SERVICE, livestream)
    # The store was slow, and took it in the end.
    await receiving(bureau.deps, livestream, found.fence, take())
    for file in root.glob("*/*/p000001-00000000[01].*"):
        file.write_bytes(b"")
    await brought_up(bureau, root, "b")
    view = await closed(bureau, livestream)
    assert (view.livestream.segments, told(view)) == (4, [("reconnect", None, None)])
    assert await open_alarms(bureau) == []
