"""The pool of a source: what waits is never edited; mappings, organs and people mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from recorder.domain.feed.mapping import CodeMeaning, MappedField
from recorder.domain.people import OPERATOR
from recorder.errors import Conflict, InvalidInput
from recorder.services import casework, importing, organs
from recorder.services.feeding import proposing, remapping, replaying, sources
from recorder.services.feeding.batch import Outcome
from recorder.store.feed import case_events, mappings
from tests.support.feed_desk import Desk, case, event, open_desk, withdrawal


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as opened:
        yield opened


async def test_mapping_a_code_takes_every_row_that_waited_for_it(desk: Desk) -> None:
    await desk.send(case("C1", 1, "深罚〔2026〕1号"))
    waiting = [event(f"e{n}", 1, "C1", event="CF01") for n in range(1200)]
    await desk.send(*waiting[:700], event("p1", 1, "C1", event="pay"))
    await desk.send(*waiting[700:], event("e0", 2, "C1", event="CF01"))
    # Meanwhile a higher revision that can be read has come.
    await desk.send(event("e1", 5, "C1", event="hearing"))
    deps = desk.bureau.deps
    found = await replaying.map_code(
        deps, OPERATOR, "sj", field=MappedField.EVENT, code="CF01", value="seizure"
    )
    assert (found.total(), found[Outcome.POOLED]) == (1201, 0)
    kinds = Counter(kind for _, kind, _ in await desk.events())
    assert kinds == Counter(seizure=1199, hearing=1)
    await replaying.map_code(deps, OPERATOR, "sj", field=MappedField.EVENT, code="pay", value=None)
    view = await replaying.view_source(deps, OPERATOR, "sj")
    assert view.pool == ()
    assert len(await desk.events()) == 1200
    assert (await desk.bureau.event_names()).count("FeedMappingMade") == 2


async def test_whatever_waits_before_it_a_row_that_a_mapping_mends_is_taken(desk: Desk) -> None:
    """Rows of before the mapping's day, and rows that want something else, keep nobody waiting."""
    deps = desk.bureau.deps
    await desk.send(case("C1", 1, "深罚〔2026〕1号"))
    old = [
        event(f"a{n:04}", 1, "C1", event="X", occurred_at="2025-03-05T09:00:00")
        for n in range(1010)
    ]
    await desk.send(*old[:700])
    await desk.send(*old[700:], *(event(f"z{n}", 1, "C1", event="X") for n in range(3)))
    found = await replaying.map_code(
        deps, OPERATOR, "sj", field=MappedField.EVENT, code="X", value="seizure",
        valid_from=date(2026, 1, 1),
    )  # fmt: skip
    assert found == Counter({Outcome.POOLED: 1010, Outcome.ACCEPTED: 3})
    staged = [event(f"s{n:04}", 1, "C1", event="Y", stage="S") for n in range(1010)]
    await desk.send(*staged[:700])
    await desk.send(*staged[700:])
    await replaying.map_code(
        deps, OPERATOR, "sj", field=MappedField.EVENT, code="Y", value="hearing"
    )
    pool = (await replaying.view_source(deps, OPERATOR, "sj")).pool
    waits = {(line.problem.field, line.problem.value): line.rows for line in pool}
    assert waits == {("event", "X"): 1010, ("stage", "S"): 1010}


