"""What a source takes back closes the findings that rest on it, with the source's reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.finding import FindingState
from recorder.domain.people import OPERATOR
from recorder.services import coverage
from recorder.store.coverage.findings import Wanted
from tests.support.enforcement import evaluated
from tests.support.feed_desk import Desk, case, event, open_desk, withdrawal

NUMBER = "深市监罚〔2026〕1号"
TIMES = {"occurred_at": "2026-02-20T09:00:00", "ended_at": "2026-02-20T10:00:00"}
VISIT = {"visit": "V1", "officers": [{"number": "1"}, {"number": "2"}]}


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as opened:
        yield opened


async def told(desk: Desk) -> dict[str, list[str]]:
    """Of each withdrawn finding, by its kind, what stands beneath it."""
    deps = desk.bureau.deps
    wanted = Wanted(state=FindingState.WITHDRAWN)
    found = await coverage.findings(deps, OPERATOR, wanted)
    views = [await coverage.finding(deps, OPERATOR, each.id) for each in found.items]
    return {
        view.told.finding.kind.value: [f"{one.by_name} {one.act} {one.text}" for one in view.acts]
        for view in views
    }


async def test_a_withdrawal_closes_what_rests_on_it_with_its_reason(desk: Desk) -> None:
    await desk.send(
        case("C1", 1, NUMBER, act_type="coercion"),
        event("e1", 1, "C1", stage="enforcement", **TIMES, **VISIT),
        event("e2", 1, "C1", event="arrival", occurred_at=TIMES["occurred_at"], **VISIT),
    )
    await evaluated(desk.bureau)
    assert await told(desk) == {}
    await desk.send(withdrawal("w1", 1, "e1"), withdrawal("e2", 2, "e2"))
    await evaluated(desk.bureau)
    assert await told(desk) == {"unrecorded": ["sj withdraw sj/e2: 误报"]}
    reason = "SELECT facts ->> 'reason' FROM custody_event WHERE name = 'FindingWithdrawn'"
    assert await desk.bureau.value(reason) == "sj/e2: 误报"


async def test_what_goes_for_another_reason_is_told_no_reason_of_a_source(desk: Desk) -> None:
    await desk.send(
        case("C1", 1, NUMBER, act_type="coercion"),
        event("e1", 1, "C1", stage="enforcement", **TIMES),
        event("e0", 1, "C1", stage="enforcement", **TIMES),
        withdrawal("w0", 1, "e0"),
    )
    await evaluated(desk.bureau)
    # Corrected: nothing of the kind had to be recorded.
    await desk.send(event("e1", 2, "C1", event="decision", occurred_at=TIMES["occurred_at"]))
    await evaluated(desk.bureau)
    assert (await told(desk))["unrecorded"] == []
