"""Playlists of running livestreams: kept beginnings and delta updates say what whole lists say."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.domain.ids import LivestreamId, RecordingId
from recorder.services.live.playlist import (
    Beginning,
    Entry,
    Listed,
    at_rest,
    is_too_long,
    media_playlist,
    settled,
    target_s,
)
from recorder.services.live.playlist_shelf import Shelf

NOON = datetime(2026, 11, 9, 4, 0, tzinfo=UTC)


def entry(number: int, *, at: float = 0, lasts: float = 1, period: int = 1) -> Entry:
    return Entry(
        number, period, int(lasts * 1_000_000), None, NOON + timedelta(seconds=at), number % 7 != 0
    )


@st.composite
def arrivals(draw: st.DrawFn) -> list[Entry]:
    """Segments in order, some lost, some late, periods that change."""
    period, found = 1, []
    for number in range(1, draw(st.integers(1, 250))):
        period += draw(st.integers(0, 60)) == 60
        if draw(st.integers(0, 30)) < 30:
            late = draw(st.sampled_from((0, 0, 0, 0, 0, 5, 30)))
            lasts = draw(st.sampled_from((1, 1, 1, 2, 3.25)))
            found.append(entry(number, at=number + late, lasts=lasts, period=period))
    return found


def served(
    entries: list[Entry], now: datetime, kept: Beginning, skip: bool
) -> tuple[str, Beginning]:
    """As the service answers: what is known is not read again."""
    come = [e for e in entries if e.number > kept.reached and e.arrived_at <= now]
    known = settled(come, now, kept.reached)
    rest = at_rest(known, now)
    grown = kept.with_more(rest)
    return media_playlist(known[len(rest) :], running=True, beginning=grown, skip=skip), grown


@settings(max_examples=40)
@given(arrivals(), st.lists(st.integers(20, 120), min_size=1, max_size=4))
def test_a_kept_beginning_changes_no_playlist_and_a_delta_gives_the_same_one(
    entries: list[Entry], pauses: list[int]
) -> None:
    kept, now = Beginning(), NOON
    for pause in pauses:
        now += timedelta(seconds=pause)
        fresh = settled([e for e in entries if e.arrived_at <= now], now)
        whole = media_playlist(fresh, running=True)
        before = kept
        text, kept = served(entries, now, before, skip=False)
        assert text == whole
        delta, _ = served(entries, now, before, skip=True)
        match = re.search(r"#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)\n", delta)
        if match is None:
            assert delta == whole
            continue
        assert "#EXT-X-VERSION:9\n" in delta
        until = re.search(r"CAN-SKIP-UNTIL=([\d.]+)", delta)
        target = re.search(r"TARGETDURATION:(\d+)", delta)
        assert until
        assert target
        assert float(until[1]) == 6 * int(target[1])
        rest = delta[match.end() :]
        assert sum(map(float, re.findall(r"#EXTINF:([\d.]+),", rest))) >= float(until[1])
        assert whole.endswith(rest)
        assert whole.removesuffix(rest).count("#EXTINF") == int(match[1])


def test_only_what_is_old_and_far_from_the_end_is_at_rest() -> None:
    entries = [entry(number, at=number) for number in range(1, 301)]
    now = NOON + timedelta(seconds=301)
    rest = at_rest(entries, now)
    assert [e.number for e in rest] == list(range(1, 241))
    assert at_rest(entries[:100], now) == ()
    long = [entry(number, at=number, lasts=30) for number in range(1, 301)]
    # Six times thirty seconds may never be skipped; what came within a minute may change.
    assert [e.number for e in at_rest(long, now)][-1] == 240


def test_what_is_not_listed_is_not_waited_for_again() -> None:
    entries = [entry(number, at=number) for number in (1, 2, 3)]
    beginning = Beginning().reaching(entries, entries[:2])
    assert (beginning.segments, beginning.reached, beginning.last) == (2, 3, Listed(2, 1))
    assert beginning.reaching((), ()) is beginning
    four = entry(4, at=4)
    assert settled([four], NOON + timedelta(seconds=5), beginning.reached) == [four]


def test_a_closed_playlist_has_its_end_and_skips_nothing() -> None:
    beginning = Beginning().with_more([entry(1)])
    text = media_playlist([entry(2)], running=False, beginning=beginning, skip=True)
    assert text.endswith("segments/2.m4s\n#EXT-X-ENDLIST\n")
    assert "SKIP" not in text
    assert text.count("#EXTINF:1.000000,") == 2


def test_a_shelf_keeps_what_was_used_last_within_its_bound() -> None:
    shelf = Shelf(most=100)
    first, second = LivestreamId(uuid.uuid4()), LivestreamId(uuid.uuid4())
    recording = RecordingId(uuid.uuid4())
    shelf.keep_beginning(first, Beginning(lines="a" * 40, segments=2))
    shelf.keep_beginning(second, Beginning(lines="b" * 40, segments=2))
    shelf.keep_beginning(first, Beginning(lines="c", segments=1))
    assert shelf.beginning(first).segments == 2
    shelf.keep_text(recording, "d" * 50)
    assert shelf.text(recording) == "d" * 50
    assert shelf.beginning(first).segments == 2
    assert shelf.beginning(second) == Beginning()
    shelf.keep_text(recording, "e" * 101)
    assert shelf.text(recording) is None
    assert shelf.beginning(first) == Beginning()


@given(arrivals(), st.lists(st.integers(20, 120), min_size=2, max_size=4))
def test_the_target_duration_of_a_running_livestream_is_that_of_its_first_segment(
    entries: list[Entry], pauses: list[int]
) -> None:
    kept, now, targets = Beginning(), NOON, set()
    for pause in pauses:
        now += timedelta(seconds=pause)
        text, kept = served(entries, now, kept, skip=False)
        if "#EXTINF" in text:
            targets.add(text.splitlines()[2])
    assert len(targets) <= 1
    if kept.segments:
        closed = media_playlist([], running=False, beginning=kept, ran=True)
        assert targets == {closed.splitlines()[2]}


def test_a_segment_is_too_long_where_it_rounds_to_more_than_was_promised() -> None:
    assert [target_s(us) for us in (0, 900_000, 2_000_001, 6_400_000)] == [2, 2, 3, 7]
    assert not is_too_long(2_499_999, 2)
    assert is_too_long(2_500_000, 2)
    recording = media_playlist([entry(1), entry(2, lasts=6)], running=False)
    assert "#EXT-X-TARGETDURATION:6\n" in recording
