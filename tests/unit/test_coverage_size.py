"""How much one case may hold: what is too large says so, and what is large stays small in words."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from recorder.domain.coverage import evaluate
from recorder.domain.coverage.facts import MOST_ROWS, MOST_SHOWN
from recorder.domain.coverage.rules_of_people import MOST_OTHERS
from recorder.domain.finding import FindingKind, Severity
from tests.support.acts import FAR, HERE, LATER, clip, event, facts

K = FindingKind


@pytest.mark.parametrize("more", [0, 1])
def test_a_case_is_looked_at_up_to_so_many_rows(more: int) -> None:
    # The event names two officers.
    many = [clip(0, 60, n=n) for n in range(MOST_ROWS - 3 + more)]
    answer = evaluate(facts(*many))
    assert answer.too_large == bool(more)
    assert bool(answer.scenes) != bool(more)
    assert (K.CASE_TOO_LARGE in [each.kind for each in answer.findings]) == bool(more)


def test_what_is_too_large_says_how_large_and_nothing_else() -> None:
    unread = dataclasses.replace(facts(events=()), unread=MOST_ROWS + 7)
    answer = evaluate(unread)
    (finding,) = answer.findings
    assert (finding.kind, finding.severity, finding.began_at) == (
        K.CASE_TOO_LARGE,
        Severity.NOTICE,
        LATER,
    )
    assert finding.facts == {"rows": MOST_ROWS + 7, "most": MOST_ROWS}
    assert (answer.scenes, answer.presences, answer.again_at) == ((), (), None)


def test_very_many_scenes_and_recordings_at_the_same_time_are_too_many() -> None:
    """One after another as many are looked at."""
    side = 230
    assert side * side > MOST_SHOWN > side * 2
    for step, too_many in ((0, True), (60, False)):
        events = [event(began=n * step, ended=n * step + 50, key=f"e{n}") for n in range(side)]
        clips = [clip(n * step, n * step + 50, n=n) for n in range(side)]
        assert evaluate(facts(*clips, events=tuple(events))).too_large == too_many


def test_an_officer_named_at_very_many_places_is_told_of_a_few_each() -> None:
    """Every place is told of, and the number of findings grows no faster than that of places."""
    many = 40
    events = [
        event(key=f"e{n:02}", place=place)
        for n, place in zip(range(many), itertools.cycle((HERE, FAR)), strict=False)
    ]
    told = [f for f in evaluate(facts(events=events)).findings if f.kind is K.OFFICER_IN_TWO_PLACES]
    assert len(told) < many * 2 * MOST_OTHERS
    named = {f.scene for f in told} | {str(f.facts["other"]) for f in told}
    assert named == {f"s/{each.key}" for each in events}
