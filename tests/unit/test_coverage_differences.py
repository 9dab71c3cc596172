"""What an evaluation changes of known findings: ids stay, settled ones stay settled."""

from __future__ import annotations

import dataclasses
import uuid

import pytest

from recorder.domain.coverage import evaluate
from recorder.domain.coverage.differences import Differences, KnownFinding, differences
from recorder.domain.coverage.words import found as made
from recorder.domain.finding import Finding, FindingKind, FindingState, Severity
from tests.support.acts import at, clip, event, facts

S = FindingState


def found(*footage: object) -> list[Finding]:
    return list(evaluate(facts(*footage)).findings)  # type: ignore[arg-type]


def known(findings: list[Finding], state: FindingState = S.OPEN) -> list[KnownFinding]:
    return [KnownFinding(uuid.UUID(int=n), state, each) for n, each in enumerate(findings)]


def test_the_same_findings_are_no_difference() -> None:
    missing = found()
    assert differences(known(missing), missing) == Differences((), (), ())
    assert differences(known(missing), missing).is_nothing
    assert not differences([], missing).is_nothing


def test_new_ones_are_raised_and_those_without_ground_withdrawn() -> None:
    missing, late = found(), found(clip(5, 60))
    changes = differences(known(missing), late)
    assert [each.kind for each in changes.raised] == [FindingKind.BEGINS_LATE]
    assert [each.finding for each in changes.withdrawn] == missing


@pytest.mark.parametrize("state", [S.WITHDRAWN, S.CLOSED])
def test_what_was_settled_or_withdrawn_already_is_not_withdrawn(state: FindingState) -> None:
    assert differences(known(found(), state), []).is_nothing


def test_what_is_found_again_is_open_again_under_its_id() -> None:
    (change,) = differences(known(found(), S.WITHDRAWN), found()).changed
    assert (change.before.id, change.state) == (uuid.UUID(int=0), S.OPEN)


@pytest.mark.parametrize(
    ("state", "severity", "after"),
    [
        (S.REPLIED, Severity.MINOR, S.REPLIED),
        (S.CLOSED, Severity.CRITICAL, S.CLOSED),
        (S.CLOSED, Severity.MINOR, S.OPEN),
    ],
)
def test_a_settled_finding_opens_again_only_when_it_became_graver(
    state: FindingState, severity: Severity, after: FindingState
) -> None:
    (missing,) = found()
    lesser = dataclasses.replace(missing, severity=severity, rule="以前的规则")
    (change,) = differences(known([lesser], state), [missing]).changed
    assert change.state is after


def test_a_gap_that_became_shorter_is_the_same_gap() -> None:
    gap = found(clip(0, 20), clip(40, 60, n=2))
    shorter = found(clip(0, 30), clip(40, 60, n=2))
    changes = differences(known(gap, S.REPLIED), shorter)
    assert (changes.raised, changes.withdrawn) == ((), ())
    assert [(c.before.id, c.state) for c in changes.changed] == [(uuid.UUID(int=0), S.REPLIED)]


def test_what_was_settled_is_asked_about_again_when_a_minute_more_is_missing() -> None:
    # Settled at two minutes; a correction of the arrival makes it an hour.
    late, slightly, much = found(clip(2, 60)), found(clip(2.5, 60)), found(clip(59, 60))
    assert [c.state for c in differences(known(late, S.CLOSED), slightly).changed] == [S.CLOSED]
    assert [c.state for c in differences(known(late, S.CLOSED), much).changed] == [S.OPEN]
    assert [c.state for c in differences(known(late, S.REPLIED), much).changed] == [S.REPLIED]


@pytest.mark.parametrize(("ends", "state"), [(30, S.CLOSED), (20.5, S.CLOSED), (5, S.OPEN)])
def test_what_is_left_of_a_settled_gap_is_settled_and_a_longer_one_is_not(
    ends: float, state: FindingState
) -> None:
    gap = found(clip(0, 20), clip(40, 60, n=2))
    moved = found(clip(0, ends), clip(40, 60, n=2))
    changes = differences(known(gap, S.CLOSED), moved)
    assert (changes.raised, changes.withdrawn) == ((), ())
    assert [(c.before.id, c.state) for c in changes.changed] == [(uuid.UUID(int=0), state)]


def test_a_gap_that_was_cut_in_two_keeps_its_id_in_the_piece_that_begins_where_it_began() -> None:
    gap = found(clip(0, 20), clip(40, 60, n=2))
    two = found(clip(0, 20), clip(25, 30, n=3), clip(40, 60, n=2))
    changes = differences(known(gap), two)
    assert len(changes.raised) == len(changes.changed) == 1
    assert changes.changed[0].after.began_at == at(20)


def test_another_gap_is_another_finding() -> None:
    gap = found(clip(0, 10), clip(20, 60, n=2))
    other = found(clip(0, 30), clip(40, 60, n=2))
    changes = differences(known(gap), other)
    assert (len(changes.raised), len(changes.withdrawn)) == (1, 1)
    elsewhere = dataclasses.replace(gap[0], scene="s/e9")
    assert len(differences(known([elsewhere]), other).raised) == 1


def test_a_gap_without_an_end_and_a_finding_without_a_day_are_mistakes() -> None:
    (gap,) = found(clip(0, 10), clip(20, 60, n=2))
    endless = dataclasses.replace(gap, ended_at=None, about="x")
    with pytest.raises(ValueError, match="an end"):
        differences(known([gap]), [endless])
    with pytest.raises(ValueError, match="has a day"):
        made(facts(events=(event(),)), FindingKind.UPLOAD_LATE, Severity.MINOR)
