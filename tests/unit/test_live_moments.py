"""Moments that many share: the same for all, ahead of each, never one that has just been."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from recorder.live.together import next_moment


@given(st.floats(0, 1e7), st.floats(0, 0.02))
def test_whoever_asks_at_about_the_same_time_gets_the_same_moment(now: float, later: float) -> None:
    first, second = next_moment(now, 0.1), next_moment(now + later, 0.1)
    assert first == second or math.isclose(second - first, 0.1, abs_tol=1e-6)


@given(st.integers(0, 10**8), st.sampled_from([0.1, 0.5]), st.floats(-0.002, 0.002))
def test_a_timer_that_is_some_milliseconds_early_or_late_does_not_fire_twice(
    number: int, every_s: float, off_s: float
) -> None:
    moment = number * every_s
    following = next_moment(moment + off_s, every_s)
    assert math.isclose(following - moment, every_s, abs_tol=1e-6)
