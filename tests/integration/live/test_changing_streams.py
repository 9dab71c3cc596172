"""What happens in a stream that the media tool alone would swallow: each gives periods."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from recorder.live.flv import Track
from recorder.live.intake import IntakeLimits
from recorder.live.rtmp.chunks import Message
from recorder.live.sink import Cause
from tests.support import live_clips
from tests.support.live_stand import (
    LONG_S,
    all_there,
    clip,
    decodes,
    frames,
    is_header,
    moved,
    read_back,
    stand,
    track_of,
)
from tests.support.rtmp_peer import media
from tests.support.segment_files import SegmentFiles
from tests.support.waiting import eventually


async def recorded(folder: Path, sent: Iterable[Message]) -> SegmentFiles:
    async with stand(folder) as place:
        place.take(sent)
        return await place.finished()


def causes(sink: SegmentFiles) -> list[Cause]:
    return [period.cause for period in sink.periods]


def headers(sent: list[Message]) -> list[Message]:
    return [message for message in sent if is_header(message)]


def between(sent: list[Message], start: int, end: int) -> list[Message]:
    return [m for m in sent if not is_header(m) and start <= m.timestamp < end]


def at_first_key(sent: list[Message], after: int) -> int:
    return next(
        m.timestamp
        for m in sent
        if m.kind == 9 and m.timestamp >= after and m.payload[0] == 0x17 and not is_header(m)
    )


@pytest.mark.parametrize(
    ("by", "cause"),
    [(-2000, Cause.TIME_WENT_BACK), (-60_000, Cause.TIME_WENT_BACK),
     (60_000, Cause.TIME_WENT_AHEAD), (7_000, Cause.TIME_WENT_AHEAD)],
)  # fmt: skip
@pytest.mark.parametrize("in_mid_gop", [False, True])
async def test_a_jump_of_the_clock_begins_a_period_and_loses_nothing(
    tmp_path: Path, by: int, cause: Cause, in_mid_gop: bool
) -> None:
    sent = moved(clip(), 100_000)
    at = at_first_key(sent, 103_000) + (500 if in_mid_gop else 0)
    sent = [m if m.timestamp < at else moved([m], by)[0] for m in sent]
    sink = await recorded(tmp_path, sent)
    all_there(sink, sent)
    decodes(sink)
    assert causes(sink) == [Cause.STARTED, cause]
    assert sink.periods[1].starts_with_key is not in_mid_gop
    gap = sink.periods[1].gap
    assert gap is not None
    assert abs(gap.stream_ms - by) < 100
    stamps = [m.timestamp for m in sent if m.kind == 9 and len(m.payload) > 9]
    found = [[at for at, _ in read_back(sink.file(n))["video"]] for n in (0, 1)]
    for number, offset in ((0, 0), (1, len(found[0]))):
        steps = [at - found[number][0] for at in found[number]]
        wanted = stamps[offset : offset + len(steps)]
        if number == 0:
            wanted = [m.timestamp for m in sent if m.kind == 9 and not is_header(m)][: len(steps)]
            assert steps == [stamp - wanted[0] for stamp in wanted]


async def test_a_clock_that_starts_again_at_zero_is_a_jump_back(tmp_path: Path) -> None:
    first, second = clip(), clip()
    sink = await recorded(tmp_path, [*first, *second])
    all_there(sink, [*first, *second])
    decodes(sink)
    assert causes(sink) == [Cause.STARTED, Cause.TIME_WENT_BACK]


@pytest.mark.parametrize("kind", [8, 9])
async def test_a_clock_of_one_track_that_jumps_back_loses_nothing(
    tmp_path: Path, kind: int
) -> None:
    sent = moved(clip(), 100_000)
    at = at_first_key(sent, 103_000)
    sent = [moved([m], -5000)[0] if m.kind == kind and m.timestamp >= at else m for m in sent]
    sink = await recorded(tmp_path, sent)
    all_there(sink, sent)
    decodes(sink)
    assert Cause.TIME_WENT_BACK in causes(sink)


async def test_frames_woven_around_a_jump_stay_with_their_clock(tmp_path: Path) -> None:
    sent = clip()
    at = at_first_key(sent, 3000)
    jumped = [m if m.timestamp < at else moved([m], 60_000)[0] for m in sent]
    # Sound of the old clock comes behind the first pictures of the new one.
    late = [m for m in jumped if m.kind == 8 and at - 150 <= m.timestamp < at]
    rest = [m for m in jumped if m not in late]
    place = next(n for n, m in enumerate(rest) if m.timestamp >= 60_000)
    woven = [*rest[: place + 1], *late, *rest[place + 1 :]]
    sink = await recorded(tmp_path, woven)
    all_there(sink, woven)
    decodes(sink)
    assert causes(sink) == [Cause.STARTED, Cause.TIME_WENT_AHEAD]


@pytest.mark.parametrize("second", ["size", "hevc", "bframes"])
async def test_a_codec_change_begins_a_period_and_loses_nothing(
    tmp_path: Path, second: str
) -> None:
    first = clip()
    other = clip(size="160x90") if second == "size" else clip(second)
    sent = [*first, *moved(other, 6_000)]
    sink = await recorded(tmp_path, sent)
    all_there(sink, sent)
    decodes(sink)
    assert causes(sink) == [Cause.STARTED, Cause.CODEC_CHANGED]
    assert sink.periods[0].init != sink.periods[1].init


async def test_the_same_header_again_changes_nothing(tmp_path: Path) -> None:
    sent = clip()
    again = [x for m in sent for x in ((m, *headers(sent)) if m.payload[0] == 0x17 else (m,))]
    sink = await recorded(tmp_path, again)
    all_there(sink, sent)
    assert causes(sink) == [Cause.STARTED]


async def test_a_publisher_that_starts_in_mid_gop_keeps_its_first_pictures(tmp_path: Path) -> None:
    whole = clip()
    sent = [*headers(whole), *between(whole, 1500, 10_000)]
    sink = await recorded(tmp_path, sent)
    all_there(sink, sent)
    assert not sink.periods[0].starts_with_key


async def test_no_keyframe_ever_gives_segments_of_two_seconds(tmp_path: Path) -> None:
    whole = clip(seconds=8, gop=300)
    sent = [*headers(whole), *between(whole, 100, 10_000)]
    sink = await recorded(tmp_path, sent)
    all_there(sink, sent)
    assert all(1700 <= s.length_ms <= 2300 for s in sink.segments[:-1])
    assert not any(s.starts_with_key for s in sink.segments)


@pytest.mark.parametrize(
    ("gop", "longest"), [(8, 1350), (30, 1100), (45, 1600), (75, 2300), (120, 2300)]
)
async def test_a_segment_ends_at_a_keyframe_after_a_second_or_at_two_seconds(
    tmp_path: Path, gop: int, longest: int
) -> None:
    sent = clip(gop=gop)
    sink = await recorded(tmp_path, sent)
    all_there(sink, sent)
    assert all(900 <= s.length_ms <= longest for s in sink.segments[:-1])
    assert all(
        s.starts_ms == before.starts_ms + before.length_ms
        for before, s in zip(sink.segments, sink.segments[1:], strict=False)
    )


@pytest.mark.parametrize("kind", [8, 9])
async def test_one_track_alone_is_recorded_too(tmp_path: Path, kind: int) -> None:
    sent = [m for m in clip() if m.kind == kind]
    sink = await recorded(tmp_path, sent)
    all_there(sink, sent)
    decodes(sink)
    assert list(sink.periods[0].codecs) == ["audio" if kind == 8 else "video"]
    assert len(sink.segments) >= 3


@pytest.mark.parametrize("kind", [8, 9])
async def test_a_track_that_appears_late_begins_a_period_with_both(
    tmp_path: Path, kind: int
) -> None:
    whole = clip()
    sent = [m for m in whole if is_header(m) or m.kind != kind or m.timestamp >= 3400]
    sink = await recorded(tmp_path, sent)
    all_there(sink, sent)
    assert causes(sink) == [Cause.STARTED, Cause.TRACK_APPEARED]
    assert [len(period.codecs) for period in sink.periods] == [1, 2]
    if kind == 8:  # Sound waits for the next picture that can stand alone.
        decodes(sink)
        assert sink.periods[1].starts_with_key


async def test_late_sound_without_any_keyframe_is_not_held_for_ever(tmp_path: Path) -> None:
    whole = clip(seconds=8, gop=300)
    sent = [m for m in whole if m.kind == 9 or is_header(m) or m.timestamp >= 2000]
    sink = await recorded(tmp_path, sent)
    all_there(sink, sent)


@pytest.mark.parametrize("kind", [8, 9])
async def test_a_track_that_pauses_holds_up_nothing(tmp_path: Path, kind: int) -> None:
    whole = clip(seconds=12)
    sent = [m for m in whole if is_header(m) or m.kind != kind or not 2000 < m.timestamp < 8000]
    async with stand(tmp_path) as place:
        place.take([m for m in sent if m.timestamp < 7500])
        # What came before is out although the other track is still away.
        await eventually(
            lambda: sum(s.length_ms for s in place.sink.segments) >= 5000, within=LONG_S
        )
        place.take([m for m in sent if m.timestamp >= 7500])
        sink = await place.finished()
    all_there(sink, sent)
    decodes(sink)
    assert causes(sink) == [Cause.STARTED]


async def test_silence_ends_the_period_so_that_what_came_is_safe(tmp_path: Path) -> None:
    whole = clip()
    first, rest = between(whole, 0, 2500), between(whole, 2500, 10_000)
    async with stand(tmp_path, limits=IntakeLimits(silence_s=0.5)) as place:
        place.take([*headers(whole), *first])
        await eventually(
            lambda: place.sink.frames("video") == len(frames(first, Track.VIDEO)), within=LONG_S
        )
        place.take(rest)
        sink = await place.finished()
    all_there(sink, whole)
    assert causes(sink) == [Cause.STARTED, Cause.SILENCE]
    gap = sink.periods[1].gap
    assert gap is not None
    assert (gap.ended_at - gap.begun_at).total_seconds() >= 0.5


async def test_small_steps_back_are_no_jump(tmp_path: Path) -> None:
    sent = [
        m._replace(timestamp=m.timestamp - 40) if m.kind == 8 and n % 50 == 20 else m
        for n, m in enumerate(moved(clip(), 1000))
    ]
    sink = await recorded(tmp_path, sent)
    all_there(sink, sent)
    assert causes(sink) == [Cause.STARTED]


async def test_tracks_with_clocks_of_their_own_are_kept_in_one_period(tmp_path: Path) -> None:
    sent = [m if m.kind == 9 else moved([m], 5_000_000)[0] for m in clip()]
    sink = await recorded(tmp_path, sent)
    all_there(sink, sent)
    decodes(sink)
    assert causes(sink) == [Cause.STARTED]
    clocks = sink.periods[0].stream_ms
    assert clocks["audio"] - clocks["video"] > 4_000_000


async def test_hevc_as_domestic_encoders_send_it_is_hevc(tmp_path: Path) -> None:
    sent = clip("hevc")
    old = [m if track_of(m) is Track.AUDIO else _as_codec_12(m) for m in sent]
    sink = await recorded(tmp_path, old)
    all_there(sink, sent)
    decodes(sink)
    assert sink.periods[0].codecs["video"] == "hvc1"


def _as_codec_12(message: Message) -> Message:
    """An enhanced HEVC tag in the form that was used before there was one."""
    body = message.payload
    frame, kind = body[0] >> 4 & 7, body[0] & 15
    delay = body[5:8] if kind == 1 else bytes(3)
    rest = body[8:] if kind == 1 else body[5:]
    head = bytes([frame << 4 | 12, {0: 0, 1: 1, 3: 1}.get(kind, 2)])
    return message._replace(payload=head + delay + rest)


@pytest.mark.parametrize(
    ("codec", "named", "media_type"),
    [("pcm_alaw", "alaw", "video/quicktime"), ("pcm_mulaw", "ulaw", "video/quicktime"),
     ("libmp3lame", "mp3", "video/mp4")],
)  # fmt: skip
async def test_sound_of_older_devices_is_kept_as_it_came(
    tmp_path: Path, codec: str, named: str, media_type: str
) -> None:
    file = live_clips.with_sound(codec)
    sent = [message for message in media(file.read_bytes()) if message.kind != 18]
    sink = await recorded(tmp_path, sent)
    decodes(sink)
    (period,) = sink.periods
    assert (period.codecs["audio"], period.media_type) == (named, media_type)
    sound = b"".join(m.payload[1:] for m in sent if m.kind == 8)
    kept = b"".join(content for _, content in read_back(sink.file(0))["audio"])
    assert kept == sound
    assert sum(s.wrong_frames for s in sink.segments) == 0
