from __future__ import annotations

from pathlib import Path

import pytest

from recorder.live.flv import Part
from recorder.live.rtmp.reception import Farewell
from recorder.live.sink import Cause
from tests.support import footage
from tests.support.live_stand import (
    all_there,
    clip,
    decodes,
    is_header,
    moved,
    part_of,
    read_back,
    stand,
)


async def test_a_stream_becomes_one_period_of_segments_of_a_second(tmp_path: Path) -> None:
    sent = clip()
    async with stand(tmp_path) as place:
        place.take(sent)
        sink = await place.finished()
    all_there(sink, sent)
    decodes(sink)
    (period,) = sink.periods
    assert (period.cause, period.gap, period.starts_with_key) == (Cause.STARTED, None, True)
    assert period.codecs == {"video": "avc1", "audio": "mp4a"}
    # The first picture comes 23 ms behind the first sound.
    assert [s.starts_ms for s in sink.segments] == [0, 1023, 2023, 3023, 4023, 5023]
    assert [s.length_ms for s in sink.segments[:-1]] == [1023, 1000, 1000, 1000, 1000]
    assert all(s.starts_with_key for s in sink.segments)
    assert sink.ends == [Cause.UNPUBLISHED]


async def test_times_are_the_publishers_own_counted_from_the_first_frame(tmp_path: Path) -> None:
    sent = moved(clip("bframes"), 16_777_000)
    async with stand(tmp_path) as place:
        place.take(sent)
        sink = await place.finished()
    all_there(sink, sent)
    decodes(sink)
    back = read_back(sink.file(0))
    for kind, track in ((8, "audio"), (9, "video")):
        stamps = [m.timestamp for m in sent if m.kind == kind and part_of(m) is Part.FRAME]
        apart = [at - stamp for (at, _), stamp in zip(back[track], stamps, strict=True)]
        # To the millisecond, and both tracks on one clock.
        assert {*apart} <= {apart[0] - 1, apart[0], apart[0] + 1}, track
        assert abs(apart[0] + 16_777_000) <= 70, track
    assert set(sink.periods[0].stream_ms.values()) == {
        min(m.timestamp for m in sent if not is_header(m))
    }


async def test_the_wrap_of_the_clock_after_49_days_is_no_jump(tmp_path: Path) -> None:
    sent = moved(clip(), 0xFFFFFFFF - 2500)
    async with stand(tmp_path) as place:
        place.take(sent)
        sink = await place.finished()
    all_there(sink, sent)
    assert len(sink.periods) == 1


async def test_hevc_of_enhanced_rtmp_is_kept_as_it_came(tmp_path: Path) -> None:
    sent = clip("hevc")
    async with stand(tmp_path) as place:
        place.take(sent)
        sink = await place.finished()
    all_there(sink, sent)
    decodes(sink)
    assert sink.periods[0].codecs["video"] == "hvc1"


async def test_a_lost_connection_closes_the_last_segment(tmp_path: Path) -> None:
    sent = clip()[:200]
    async with stand(tmp_path) as place:
        place.take(sent)
        sink = await place.finished(Farewell.CONNECTION_LOST)
    all_there(sink, sent)
    assert sink.ends == [Cause.CONNECTION_LOST]


async def test_a_publisher_that_sends_nothing_leaves_nothing(tmp_path: Path) -> None:
    async with stand(tmp_path) as place:
        sink = await place.finished()
    assert (sink.periods, sink.segments, sink.ends) == ([], [], [Cause.UNPUBLISHED])


async def test_what_no_period_can_hold_is_named(tmp_path: Path) -> None:
    sent = clip()
    async with stand(tmp_path) as place:
        place.take([*sent, sent[-1]._replace(kind=8, payload=b"\xb2speex")])
        sink = await place.finished()
    all_there(sink, sent)
    assert sink.left_out == {"audio-11"}


@pytest.mark.parametrize("codec", ["h264", "bframes", "hevc"])
async def test_the_media_tool_writes_the_same_frames_at_the_same_times(
    tmp_path: Path, codec: str
) -> None:
    sent = moved(clip(codec), 5_000)
    found = []
    for place, tool in (("ours", None), ("tools", Path(footage.ffmpeg()))):
        (tmp_path / place).mkdir()
        async with stand(tmp_path / place, tool=tool) as standing:
            standing.take(sent)
            sink = await standing.finished()
        all_there(sink, sent)
        found.append((read_back(sink.file(0)), sink.segments))
    (ours, our_segments), (tools, tool_segments) = found
    for kind in ("video", "audio"):
        assert [content for _, content in ours[kind]] == [content for _, content in tools[kind]]
        apart = [a - b for (a, _), (b, _) in zip(ours[kind], tools[kind], strict=True)]
        assert max(apart) - min(apart) <= 2, kind
    # Fragments of the tool may end between our keyframes where pictures are reordered.
    if codec != "bframes":
        assert [each.starts_ms for each in our_segments] == [e.starts_ms for e in tool_segments]
    assert all(each.starts_with_key for each in our_segments)
