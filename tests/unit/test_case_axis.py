"""The time axis of a case: every scene, recording and hole once, folded where nothing happened."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.case import Stage
from recorder.domain.case_event import EventKind
from recorder.domain.coverage import Hole, HolePlace, Interval, SceneCoverage, SceneState
from recorder.domain.duty import DutyLevel
from recorder.domain.finding import Confidence, Finding, FindingKind, FindingState, Severity
from recorder.domain.ids import AgencyId, CaseId, RecordingId
from recorder.store.case_footage import FootageOnAxis
from recorder.store.coverage.findings import ToldFinding
from recorder.web.pages import case_axis

NOON = datetime(2026, 11, 9, 4, 0, tzinfo=UTC)
AGENCY, CASE = AgencyId(uuid.uuid4()), CaseId(uuid.uuid4())


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def clip(seconds: int, length: int) -> FootageOnAxis:
    return FootageOnAxis(
        id=RecordingId(uuid.uuid4()), name="1.mp4", state="sealed", stage=Stage.INVESTIGATION,
        at=after(seconds), length_ms=length * 1000,
    )  # fmt: skip


def scene(seconds: int, length: int | None, *holes: Hole) -> SceneCoverage:
    return SceneCoverage(
        key=f"s{seconds}", agency=AGENCY, kind=EventKind.ONSITE_INSPECTION, act_type=None,
        stage=Stage.INVESTIGATION, matter=None, officers=(), state=SceneState.HOLES,
        level=DutyLevel.FULL_UNINTERRUPTED, rule=None, legal_basis=None, began_at=after(seconds),
        ended_at=None if length is None else after(seconds + length), expected_ms=1, covered_ms=0,
        holes=holes, recordings=(), due_at=NOON, provisional=False, confidence=Confidence.CERTAIN,
    )  # fmt: skip


def found(kind: FindingKind, about: SceneCoverage, at: datetime) -> ToldFinding:
    return ToldFinding(
        id=uuid.uuid4(), state=FindingState.OPEN, agency_code="A", number="1", day=NOON.date(),
        raised_at=NOON, changed_at=NOON, owner=None, owner_left=False, answer_by=None,
        finding=Finding(
            case=CASE, agency=AGENCY, kind=kind, severity=Severity.MAJOR, rule="",
            confidence=Confidence.CERTAIN, scene=about.key, about="", began_at=at,
        ),
    )  # fmt: skip


spans = st.tuples(st.integers(0, 90 * 86400), st.integers(0, 5 * 3600))


@given(st.lists(spans, max_size=20, unique_by=lambda s: s[0]), st.lists(spans, max_size=200))
def test_every_scene_and_recording_stands_on_the_axis_once_within_its_stretch(
    scenes: list[tuple[int, int]], clips: list[tuple[int, int]]
) -> None:
    rows = [row for _, each in case_axis.by_stage([scene(*s) for s in scenes], []) for row in each]
    taken = case_axis.shots([clip(*c) for c in clips], {})
    axis = case_axis.lay_out(rows, taken)
    duties = [bar for stretch in axis.stretches for bar in stretch.duties]
    assert sorted(bar.row.number for bar in duties) == list(range(1, len(scenes) + 1))
    bars = [bar for stretch in axis.stretches for bar in stretch.footage]
    assert sum(bar.count for bar in bars) == len(clips)
    for x, width in [(bar.x, bar.width) for bar in duties] + [(bar.x, bar.width) for bar in bars]:
        assert width > 0
        assert x >= -1e-9
        assert x + width <= 100 + 1e-6
    assert all(bar.lane < axis.lanes <= case_axis.MOST_LANES for bar in bars)
    for before, behind in itertools.pairwise(axis.stretches):
        assert behind.idle == behind.began - before.ended
        assert behind.idle > case_axis.FOLD
        assert 1 <= behind.weight <= 8


def test_two_thousand_recordings_are_drawn_as_some_hundred_bars() -> None:
    taken = case_axis.shots([clip(n * 60, 55) for n in range(2000)], {})
    (stretch,) = case_axis.lay_out([], taken).stretches
    assert len(stretch.footage) < 1000
    assert sum(bar.count for bar in stretch.footage) == 2000


def test_recordings_at_the_same_time_lie_in_lanes_and_later_ones_use_them_again() -> None:
    taken = case_axis.shots([clip(0, 60), clip(30, 60), clip(60, 10)], {})
    (stretch,) = case_axis.lay_out([], taken).stretches
    assert [bar.lane for bar in stretch.footage] == [0, 1, 0]


def test_each_hole_carries_its_finding_its_reason_or_that_there_is_still_time() -> None:
    gap = Interval(after(600), after(630))
    broken = scene(0, 3600, Hole(gap, HolePlace.MIDDLE))
    # Another finding that begins at the same moment is not the hole's.
    told = [found(FindingKind.VOICE_STATEMENT_MISSING, broken, gap.began_at)]
    told.append(found(FindingKind.GAP_UNEXPLAINED, broken, gap.began_at))
    explained = scene(
        86400, 3600, Hole(Interval(after(86400), after(86500)), HolePlace.START, "电")
    )
    late = Hole(Interval(after(172800), after(173800)), HolePlace.WHOLE)
    awaited = replace(scene(172800, 1000, late), state=SceneState.AWAITED)
    ((_, rows),) = case_axis.by_stage([awaited, broken, explained], told)
    holes = [bar for each in case_axis.lay_out(rows, []).stretches for bar in each.holes]
    assert [bar.look for bar in holes] == ["bad", "said", "awaited"]
    assert [bar.finding for bar in holes] == [told[1].id, None, None]
    assert holes[0].width >= case_axis.NARROWEST


def test_an_act_without_an_end_that_was_not_recorded_is_a_hole_that_leads_to_it() -> None:
    unended = replace(scene(0, 3600), ended_at=None, state=SceneState.UNRECORDED)
    told = [found(FindingKind.UNRECORDED, unended, unended.began_at)]
    ((_, rows),) = case_axis.by_stage([unended], told)
    (stretch,) = case_axis.lay_out(rows, []).stretches
    ((duty,), (hole,)) = stretch.duties, stretch.holes
    assert (hole.x, hole.width) == (duty.x, duty.width)
    assert (hole.look, hole.finding, duty.is_open) == ("bad", told[0].id, True)
    ((_, rows),) = case_axis.by_stage([replace(unended, state=SceneState.OPEN)], told)
    assert case_axis.lay_out(rows, []).stretches[0].holes == ()


def test_a_moment_leads_to_the_recording_and_the_second_that_shows_it() -> None:
    first, second = clip(0, 60), clip(100, 60)
    # Within the second nothing was recorded for ten seconds: its media goes on behind them.
    pieces = (Interval(after(100), after(120)), Interval(after(130), after(170)))
    taken = case_axis.shots([second, first], {second.id: pieces})
    for seconds, shown, ms in ((30, first, 30_000), (70, first, 60_000), (135, second, 25_000),
                               (125, second, 20_000), (9999, second, 60_000)):  # fmt: skip
        at = case_axis.nearest(taken, after(seconds))
        assert at is not None
        assert (at[0].clip, at[1]) == (shown, ms)
    assert case_axis.nearest([], NOON) is None
