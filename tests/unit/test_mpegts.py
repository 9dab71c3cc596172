"""Transport streams: missing, doubled and damaged packets, wraps, and anything at all."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.live.elementary import Tag
from recorder.live.flv import Part, Track, look
from recorder.live.hls import playlist
from recorder.live.hls.playlist import Place
from recorder.live.mpegts import PackedSound, TransportStream
from recorder.live.rtmp.violation import ViolationError

_KEY = (
    b"\0\0\0\x01"
    + bytes.fromhex("6742c014da05067e7c044000")
    + b"\0\0\x01"
    + bytes.fromhex("68ce3c80")
)


def _stamp(prefix: int, at: int) -> bytes:
    at &= (1 << 33) - 1
    return struct.pack(
        ">BHH", prefix << 4 | (at >> 30) << 1 | 1, (at >> 15 & 0x7FFF) << 1 | 1,
        (at & 0x7FFF) << 1 | 1,
    )  # fmt: skip


def _packets(pid: int, counter: int, content: bytes) -> list[bytes]:
    """A frame in packets; the last one is filled up by its adaptation field."""
    found = []
    for n, at in enumerate(range(0, len(content), 184)):
        part = content[at : at + 184]
        head = struct.pack(">BHB", 0x47, (n == 0) << 14 | pid, 0x10 | (counter + n) & 15)
        if len(part) < 184:
            filling = 184 - len(part)
            field = b"\0" if filling == 1 else bytes([filling - 1, 0]) + b"\xff" * (filling - 2)
            head, part = (
                head[:3] + bytes([head[3] | 0x20]),
                (field if filling > 1 else b"\0") + part,
            )
        found.append(head + part)
    return found


def _tables() -> bytes:
    pat = b"\0" + struct.pack(">BHHBBBHH", 0, 0xB00D, 1, 0xC1, 0, 0, 1, 0xE100) + bytes(4)
    streams = struct.pack(">BHH", 0x1B, 0xE101, 0xF000) + struct.pack(">BHH", 0x06, 0xE102, 0xF000)
    pmt = b"\0" + struct.pack(
        ">BHHBBBHH", 2, 0xB000 | 13 + len(streams), 1, 0xC1, 0, 0, 0xE101, 0xF000
    )
    return b"".join([*_packets(0, 0, pat), *_packets(0x100, 0, pmt + streams + bytes(4))])


def _picture(n: int, at: int, size: int = 400) -> bytes:
    unit = b"\0\0\x01\x65" + bytes([n % 250 + 1]) * size
    head = b"\0\0\x01\xe0\0\0\x80\xc0\x0a" + _stamp(3, at + 3600) + _stamp(1, at)
    return head + _KEY + unit


def _stream(times: list[int]) -> list[list[bytes]]:
    counter, found = 0, []
    for n, at in enumerate(times):
        packets = _packets(0x101, counter, _picture(n, at))
        counter += len(packets)
        found.append(packets)
    return found


def _taken(data: bytes, piece: int = 1000) -> tuple[list[Tag], TransportStream]:
    stream = TransportStream()
    tags = [tag for at in range(0, len(data), piece) for tag in stream.feed(data[at : at + piece])]
    return [*tags, *stream.end()], stream


def _times(tags: list[Tag]) -> list[int]:
    return [tag.at_ms for tag in tags if look(tag.track, tag.body).part is Part.FRAME]


@pytest.mark.parametrize("piece", [1, 187, 1316, 100_000])
def test_frames_are_the_same_in_whatever_pieces_they_come(piece: int) -> None:
    begun = (1 << 33) - 3000
    data = _tables() + b"".join(
        b"".join(each) for each in _stream([begun, begun + 3600, begun + 7200])
    )
    tags, stream = _taken(data, piece)
    times = _times(tags)
    assert [at - times[0] for at in times] == [0, 40, 80]
    assert (stream.lost, stream.left_out, stream.tracks) == (0, {"private data"}, {Track.VIDEO})
    header, frame = tags[0], tags[1]
    assert look(Track.VIDEO, header.body).part is Part.HEADER
    assert frame.body[2:5] == b"\0\0\x28"
    assert frame.body.endswith(b"\0\0\x01\x91\x65" + b"\x01" * 400)


def test_a_missing_packet_takes_its_frame_and_is_counted() -> None:
    frames = _stream([0, 3600, 7200, 10800])
    del frames[1][1]
    frames[2].insert(1, frames[2][0])
    tags, stream = _taken(_tables() + b"".join(b"".join(each) for each in frames))
    assert _times(tags) == [0, 80, 120]
    assert stream.lost == 1


def test_a_frame_that_is_cut_off_at_the_end_is_left_out() -> None:
    frames = _stream([0, 3600])
    for kept, times in ((len(frames[1]), [0, 40]), (len(frames[1]) - 1, [0])):
        stream = TransportStream()
        data = _tables() + b"".join([*frames[0], *frames[1][:kept]])
        tags = [*stream.feed(data), *stream.end(is_cut=True)]
        assert _times(tags) == times
        assert stream.lost == (kept < len(frames[1]))


def test_bytes_between_packets_are_passed_over() -> None:
    frames = [b"".join(each) for each in _stream([0, 3600])]
    tags, stream = _taken(_tables() + frames[0] + b"garbage" + frames[1])
    assert _times(tags) == [0, 40]
    assert stream.lost > 0


@given(st.binary(max_size=1200), st.integers(1, 400))
def test_anything_at_all_may_come(noise: bytes, piece: int) -> None:
    _taken(noise, piece)
    packets = b"".join(b"".join(each) for each in _stream([0, 3600]))
    damaged = bytearray(_tables() + packets)
    for n, value in enumerate(noise[:200]):
        damaged[(n * 7919 + value * 31) % len(damaged)] ^= value
    tags, _ = _taken(bytes(damaged), piece)
    # Whatever it took for a frame, nothing was made up beside what came.
    assert sum(len(tag.body) for tag in tags) <= 2 * len(damaged) + 100


_LINES = (
    "#EXTINF:1,", "a.ts", "http://[x", "#EXT-X-KEY:METHOD=NONE", "#EXT-X-MEDIA-SEQUENCE:7",
    "#EXT-X-PROGRAM-DATE-TIME:9999-12-31T23:59:59-14:00", "#EXTINF:9e9,",
    "#EXT-X-STREAM-INF:BANDWIDTH=x", "#EXT-X-TARGETDURATION:", "#EXT-X-BYTERANGE:9",
    "#EXT-X-BYTERANGE:9@x", '#EXT-X-MAP:URI="i",BYTERANGE="7"', "#EXT-X-MAP:",
)  # fmt: skip


@given(st.text(max_size=300), st.lists(st.sampled_from(_LINES)))
def test_any_playlist_is_read_or_refused(text: str, lines: list[str]) -> None:
    for each in (text, "\n".join(["#EXTM3U", *lines, text])):
        try:
            found = playlist.read(each, "http://host/list.m3u8")
        except (ViolationError, ValueError):
            continue
        assert 0.0 <= found.target_s <= 60.0


def test_a_playlist_is_read_as_it_is_meant() -> None:
    found = playlist.read(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\na.ts\n"
        "#EXT-X-DISCONTINUITY\n#EXT-X-GAP\n#EXTINF:2,\n/b.ts?x=1\n#EXT-X-ENDLIST\n",
        "http://host/live/list.m3u8",
    )
    assert [
        (each.sequence, each.place.url, each.breaks_off, each.is_missing) for each in found.segments
    ] == [
        (7, "http://host/live/a.ts", False, False),
        (8, "http://host/b.ts?x=1", True, True),
    ]
    assert (found.target_s, found.is_over, found.is_encrypted) == (2.0, True, False)


@given(since=st.integers(0, 60), parts=st.booleans())
def test_of_a_long_playlist_only_what_comes_next_is_read(since: int, parts: bool) -> None:
    lines = ["#EXTM3U", "#EXT-X-MEDIA-SEQUENCE:7", "#EXT-X-PROGRAM-DATE-TIME:2026-03-02T08:00:00Z"]
    for n in range(40):
        part = f"#EXT-X-BYTERANGE:10{'@0' if n == 0 else ''}\n" if parts else ""
        lines.append(f"#EXTINF:2,\n{part}{'all' if parts else n}.ts")
        lines += ["#EXT-X-DISCONTINUITY"] * (n % 11 == 10)
    whole = playlist.read("\n".join(lines), "http://host/list.m3u8")
    found = playlist.read("\n".join(lines), "http://host/list.m3u8", since)
    # With smaller numbers than those that are known a list has begun anew: then all of it counts.
    wanted = [each for each in whole.segments if each.sequence >= since]
    assert list(found.segments) == (wanted or list(whole.segments))


def test_a_playlist_without_end_is_refused_and_never_cut_where_its_newest_segments_are() -> None:
    with pytest.raises(ViolationError):
        playlist.read("#EXTM3U\n" + "\n" * 1_000_000, "http://host/list.m3u8")


def test_dates_of_a_playlist_go_on_over_what_joins_and_are_dates_with_a_zone() -> None:
    said = "#EXT-X-PROGRAM-DATE-TIME:"
    found = playlist.read(
        f"#EXTM3U\n{said}2026-03-02T16:00:00.5+08:00\n#EXTINF:2.5,\na.ts\n#EXTINF:2,\nb.ts\n"
        f"#EXT-X-DISCONTINUITY\n#EXTINF:2,\nc.ts\n{said}2026-03-02T16:00:00\n#EXTINF:2,\nd.ts\n"
        f"{said}9999-12-31T23:59:59Z\n#EXTINF:2,\ne.ts\n#EXTINF:2,\nf.ts\n",
        "http://host/list.m3u8",
    )
    times = [each.begins_at.isoformat() if each.begins_at else "" for each in found.segments]
    assert times == [
        "2026-03-02T08:00:00.500000+00:00", "2026-03-02T08:00:03+00:00", "", "",
        "9999-12-31T23:59:59+00:00", "",
    ]  # fmt: skip


def test_parts_and_descriptions_hold_for_what_stands_behind_them() -> None:
    found = playlist.read(
        "#EXTM3U\n#EXTINF:1,\na.ts\n"
        '#EXT-X-MAP:URI="m.mp4",BYTERANGE="9@4"\n#EXT-X-BYTERANGE:10@20\n#EXTINF:1,\nm.mp4\n'
        "#EXT-X-BYTERANGE:5\n#EXTINF:1,\nm.mp4\n"
        '#EXT-X-MAP:URI="n.mp4"\n#EXTINF:1,\nn.m4s\n',
        "http://host/x/list.m3u8",
    )
    m, n = "http://host/x/m.mp4", "http://host/x/n.mp4"
    assert [(each.place.part, each.init) for each in found.segments] == [
        (None, None), ((20, 10), Place(m, (4, 9))), ((30, 5), Place(m, (4, 9))), (None, Place(n)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "lines", ["#EXT-X-BYTERANGE:5\na.ts", "#EXT-X-BYTERANGE:5@0\na.ts\n#EXT-X-BYTERANGE:5\nb.ts",
              "#EXT-X-BYTERANGE:0@1\na.ts", '#EXT-X-MAP:URI="a",BYTERANGE="x"\na.ts'],
)  # fmt: skip
def test_a_part_that_begins_nowhere_is_refused(lines: str) -> None:
    with pytest.raises(ViolationError):
        playlist.read(f"#EXTM3U\n{lines}\n", "http://host/list.m3u8")


def test_sound_without_packets_begins_at_the_time_before_it() -> None:
    head = bytes([0xFF, 0xF1, 0x4C, 0x40, 0x01, 0x7F, 0xFC])
    frame = head + b"x" * 4
    owner = b"com.apple.streaming.transportStreamTimestamp\0"
    priv = b"PRIV" + struct.pack(">IH", len(owner) + 8, 0) + owner

    def segment(at: int) -> bytes:
        tag = priv + struct.pack(">Q", at)
        return b"ID3\x04\0\0" + bytes([0, 0, len(tag) >> 7, len(tag) & 127]) + tag + frame * 3

    sound = PackedSound()
    assert PackedSound.is_it(segment(0))
    assert not PackedSound.is_it(_tables())
    # Half of it lies behind the wrap of the clock.
    over = (1 << 33) % 90
    end = (1 << 33) - over - 90 * 32
    found = [*sound.feed(segment(end)), *sound.end(), *sound.feed(segment(90 * 32 - over))]
    times = [tag.at_ms for tag in found if look(tag.track, tag.body).part is Part.FRAME]
    begun = end // 90
    assert [at - begun for at in times] == [0, 21, 43, 64, 85, 107]
    assert [look(tag.track, tag.body).part for tag in found[:2]] == [Part.HEADER, Part.FRAME]
    assert sound.lost == 0
    # Nobody knows when it was.
    assert [*sound.feed(b"ID3" + bytes(7) + frame)] == []
    assert sound.lost == 1


@given(st.binary(max_size=400))
def test_any_bytes_are_sound_or_lost(data: bytes) -> None:
    sound = PackedSound()
    for _ in range(2):
        assert all(tag.track is Track.AUDIO for tag in sound.feed(b"ID3" + data))


@pytest.mark.parametrize(
    ("media", "sound"),
    [
        ('TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="x.m3u8"', "http://host/x.m3u8"),
        # In the variant's own segments.
        ('TYPE=AUDIO,GROUP-ID="a",NAME="x",DEFAULT=YES', None),
        ('TYPE=AUDIO,GROUP-ID="b",NAME="x",URI="x.m3u8"', None),
        ('TYPE=SUBTITLES,GROUP-ID="a",NAME="x",URI="x.m3u8"', None),
        (
            'TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="x.m3u8"\n'
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="y",DEFAULT=YES,URI="y.m3u8"',
            "http://host/y.m3u8",
        ),
    ],
)
def test_the_sound_of_a_variant_is_what_players_take(media: str, sound: str | None) -> None:
    text = (
        f"#EXTM3U\n#EXT-X-MEDIA:{media}\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="b"\nlow\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO="a"\nhigh\n'
    )
    found = playlist.read(text, "http://host/main")
    assert (found.variant, found.sound) == ("http://host/high", sound)


def test_stretches_are_counted_over_what_the_list_has_forgotten() -> None:
    text = (
        "#EXTM3U\n#EXT-X-DISCONTINUITY-SEQUENCE:4\n#EXTINF:2.5,\na\n#EXT-X-DISCONTINUITY\n"
        "#EXTINF:1,\nb\n#EXTINF:1,\nc\n"
    )
    found = playlist.read(text, "http://host/x").segments
    assert [(each.stretch, each.lasts_s) for each in found] == [(4, 2.5), (5, 1), (5, 1)]
