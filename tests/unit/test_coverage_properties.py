"""What holds of coverage for any footage: more never covers less, order and cuts mean nothing."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.coverage import CaseFacts, Footage, evaluate
from recorder.domain.coverage.facts import FootageMark, Interval
from tests.support.acts import clip, document, event, facts

minutes = st.integers(-30, 90)


@st.composite
def clips(draw: st.DrawFn, n: int = 1) -> Footage:
    began, length = draw(minutes), draw(st.integers(1, 60))
    gaps = draw(st.lists(st.tuples(minutes, minutes), max_size=2))
    return clip(began, began + length, n=n, gaps=[gap for gap in gaps if gap[0] < gap[1]])


footage = st.lists(st.integers(), max_size=4).flatmap(
    lambda picks: st.tuples(*(clips(n=n) for n in range(len(picks))))
)


def covered(asked: CaseFacts) -> list[int]:
    return [scene.covered_ms for scene in evaluate(asked).scenes]


@given(footage, clips(n=50))
def test_adding_footage_never_lowers_the_covered_time(
    some: tuple[Footage, ...], more: Footage
) -> None:
    (before,), (after,) = covered(facts(*some)), covered(facts(*some, more))
    assert before <= after <= 3_600_000


@given(footage, clips(n=50), st.integers(1, 59))
def test_cutting_a_clip_without_a_gap_changes_nothing(
    some: tuple[Footage, ...], whole: Footage, after: int
) -> None:
    assert whole.began_at is not None
    assert whole.ended_at is not None
    cut = min(whole.began_at + timedelta(minutes=after), whole.ended_at)
    pieces = [
        dataclasses.replace(
            whole,
            recording=clip(0, 1, n=60 + k).recording,
            began_at=began,
            ended_at=ended,
            received_at=whole.received_at,
            marks=tuple(mark for mark in whole.marks if _falls(mark, began, ended, k)),
        )
        for k, (began, ended) in enumerate(((whole.began_at, cut), (cut, whole.ended_at)))
    ]
    told = (document(-12, 60),)
    one, two = (evaluate(facts(*some, *shown, documents=told)) for shown in ([whole], pieces))
    assert [(s.covered_ms, [h.span for h in s.holes]) for s in one.scenes] == [
        (s.covered_ms, [h.span for h in s.holes]) for s in two.scenes
    ]
    # Of what has a gap in itself the cut may be in it.
    if not whole.gaps:
        assert {f.kind for f in one.findings} == {f.kind for f in two.findings}


def _falls(mark: FootageMark, began: object, ended: object, k: int) -> bool:
    return k == 0


@given(footage, st.randoms())
def test_the_order_of_facts_means_nothing(some: tuple[Footage, ...], random: object) -> None:
    events = [event(), event(key="e2", began=70, ended=80), event(key="e3", began=20, ended=75)]
    shown = list(some)
    before = evaluate(facts(*some, events=tuple(events)))
    random.shuffle(shown)  # type: ignore[attr-defined]
    random.shuffle(events)  # type: ignore[attr-defined]
    assert evaluate(facts(*shown, events=tuple(events))) == before


@given(footage, st.integers(-8 * 60, 12 * 60))
def test_moving_everything_within_a_day_leaves_coverage_as_it_is(
    some: tuple[Footage, ...], by: int
) -> None:
    shift = timedelta(minutes=by)

    def moved(each: Footage) -> Footage:
        assert each.began_at is not None
        assert each.ended_at is not None
        return dataclasses.replace(
            each,
            began_at=each.began_at + shift,
            ended_at=each.ended_at + shift,
            received_at=each.received_at + shift,
            gaps=tuple(Interval(g.began_at + shift, g.ended_at + shift) for g in each.gaps),
            marks=tuple(FootageMark(m.kind, m.at + shift) for m in each.marks),
        )

    before = evaluate(facts(*some)).scenes
    after = evaluate(facts(*map(moved, some), events=(event(began=by, ended=60 + by),))).scenes
    assert [(s.state, s.covered_ms, len(s.holes)) for s in before] == [
        (s.state, s.covered_ms, len(s.holes)) for s in after
    ]


@given(footage)
def test_what_is_covered_and_what_is_missing_is_the_whole_scene(
    some: tuple[Footage, ...],
) -> None:
    (scene,) = evaluate(facts(*some)).scenes
    missing = sum(
        (hole.span.ended_at - hole.span.began_at) // timedelta(milliseconds=1)
        for hole in scene.holes
    )
    # What is too short to be a hole is neither.
    assert scene.covered_ms + missing <= scene.expected_ms
    assert scene.expected_ms - scene.covered_ms - missing <= 2 * 60_000 + 2_000 * 12
