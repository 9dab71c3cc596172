from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.validity import EVER, FURTHER_NOTICE, Fate, Term, settle

TODAY = date(2026, 3, 5)
YESTERDAY = TODAY - timedelta(days=1)
A_YEAR_AGO = date(2025, 3, 5)

days = st.integers(0, 40).map(lambda n: date(2026, 1, 1) + timedelta(days=n))
statements = st.tuples(
    st.sampled_from("AB"), st.one_of(st.none(), days), st.one_of(st.none(), days)
).filter(lambda s: s[1] is None or s[2] is None or s[1] <= s[2])


def test_what_is_new_holds_since_ever_where_no_day_is_named() -> None:
    assert settle([], "A", None, None, today=TODAY) == (Fate.ADDED, (Term("A"),))


def test_other_facts_without_a_day_hold_from_today() -> None:
    assert settle([Term("A")], "B", None, None, today=TODAY) == (
        Fate.CHANGED,
        (Term("A", EVER, YESTERDAY), Term("B", TODAY)),
    )


def test_a_last_day_ends_what_is_known() -> None:
    known = [Term("A", A_YEAR_AGO)]
    assert settle(known, "A", None, TODAY, today=TODAY) == (
        Fate.ENDED,
        (Term("A", A_YEAR_AGO, TODAY),),
    )


def test_a_first_day_that_was_not_known_is_learned_and_splits_nothing() -> None:
    assert settle([Term("A")], "A", A_YEAR_AGO, None, today=TODAY) == (
        Fate.CHANGED,
        (Term("A", A_YEAR_AGO),),
    )


def test_a_statement_about_a_day_in_between_leaves_the_later_term_alone() -> None:
    known = [Term("A", EVER, YESTERDAY), Term("B", TODAY)]
    assert settle(known, "C", A_YEAR_AGO, None, today=TODAY) == (
        Fate.CHANGED,
        (
            Term("A", EVER, A_YEAR_AGO - timedelta(days=1)),
            Term("C", A_YEAR_AGO, YESTERDAY),
            Term("B", TODAY),
        ),
    )


def test_a_correction_takes_the_place_of_the_term_of_its_first_day() -> None:
    known = [Term("A", A_YEAR_AGO)]
    assert settle(known, "B", A_YEAR_AGO, None, today=TODAY) == (
        Fate.CHANGED,
        (Term("B", A_YEAR_AGO),),
    )


def test_what_would_end_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before it begins"):
        settle([Term("A", TODAY)], "A", None, YESTERDAY, today=TODAY)


def _state(said: list[tuple[str, date | None, date | None]]) -> tuple[Term[str], ...]:
    known: tuple[Term[str], ...] = ()
    for facts, begins, ends in said:
        try:
            _, known = settle(known, facts, begins, ends, today=TODAY)
        except ValueError:
            continue
    return known


@given(st.lists(statements, max_size=6))
def test_terms_of_one_key_never_overlap(said: list[tuple[str, date | None, date | None]]) -> None:
    known = _state(said)
    assert all(EVER <= term.begins <= term.ends <= FURTHER_NOTICE for term in known)
    assert all(one.ends < two.begins for one, two in pairwise(known))


@given(st.lists(statements, max_size=6), statements)
def test_stating_the_same_again_changes_nothing(
    said: list[tuple[str, date | None, date | None]], last: tuple[str, date | None, date | None]
) -> None:
    try:
        _, known = settle(_state(said), *last, today=TODAY)
    except ValueError:
        return
    assert settle(known, *last, today=TODAY) == (Fate.UNCHANGED, known)


@given(st.lists(statements, max_size=6), statements)
def test_on_its_first_day_a_statement_holds(
    said: list[tuple[str, date | None, date | None]], last: tuple[str, date | None, date | None]
) -> None:
    facts, begins, _ = last
    if begins is None:
        return
    _, known = settle(_state(said), *last, today=TODAY)
    assert [term.facts for term in known if term.holds_on(begins)] == [facts]
