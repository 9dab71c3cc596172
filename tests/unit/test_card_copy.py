"""The rule for card copies: whose clock counts, what is sure, and what a person has to decide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from recorder.domain.card_copy import Side, overlap, pairs
from recorder.domain.ids import RecordingId, new_uuid

TEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def side(begins_s: float, length_s: float, offset_ms: int | None = 0) -> Side:
    """Times as its clock said, in seconds after ten."""
    begins = TEN + timedelta(seconds=begins_s)
    return Side(RecordingId(new_uuid()), begins, begins + timedelta(seconds=length_s), offset_ms)


@pytest.mark.parametrize(
    ("live", "card", "share", "sure"),
    [
        (side(0, 600), side(0, 600), 1000, True),
        # A short livestream inside a long file, and a file cut by the camera inside a livestream.
        (side(600, 60), side(0, 3600), 1000, True),
        (side(0, 3600), side(900, 900), 1000, True),
        # Just enough, and just too little.
        (side(0, 100), side(20, 100), 800, True),
        (side(0, 100), side(21, 100), 790, False),
        # The device's clock was set by an hour between livestream and dock.
        (side(0, 600, 0), side(3600, 600, 3_600_000), 1000, True),
        # The same hour, and nobody knows the offset: as said they do not meet.
        (side(0, 600, 0), side(600, 600, None), 0, False),
        (side(0, 600, None), side(0, 600, 0), 1000, False),
    ],
)
def test_what_overlaps_on_our_clock_is_a_pair(
    live: Side, card: Side, share: int, sure: bool
) -> None:
    found = overlap(live, card)
    assert found is not None
    assert (found.share_permille, found.sure) == (share, sure)


@pytest.mark.parametrize(
    ("live", "card"),
    [
        # One after the other, with a second in common.
        (side(0, 600), side(599, 600)),
        (side(0, 600), side(700, 600)),
        # The same reading of a clock that was an hour off once.
        (side(0, 600, 0), side(0, 600, 3_600_000)),
        # Too far for a clock that nobody measured.
        (side(0, 600, None), side(600 + 16 * 60, 600, None)),
        # A picture.
        (side(0, 600), side(10, 0)),
    ],
)
def test_what_does_not_meet_is_no_pair(live: Side, card: Side) -> None:
    assert overlap(live, card) is None


def test_the_difference_of_the_clocks_is_told_where_both_are_known() -> None:
    found = overlap(side(43, 60, 43_000), side(100, 60, 100_000))
    assert found is not None
    assert found.clock_shift_ms == 57_000
    found = overlap(side(0, 60), side(0, 60, None))
    assert found is not None
    assert found.clock_shift_ms is None


def test_two_livestreams_of_one_moment_leave_the_choice_to_a_person() -> None:
    card, first, again = side(0, 600), side(0, 300), side(200, 300)
    assert [(fit.live, fit.sure) for fit in pairs([first, again], [card])] == [
        (first.recording, False), (again.recording, False),
    ]  # fmt: skip


def test_going_live_twice_gives_one_card_copy_two_livestreams() -> None:
    card, first, again = side(0, 600), side(0, 200), side(300, 200)
    assert [fit.sure for fit in pairs([first, again], [card])] == [True, True]
