"""Where days, scenes and calendars end: nights, leavings nobody told, files cut by the camera."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from recorder.domain.case_event import EventKind
from recorder.domain.coverage import CaseFacts, Certificate, Evaluation, SceneState, evaluate
from recorder.domain.coverage.scenes import OPEN_FOR
from recorder.domain.deadline import Calendar, DayKind
from recorder.domain.duty import DutyLevel
from recorder.domain.finding import Confidence, Finding, FindingKind, Severity
from tests.support.acts import at, clip, document, duty_list, event, facts, rule

K = FindingKind


def kinds(asked: CaseFacts) -> list[FindingKind]:
    return sorted(finding.kind for finding in evaluate(asked).findings)


def one(asked: CaseFacts, kind: FindingKind) -> Finding:
    (finding,) = (each for each in evaluate(asked).findings if each.kind is kind)
    return finding


def state(evaluation: Evaluation) -> SceneState:
    return evaluation.scenes[0].state


# --- scenes whose leaving nobody told ----------------------------------------------------------


def test_who_reports_no_leaving_has_not_recorded_either() -> None:
    """A seizure without a second of footage is one, whether or not its end was told."""
    unended = facts(events=(event(ended=None),))
    assert kinds(unended) == [K.END_UNKNOWN, K.UNRECORDED]
    missing = one(unended, K.UNRECORDED)
    assert (missing.severity, missing.ended_at) == (Severity.CRITICAL, None)
    assert state(evaluate(unended)) is SceneState.UNRECORDED
    early = evaluate(facts(events=(event(ended=None),), at=at(90)))
    assert (early.findings, state(early)) == ((), SceneState.OPEN)
    # Told later, it is the same finding.
    assert one(facts(), K.UNRECORDED).identity == missing.identity


def test_footage_of_another_day_shows_no_scene_that_was_left_open() -> None:
    beyond = OPEN_FOR / timedelta(minutes=1)
    unended = (event(ended=None),)
    assert K.UNRECORDED in kinds(facts(clip(beyond, beyond + 60), events=unended))
    assert K.UNRECORDED not in kinds(facts(clip(beyond - 1, beyond + 60), events=unended))
    marked_later = facts(clip(0, 10, marks=()), clip(beyond, beyond + 9, n=2), events=unended)
    assert K.ANNOUNCEMENT_MISSING in kinds(marked_later)


def test_what_began_after_the_last_leaving_that_was_told_was_not_over_then() -> None:
    visit = (
        event(EventKind.EVIDENCE_TAKING, 0, 20, key="t", visit="v"),
        event(EventKind.SEIZURE, 30, None, visit="v"),
    )
    assert kinds(facts(clip(0, 20), events=visit)) == [K.END_UNKNOWN]
    left = event(EventKind.LEAVING, 50, key="l", visit="v")
    evaluation = evaluate(facts(clip(0, 20), events=(*visit, left)))
    assert [(f.kind, f.began_at) for f in evaluation.findings] == [(K.ENDS_EARLY, at(20))]


# --- files that a camera cuts ------------------------------------------------------------------


def test_a_file_that_ends_at_the_arrival_belongs_to_the_recording_that_goes_on() -> None:
    """What is said five minutes before the arrival counts, also where a new file begins then."""
    said, rest = clip(-5, 0), clip(0, 60, n=2, marks=())
    assert kinds(facts(said, rest)) == kinds(facts(clip(-5, 60))) == []
    joined = clip(-5, -1 / 60)
    assert kinds(facts(joined, rest)) == []
    apart = facts(clip(-5, -0.1), rest)
    assert kinds(apart) == [
        K.ANNOUNCEMENT_MISSING, K.FOOTAGE_OUTSIDE_SCENES, K.VOICE_STATEMENT_MISSING,
    ]  # fmt: skip


def test_a_document_is_compared_with_all_of_a_recording_that_a_camera_cut() -> None:
    said = (document(-12, 60),)
    whole = facts(clip(-15, 60), documents=said)
    cut = facts(clip(-15, -2), clip(-2, 60, n=2), documents=said)
    assert K.DOCUMENT_TIME_DIFFERS not in kinds(whole)
    assert K.DOCUMENT_TIME_DIFFERS not in kinds(cut)


def test_a_file_before_the_arrival_is_handed_in_by_the_term_of_its_scene() -> None:
    day = (duty_list(rule(deadline="24h")),)
    late = 25 * 60
    files = (clip(-30, 0, received=late), clip(0, 60, n=2, received=late))
    found = [f for f in evaluate(facts(*files, lists=day)).findings if f.kind is K.UPLOAD_LATE]
    assert [f.facts["term"] for f in found] == ["24h"]
    assert found[0].recordings == (files[0].recording,)


# --- days --------------------------------------------------------------------------------------


def test_a_scene_over_midnight_and_the_end_of_a_month_is_of_the_day_on_which_it_began() -> None:
    """Arrival at 23:30 of 30 June, the seizure at 00:10 of 1 July, when a new list is in force."""
    eve = (datetime(2026, 6, 30, 15, 30, tzinfo=UTC) - at(0)) / timedelta(minutes=1)
    old = duty_list(rule(DutyLevel.REQUIRED), valid_to=date(2026, 7, 1))
    new = duty_list(rule(), version=2, valid_from=date(2026, 7, 1))
    visit = (
        event(EventKind.ARRIVAL, eve, key="a", visit="v"),
        event(EventKind.SEIZURE, eve + 40, eve + 90, visit="v"),
    )
    asked = facts(
        events=visit, lists=(old, new), at=at(eve) + timedelta(days=9),
        officers={
            "A1": (Certificate("1", None, date(2026, 6, 30)),),
            "A2": (Certificate("2", date(2026, 7, 1), None),),
        },
    )  # fmt: skip
    assert one(asked, K.UNRECORDED).severity is Severity.MAJOR
    # A certificate counts on its last day, and not before its first one.
    invalid = one(asked, K.CERTIFICATE_INVALID)
    assert (invalid.facts["officer"], invalid.facts["valid_from"]) == ("A2", "2026-07-01")
    (scene,) = evaluate(asked).scenes
    # Left on 1 July, a Wednesday: one working day is over at the end of the 2nd.
    assert scene.due_at == datetime(2026, 7, 2, 16, 0, tzinfo=UTC)


def test_of_certificates_that_do_not_count_the_one_that_ran_out_last_is_named() -> None:
    papers = (
        Certificate("old", None, date(2024, 1, 1)),
        Certificate("last", date(2024, 1, 2), date(2026, 3, 1)),
        Certificate("next", date(2026, 3, 3), date.max),
    )
    told = one(facts(clip(0, 60), officers={"A1": papers}), K.CERTIFICATE_INVALID).facts
    assert (told["certificate"], told["valid_to"], told["valid_from"]) == (
        "last", "2026-03-01", None,
    )  # fmt: skip


def test_a_made_up_saturday_is_the_working_day_of_friday() -> None:
    """Friday 13 February 2026; the 14th is made up for, the 15th to 23rd are free."""
    days = {date(2026, 2, day): DayKind.HOLIDAY for day in range(15, 24)}
    days[date(2026, 2, 14)] = DayKind.WORKDAY
    calendar = Calendar(days, frozenset({2026}))
    friday = -17 * 24 * 60
    (scene,) = evaluate(
        facts(events=(event(began=friday, ended=friday + 60),), calendar=calendar)
    ).scenes
    assert scene.due_at == datetime(2026, 2, 14, 16, 0, tzinfo=UTC)


def test_nobody_is_sure_that_a_term_is_over_that_may_still_move() -> None:
    """New Year's Eve of a year whose next one is not announced."""
    eve = (datetime(2026, 12, 31, 2, 0, tzinfo=UTC) - at(0)) / timedelta(minutes=1)
    asked = facts(events=(event(began=eve, ended=eve + 60),), at=at(eve) + timedelta(days=9))
    assert one(asked, K.UNRECORDED).confidence is Confidence.PROBABLE
    late = clip(eve, eve + 60, received=eve + 9 * 24 * 60)
    found = one(facts(late, events=asked.events, at=asked.at), K.UPLOAD_LATE)
    assert (found.confidence, found.facts["provisional"]) == (Confidence.PROBABLE, True)


