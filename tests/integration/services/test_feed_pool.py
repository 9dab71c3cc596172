"""The pool of a source: what waits is never edited; mappings, organs and people mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.feed.mapping import MappedField
from recorder.domain.people import OPERATOR
from recorder.errors import Conflict, InvalidInput
from recorder.services import organs
from recorder.services.feeding import proposing, replaying
from recorder.services.feeding.batch import Outcome
from tests.support.feed_desk import Desk, case, event, open_desk


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