async def test_a_mapping_that_was_wrong_is_mended_and_so_are_rows_taken_by_it(desk: Desk) -> None:
    deps = desk.bureau.deps

    async def means(code: str, value: str | None, since: date | None = None) -> None:
        desk.bureau.clock.forward(seconds=1)
        await replaying.map_code(
            deps, OPERATOR, "sj", field=MappedField.EVENT, code=code, value=value, valid_from=since
        )
        while await remapping.spread_mappings(deps, step=2):
            pass

    await desk.send(case("C1", 1, "深罚〔2026〕1号"))
    await means("7", "hearing")
    await desk.send(
        event("e1", 1, "C1", event="7"),
        event("e2", 1, "C1", event=7),
        event("e3", 1, "C1", event="7", occurred_at="2025-03-05T09:00:00"),
        event("e4", 1, "C1", event="7"),
        withdrawal("w4", 1, "e4"),
        event("e5", 1, "C1", event="sampling"),
    )
    bureau = desk.bureau
    before = bureau.clock.now()
    await bureau.value("DELETE FROM coverage_due")
    await means("7", "seizure", date(2026, 1, 1))
    assert [(key, kind) for key, kind, _ in await desk.events()] == [
        ("e1", "seizure"), ("e2", "seizure"), ("e3", "hearing"), ("e5", "sampling"),
    ]  # fmt: skip
    assert await bureau.value("SELECT because FROM coverage_due") == "event"
    # What it had said counts for the time in which it said so.
    case_id = await desk.case_of("深罚〔2026〕1号")
    async with deps.database.acquire() as connection:
        then = (await case_events.of_cases_at(connection, [case_id], before))[case_id]
    assert {one.key: one.kind.value for one in then} == {
        "e1": "hearing", "e2": "hearing", "e3": "hearing", "e5": "sampling",
    }  # fmt: skip
    # What was taken back comes back as what its code means by now, or not at all.
    await desk.send(withdrawal("w4", 2, "nothing"))
    assert ("e4", "seizure") in [(key, kind) for key, kind, _ in await desk.events()]
    await means("7", None)
    await means("7", None, date(2026, 1, 1))
    await desk.send(withdrawal("w1", 1, "e1"))
    await desk.send(withdrawal("w1", 2, "nothing"))
    assert [key for key, _, _ in await desk.events()] == ["e5"]
    # A word of ours means itself until somebody says otherwise.
    await means("sampling", "questioning")
    assert [(key, kind) for key, kind, _ in await desk.events()] == [("e5", "questioning")]


async def test_what_a_killed_server_left_of_a_mapping_the_clock_takes(desk: Desk) -> None:
    deps = desk.bureau.deps
    await desk.send(case("C1", 1, "深罚〔2026〕1号"), event("e1", 1, "C1", event="X"))
    async with deps.change(OPERATOR, told_later=True) as change:
        # As far as it had come: the mapping stands, and nothing of the pool was taken.
        meaning = CodeMeaning(MappedField.EVENT, "X", "seizure", date(1900, 1, 1))
        await mappings.insert(change, desk.source.id, meaning)
    while await remapping.spread_mappings(deps):
        pass
    assert [key for key, _, _ in await desk.events()] == ["e1"]


async def test_a_code_is_mapped_to_our_words_only(desk: Desk) -> None:
    for field, value in ((MappedField.EVENT, "raid"), (MappedField.DOCUMENT, " ")):
        with pytest.raises(InvalidInput) as refused:
            await replaying.map_code(
                desk.bureau.deps, OPERATOR, "sj", field=field, code="x", value=value
            )
        assert refused.value.code == "feed-mapping-invalid"


async def test_rows_of_an_organ_that_was_unknown_count_once_it_is_there(desk: Desk) -> None:
    city = await desk.another("city", city=True)
    await city.send({**case("C1", 1, "南罚〔2026〕1号"), "organ": "nanshan"}, event("e1", 1, "C1"))
    deps = desk.bureau.deps
    pool = (await replaying.view_source(deps, OPERATOR, "city")).pool
    found = [(line.problem.code.value, line.problem.value, line.rows) for line in pool]
    assert sorted(found) == [("case-unknown", "C1", 1), ("organ-unknown", "nanshan", 1)]
    assert await replaying.replay_all(deps, OPERATOR) == 0
    await organs.ensure(deps, OPERATOR, "nanshan")
    assert await replaying.replay_all(deps, OPERATOR) == 1
    # The case's row brings its event with it.
    assert [key for key, _, _ in await city.events()] == ["e1"]