@pytest.mark.parametrize("day", [26, 28, 31])
def test_the_last_days_of_a_year_wait_for_the_notice_of_the_next(day: int) -> None:
    known = Calendar(announced=frozenset({2026}))
    assert not known.knows(date(2026, 12, day))
    assert known.knows(date(2026, 12, 24))
    assert Calendar(announced=frozenset({2026, 2027})).knows(date(2026, 12, day))


# --- scans -------------------------------------------------------------------------------------


def test_footage_of_a_scan_is_waited_for_as_that_of_a_scene() -> None:
    scan = (event(EventKind.SCAN, 0, key="q"),)
    due = at(15 * 60 + 24 * 60)
    early = evaluate(facts(events=scan, at=due - timedelta(seconds=1)))
    assert (early.findings, early.again_at) == ((), due)
    assert kinds(facts(events=scan, at=due)) == [K.SCAN_UNRECORDED]
    # The word of a scan is waited for as well.
    unscanned = facts(clip(0, 60), lists=(duty_list(rule(scan=True)),), at=at(90))
    assert kinds(unscanned) == []


# --- clocks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("began", "ended"),
    [
        (datetime(9999, 12, 31, 23, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 1, 1, tzinfo=UTC)),
        (at(0), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)),
    ],
)
def test_times_that_no_clock_can_mean_are_none(began: datetime, ended: datetime) -> None:
    odd = clip(0, 60, began_at=began, ended_at=ended, clock_offset_ms=5, clock_doubtful=True)
    missing = one(facts(odd), K.UNRECORDED)
    assert missing.confidence is Confidence.DOUBTFUL
