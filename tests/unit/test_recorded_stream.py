"""Length, span and gaps of a livestream as a recording, from its periods."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from recorder.domain.fragments import Track
from recorder.domain.livestream import Gap, PeriodCause
from recorder.domain.recorded_stream import (
    RecordedPeriod,
    RecordedStream,
    Run,
    media_ms_at,
    moment_at,
)

BEGAN = datetime(2026, 3, 5, 8, 0, tzinfo=UTC)
VIDEO = Track(1, "vide", 90_000, "avc1.42c00c", width=320, height=180)
SOUND = Track(2, "soun", 48_000, "mp4a.40.2")


def period(number: int, begins_s: int, lasts_s: int, clock: str = "device") -> RecordedPeriod:
    begins = BEGAN + timedelta(seconds=begins_s)
    return RecordedPeriod(
        number=number, cause=PeriodCause.RECONNECT, tracks=(SOUND, VIDEO), segments=lasts_s,
        unreadable=0, lasts=timedelta(seconds=lasts_s), clock=clock, begins_at=begins,
        ends_at=begins + timedelta(seconds=lasts_s),
    )  # fmt: skip


def gap(begins_s: int | None, ends_s: int | None) -> Gap:
    sides = [None if s is None else BEGAN + timedelta(seconds=s) for s in (begins_s, ends_s)]
    return Gap(sides[0], sides[1], "device", "reconnect")


def test_the_length_is_that_of_the_media_and_the_span_that_of_the_clock() -> None:
    stream = RecordedStream((period(1, 0, 30), period(2, 90, 10)), (gap(30, 90), gap(100, None)))
    assert (stream.media_ms, stream.span_ms, stream.missing_ms) == (40_000, 100_000, 60_000)
    assert (stream.segments, stream.unreadable, stream.clock) == (40, 0, "device")


def test_two_clocks_make_no_span() -> None:
    stream = RecordedStream((period(1, 0, 30), period(2, 90, 10, clock="arrival")), ())
    assert (stream.clock, stream.span_ms, stream.media_ms) == ("mixed", None, 40_000)


def test_a_clock_that_was_set_back_makes_neither_span_nor_negative_gap() -> None:
    stream = RecordedStream((period(1, 600, 30), period(2, 0, 10)), (gap(630, 0),))
    assert (stream.span_ms, stream.missing_ms) == (None, 0)


def test_a_period_tells_picture_and_sound_whatever_their_order() -> None:
    one = period(1, 0, 1)
    assert (one.video, one.audio) == (VIDEO, SOUND)
    assert replace(one, tracks=()).video is None


def test_a_recording_of_nothing_lasts_nothing() -> None:
    nothing = RecordedStream((), ())
    assert (nothing.media_ms, nothing.begins_at, nothing.span_ms) == (0, None, None)


def run(begins_s: float, before_s: float, lasts_s: float) -> Run:
    return Run(
        BEGAN + timedelta(seconds=begins_s), timedelta(seconds=before_s), timedelta(seconds=lasts_s)
    )


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def test_wall_time_and_media_time_lead_to_each_other_over_a_gap() -> None:
    runs = [run(0, 0, 30), run(90, 30, 10)]
    for seconds, ms in ((0, 0), (12.5, 12_500), (90, 30_000), (99.25, 39_250)):
        assert media_ms_at(runs, at(seconds), None) == ms
    assert [moment_at(runs, ms) for ms in (0, 12_500, 39_250)] == [at(0), at(12.5), at(99.25)]
    # Where two runs meet, the picture is the last one of the first.
    assert moment_at(runs, 30_000) == at(30)
    assert moment_at(runs, 40_001) is None


def test_a_time_in_a_gap_or_outside_is_at_the_nearest_edge() -> None:
    runs = [run(0, 0, 30), run(90, 30, 10)]
    assert media_ms_at(runs, at(40), None) == 30_000
    assert media_ms_at(runs, at(-5), None) == 0
    assert media_ms_at(runs, at(1000), 0) == 40_000
    assert media_ms_at([], at(0), 7) is None


def test_a_clock_that_was_set_back_is_told_apart_by_what_the_player_counted() -> None:
    runs = [run(0, 0, 30), run(10, 30, 30)]
    assert media_ms_at(runs, at(15), 14_000) == 15_000
    assert media_ms_at(runs, at(15), 36_000) == 35_000