async def test_a_source_speaks_for_branches_of_its_agency_and_no_other(desk: Desk) -> None:
    deps = desk.bureau.deps
    await organs.ensure(deps, OPERATOR, "brigade")
    said = [{**case(f"C-{organ}", 1, f"{organ}罚〔2026〕1号"), "organ": organ}
            for organ in ("brigade", "foreign")]  # fmt: skip
    assert await desk.outcomes(*said) == ["pooled", "pooled"]
    assert await replaying.replay_all(deps, OPERATOR) == 0
    own = desk.source.agency_code
    table = f"code,name,kind,parent\n{own},市局,bureau,\nbrigade,支队,branch,{own}\n"
    await importing.import_file(
        deps, OPERATOR, kind="organisations", content=table.encode(), file_name="o.csv"
    )
    assert await replaying.replay_all(deps, OPERATOR) == 1
    pool = (await replaying.view_source(deps, OPERATOR, "sj")).pool
    assert [(line.problem.code.value, line.problem.value) for line in pool] == [
        ("organ-foreign", "foreign")
    ]
    # So does what comes from now on, and what is fetched.
    source = await sources.find(deps, OPERATOR, "sj")
    row = {**case("C2", 1, "支罚〔2026〕2号"), "organ": "brigade"}
    (answer,) = await Desk(desk.bureau, source).send(row)
    assert answer.outcome is Outcome.ACCEPTED


async def test_a_person_merges_what_numbers_join_or_says_that_they_are_two(desk: Desk) -> None:
    await desk.send(*(case(f"C{n}", 1, f"深罚〔2026〕{n}号") for n in range(1, 5)))
    await desk.send(
        case("C5", 1, "深罚〔2026〕1号", "深罚〔2026〕2号"),
        case("C6", 1, "深罚〔2026〕3号", "深罚〔2026〕4号"),
        event("e2", 1, "C2"),
    )
    deps = desk.bureau.deps
    listed = (await proposing.list_proposals(deps, OPERATOR)).items
    first, second = sorted(listed, key=lambda each: each.key)
    merged = await proposing.decide(deps, OPERATOR, first.id, merge=True, reason="同一案件")
    kept = await proposing.decide(deps, OPERATOR, second.id, merge=False, reason="误录")
    assert (merged.decision, kept.decision) == ("merged", "rejected")
    assert (await proposing.list_proposals(deps, OPERATOR)).items == ()
    assert await desk.bureau.value("SELECT count(*) FROM case_file WHERE state = 'merged'") == 1
    assert await desk.case_of("深罚〔2026〕1号") == await desk.case_of("深罚〔2026〕2号")
    names = await desk.bureau.event_names()
    assert (names.count("CaseMerged"), names.count("CaseMergeRejected")) == (1, 1)
    with pytest.raises(Conflict) as refused:
        await proposing.decide(deps, OPERATOR, second.id, merge=True, reason="x")
    assert refused.value.code == "merge-proposal-decided"


async def test_what_joins_a_case_that_was_merged_joins_the_one_it_went_into(desk: Desk) -> None:
    deps = desk.bureau.deps
    await desk.send(*(case(f"C{n}", 1, f"深罚〔2026〕{n}号") for n in range(1, 5)))
    await desk.send(
        case("J1", 1, "深罚〔2026〕2号", "深罚〔2026〕3号"),
        case("J2", 1, "深罚〔2026〕3号", "深罚〔2026〕4号"),
    )
    cases = [await desk.case_of(f"深罚〔2026〕{n}号") for n in range(1, 5)]
    # By hand, and not what was proposed.
    await casework.merge_cases(deps, OPERATOR, cases[2], into=cases[0], reason="同一案件")
    listed = (await proposing.list_proposals(deps, OPERATOR)).items
    pairs = {frozenset((each.case, each.other)): each.key for each in listed}
    assert pairs == {frozenset(cases[:2]): "J1", frozenset((cases[0], cases[3])): "J2"}
    while listed := (await proposing.list_proposals(deps, OPERATOR)).items:
        await proposing.decide(deps, OPERATOR, listed[0].id, merge=True, reason="同一案件")
    assert await desk.case_of("深罚〔2026〕4号") == await desk.case_of("深罚〔2026〕1号")
