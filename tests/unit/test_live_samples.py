"""Frames out of media segments: what was written comes back, and damage gives what is before it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recorder.domain import mp4, samples
from recorder.domain.fragments import Track
from recorder.domain.mp4 import Sample

PICTURE = Track(1, "vide", 16_000, "avc1")
SOUND = Track(2, "soun", 44_100, "mp4a.40.2")


def frames(is_picture: bool) -> st.SearchStrategy[list[Sample]]:
    rows = st.lists(
        st.tuples(
            st.integers(1, 5_000),
            st.integers(-9_000, 9_000) if is_picture else st.just(0),
            st.booleans() if is_picture else st.just(True),
            st.binary(min_size=1, max_size=40),
        ),
        min_size=1,
        max_size=30,
    )

    def timed(rows: list[tuple[int, int, bool, bytes]]) -> list[Sample]:
        found, time = [], 7_000
        for duration, later, is_key, content in rows:
            found.append(Sample(time, duration, later, is_key, content))
            time += duration
        return found

    return rows.map(timed)


def read(segment: bytes, track: Track) -> list[Sample]:
    return [s._replace(content=bytes(s.content)) for s in samples.samples(segment, track)]


@given(frames(is_picture=True), frames(is_picture=False))
def test_frames_come_back_as_they_were_written(seen: list[Sample], heard: list[Sample]) -> None:
    segment = mp4.media_segment(3, [(1, True, seen), (2, False, heard)])
    assert read(segment, PICTURE) == seen
    assert read(segment, SOUND) == heard
    # Segments behind each other, as several fragments in one.
    assert read(segment + segment, SOUND) == heard + heard


@given(frames(is_picture=True), st.data())
def test_damaged_segments_give_frames_or_nothing_and_never_an_error(
    seen: list[Sample], data: st.DataObject
) -> None:
    segment = bytearray(mp4.media_segment(1, [(1, True, seen)]))
    for place, value in data.draw(st.lists(st.tuples(st.integers(0), st.integers(0, 255)))):
        segment[place % len(segment)] = value
    cut = bytes(segment[: data.draw(st.integers(0, len(segment)))])
    assert sum(len(s.content) for s in samples.samples(cut, PICTURE)) <= len(cut)


def test_the_description_of_a_track_is_given_whole() -> None:
    sound = mp4.sound_form(bytes.fromhex("1210"))
    assert sound is not None
    init = mp4.init_segment([sound])
    assert samples.sample_entry(init, Track(1, "soun", 44_100, "mp4a.40.2")) == sound.entry
    assert samples.sample_entry(init, SOUND) is None
    assert samples.sample_entry(init[:200], SOUND) is None
