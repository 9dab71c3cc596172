from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from recorder.live import flv
from recorder.live.flv import Part, Track
from recorder.live.fragments import FragmentSplitter
from recorder.live.periods import Begin, Finish, Frame, PeriodPlanner, Step
from recorder.live.sink import Cause

NOON = datetime(2026, 11, 25, 4, tzinfo=UTC)
PICTURE_HEADER = b"\x17\x00\x00\x00\x00header"
SOUND_HEADER = b"\xaf\x00\x12\x08"
KEY = b"\x17\x01\x00\x00\x00key"
PICTURE = b"\x27\x01\x00\x00\x00picture"
SOUND = b"\xaf\x01sound"


def planned(tags: list[tuple[Track, int, bytes]]) -> list[Step]:
    """What comes of tags that arrive a millisecond after each other, and of the end."""
    planner = PeriodPlanner()
    steps: list[Step] = []
    for number, (track, at, body) in enumerate(tags):
        steps += planner.take(track, at, body, NOON + timedelta(milliseconds=number))
    return [*steps, *planner.pause(Cause.UNPUBLISHED)]


tags = st.lists(
    st.tuples(
        st.sampled_from(list(Track)),
        st.one_of(st.integers(0, 4000), st.integers(0, 0xFFFFFFFF)),
        st.sampled_from([PICTURE_HEADER, PICTURE_HEADER + b"2", SOUND_HEADER, SOUND_HEADER + b"2",
                         KEY, PICTURE, SOUND, b"", b"\x72x", b"\x27", b"\x93\0\0\0\0"]),
    ),
    max_size=60,
)  # fmt: skip


@given(tags)
def test_every_frame_with_a_header_comes_out_once_in_its_tracks_order(
    given_tags: list[tuple[Track, int, bytes]],
) -> None:
    steps = planned(given_tags)
    for track in Track:
        known, wanted = "", []
        for each, _, body in given_tags:
            look = flv.look(each, body)
            if each is not track:
                continue
            if look.part is Part.HEADER:
                known = look.codec
            elif look.part is Part.FRAME and not flv.needs_header(look.codec):
                known = look.codec
                wanted.append(body)
            elif look.part is Part.FRAME and known == look.codec:
                wanted.append(body)
        assert [s.body for s in steps if isinstance(s, Frame) and s.track is track] == wanted


@given(tags)
def test_periods_begin_and_finish_in_turn_and_hold_only_their_tracks(
    given_tags: list[tuple[Track, int, bytes]],
) -> None:
    running: Begin | None = None
    last: dict[Track, int] = {}
    for step in planned(given_tags):
        if isinstance(step, Begin):
            assert running is None
            running, last = step, {}
        elif isinstance(step, Finish):
            assert running is not None
            running = None
        else:
            assert running is not None
            assert step.track in running.codecs
            assert step.at_ms >= 0
            assert step.at_ms >= last.get(step.track, 0) - 100
            last[step.track] = max(step.at_ms, last.get(step.track, 0))
    assert running is None


def test_a_late_track_whose_clock_jumps_while_it_is_held_begins_anew() -> None:
    steps = planned(
        [
            (Track.VIDEO, 0, PICTURE_HEADER),
            (Track.VIDEO, 0, KEY),
            (Track.VIDEO, 1000, PICTURE),
            (Track.AUDIO, 1000, SOUND_HEADER),
            (Track.AUDIO, 1101, SOUND),
            (Track.AUDIO, 1000, SOUND),
            (Track.AUDIO, 1020, SOUND),
            (Track.VIDEO, 1040, KEY),
            (Track.AUDIO, 1041, SOUND),
        ]
    )
    begun = [step for step in steps if isinstance(step, Begin)]
    assert [each.cause for each in begun] == [
        Cause.STARTED, Cause.TRACK_APPEARED, Cause.TIME_WENT_BACK, Cause.TRACK_APPEARED,
    ]  # fmt: skip
    assert set(begun[-1].codecs) == {Track.AUDIO, Track.VIDEO}


@given(st.binary(max_size=60), st.sampled_from(list(Track)))
def test_any_tag_is_looked_at_without_a_fault(body: bytes, track: Track) -> None:
    look = flv.look(track, body)
    assert look.track is track
    assert 0 <= look.size <= len(body)


def test_a_promised_track_is_waited_for_and_then_no_longer() -> None:
    planner = PeriodPlanner()
    assert list(planner.take(Track.VIDEO, 0, PICTURE_HEADER, NOON)) == []
    assert list(planner.take(Track.VIDEO, 0, KEY, NOON)) == []
    assert planner.is_waiting
    assert list(planner.tick(NOON + timedelta(milliseconds=900))) == []
    begin, frame = planner.tick(NOON + timedelta(milliseconds=1000))
    assert isinstance(begin, Begin)
    assert begin.codecs == {Track.VIDEO: "avc1"}
    assert isinstance(frame, Frame)


def test_an_encoder_that_promises_pictures_only_is_not_waited_for() -> None:
    planner = PeriodPlanner()
    planner.describe(b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData\x08...videocodecid...")
    list(planner.take(Track.VIDEO, 0, PICTURE_HEADER, NOON))
    steps = list(planner.take(Track.VIDEO, 0, KEY, NOON))
    assert len(steps) == 2
    assert isinstance(steps[0], Begin)
    assert steps[0].description.startswith(b"\x02\x00\x0aonMetaData")


def test_frames_without_a_header_and_of_unknown_codecs_are_counted_in_the_gap() -> None:
    planner = PeriodPlanner()
    list(planner.take(Track.VIDEO, 0, PICTURE_HEADER, NOON))
    list(planner.take(Track.VIDEO, 0, KEY, NOON))
    list(planner.tick(NOON + timedelta(seconds=1)))
    list(planner.take(Track.AUDIO, 10, SOUND, NOON))
    list(planner.take(Track.AUDIO, 10, b"\xb2speex", NOON))
    list(planner.pause(Cause.SILENCE))
    begin, _ = planner.take(Track.VIDEO, 9000, KEY, NOON + timedelta(seconds=9))
    assert isinstance(begin, Begin)
    assert begin.gap is not None
    assert (begin.gap.frames, begin.gap.stream_ms) == (2, 9000)
    assert planner.unrecordable == {"audio-11"}


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


@given(st.lists(st.integers(0, 400), max_size=10))
def test_parts_of_fragmented_mp4_joined_are_the_bytes_that_came(places: list[int]) -> None:
    run = box(b"trun", b"\0\0\x02\x00" + (2).to_bytes(4, "big") + b"\0\0\0\x05\0\0\0\x07")
    head = box(b"tfhd", b"\0\0\0\0\0\0\0\x01")
    moof = box(b"moof", box(b"mfhd", bytes(8)) + box(b"traf", head + run))
    init = box(b"ftyp", b"isom") + box(b"moov", bytes(40))
    fragment = moof + box(b"mdat", bytes(12))
    data = init + fragment + fragment
    edges = sorted({0, len(data), *(place % len(data) for place in places)})
    splitter = FragmentSplitter()
    parts = [part for a, b in itertools.pairwise(edges) for part in splitter.feed(data[a:b])]
    assert [part.content for part in parts] == [init, fragment, fragment]
    assert [part.samples for part in parts[1:] if hasattr(part, "samples")] == [{1: (2, 12)}] * 2
    assert splitter.rest == 0
