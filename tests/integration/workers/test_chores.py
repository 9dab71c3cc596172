"""What the clock does: promises of the store are tested, and one chore never stops another."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime

from typing_extensions import override

from recorder.adapters.objects import StoreReport
from recorder.errors import Unavailable
from recorder.runtime import Deps
from recorder.services import ingest, watch
from tests.support.bureau import Bureau
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.senders import content
from tests.support.waiting import eventually
from tests.support.workshop import camera, deliver, open_alarms
from workers.periodic import CHORES, run_chores


class Forgetful(FaultyObjects):
    """A store that let the locked canary go."""

    @override
    async def self_test(self, now: datetime) -> StoreReport:
        report = await super().self_test(now)
        return dataclasses.replace(report, problems=("A locked object could be removed.",))


async def test_a_store_that_is_away_is_an_alarm_that_clears_itself(bureau: Bureau) -> None:
    bureau.clock.at = datetime.now(UTC)  # The store judges locks by its own clock.
    faulty = FaultyObjects(bureau.deps.objects, [Fault("self_test", When.BEFORE, times=2)])
    deps = dataclasses.replace(bureau.deps, objects=faulty)
    for _ in range(2):
        await watch.check_promises(deps)
        ((code, severity, _),) = await open_alarms(bureau)
        assert (code, severity) == ("store_unavailable", "critical")
    await watch.check_promises(deps)
    assert await open_alarms(bureau) == []
    assert (await bureau.event_names()).count("AlarmRaised") == 1


async def test_a_store_that_breaks_its_promise_is_an_alarm_until_it_keeps_it(
    bureau: Bureau,
) -> None:
    bureau.clock.at = datetime.now(UTC)
    await watch.check_promises(
        dataclasses.replace(bureau.deps, objects=Forgetful(bureau.deps.objects))
    )
    ((code, severity, detail),) = await open_alarms(bureau)
    assert (code, severity) == ("store_canary_failed", "critical")
    assert detail == "A locked object could be removed."
    await watch.check_promises(bureau.deps)
    assert await open_alarms(bureau) == []


async def test_a_failing_or_broken_chore_comes_again_and_stops_no_other(bureau: Bureau) -> None:
    done: list[str] = []

    async def away(deps: Deps) -> None:
        done.append("away")
        raise Unavailable("store-unavailable", "Away.")

    async def broken(deps: Deps) -> None:
        done.append("broken")
        raise ZeroDivisionError

    async def good(deps: Deps) -> None:
        done.append("good")

    chores = [(away, 0.01), (broken, 0.01), (good, 0.01)]
    running = asyncio.create_task(run_chores(bureau.deps, chores))
    await eventually(
        lambda: min(done.count(name) for name in ("away", "broken", "good")) >= 3,
        within=10,
        what="three rounds of each",
    )
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_chore_that_found_rows_looks_again_at_once(bureau: Bureau) -> None:
    left = [100, 100, 7, 0]

    async def extend(deps: Deps) -> int:
        return left.pop(0)

    running = asyncio.create_task(run_chores(bureau.deps, [(extend, 3600)]))
    await eventually(lambda: not left, within=5, what="all rows")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_chores_of_a_worker_keep_locks_ahead_and_expire_uploads(bureau: Bureau) -> None:
    actor = await camera(bureau)
    await deliver(bureau, actor, content(3000))
    half = await ingest.open_upload(bureau.deps, actor, length=10, metadata="")
    bureau.clock.forward(days=30)
    running = asyncio.create_task(run_chores(bureau.deps, CHORES))

    async def settled() -> bool:
        behind = await bureau.value(
            "SELECT count(*) FROM original_object WHERE lock_until < $1", bureau.clock.now()
        )
        state = await bureau.value("SELECT state FROM upload WHERE id = $1", half.id)
        return (behind, state) == (0, "removed")

    kept: bool = await eventually(settled, within=20, what="locks ahead and the upload expired")
    assert kept
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
