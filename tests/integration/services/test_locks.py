"""Locks are kept ahead while the store is away for weeks and clocks are wrong by years."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.domain.people import Actor, ActorKind, Role
from recorder.runtime import Deps
from recorder.services import ingest, turns
from tests.support.bureau import Bureau, open_bureau
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.senders import Body, content, metadata
from tests.support.workshop import open_alarms

NUMBER = 25


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    """A bureau with some originals, by the real clock, which the database keeps too."""
    async with open_bureau(database_url, tmp_path) as opened:
        opened.clock.at = datetime.now(UTC)
        sender = Actor(ActorKind.PROGRAM, "p", "p", role=Role.OFFICER, agency=opened.ours)
        for seed in range(NUMBER):
            upload = await ingest.open_upload(
                opened.deps, sender, length=50, metadata=metadata(filename=f"{seed}.mp4")
            )
            await ingest.append(
                opened.deps, sender, upload.id, offset=0, body=Body(content(50, seed=seed)),
                checksum=None, length=None,
            )  # fmt: skip
        yield opened
        await ingest.shutdown(opened.deps)


def failing(bureau: Bureau, *calls: str, times: int = 10_000) -> tuple[Deps, FaultyObjects]:
    store = FaultyObjects(
        bureau.deps.objects, [Fault(call, When.BEFORE, times=times) for call in calls]
    )
    return dataclasses.replace(bureau.deps, objects=store), store


async def days_left(bureau: Bureau) -> int:
    soonest = await bureau.value("SELECT min(lock_until) FROM original_object")
    assert isinstance(soonest, datetime)
    return (soonest - bureau.clock.now()).days


async def test_a_store_that_is_away_for_weeks_is_one_alarm_long_before_the_first_lock_ends(
    bureau: Bureau,
) -> None:
    await ingest.extend_locks(bureau.deps)
    deps, store = failing(bureau, "extend_lock", "ping")
    told = None
    for day in range(40):
        await ingest.extend_locks(deps)
        alarms = await open_alarms(bureau)
        if alarms and told is None:
            told = day
            assert await days_left(bureau) >= 28
        assert len(alarms) == (0 if told is None else 1)
        bureau.clock.forward(days=1)
    assert told is not None
    ((code, severity, detail),) = await open_alarms(bureau)
    assert (code, severity) == ("lock_expiring", "critical")
    assert "The store extends no locks" in detail
    assert (await bureau.event_names()).count("AlarmRaised") == 1
    store.faults = []
    assert await ingest.extend_locks(deps) == NUMBER
    assert await days_left(bureau) >= 30
    assert await open_alarms(bureau) == []


async def test_some_originals_that_cannot_be_locked_are_told_one_by_one_and_many_at_once(
    bureau: Bureau,
) -> None:
    bureau.clock.forward(days=20)
    deps, _ = failing(bureau, "extend_lock", times=2)
    assert await ingest.extend_locks(deps) == NUMBER - 2
    assert len(await open_alarms(bureau)) == 2
    bureau.clock.forward(days=20)
    deps, _ = failing(bureau, "extend_lock")
    await ingest.extend_locks(deps)
    alarms = await open_alarms(bureau)
    assert len(alarms) <= 2 + 20
    assert sum("The store extends no locks" in detail for _, _, detail in alarms) == 1


async def test_a_clock_that_is_years_ahead_locks_nothing_for_years(bureau: Bureau) -> None:
    await ingest.extend_locks(bureau.deps)
    before = await bureau.value("SELECT max(lock_until) FROM original_object")
    bureau.clock.forward(days=3650)
    assert await ingest.extend_locks(bureau.deps) == 0
    ((code, _, detail),) = await open_alarms(bureau)
    assert code == "lock_expiring"
    assert "until both agree" in detail
    assert await bureau.value("SELECT max(lock_until) FROM original_object") == before
    bureau.clock.forward(days=-3642)
    assert await ingest.extend_locks(bureau.deps) == NUMBER
    assert await days_left(bureau) >= 30
    assert await open_alarms(bureau) == []


async def test_a_clock_that_is_years_behind_leaves_what_is_locked_locked(bureau: Bureau) -> None:
    await ingest.extend_locks(bureau.deps)
    before = await bureau.value("SELECT min(lock_until) FROM original_object")
    bureau.clock.forward(days=-3650)
    assert await ingest.extend_locks(bureau.deps) == 0
    assert await bureau.value("SELECT min(lock_until) FROM original_object") == before


async def test_an_installation_that_was_off_for_years_locks_again(bureau: Bureau) -> None:
    """The database bears the clock out."""
    async with bureau.deps.database.acquire() as connection:
        await connection.execute(
            "UPDATE original_object SET lock_until = $1", bureau.clock.now() - timedelta(days=900)
        )
    assert await ingest.extend_locks(bureau.deps) == NUMBER
    assert await open_alarms(bureau) == []


async def test_one_process_extends_locks_at_a_time(bureau: Bureau) -> None:
    bureau.clock.forward(days=20)
    assert await turns.take(dataclasses.replace(bureau.deps, instance="other"), "locks")
    assert await ingest.extend_locks(bureau.deps) == 0
    bureau.clock.forward(seconds=bureau.deps.config.task_lease_s + 1)
    assert await ingest.extend_locks(bureau.deps) == NUMBER
