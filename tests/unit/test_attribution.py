"""Footage finds its case by evidence that is clear, and a person decides about the rest."""

from __future__ import annotations

import dataclasses
import itertools
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.attribution import (
    CLEAR_POINTS,
    POINTS,
    Clue,
    Evidence,
    PossibleScene,
    attribute,
    distance_m,
    window,
)
from recorder.domain.case import Stage
from recorder.domain.ids import CaseId, RecordingId
from recorder.simulation.city import simulate
from tests.support.city import LinkingTrial

NINE = datetime(2025, 3, 5, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PLACE, KILOMETRES_AWAY = (30.0, 100.0), (30.2, 100.0)


def a_scene(name: str = "one", **facts: object) -> PossibleScene:
    told: dict[str, object] = {
        "case": CaseId(uuid.uuid5(uuid.NAMESPACE_OID, name)),
        "event": uuid.uuid5(uuid.NAMESPACE_URL, name),
        "stage": Stage.INVESTIGATION,
        "began_at": NINE,
        "ended_at": NINE + 30 * MINUTE,
        "officers": frozenset({"000001", "000002"}),
        "place": PLACE,
        "numbers": frozenset({f"示市罚〔2025〕{name}"}),
    }
    return PossibleScene(**(told | facts))  # type: ignore[arg-type]


def a_clue(**facts: object) -> Clue:
    told: dict[str, object] = {
        "recording": RecordingId(uuid.uuid5(uuid.NAMESPACE_OID, "footage")),
        "began_at": NINE,
        "ended_at": NINE + 20 * MINUTE,
        "clock_offset_ms": 0,
        "wearer": "000001",
        "officer": "000001",
    }
    return Clue(**(told | facts))  # type: ignore[arg-type]


def test_time_and_two_words_for_the_officer_are_clear() -> None:
    found = attribute(a_clue(), [a_scene()])
    assert found.clear is not None
    assert found.clear.evidence == (
        Evidence.TIME_WITHIN,
        Evidence.WEARER_THERE,
        Evidence.OFFICER_THERE,
    )
    assert found.proposals == ()


def test_two_scenes_that_fit_alike_are_for_a_person() -> None:
    found = attribute(a_clue(), [a_scene("one"), a_scene("two")])
    assert found.clear is None
    assert len(found.proposals) == 2


@pytest.mark.parametrize("contradiction", [{"wearer": "000009"}, {"officer": "000009"}])
def test_what_contradicts_makes_it_unclear(contradiction: dict[str, object]) -> None:
    found = attribute(a_clue(**contradiction), [a_scene()])
    assert found.clear is None
    assert len(found.proposals) == 1


def test_a_place_decides_where_one_word_for_the_officer_is_missing() -> None:
    assert attribute(a_clue(wearer=None), [a_scene()]).clear is None
    assert attribute(a_clue(wearer=None, place=PLACE), [a_scene()]).clear is not None
    assert attribute(a_clue(place=KILOMETRES_AWAY), [a_scene()]).clear is None


def test_a_clock_that_is_off_is_corrected_when_it_was_compared() -> None:
    off = timedelta(minutes=14)
    clue = a_clue(
        began_at=NINE + off, ended_at=NINE + off + 20 * MINUTE, clock_offset_ms=14 * 60_000
    )
    later = a_scene("later", began_at=NINE + 40 * MINUTE, ended_at=NINE + 60 * MINUTE)
    found = attribute(clue, [a_scene(), later])
    assert found.clear is not None
    assert found.clear.scene == a_scene()


def test_a_clock_that_nobody_compared_is_not_enough_by_itself() -> None:
    clue = a_clue(clock_offset_ms=None)
    assert attribute(clue, [a_scene()]).clear is None
    assert len(attribute(clue, [a_scene()]).proposals) == 1
    assert attribute(dataclasses.replace(clue, place=PLACE), [a_scene()]).clear is not None


def test_a_task_by_the_roster_adds_to_what_leads_there_and_leads_nowhere_by_itself() -> None:
    tasks = frozenset({"示市罚〔2025〕two"})
    two = a_scene("two", began_at=NINE - 5 * MINUTE)
    found = attribute(a_clue(tasks=tasks), [a_scene(), two]).proposals
    assert [one.scene for one in found] == [two, a_scene()]
    assert Evidence.TASK_ROSTERED in found[0].evidence
    # Without time it says nothing, and a clock that nobody compared stays too weak.
    assert attribute(a_clue(tasks=tasks, began_at=None), [two]).proposals == ()
    unsure = a_clue(tasks=tasks, clock_offset_ms=None)
    assert attribute(unsure, [a_scene("two", only_task=True)]).clear is None


def test_a_number_or_a_filmed_code_leads_to_a_case_without_any_time() -> None:
    key = "示市罚〔2025〕one"
    for words in ({"named": frozenset({key})}, {"filmed": frozenset({key})}):
        clue = a_clue(began_at=None, ended_at=None, wearer=None, officer=None, **words)
        assert window(clue) is None
        assert attribute(clue, [a_scene()]).clear is not None


def test_a_number_against_everything_else_is_for_a_person() -> None:
    clue = a_clue(named=frozenset({"示市罚〔2025〕one"}), wearer="000009", officer="000008")
    elsewhere = a_scene(began_at=NINE + 300 * MINUTE, ended_at=NINE + 330 * MINUTE)
    found = attribute(clue, [elsewhere])
    assert found.clear is None
    assert len(found.proposals) == 1


def test_footage_that_mostly_lies_outside_belongs_nowhere() -> None:
    clue = a_clue(began_at=NINE + 25 * MINUTE, ended_at=NINE + 60 * MINUTE)
    assert attribute(clue, [a_scene()]) == attribute(clue, [])


def test_what_a_person_has_refused_is_not_linked_again() -> None:
    clue = a_clue(refused=frozenset({a_scene().case}))
    found = attribute(clue, [a_scene()])
    assert found.clear is None
    assert found.proposals == ()


def test_two_scenes_of_one_case_do_not_compete() -> None:
    other = dataclasses.replace(a_scene(), event=uuid.uuid5(uuid.NAMESPACE_URL, "other"))
    assert attribute(a_clue(), [a_scene(), other]).clear is not None


def test_an_open_end_says_less_the_longer_it_is_open() -> None:
    open_end = a_scene(ended_at=None)
    assert attribute(a_clue(), [open_end]).clear is not None
    # The same two on patrol at noon: whether they were still there nobody has said.
    for after in (16, 180, 300):
        late = a_clue(began_at=NINE + after * MINUTE, ended_at=NINE + (after + 20) * MINUTE)
        found = attribute(late, [open_end])
        assert found.clear is None
        assert [each.scene for each in found.proposals] == [open_end]


SCENES = st.lists(
    st.builds(
        lambda name, shift, officers, place: a_scene(
            name,
            began_at=NINE + shift * MINUTE,
            ended_at=NINE + (shift + 30) * MINUTE,
            officers=frozenset(officers),
            place=place,
        ),
        st.sampled_from("abcdef"),
        st.integers(-40, 40),
        st.sets(st.sampled_from(["000001", "000002", "000003"])),
        st.sampled_from([None, PLACE, KILOMETRES_AWAY]),
    ),
    max_size=4,
    unique_by=lambda scene: scene.event,
)


@given(SCENES)
def test_the_order_of_scenes_does_not_matter_and_a_link_is_always_clear(
    scenes: list[PossibleScene],
) -> None:
    clue = a_clue(place=PLACE)
    results = {attribute(clue, order) for order in itertools.permutations(scenes)}
    assert len(results) == 1
    clear = results.pop().clear
    if clear is not None:
        assert clear.points >= CLEAR_POINTS
        assert clear.points == sum(POINTS[one] for one in clear.evidence)


def test_distances_are_those_of_a_map() -> None:
    assert distance_m(30, 100, 30.1, 100) == pytest.approx(11_119, rel=1e-3)
    assert distance_m(30, 100, 30, 100.1) == pytest.approx(9_630, rel=1e-3)


def test_a_city_is_linked_by_rule_and_hardly_ever_falsely(tmp_path: Path) -> None:
    simulate(0.0002, 3, 2025, tmp_path)
    figures = LinkingTrial(tmp_path).run()
    assert figures.linkable > 1000
    assert figures.false_share <= 0.001, figures
    assert figures.linked_share >= 0.90, figures
