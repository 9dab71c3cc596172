from __future__ import annotations

import pytest

from recorder.client.backoff import LastProgress, Patience, RetryPolicy, retry_after_seconds
from recorder.client.failures import TryLater
from recorder.errors import Unavailable


class Time:
    """A clock that moves only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)

    def policy(self, give_up_after: float | None = None) -> RetryPolicy:
        return RetryPolicy(
            give_up_after_seconds=give_up_after,
            draw=lambda low, high: high,
            sleep=self.sleep,
            monotonic=lambda: self.now,
        )


async def test_waits_double_up_to_half_a_minute() -> None:
    time = Time()
    patience = Patience(time.policy(), LastProgress(0.0))
    for _ in range(9):
        await patience.wait(TryLater("away", "Away."))
    assert time.slept == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


async def test_progress_makes_waits_short_again() -> None:
    time = Time()
    patience = Patience(time.policy(), LastProgress(0.0))
    await patience.wait(TryLater("away", "Away."))
    await patience.wait(TryLater("away", "Away."))
    patience.progress()
    await patience.wait(TryLater("away", "Away."))
    assert time.slept == [0.5, 1, 0.5]


async def test_waits_are_drawn_from_nothing_to_the_ceiling() -> None:
    drawn: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        drawn.append((low, high))
        return 0.0

    async def sleep(_: float) -> None:
        return None

    patience = Patience(RetryPolicy(draw=draw, sleep=sleep), LastProgress(0.0))
    await patience.wait(TryLater("away", "Away."))
    await patience.wait(TryLater("away", "Away."))
    assert drawn == [(0.0, 0.5), (0.0, 1.0)]


async def test_the_services_wish_is_the_least_and_ten_minutes_the_most() -> None:
    time = Time()
    patience = Patience(time.policy(), LastProgress(0.0))
    await patience.wait(TryLater("busy", "Busy.", retry_after=7))
    await patience.wait(TryLater("busy", "Busy.", retry_after=1e9))
    assert time.slept == [7.5, 601]


async def test_patience_ends_when_nothing_goes_forward_for_so_long() -> None:
    time = Time()
    last = LastProgress(0.0)
    patience = Patience(time.policy(give_up_after=10), last)
    for _ in range(4):
        await patience.wait(TryLater("away", "Away."))
    assert time.now == 7.5
    with pytest.raises(Unavailable, match="Given up after 10 s"):
        await patience.wait(TryLater("away", "Away."))


async def test_patience_is_shared_so_that_each_file_does_not_wait_it_out_again() -> None:
    time = Time()
    last = LastProgress(0.0)
    time.now = 11.0
    with pytest.raises(Unavailable):
        await Patience(time.policy(give_up_after=10), last).wait(TryLater("away", "Away."))
    assert time.slept == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("99999999999999999999", None),
        ("", None),
        ("Mon, 23 Nov 2026 22:30:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 22:29:00 GMT", 0.0),
        ("Mon, 99 Nov 2026 22:29:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_against_the_services_own_clock(
    header: str | None, seconds: float | None
) -> None:
    answered_at = "Mon, 23 Nov 2026 22:30:00 GMT"
    assert retry_after_seconds(header, answered_at=answered_at) == seconds
