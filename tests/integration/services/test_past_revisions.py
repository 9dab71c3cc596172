"""A past day is answered by the revisions that had won by then, whatever was corrected since."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from recorder.domain.ids import CaseId
from recorder.domain.people import OPERATOR
from recorder.services import casework, coverage
from tests.support.feed_desk import Desk, case, document, event, open_desk, withdrawal

ONE, OTHER = "深市监罚〔2026〕1号", "深市监罚〔2026〕2号"


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as opened:
        yield opened


def at(hour: int) -> dict[str, object]:
    return {"occurred_at": f"2026-03-05T{hour:02}:00:00", "ended_at": "2026-03-05T12:00:00"}


#: What is sent each day, and what the case says afterwards: begins of scenes in China, act type.
DAYS = [
    ([case("C1", 1, ONE, act_type="penalty"), case("C2", 1, OTHER)], []),
    ([event("e1", 1, "C1", **at(9))], ["09 penalty"]),
    # A correction; one that comes late and loses.
    ([event("e1", 3, "C1", **at(10))], ["10 penalty"]),
    ([event("e1", 2, "C1", **at(8))], ["10 penalty"]),
    # Taken back, and that taken back.
    ([withdrawal("w1", 1, "e1")], []),
    ([withdrawal("w2", 1, "w1")], ["10 penalty"]),
    # What an event leaves unsaid, its case says, and says otherwise later.
    ([case("C1", 2, ONE, act_type="coercion")], ["10 coercion"]),
    ([event("e2", 1, "C1", **at(11)), document("d1", 1, "C1")], ["10 coercion", "11 coercion"]),
    # It was another case's.
    ([event("e2", 2, "C2", **at(11))], ["10 coercion"]),
]


async def said(desk: Desk, whose: CaseId, moment: datetime | None) -> list[str]:
    """The scenes of a case, as of a moment or now."""
    told = await coverage.case_coverage(desk.bureau.deps, OPERATOR, whose, as_of=moment)
    return [f"{scene.began_at.hour + 8:02} {scene.act_type}" for scene in told.evaluation.scenes]


async def test_every_past_day_says_what_it_said_then(desk: Desk) -> None:
    asked: list[tuple[datetime, list[str]]] = []
    for rows, expected in DAYS:
        desk.bureau.clock.forward(days=1)
        await desk.send(*rows)
        one = await desk.case_of(ONE)
        assert await said(desk, one, None) == expected, rows
        desk.bureau.clock.forward(hours=1)
        asked.append((desk.bureau.clock.now(), expected))
    other = await desk.case_of(OTHER)
    desk.bureau.clock.forward(days=1)
    await casework.merge_cases(desk.bureau.deps, OPERATOR, one, into=other, reason="同案")
    assert await said(desk, other, None) == ["10 coercion", "11 coercion"]
    for moment, expected in asked:
        assert await said(desk, one, moment) == expected, moment
    # The other case had only what was moved there, until the merger.
    assert [await said(desk, other, moment) for moment, _ in asked[-2:]] == [[], ["11 None"]]
    kept = await coverage.case_coverage(desk.bureau.deps, OPERATOR, one, as_of=asked[-1][0])
    assert [each.document for each in kept.facts.documents] == ["笔录"]
