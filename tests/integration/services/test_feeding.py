"""The case feed on PostgreSQL: any order gives the same state, and nothing bad stops the rest."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date
from pathlib import Path

import pytest

from recorder.domain.case import CaseClass, CaseState
from recorder.domain.case_event import ActType, EventKind
from recorder.domain.feed import rows
from recorder.domain.feed.problems import Problem, ProblemCode
from recorder.domain.people import OPERATOR, Actor
from recorder.services import casework, dashboard
from recorder.services.feeding import receiving
from recorder.services.feeding.batch import Outcome
from recorder.store.feed import case_events
from tests.support.feed_desk import Desk, case, document, event, open_desk, withdrawal


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as opened:
        yield opened


MESSAGES: tuple[dict[str, object], ...] = (
    case("C1", 1, "深罚〔2026〕1号", title="旧"),
    case("C1", 2, "深罚〔2026〕1号", "深立〔2026〕1号", title="新", act_type="penalty"),
    case("C2", 1, "深罚〔2026〕2号"),
    # Corrected: it was another case all along.
    case("C3", 1, "深罚〔2026〕2号"),
    case("C3", 2, "深罚〔2026〕3号"),
    event("e1", 1, "C1"),
    event("e1", 2, "C1", event="sampling"),
    event("e2", 1, "C1"),
    event("e2", 2, "C2", event="hearing"),
    event("e3", 1, "深立〔2026〕1号"),
    event("e4", 1, "C3"),
    event("e5", 1, "C2"),
    withdrawal("w5", 1, "e5"),
    event("e6", 1, "C2"),
    withdrawal("w6", 1, "e6"),
    withdrawal("v6", 1, "w6"),
    event("e7", 1, "C2"),
    withdrawal("e7", 2, "e7"),
    event("e8", 1, "C2"),
    withdrawal("e8", 2, "e8"),
    event("e8", 3, "C2"),
    document("d1", 1, "C1"),
    document("d2", 1, "C2"),
    withdrawal("w-d2", 4, "d2"),
)


async def state(desk: Desk) -> dict[str, object]:
    """The end state of one source, with proposed merges taken as made."""
    async with desk.bureau.deps.database.acquire() as connection:
        states = await connection.fetch(
            "SELECT key, revision, state FROM feed_row WHERE source_id = $1 ORDER BY key, revision",
            desk.source.id,
        )
        pairs = await connection.fetch("SELECT case_id, other_id FROM case_merge_proposal")
        members = await connection.fetch(
            "SELECT case_id, norm AS what FROM case_identifier WHERE agency_id = $2"
            " UNION ALL SELECT case_id, key || ' ' || kind FROM case_event"
            " WHERE source_id = $1 AND withdrawn_at IS NULL"
            " UNION ALL SELECT case_id, key || ' ' || document FROM case_document"
            " WHERE source_id = $1 AND withdrawn_at IS NULL",
            desk.source.id,
            desk.source.agency,
        )
    joined: dict[object, object] = {}

    def root(one: object) -> object:
        while one in joined:
            one = joined[one]
        return one

    for pair in pairs:
        one, other = root(pair["case_id"]), root(pair["other_id"])
        if one != other:
            joined[one] = other
    groups: dict[object, list[str]] = {}
    for row in members:
        groups.setdefault(root(row["case_id"]), []).append(row["what"])
    return {
        "rows": [tuple(row) for row in states],
        "groups": sorted(sorted(group) for group in groups.values()),
    }


async def test_any_order_and_any_batches_give_the_same_state(desk: Desk) -> None:
    assert set(await desk.outcomes(*MESSAGES)) == {"accepted"}
    expected = await state(desk)
    assert expected["groups"] == [
        ["d1 笔录", "e1 sampling", "e3 seizure", "深立〔2026〕1号", "深罚〔2026〕1号"],
        ["e2 hearing", "e6 seizure", "e8 seizure", "深罚〔2026〕2号"],
        ["e4 seizure", "深罚〔2026〕3号"],
    ]
    chance = random.Random(20260305)
    for turn in range(8):
        # Numbers of an organ of its own, so that each turn begins with nothing.
        other = await desk.elsewhere(f"organ-{turn}")
        shuffled = [*MESSAGES, *chance.sample(MESSAGES, 8)]
        chance.shuffle(shuffled)
        for batch in in_batches(shuffled, chance):
            await other.send(*batch)
        assert await state(other) == expected, shuffled


def in_batches(
    messages: Sequence[dict[str, object]], chance: random.Random
) -> Iterable[Sequence[dict[str, object]]]:
    place = 0
    while place < len(messages):
        size = chance.randint(1, 6)
        yield messages[place : place + size]
        place += size


async def test_rows_sent_again_change_nothing_and_say_so(desk: Desk) -> None:
    said = (case("C1", 1, "深罚〔2026〕1号"), event("e1", 1, "C1"))
    assert await desk.outcomes(*said) == ["accepted", "accepted"]
    assert await desk.outcomes(*said, *said) == ["repeated"] * 4
    assert await desk.outcomes(event("e1", 0, "C1")) == ["superseded"]
    assert await desk.bureau.value("SELECT count(*) FROM case_event") == 1
    names = await desk.bureau.event_names()
    assert (names.count("CaseOpened"), names.count("FeedBatchReceived")) == (1, 3)


async def test_a_bad_row_waits_and_the_others_count(desk: Desk) -> None:
    answers = await desk.send(
        case("C1", 1, "深罚〔2026〕1号"),
        {**event("e1", 1, "C1"), "revision": None},
        event("e2", 1, "C1", event="CF01"),
        event("e3", 1, "C1", organ="nowhere"),
        event("e4", 1, "C1", organ="foreign"),
        event("e5", 1, "C9"),
        event("e6", 1, "C1"),
        {"kind": "event"},
    )
    found = [(a.outcome.value, a.problem and a.problem.code.value) for a in answers]
    assert found == [
        ("accepted", None),
        ("pooled", "revision-missing"),
        ("pooled", "code-unmapped"),
        ("pooled", "organ-unknown"),
        ("pooled", "organ-foreign"),
        ("pooled", "case-unknown"),
        ("accepted", None),
        ("pooled", "key-missing"),
    ]
    assert [key for key, _, _ in await desk.events()] == ["e6"]
    assert await desk.bureau.value("SELECT count(*) FROM feed_row WHERE state = 'pooled'") == 6


async def test_rows_that_came_before_their_case_count_when_it_comes(desk: Desk) -> None:
    assert await desk.outcomes(event("e1", 1, "C1"), document("d1", 1, "C1")) == ["pooled"] * 2
    assert await desk.events() == []
    assert await desk.outcomes(case("C1", 1, "深罚〔2026〕1号")) == ["accepted"]
    assert [key for key, _, _ in await desk.events()] == ["d1", "e1"]


async def test_a_row_without_revision_is_mended_by_one_that_has_one(desk: Desk) -> None:
    await desk.send(case("C1", 1, "深罚〔2026〕1号"), {**event("e1", 1, "C1"), "revision": None})
    await desk.send(event("e1", 1, "C1"))
    assert await desk.bureau.value("SELECT count(*) FROM feed_row WHERE state = 'pooled'") == 0
    assert [key for key, _, _ in await desk.events()] == ["e1"]


async def test_numbers_that_join_two_cases_propose_a_merge_and_merge_nothing(desk: Desk) -> None:
    await desk.send(case("C1", 1, "深罚〔2026〕1号"), case("C2", 1, "深罚〔2026〕2号"))
    await desk.send(case("C3", 1, "深罚〔2026〕2号", "深罚〔2026〕1号", "深罚〔2026〕3号"))
    value = desk.bureau.value
    assert await value("SELECT count(*) FROM case_file WHERE state = 'confirmed'") == 2
    assert await value("SELECT count(*) FROM case_merge_proposal WHERE decision IS NULL") == 1
    numbers = "SELECT numbers FROM case_merge_proposal"
    assert await value(numbers) == ["深罚〔2026〕2号", "深罚〔2026〕1号", "深罚〔2026〕3号"]


async def test_a_case_that_only_footage_had_named_is_confirmed_and_gets_its_title(
    desk: Desk,
) -> None:
    deps = desk.bureau.deps
    opened = await casework.open_case(deps, OPERATOR, number="深罚〔2026〕001号")
    await desk.bureau.value("UPDATE case_file SET state = 'provisional' WHERE id = $1", opened.id)
    await desk.send(case("C1", 1, "深罚(2026)1号", "深立〔2026〕9号", title="某店无照经营"))
    found = await casework.case(deps, OPERATOR, opened.id)
    assert (found.case.state, found.case.title) == (CaseState.CONFIRMED, "某店无照经营")
    numbers = {each.norm for each in found.case.identifiers}
    assert numbers == {"深罚〔2026〕001号", "深立〔2026〕9号"}
    assert (await desk.bureau.event_names())[-2:] == ["CaseAmended", "FeedBatchReceived"]


async def test_a_case_is_of_the_classes_that_its_systems_and_people_say(desk: Desk) -> None:
    deps, numbers = desk.bureau.deps, ("甲〔2026〕1号", "甲〔2026〕2号")
    await desk.send(case("1", 1, numbers[0], classes=["major", "evidence"]))
    await desk.send(case("2", 1, numbers[1], classes=["first_breach"]))
    assert (await desk.send(case("3", 1, "甲〔2026〕3号", classes=["big"])))[0].problem is not None
    one, two = [await desk.case_of(number) for number in numbers]
    amended = await casework.amend_case(deps, OPERATOR, one, classes=[CaseClass.MASS_INCIDENT])
    assert amended.classes == (CaseClass.EVIDENCE, CaseClass.MASS_INCIDENT, CaseClass.MAJOR)
    assert amended.own_classes == (CaseClass.MASS_INCIDENT,)
    await desk.send(case("1", 2, numbers[0]))
    told = (await casework.view_case(deps, OPERATOR, one)).history[-1].facts
    assert (told["before"], told["after"]) == ({"classes": []}, {"classes": ["mass_incident"]})
    merged = await casework.merge_cases(deps, OPERATOR, one, into=two, reason="同一案")
    assert merged.classes == (CaseClass.MASS_INCIDENT, CaseClass.FIRST_BREACH)


async def test_cases_are_counted_by_the_classes_that_they_are_of(desk: Desk) -> None:
    deps, numbers = desk.bureau.deps, ("甲〔2026〕1号", "甲〔2026〕2号", "甲〔2026〕3号")
    await desk.send(
        case("1", 1, numbers[0], classes=["first_breach", "evidence"], opened_on="2025-12-31"),
        case("2", 1, numbers[1], classes=["first_breach"]),
        case("3", 1, numbers[2]),
        # Two rows of one case, and one that is taken back.
        case("2b", 1, numbers[1], classes=["first_breach", "slight_breach"]),
        case("2c", 1, numbers[1], classes=["major"]),
        withdrawal("w", 1, "2c"),
    )
    third = await desk.case_of(numbers[2])
    await casework.amend_case(deps, OPERATOR, third, classes=[CaseClass.SLIGHT_BREACH])

    async def counted(actor: Actor, first: date, last: date) -> dict[str, int]:
        question = dashboard.Question(first=first, last=last)
        lines = await dashboard.classes(deps, actor, question)
        return {line.name.value: line.cases for line in lines if line.cases}

    today = desk.bureau.clock.now().date()
    own = desk.bureau.actor()
    assert await counted(own, date(2026, 1, 1), today) == {"first_breach": 1, "slight_breach": 2}
    assert await counted(own, date(2025, 1, 1), today) == {
        "evidence": 1, "first_breach": 2, "slight_breach": 2,
    }  # fmt: skip
    await casework.merge_cases(
        deps, OPERATOR, third, into=await desk.case_of(numbers[1]), reason="同一案"
    )
    assert await counted(own, date(2026, 1, 1), today) == {"first_breach": 1, "slight_breach": 1}
    other = desk.bureau.actor(agency=desk.bureau.theirs)
    assert await counted(other, date(2025, 1, 1), today) == {}


async def test_events_follow_a_merge(desk: Desk) -> None:
    await desk.send(
        case("C1", 1, "深罚〔2026〕1号"), case("C2", 1, "深罚〔2026〕2号"),
        event("e1", 1, "C1"), document("d1", 1, "深罚〔2026〕1号"),
    )  # fmt: skip
    one, two = await desk.case_of("深罚〔2026〕1号"), await desk.case_of("深罚〔2026〕2号")
    await casework.merge_cases(desk.bureau.deps, OPERATOR, one, into=two, reason="同案")
    # What comes later under the key of the merged case goes there too.
    await desk.send(event("e2", 1, "C1"))
    cases = "SELECT array_agg(DISTINCT case_id) FROM case_event"
    assert await desk.bureau.value(cases) == [two]
    assert [key for key, _, _ in await desk.events()] == ["d1", "e1", "e2"]


async def test_whatever_changes_a_case_makes_its_evaluation_due(desk: Desk) -> None:
    await desk.send(case("C1", 1, "深罚〔2026〕1号"), event("e1", 1, "C1"))

    async def due_after(*said: dict[str, object]) -> int:
        await desk.bureau.value(
            "WITH gone AS (DELETE FROM coverage_due RETURNING 1) SELECT count(*) FROM gone"
        )
        await desk.send(*said)
        return int(str(await desk.bureau.value("SELECT count(*) FROM coverage_due")))

    assert await due_after(event("e1", 2, "C1", event="hearing")) == 1
    assert await due_after(event("e1", 1, "C1", event="hearing")) == 0
    assert await due_after(withdrawal("w1", 1, "e1")) == 1
    assert await due_after(withdrawal("w1", 2, "e9")) == 1
    # The one that it left and the one to which it goes.
    assert await due_after(event("e1", 3, "深罚〔2026〕2号")) == 2


async def test_what_an_event_leaves_unsaid_its_case_says(desk: Desk) -> None:
    await desk.send(
        case("C1", 1, "深罚〔2026〕1号", act_type="penalty", matter="4403-7"),
        event("e1", 1, "C1", officers=[{"number": "0815", "certificate": "粤B1"}], visit="v1"),
        event("e2", 1, "C1", act_type="coercion"),
    )
    one = await desk.case_of("深罚〔2026〕1号")
    async with desk.bureau.deps.database.acquire() as connection:
        found = (await case_events.of_cases(connection, [one]))[one]
    first, second = sorted(found, key=lambda each: each.key)
    assert (first.act_type, first.matter, first.visit) == (ActType.PENALTY, "4403-7", "v1")
    assert (first.kind, first.officers[0].certificate) == (EventKind.SEIZURE, "粤B1")
    assert second.act_type is ActType.COERCION


async def test_a_row_that_is_none_is_answered_and_not_kept(desk: Desk) -> None:
    nothing: list[rows.FeedRow | Problem] = [Problem(ProblemCode.ROW_NOT_JSON)]
    answers = await receiving.receive(desk.bureau.deps, OPERATOR, desk.source, nothing)
    assert [each.outcome for each in answers] == [Outcome.REFUSED]
    assert await desk.bureau.value("SELECT count(*) FROM feed_row") == 0


async def test_sources_that_tell_of_the_same_new_cases_at_once_agree(desk: Desk) -> None:
    others = [await desk.another(f"s{n}") for n in range(4)]
    numbers = [f"深罚〔2026〕{n}号" for n in range(1, 40)]

    async def tell(at: Desk, order: list[str]) -> Counter[str]:
        return Counter(await at.outcomes(*(case(f"C-{n}", 1, n) for n in order)))

    orders = [random.Random(n).sample(numbers, len(numbers)) for n in range(4)]
    found = await asyncio.gather(*map(tell, others, orders))
    assert found == [Counter(accepted=39)] * 4
    assert await desk.bureau.value("SELECT count(*) FROM case_file") == 39
