"""Pieces of numbers: what is found does not depend on how it was looked for."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from recorder.domain.case import CaseIdentifier, CaseState, Scheme
from recorder.domain.case_number import CaseNumber, fragment_key, prefix_key, query_grams
from recorder.domain.events import CaseOpened
from recorder.domain.ids import AgencyId, CaseId, new_uuid
from recorder.domain.people import EVERYTHING, OPERATOR, Scope
from recorder.services import casework
from recorder.services.casework.searching import Effort, newest_fitting
from recorder.store import cases
from recorder.store.case_search import MOST_MERGED, Wanted, few_by_grams
from tests.support.bureau import Bureau, open_bureau

#: So little that most searches have to go on behind the newest numbers.
LITTLE = Effort(
    steps=20, more_steps=40, near_steps=30, few=0, marks=8, steps_at_mark=4, common_hits=2
)
#: The same, and all candidates are read where there are few.
FEW = dataclasses.replace(LITTLE, few=30)
NUMBERS = 300


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def many_cases(bureau: Bureau) -> list[tuple[CaseId, str]]:
    """Six years of cases with fifty numbers each, every tenth of the foreign agency; newest first.

    Each is in the statements of the product, with the time between two births that a year has.
    """
    made = []
    start = bureau.clock.at - timedelta(days=6 * 365)
    async with bureau.deps.change(OPERATOR) as change:
        for n in range(NUMBERS):
            year, serial = 2020 + n // 50, n % 50 + 1
            number = CaseNumber.parse(f"深市监罚〔{year}〕{serial}号")
            case = CaseId(new_uuid(start + timedelta(days=n * 7)))
            agency = bureau.theirs if n % 10 == 9 else bureau.ours
            identifier = CaseIdentifier(Scheme.CASE, number.raw, number.norm, number.key)
            assert await cases.insert(change, case, agency, CaseState.CONFIRMED, None, identifier)
            made.append((case, number.key))
        change.record(
            CaseOpened(
                subject=made[0][0], agency=bureau.ours, state="confirmed", scheme="case",
                number="", key="", title=None,
            )
        )  # fmt: skip
    return made[::-1]


async def looked_for(
    bureau: Bureau,
    wanted: Wanted,
    upto: CaseId | None = None,
    limit: int = 10,
    effort: Effort = LITTLE,
) -> list[CaseId]:
    async with bureau.deps.database.acquire() as connection:
        return await newest_fitting(connection, wanted, upto, limit, effort)


async def test_a_piece_that_few_numbers_have_is_found_wherever_it_stands(bureau: Bureau) -> None:
    made = await many_cases(bureau)
    ours = [one for n, one in enumerate(made) if (NUMBERS - 1 - n) % 10 != 9]
    strangers = tuple(AgencyId(new_uuid()) for _ in range(MOST_MERGED))
    scopes = (
        (EVERYTHING, made),
        (Scope(bureau.ours), ours),
        (Scope(bureau.ours, below=(bureau.theirs,)), made),
        (Scope(bureau.ours, below=strangers[:-1]), ours),
        (Scope(bureau.ours, below=strangers), ours),
    )
    for piece in ("20〕7", "〔2021〕33", "3〕49", "25〕50", "22〕12"):
        key = fragment_key(piece)
        for scope, there in scopes:
            expected = [case for case, number in there if key in number]
            assert 0 <= len(expected) <= 10
            for effort in (LITTLE, FEW):
                found = await looked_for(bureau, Wanted(key, scope), effort=effort)
                assert found == expected, piece


async def test_what_has_few_candidates_is_found_exactly_and_what_has_more_is_given_up(
    bureau: Bureau,
) -> None:
    made = await many_cases(bureau)
    for piece in ("〔2021〕", "21〕3", "1〕1"):
        key = fragment_key(piece)
        fitting = [case for case, number in made if key in number]
        async with bureau.deps.database.acquire() as connection:
            grams = list(query_grams(key))
            wanted = Wanted(key, EVERYTHING)
            candidates = sum(all(gram in number for gram in grams) for _, number in made)
            for most in (candidates, candidates - 1):
                found = await few_by_grams(connection, wanted, grams, None, most)
                assert found == (fitting if most == candidates else None), piece
            upto = fitting[len(fitting) // 2]
            later = await few_by_grams(connection, wanted, grams, upto, candidates)
            assert later == fitting[len(fitting) // 2 :]


async def test_a_common_piece_fills_the_page_with_the_newest_of_where_it_is_common(
    bureau: Bureau,
) -> None:
    made = await many_cases(bureau)
    both = Scope(bureau.ours, below=(bureau.theirs,))
    for piece in ("市监", "罚〔2025〕", "〔2021〕", "监罚〔2020"):
        key = fragment_key(piece)
        fitting = [case for case, number in made if key in number]
        found = await looked_for(bureau, Wanted(key, EVERYTHING))
        assert await looked_for(bureau, Wanted(key, both)) == found
        assert len(found) == 10
        assert found == sorted(found, reverse=True)
        assert set(found) <= set(fitting)
    newest = [case for case, _ in made[:10]]
    for scope in (EVERYTHING, both):
        assert await looked_for(bureau, Wanted("市监", scope)) == newest


async def test_pages_of_a_piece_go_on_where_they_stopped_and_bring_no_case_twice(
    bureau: Bureau,
) -> None:
    made = await many_cases(bureau)
    fitting = [case for case, number in made if "〕4" in number]
    seen: list[CaseId] = []
    while page := await looked_for(bureau, Wanted("〕4", EVERYTHING), before(seen), 7):
        seen += page
    assert seen == sorted(set(seen), reverse=True)
    assert set(seen) <= set(fitting)
    assert len(seen) > 14
    exact = [case for case, number in made if "〕44" in number]
    assert await looked_for(bureau, Wanted("〕44", EVERYTHING), exact[1]) == exact[1:]


def before(seen: list[CaseId]) -> CaseId | None:
    return CaseId(uuid.UUID(int=seen[-1].int - 1)) if seen else None


async def test_beginnings_are_found_behind_the_newest_numbers_too(bureau: Bureau) -> None:
    made = await many_cases(bureau)
    key = prefix_key("深市监罚【2020】4")
    expected = [case for case, number in made if number.startswith(key)]
    assert len(expected) == 11
    found = await looked_for(bureau, Wanted(key, EVERYTHING, beginning=True), limit=20)
    assert found == expected
    assert await looked_for(bureau, Wanted("监罚", EVERYTHING, beginning=True)) == []


async def test_what_an_agency_lacks_is_not_found_among_others(bureau: Bureau) -> None:
    made = await many_cases(bureau)
    theirs = [case for n, (case, _) in enumerate(made) if (NUMBERS - 1 - n) % 10 == 9]
    assert await looked_for(bureau, Wanted("〔2020〕10", Scope(bureau.theirs))) == theirs[-1:]
    assert await looked_for(bureau, Wanted("〔2020〕10", Scope(bureau.ours))) == []
    page = await casework.find_cases(bureau.deps, bureau.actor(agency=bureau.theirs), q="市监")
    assert [case.id for case in page.items] == theirs
