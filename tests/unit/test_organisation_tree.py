"""Whose rows of which days count for an organisation, while the tree is built anew by dates."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.ids import AgencyId
from recorder.domain.organisation import OrganisationKind
from recorder.domain.organisation_tree import Holding, OrganisationTree, Standing
from recorder.domain.validity import EVER, FURTHER_NOTICE

CITY, EAST, WEST, BUREAU, TEAM, NEW, LONE = (AgencyId(uuid.UUID(int=n)) for n in range(1, 8))
FIRST, TURN, LAST = date(2026, 1, 1), date(2026, 2, 10), date(2026, 3, 31)
BEFORE = TURN - timedelta(days=1)


def standing(
    agency: AgencyId,
    parent: AgencyId | None,
    begins: date = EVER,
    ends: date = FURTHER_NOTICE,
    predecessors: tuple[AgencyId, ...] = (),
) -> Standing:
    return Standing(
        agency=agency,
        parent=parent,
        kind=OrganisationKind.BUREAU,
        begins=begins,
        ends=ends,
        predecessors=predecessors,
    )


#: A bureau with a team moves from the east to the west in February.
MOVED = OrganisationTree.of(
    [
        standing(CITY, None),
        standing(EAST, CITY),
        standing(WEST, CITY),
        standing(BUREAU, EAST, ends=BEFORE),
        standing(BUREAU, WEST, begins=TURN),
        standing(TEAM, BUREAU),
    ],
    [LONE],
)


def test_days_before_a_move_count_for_the_old_place_and_days_behind_it_for_the_new_one() -> None:
    assert MOVED.holdings(EAST, FIRST, LAST) == [
        Holding(EAST, EAST, FIRST, LAST),
        Holding(BUREAU, BUREAU, FIRST, BEFORE),
        Holding(TEAM, BUREAU, FIRST, BEFORE),
    ]
    assert MOVED.holdings(WEST, FIRST, LAST) == [
        Holding(WEST, WEST, FIRST, LAST),
        Holding(BUREAU, BUREAU, TURN, LAST),
        Holding(TEAM, BUREAU, TURN, LAST),
    ]
    assert MOVED.holdings(BUREAU, FIRST, LAST) == [
        Holding(BUREAU, BUREAU, FIRST, LAST),
        Holding(TEAM, TEAM, FIRST, LAST),
    ]
    assert MOVED.path(TEAM, FIRST) == (CITY, EAST, BUREAU, TEAM)
    assert MOVED.path(TEAM, LAST) == (CITY, WEST, BUREAU, TEAM)


def test_whoever_has_ended_counts_for_whoever_took_its_place() -> None:
    tree = OrganisationTree.of(
        [
            standing(CITY, None),
            standing(EAST, CITY),
            standing(BUREAU, EAST, ends=BEFORE),
            standing(NEW, CITY, begins=TURN, predecessors=(BUREAU,)),
        ],
        [],
    )
    assert tree.holdings(NEW, TURN, LAST) == [
        Holding(BUREAU, BUREAU, TURN, LAST),
        Holding(NEW, NEW, TURN, LAST),
    ]
    assert tree.holdings(EAST, FIRST, LAST)[1] == Holding(BUREAU, BUREAU, FIRST, BEFORE)


def test_nothing_out_of_sight_counts_and_the_top_is_the_highest_in_sight() -> None:
    assert MOVED.tops(LAST, None) == [CITY, LONE]
    assert MOVED.tops(LAST, [BUREAU, TEAM]) == [BUREAU]
    assert MOVED.holdings(CITY, FIRST, LAST, [BUREAU, TEAM]) == [
        Holding(BUREAU, EAST, FIRST, BEFORE),
        Holding(BUREAU, WEST, TURN, LAST),
        Holding(TEAM, EAST, FIRST, BEFORE),
        Holding(TEAM, WEST, TURN, LAST),
    ]


_DAYS = st.dates(FIRST, LAST)
_PLACES = st.sampled_from([None, CITY, EAST, WEST, BUREAU, TEAM, NEW])


@given(
    st.lists(st.tuples(st.sampled_from([EAST, WEST, BUREAU, TEAM, NEW]), _PLACES, _DAYS, _DAYS)),
    _DAYS,
    _DAYS,
)
def test_each_day_of_each_agency_counts_exactly_once_whatever_the_tree(
    told: list[tuple[AgencyId, AgencyId | None, date, date]], one: date, two: date
) -> None:
    tree = OrganisationTree.of(
        [standing(agency, parent, min(a, b), max(a, b)) for agency, parent, a, b in told],
        [CITY, LONE],
    )
    first, last = min(one, two), max(one, two)
    counted: dict[AgencyId, int] = {}
    for held in tree.holdings(None, first, last):
        counted[held.agency] = counted.get(held.agency, 0) + (held.last - held.first).days + 1
    assert counted == dict.fromkeys(tree.agencies, (last - first).days + 1)
