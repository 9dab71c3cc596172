"""Fragmented MP4: frames and times come back as they were, and damage is told."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain import mp4
from recorder.domain.mp4 import Sample
from recorder.live.elementary import Tag
from recorder.live.flv import Part, Track, look
from recorder.live.fragmented import FragmentedMp4

_SPS, _PPS = bytes.fromhex("6742c014da05067e7c044000"), bytes.fromhex("68ce3c80")
_RECORD = (
    b"\x01" + _SPS[1:4] + b"\xff\xe1" + struct.pack(">H", len(_SPS)) + _SPS
    + b"\x01" + struct.pack(">H", len(_PPS)) + _PPS
)  # fmt: skip
_AAC = bytes.fromhex("1210")
_KEYS = [True, False, False]


def _init(record: bytes = _RECORD) -> bytes:
    picture, sound = mp4.picture_form("avc1", record), mp4.sound_form(_AAC)
    assert picture is not None
    assert sound is not None
    return mp4.init_segment([picture, sound])


def _picture(number: int, *, is_key: bool, prefix: int = 4) -> bytes:
    unit = (b"\x65" if is_key else b"\x41") + bytes([number]) * 40
    return len(unit).to_bytes(prefix, "big") + unit


def _segment(begins: int = 0, prefix: int = 4) -> bytes:
    """Three pictures, the second one shown behind the third, and two frames of sound."""
    pictures = [
        Sample(begins + n * 640, 640, later, key, _picture(n, is_key=key, prefix=prefix))
        for n, (key, later) in enumerate(zip(_KEYS, (640, 1280, 0), strict=True))
    ]
    sounds = [
        Sample(begins * 44100 // 16000 + n * 1024, 1024, 0, True, b"sound%d" % n) for n in (0, 1)
    ]
    return mp4.media_segment(1, [(1, True, pictures), (2, False, sounds)])


def _frames(tags: list[Tag]) -> list[tuple[Track, int, bytes]]:
    return [
        (tag.track, tag.at_ms, tag.body)
        for tag in tags
        if look(tag.track, tag.body).part is Part.FRAME
    ]


def test_frames_come_back_as_they_were_in_the_order_of_their_times() -> None:
    movie = FragmentedMp4(_init())
    tags = [*movie.feed(_segment()), *movie.feed(_segment(1920))]
    assert (movie.lost, movie.tracks, movie.left_out) == (0, {Track.VIDEO, Track.AUDIO}, set())
    headers = [tag for tag in tags if look(tag.track, tag.body).part is Part.HEADER]
    assert [(tag.track, tag.body[5 if tag.track is Track.VIDEO else 2 :]) for tag in headers] == [
        (Track.VIDEO, _RECORD), (Track.AUDIO, _AAC),
    ]  # fmt: skip
    found = _frames(tags)
    assert [(track.value[0], at) for track, at, _ in found[:5]] == [
        ("v", 0), ("a", 0), ("a", 23), ("v", 40), ("v", 80),
    ]  # fmt: skip
    assert found[5][1] == 120
    pictures = [body for track, _, body in found if track is Track.VIDEO]
    assert [int.from_bytes(body[2:5], "big") for body in pictures[:3]] == [40, 80, 0]
    assert [body[0] >> 4 for body in pictures[:3]] == [1, 2, 2]
    assert [body[5:] for body in pictures[:3]] == [
        _picture(n, is_key=key) for n, key in enumerate(_KEYS)
    ]
    assert [body[2:] for track, _, body in found if track is Track.AUDIO][:2] == [
        b"sound0", b"sound1",
    ]  # fmt: skip


def test_units_are_told_by_as_many_bytes_as_the_description_says() -> None:
    movie = FragmentedMp4(_init(_RECORD.replace(b"\xff\xe1", b"\xfd\xe1")))
    pictures = [body for track, _, body in _frames([*movie.feed(_segment(prefix=2))]) if track
                is Track.VIDEO]  # fmt: skip
    assert [body[5:] for body in pictures] == [
        _picture(n, is_key=key) for n, key in enumerate(_KEYS)
    ]
    assert movie.lost == 0


def test_times_of_an_epoch_are_counted_in_32_bits() -> None:
    movie, begins = FragmentedMp4(_init()), 1_764_000_000 * 16_000
    at = [at for track, at, _ in _frames([*movie.feed(_segment(begins))]) if track is Track.VIDEO]
    assert at == [(1_764_000_000_000 + n * 40) & 0xFFFFFFFF for n in range(3)]


def test_what_is_cut_off_is_lost_and_told_and_nothing_is_made_up() -> None:
    whole = _segment()
    for length in range(1, len(whole)):
        movie = FragmentedMp4(_init())
        tags = [*movie.feed(whole[:length])]
        assert movie.lost == 1
        bodies = [body[5 if track is Track.VIDEO else 2 :] for track, _, body in _frames(tags)]
        assert all(body in whole for body in bodies)
        # What comes next is read again.
        assert len(_frames([*movie.feed(_segment(1920))])) == 5
        assert movie.lost == 1


@pytest.mark.parametrize(("flags", "place"), [(0x020001, 1), (0x000001, 1 << 40)])
def test_data_that_are_not_counted_from_their_fragment_are_not_guessed(
    flags: int, place: int
) -> None:
    whole = _segment()
    at = whole.index(b"tfhd")
    head = struct.pack(">I4sIIQ", 24, b"tfhd", flags, 1, place)
    longer = bytearray(whole[: at - 4] + head + whole[at + 12 :])
    for name in (b"moof", b"traf"):
        begin = longer.index(name) - 4
        (length,) = struct.unpack_from(">I", longer, begin)
        struct.pack_into(">I", longer, begin, length + 8)
    movie = FragmentedMp4(_init())
    assert _frames([*movie.feed(bytes(longer))]) == []
    assert movie.lost == 1


@given(st.binary(max_size=400), st.integers(0, 2000), st.binary(min_size=1, max_size=8))
def test_anything_at_all_may_come(noise: bytes, at: int, damage: bytes) -> None:
    for init in (noise, _damaged(_init(), at, damage)):
        movie = FragmentedMp4(init)
        for segment in (noise, _segment(), _damaged(_segment(), at, damage)):
            tags = [*movie.feed(segment)]
            # Whatever it took for a frame, nothing was made up beside what came.
            assert sum(len(tag.body) for tag in tags) <= 3 * len(segment) + 2 * len(init) + 100


def _damaged(content: bytes, at: int, damage: bytes) -> bytes:
    at %= len(content)
    return content[:at] + damage + content[at + len(damage) :]
