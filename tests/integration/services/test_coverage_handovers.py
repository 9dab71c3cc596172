"""Of the hand-over log of a device an evaluation reads the lines that count, and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.ids import CaseId
from recorder.domain.people import OPERATOR
from recorder.services import registry
from recorder.store.coverage import facts
from tests.support.bureau import Bureau, open_bureau
from tests.support.enforcement import a_case, a_source, at, evaluated, footage, happened


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        await a_source(opened)
        yield opened


async def filmed_with(bureau: Bureau, case: CaseId, number: str, ahead_ms: int = 0) -> None:
    """Footage of the whole hour by that device, whose clock is so much ahead."""
    recording = await footage(bureau, case, 0, 60)
    async with bureau.deps.database.acquire() as connection:
        await connection.execute(
            "UPDATE recording SET device_number = $2, clock_offset_ms = $3::bigint,"
            " flags = CASE WHEN $3 > 60000 THEN ARRAY['clock_offset'] ELSE '{}' END,"
            " started_at = started_at + make_interval(secs => $3 / 1000),"
            " ended_at = ended_at + make_interval(secs => $3 / 1000) WHERE id = $1",
            recording,
            number,
            ahead_ms,
        )


async def about_devices(bureau: Bureau, case: CaseId) -> list[object]:
    async with bureau.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT kind FROM finding WHERE case_id = $1 AND state <> 'withdrawn'"
            " AND kind IN ('officer_disagrees', 'device_unassigned') ORDER BY kind",
            case,
        )
    return [row["kind"] for row in rows]


@pytest.mark.parametrize(
    ("log", "ahead_ms", "found"),
    [
        ([], 0, []),
        ([(-900, "A1"), (-600, "A2"), (-5, "A1"), (30, "A2")], 0, []),
        ([(-900, "A1"), (-5, "A2"), (30, "A3")], 0, ["officer_disagrees"]),
        ([(-900, "A1"), (-5, None)], 0, ["device_unassigned"]),
        ([(30, "A1")], 0, ["device_unassigned"]),
        # Handed on while it filmed: both wore it.
        ([(-900, "A2"), (30, "A1")], 0, []),
        ([(-900, "A2"), (61, "A1")], 0, ["officer_disagrees"]),
        # By its own clock it filmed two hours later, when somebody else wore it.
        ([(-5, "A1"), (70, "A2")], 7_200_000, []),
    ],
)
async def test_who_wore_a_device_is_what_its_log_says_of_that_moment(
    bureau: Bureau, log: list[tuple[float, str | None]], ahead_ms: int, found: list[str]
) -> None:
    deps = bureau.deps
    added = await registry.add_device(deps, OPERATOR, number="D1")
    for minute, officer in log:
        await registry.hand_over(
            deps, OPERATOR, device=added.device.id, officer=officer, at=at(minute)
        )
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    await filmed_with(bureau, case, "D1", ahead_ms)
    await evaluated(bureau)
    assert await about_devices(bureau, case) == found


async def test_of_a_log_of_years_two_lines_are_read_for_two_moments(bureau: Bureau) -> None:
    deps = bureau.deps
    added = await registry.add_device(deps, OPERATOR, number="D1")
    await registry.add_device(deps, OPERATOR, number="D2")
    for day in range(30):
        await registry.hand_over(
            deps, OPERATOR, device=added.device.id, officer=f"A{day}", at=at(-1440 * day)
        )
    old, new = at(-1440 * 20 + 5), at(1)
    asked = [("D1", old, old), ("D1", new, new), ("D2", new, new), ("D3", new, new)]
    async with deps.database.acquire() as connection:
        logs = await facts.logs_of(connection, asked)
    assert {number: [line.officer for line in log] for number, log in logs.items()} == {
        "D1": ["A20", "A0"]
    }
