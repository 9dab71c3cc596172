"""The rules of coverage as tables: an act, its footage, and what is found (R1 to R17, R76)."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

import pytest

from recorder.domain.case_event import EventKind, EventOfficer, Exemption
from recorder.domain.coverage import (
    CaseFacts,
    Evaluation,
    GapReason,
    HolePlace,
    SceneState,
    evaluate,
)
from recorder.domain.deadline import Calendar
from recorder.domain.duty import DutyLevel
from recorder.domain.finding import WHOLE_PROCESS, Confidence, Finding, FindingKind, Severity
from recorder.domain.ids import AgencyId
from tests.support.acts import (
    AGENCY,
    OFFICERS,
    at,
    clip,
    document,
    duty_list,
    event,
    facts,
    rule,
)

REQUIRED = (duty_list(rule(DutyLevel.REQUIRED)),)
K = FindingKind


def kinds(asked: CaseFacts) -> list[FindingKind]:
    return sorted(finding.kind for finding in evaluate(asked).findings)


def only(asked: CaseFacts) -> Finding:
    (finding,) = evaluate(asked).findings
    return finding


def scene_of(evaluation: Evaluation) -> tuple[SceneState, int, int]:
    (scene,) = evaluation.scenes
    return scene.state, scene.covered_ms, scene.expected_ms


HOUR = 3_600_000


def test_a_seizure_recorded_from_arrival_to_leaving_raises_nothing() -> None:
    evaluation = evaluate(facts(clip(-1, 61)))
    assert evaluation.findings == ()
    assert scene_of(evaluation) == (SceneState.RECORDED, HOUR, HOUR)
    assert evaluation.again_at is None


@pytest.mark.parametrize(
    ("footage", "found", "state", "covered_ms"),
    [
        # G1 art. 19: from arrival to leaving; a minute is how exactly people write it down.
        ([clip(0, 60)], [], "recorded", HOUR),
        ([clip(1, 59)], [], "recorded", HOUR - 120_000),
        ([clip(2, 60)], [K.BEGINS_LATE], "holes", HOUR - 120_000),
        ([clip(0, 58)], [K.ENDS_EARLY], "holes", HOUR - 120_000),
        # R5: a gap of more than two seconds needs a reason.
        ([clip(0, 30), clip(30 + 2 / 60, 60, n=2)], [], "recorded", HOUR - 2_000),
        ([clip(0, 30), clip(30.05, 60, n=2)], [K.GAP_UNEXPLAINED], "holes", HOUR - 3_000),
        ([clip(0, 60, gaps=[(20, 25)])], [K.GAP_UNEXPLAINED], "holes", HOUR - 300_000),
        ([clip(0, 60, gaps=[(20, 25)]), clip(15, 30, n=2)], [], "recorded", HOUR),
        ([], [K.UNRECORDED], "unrecorded", 0),
        # Footage that is not admitted answers nothing.
        ([clip(0, 60, admitted=False)], [K.UNRECORDED], "unrecorded", 0),
        ([clip(0, 60, began_at=None)], [K.UNRECORDED], "unrecorded", 0),
        ([clip(60, 0)], [K.UNRECORDED], "unrecorded", 0),
    ],
)
def test_footage_is_laid_on_the_time_of_the_scene(
    footage: list[object], found: list[FindingKind], state: str, covered_ms: int
) -> None:
    asked = facts(*footage)  # type: ignore[arg-type]
    assert kinds(asked) == sorted(found)
    assert scene_of(evaluate(asked)) == (SceneState(state), covered_ms, HOUR)


def test_what_must_only_be_recorded_is_less_grave_than_what_must_be_whole() -> None:
    assert only(facts()).severity is Severity.CRITICAL
    assert only(facts(lists=REQUIRED)).severity is Severity.MAJOR
    assert only(facts(clip(5, 60))).severity is Severity.MAJOR
    assert only(facts(clip(5, 60), lists=REQUIRED)).severity is Severity.MINOR


@pytest.mark.parametrize("level", [DutyLevel.OPTIONAL, DutyLevel.EXEMPT, None])
def test_what_need_not_be_recorded_is_not_missed(level: DutyLevel | None) -> None:
    rules = rule(scene=EventKind.HEARING) if level is None else rule(level)
    evaluation = evaluate(facts(lists=(duty_list(rules),)))
    state = SceneState.EXEMPT if level is DutyLevel.EXEMPT else SceneState.OPTIONAL
    assert evaluation.findings == ()
    assert scene_of(evaluation) == (state, 0, 0)


def test_an_explained_gap_is_a_hole_and_no_finding() -> None:
    reason = GapReason(began_at=at(30), ended_at=at(30), reason="battery: 电量不足")
    older = GapReason(began_at=at(30), ended_at=at(40), reason="weather")
    early = GapReason(began_at=at(1), ended_at=at(2), reason="other: 其他时间")
    first = clip(0, 30, reasons=(early, older, reason))
    evaluation = evaluate(facts(first, clip(40, 60, n=2)))
    assert evaluation.findings == ()
    (hole,) = evaluation.scenes[0].holes
    assert (hole.place, hole.reason) == (HolePlace.MIDDLE, "battery: 电量不足")


@pytest.mark.parametrize(
    ("told", "left"),
    [
        # Of the hole from 30 to 50 minutes; times are said to the minute.
        ([(30, 50)], []),
        ([(31, 49)], []),
        ([(30, 40), (39, 50)], []),
        ([(30, 40)], [(41, 50)]),
        ([(40, 45)], [(30, 39), (46, 50)]),
        ([(51, 60)], [(30, 50)]),
    ],
)
def test_a_reason_explains_the_time_it_names_and_no_more(
    told: list[tuple[float, float]], left: list[tuple[float, float]]
) -> None:
    reasons = tuple(
        GapReason(began_at=at(since), ended_at=at(until), reason="battery") for since, until in told
    )
    evaluation = evaluate(facts(clip(0, 30, reasons=reasons), clip(50, 60, n=2)))
    spans = [(at(since), at(until)) for since, until in left]
    assert [(each.began_at, each.ended_at) for each in evaluation.findings] == spans
    assert all(each.kind is K.GAP_UNEXPLAINED for each in evaluation.findings)
    holes = evaluation.scenes[0].holes
    assert sum((h.span.ended_at - h.span.began_at for h in holes), timedelta()) == timedelta(
        minutes=20
    )
    assert [(h.span.began_at, h.span.ended_at) for h in holes if h.reason is None] == spans


def test_a_few_minutes_of_reason_do_not_explain_a_scene_without_footage() -> None:
    reason = GapReason(began_at=at(0), ended_at=at(5), reason="weather")
    before = clip(-30, -1, reasons=(reason,))
    assert K.UNRECORDED in kinds(facts(before))


def test_a_gap_names_the_recordings_beside_it_and_how_long_it_is() -> None:
    finding = only(facts(clip(0, 30), clip(40, 60, n=2), clip(0, 10, n=3)))
    assert finding.recordings == (clip(0, 30).recording, clip(0, 1, n=2).recording)
    assert finding.facts["missing_ms"] == 600_000
    assert (finding.began_at, finding.ended_at) == (at(30), at(40))


def test_nothing_is_missed_before_its_deadline() -> None:
    # Footage of Monday is due until the end of Tuesday, in China.
    due = at(15 * 60 + 24 * 60)
    early = evaluate(facts(at=due - timedelta(seconds=1)))
    assert (early.findings, early.again_at) == ((), due)
    assert scene_of(early)[0] is SceneState.AWAITED
    assert evaluate(facts(clip(0, 60), at=at(70))).again_at == due
    late = evaluate(facts(at=due))
    assert [each.kind for each in late.findings] == [K.UNRECORDED]
    assert late.again_at is None


def test_a_deadline_in_a_year_not_announced_is_provisional() -> None:
    assert evaluate(facts(calendar=Calendar())).scenes[0].provisional
    assert not evaluate(facts()).scenes[0].provisional


def test_arrival_and_leaving_of_a_visit_are_the_beginning_and_the_end_of_its_scene() -> None:
    visit = (
        event(EventKind.LEAVING, 90, key="l", visit="v", officers=()),
        event(EventKind.SEIZURE, 10, 60, visit="v", officers=OFFICERS[:1]),
        event(EventKind.ARRIVAL, -5, key="a", visit="v", officers=OFFICERS[1:]),
    )
    evaluation = evaluate(facts(clip(-5, 90), events=visit))
    assert evaluation.findings == ()
    assert scene_of(evaluation) == (SceneState.RECORDED, 95 * 60_000, 95 * 60_000)


def test_of_several_events_of_a_visit_the_strictest_rule_counts() -> None:
    lists = (duty_list(rule(), rule(DutyLevel.REQUIRED, EventKind.EVIDENCE_TAKING, code="2")),)
    visit = (
        event(EventKind.EVIDENCE_TAKING, 0, 20, key="t", visit="v"),
        event(EventKind.SEIZURE, 20, 60, visit="v"),
    )
    (scene,) = evaluate(facts(events=visit, lists=lists)).scenes
    assert (scene.level, scene.kind) == (DutyLevel.FULL_UNINTERRUPTED, EventKind.SEIZURE)
    assert (scene.began_at, scene.ended_at) == (at(0), at(60))


def test_a_visit_without_an_event_is_an_inspection_on_the_spot() -> None:
    lists = (duty_list(rule(scene=EventKind.ONSITE_INSPECTION)),)
    arrival = event(EventKind.ARRIVAL, 0, key="a", visit="v")
    leaving = event(EventKind.LEAVING, 30, key="l", visit="v")
    (scene,) = evaluate(facts(events=(arrival, leaving), lists=lists)).scenes
    assert (scene.kind, scene.state) == (EventKind.ONSITE_INSPECTION, SceneState.UNRECORDED)
    assert evaluate(facts(events=(leaving,), lists=lists)).scenes == ()
    alone = event(EventKind.ARRIVAL, 0, key="a")
    assert evaluate(facts(events=(alone,), lists=lists)).scenes == ()


def test_a_scene_without_an_end_is_asked_about_once_its_time_is_up() -> None:
    for ended in (None, -5):
        unknown = event(ended=ended)
        shown = facts(clip(0, 60), events=(unknown,))
        assert kinds(shown) == [K.END_UNKNOWN]
        assert scene_of(evaluate(shown)) == (SceneState.OPEN, 0, 0)
        assert evaluate(facts(events=(unknown,), at=at(90))).findings == ()


def test_a_moment_that_should_be_recorded_is_or_is_not() -> None:
    moment = event(ended=0)
    assert scene_of(evaluate(facts(clip(-1, 1), events=(moment,))))[0] is SceneState.RECORDED
    evaluation = evaluate(facts(clip(1, 2), events=(moment,)))
    assert scene_of(evaluation)[0] is SceneState.UNRECORDED
    assert K.UNRECORDED in [finding.kind for finding in evaluation.findings]


@pytest.mark.parametrize(
    ("marks", "found"),
    [
        (("announcement", "voice_statement"), []),
        (("announcement",), [K.VOICE_STATEMENT_MISSING]),
        (("voice_statement", "important"), [K.ANNOUNCEMENT_MISSING]),
        ((), [K.ANNOUNCEMENT_MISSING, K.VOICE_STATEMENT_MISSING]),
    ],
)
def test_those_present_are_told_and_the_act_is_spoken_of(
    marks: tuple[str, ...], found: list[FindingKind]
) -> None:
    assert kinds(facts(clip(0, 60, marks=marks))) == found
    quiet = (duty_list(rule(announcement=False, voice_statement=False)),)
    assert kinds(facts(clip(0, 60, marks=marks), lists=quiet)) == []


@pytest.mark.parametrize("minutes", [5, 60, None])
def test_what_is_said_shortly_before_the_arrival_counts_however_short_the_scene(
    minutes: float | None,
) -> None:
    scene = event(ended=minutes)
    marked = facts(clip(-1, 61), events=(scene,))
    assert not {K.ANNOUNCEMENT_MISSING, K.VOICE_STATEMENT_MISSING} & set(kinds(marked))


def test_a_mark_before_the_scene_is_none_of_it() -> None:
    assert K.ANNOUNCEMENT_MISSING in kinds(facts(clip(-30, 60)))


@pytest.mark.parametrize(
    ("officers", "wanted", "found"),
    [
        (OFFICERS, 2, []),
        (OFFICERS[:1], 2, [K.TOO_FEW_OFFICERS]),
        ((OFFICERS[0], EventOfficer("A1")), 2, [K.TOO_FEW_OFFICERS]),
        ((), 2, [K.TOO_FEW_OFFICERS]),
        (OFFICERS[:1], 1, []),
    ],
)
def test_at_least_two_officers_take_part(
    officers: tuple[EventOfficer, ...], wanted: int, found: list[FindingKind]
) -> None:
    asked = facts(
        clip(0, 60), events=(event(officers=officers),), lists=(duty_list(rule(officers=wanted)),)
    )
    assert kinds(asked) == found
    if found:
        assert only(asked).rule == "《中华人民共和国行政处罚法》第四十二条"


def test_an_exemption_stands_for_footage_and_needs_somebody_who_gave_it() -> None:
    approved = event(exemption=Exemption("涉及国家秘密", "局长"))
    evaluation = evaluate(facts(events=(approved,)))
    assert (evaluation.findings, scene_of(evaluation)[0]) == ((), SceneState.EXEMPT)
    alone = only(facts(events=(event(exemption=Exemption("紧急")),)))
    assert (alone.kind, alone.facts["reason"]) == (K.EXEMPTION_UNAPPROVED, "紧急")
    optional = (duty_list(rule(DutyLevel.OPTIONAL)),)
    assert kinds(facts(events=(event(exemption=Exemption("紧急")),), lists=optional)) == []


@pytest.mark.parametrize(
    ("began", "ended", "of", "differs"),
    [
        (0, 60, "e1", False),
        (5, 55, "e1", False),
        (-6, 60, "e1", True),
        (6, None, "e1", True),
        (None, 66, "e1", True),
        (None, None, "e1", False),
        (20, 30, None, False),
        (20, 30, "other", False),
    ],
)
def test_document_and_footage_say_the_same_times(
    began: float | None, ended: float | None, of: str | None, differs: bool
) -> None:
    asked = facts(clip(0, 60), documents=(document(began, ended, of),))
    assert kinds(asked) == ([K.DOCUMENT_TIME_DIFFERS] if differs else [])
    # Of a camera that ran before and after, the scene's own times count too.
    longer = facts(clip(-4, 64, marks=()), documents=(document(-3, 63),))
    assert K.DOCUMENT_TIME_DIFFERS not in kinds(longer)


def test_a_document_of_an_unrecorded_scene_adds_nothing() -> None:
    assert kinds(facts(documents=(document(30, 40),))) == [K.UNRECORDED]


def test_a_document_of_a_scene_whose_footage_began_late_is_compared_with_the_footage() -> None:
    asked = facts(clip(20, 60), documents=(document(0, 60),))
    assert kinds(asked) == sorted([K.BEGINS_LATE, K.DOCUMENT_TIME_DIFFERS])


SCANNING = (duty_list(rule(scan=True)),)


def test_a_scan_belongs_to_the_scene_of_its_visit_or_the_one_soon_after() -> None:
    by_visit = event(EventKind.SCAN, -45, key="q", visit="v", scan="Q1")
    soon = event(EventKind.SCAN, -10, key="q")
    long_before = event(EventKind.SCAN, -45, key="q")
    inspected = event(visit="v")
    assert kinds(facts(clip(0, 60), events=(by_visit, inspected), lists=SCANNING)) == []
    assert kinds(facts(clip(0, 60), events=(soon, event()), lists=SCANNING)) == []
    assert kinds(facts(clip(0, 60), events=(event(scan="Q"),), lists=SCANNING)) == []
    assert kinds(facts(clip(0, 60), events=(event(),), lists=SCANNING)) == [K.RECORDING_UNSCANNED]
    # Its own footage begins within two hours.
    assert kinds(facts(clip(0, 60), events=(long_before, event()), lists=SCANNING)) == [
        K.RECORDING_UNSCANNED
    ]
    assert kinds(facts(events=(soon, event(ended=None)), at=at(90))) == []


@pytest.mark.parametrize("timeless", [False, True])
def test_a_scan_without_footage_is_found(timeless: bool) -> None:
    within = facts(events=(event(scan="Q"),))
    assert kinds(within) == [K.SCAN_UNRECORDED, K.UNRECORDED]
    alone = event(EventKind.SCAN, 0, key="q")
    extra = [clip(0, 60, began_at=None)] if timeless else []
    finding = only(facts(*extra, events=(alone,)))
    assert (finding.kind, finding.facts["scan"]) == (K.SCAN_UNRECORDED, "q")
    assert finding.confidence is (Confidence.DOUBTFUL if timeless else Confidence.CERTAIN)


def test_a_rule_names_its_article_or_the_law_of_the_whole_country() -> None:
    assert only(facts()).rule == "规则第一条"
    bare = (duty_list(rule(legal_basis="")),)
    assert only(facts(lists=bare)).rule == WHOLE_PROCESS
    gap = facts(clip(0, 30), clip(40, 60, n=2))
    assert only(gap).rule == "规则第一条"
    named = (duty_list(bases={K.GAP_UNEXPLAINED.value: "办法第二十条"}),)
    assert only(facts(*gap.footage, lists=named)).rule == "办法第二十条"


def test_one_thing_has_one_identity_and_two_have_two() -> None:
    first, again = only(facts()), only(facts(at=at(10_000)))
    assert first.identity == again.identity
    other = event(key="e2", began=90, ended=120)
    both = evaluate(facts(events=(event(), other))).findings
    assert len({finding.identity for finding in both}) == 2
    assert first.identity in {finding.identity for finding in both}


def test_each_agency_answers_for_its_own_part_of_a_visit() -> None:
    other = AgencyId(uuid.UUID(int=9))
    joint = (event(visit="v"), event(key="e2", visit="v", agency=other))
    assert {f.agency for f in evaluate(facts(events=joint)).findings} == {AGENCY, other}


def test_the_list_of_the_day_of_the_scene_counts() -> None:
    old = duty_list(rule(DutyLevel.OPTIONAL), valid_to=date(2026, 3, 2))
    new = duty_list(rule(), version=2, valid_from=date(2026, 3, 2))
    assert kinds(facts(lists=(old, new))) == [K.UNRECORDED]
    yesterday = event(began=-24 * 60, ended=-23 * 60)
    assert kinds(facts(events=(yesterday,), lists=(old, new))) == []
    assert kinds(facts(lists=())) == []
