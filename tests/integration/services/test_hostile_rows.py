"""Rows of a case system that is broken or means harm: it harms at most its own rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.feed import rows
from recorder.domain.people import OPERATOR
from recorder.services import coverage
from recorder.services.feeding import proposing, receiving, sources
from tests.support.feed_desk import Desk, case, document, event, open_desk, withdrawal

#: Half a character, NUL, and words that a database or a page could take for its own.
EVIL = ["\ud800", "a\0b", "'; DROP TABLE case_file; --", "<script>alert(1)</script>", "\u202e罚"]


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as opened:
        yield opened


async def evaluated(desk: Desk) -> None:
    while await coverage.evaluate_due(desk.bureau.deps):
        pass


async def test_no_row_whatever_it_holds_stops_those_beside_it(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    nested: object = "x"
    for _ in range(200):
        nested = [nested]
    odd: list[object] = [
        nested, {"a": {"b": {}}}, [[]], [{}], 10**300, -1, 1e300, True, "", " ", "访" * 900,
        "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z", *EVIL,
    ]  # fmt: skip
    members = [
        "kind", "key", "revision", "occurred_at", "ended_at", "organ", "event", "stage", "act_type",
        "matter", "identifiers", "case", "visit", "officers", "place", "scan", "exempt", "document",
        "began_at", "of", "reason", "title", "opened_on", "closed_on", "state", "classes",
    ]  # fmt: skip
    sound = [
        case("C1", 1, "深罚〔2026〕1号"), event("E", 1, "C1"), document("D", 1, "C1"),
        withdrawal("W", 1, "E"),
    ]  # fmt: skip
    said = [
        {**one, "key": f"{one['key']}-{member}-{n}", member: value}
        for one in sound
        for member in members
        for n, value in enumerate(odd)
    ]
    for place in range(0, len(said), 500):
        answers = await desk.send(*sound, *said[place : place + 500])
        assert len(answers) == len(sound) + len(said[place : place + 500])
    await evaluated(desk)
    assert "could not be evaluated" not in caplog.text
    keys = {key for key, _, _ in await desk.events()}
    # W took E back, whatever came with it.
    assert keys & {"E", "D"} == {"D"}


async def test_the_highest_revision_of_all_wins_and_stays(desk: Desk) -> None:
    top = 2**63 - 1
    numbered = [event("e", n, "深罚〔2026〕1号") for n in (1, top, top - 1)]
    assert await desk.outcomes(*numbered) == ["accepted", "accepted", "superseded"]
    assert await desk.outcomes(event("e", top + 1, "深罚〔2026〕1号")) == ["pooled"]
    assert await desk.bureau.value("SELECT revision FROM case_event") == top
    # Of two with one revision the higher digest counts, whichever came first.
    one, other = (event("f", top, "深罚〔2026〕1号", place={"text": word}) for word in "ab")
    await desk.send(one, other)
    first = await desk.bureau.value("SELECT place FROM case_event WHERE key = 'f'")
    await desk.send(other, one)
    assert await desk.bureau.value("SELECT place FROM case_event WHERE key = 'f'") == first


async def test_withdrawals_in_a_ring_and_of_themselves_come_to_an_end(desk: Desk) -> None:
    ring = [withdrawal(f"w{n}", 1, f"w{(n + 1) % 50}") for n in range(50)]
    self_taking = withdrawal("e", 2, "e")
    sent = [event("e", 1, "深罚〔2026〕1号"), self_taking, *ring]
    assert set(await desk.outcomes(*sent)) == {"accepted"}
    assert await desk.events() == []
    await desk.send(event("e", 3, "深罚〔2026〕1号"))
    assert [key for key, _, _ in await desk.events()] == ["e"]


async def test_what_is_still_to_come_does_not_hide_how_late_a_source_is(desk: Desk) -> None:
    await desk.send(event("e1", 1, "深罚〔2026〕1号", occurred_at="2026-02-01T09:00:00+08:00"))
    await desk.send(event("e2", 1, "深罚〔2026〕1号", occurred_at="2199-01-01T00:00:00+08:00"))
    await evaluated(desk)
    (source,) = await sources.list_sources(desk.bureau.deps, OPERATOR)
    assert source.newest_at is not None
    assert source.newest_at.year == 2026


async def test_numbers_that_join_twenty_cases_propose_each_pair_once(desk: Desk) -> None:
    numbers = [f"深罚〔2026〕{n}号" for n in range(20)]
    await desk.send(*(event(f"e{n}", 1, number) for n, number in enumerate(numbers)))
    joining = case("C", 1, *numbers, title=EVIL[3] + EVIL[1])
    for revision in range(1, 6):
        await desk.send({**joining, "revision": revision})
    page = await proposing.list_proposals(desk.bureau.deps, OPERATOR)
    assert len(page.items) == 19
    assert await desk.bureau.value("SELECT count(*) FROM case_merge_proposal") == 19
    refused = await desk.outcomes(case("D", 1, *(f"深罚〔2027〕{n}号" for n in range(21))))
    assert refused == ["pooled"]


async def test_back_fill_says_the_same_as_news(desk: Desk) -> None:
    said = [event(f"e{n}", 1, "深罚〔2026〕1号") for n in range(3)]
    deps = desk.bureau.deps
    old = [rows.of_value(one) for one in said]
    await receiving.receive(deps, OPERATOR, desk.source, old, backfill=True)
    assert await desk.outcomes(*said) == ["repeated"] * 3
    assert await desk.bureau.value("SELECT bulk FROM coverage_due") is True
    # News of the same case is no bulk any more; back-fill behind it changes that not.
    await desk.send(event("new", 1, "深罚〔2026〕1号"))
    assert await desk.bureau.value("SELECT bulk FROM coverage_due") is False
    late = rows.of_value(event("e9", 1, "深罚〔2026〕1号"))
    await receiving.receive(deps, OPERATOR, desk.source, [late], backfill=True)
    assert await desk.bureau.value("SELECT bulk FROM coverage_due") is False
    await evaluated(desk)
    assert len(await desk.events()) == 5


async def test_a_number_that_back_fill_adds_makes_no_news_of_a_case(desk: Desk) -> None:
    deps = desk.bureau.deps
    await desk.send(event("e", 1, "深旧〔2019〕1号"))
    await evaluated(desk)
    old = rows.of_value(case("C", 1, "深旧〔2019〕1号", "深旧〔2019〕2号"))
    await receiving.receive(deps, OPERATOR, desk.source, [old], backfill=True)
    assert await _due(desk) == (0, 1)


async def test_news_is_evaluated_before_back_fill_that_waits(desk: Desk) -> None:
    deps = desk.bureau.deps
    old = [rows.of_value(event(f"old{n}", 1, f"深旧〔2019〕{n}号")) for n in range(250)]
    await receiving.receive(deps, OPERATOR, desk.source, old, backfill=True)
    await desk.send(event("new1", 1, "深罚〔2026〕1号"))
    assert await _due(desk) == (1, 250)
    assert [await _due_after_a_batch(desk) for _ in range(2)] == [(0, 250), (0, 150)]
    # More news comes while back-fill waits, and goes before the rest of it again.
    await desk.send(event("new2", 1, "深罚〔2026〕2号"), event("new3", 1, "深罚〔2026〕3号"))
    assert [await _due_after_a_batch(desk) for _ in range(2)] == [(0, 150), (0, 50)]


async def _due(desk: Desk) -> tuple[object, object]:
    """How many cases of today wait, and how many of back-fill."""
    waiting = "SELECT count(*) FROM coverage_due WHERE due_at = '-infinity' AND bulk = $1"
    return await desk.bureau.value(waiting, False), await desk.bureau.value(waiting, True)


async def _due_after_a_batch(desk: Desk) -> tuple[object, object]:
    assert await coverage.evaluate_due(desk.bureau.deps)
    return await _due(desk)
