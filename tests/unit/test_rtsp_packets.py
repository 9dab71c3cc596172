"""Packets of cameras back to frames: in pieces, in groups, lost, out of order, and anything."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.live.flv import Part, Track, look
from recorder.live.rtmp.violation import ViolationError
from recorder.live.rtsp import description, messages
from recorder.live.rtsp.messages import Answer, Packet
from recorder.live.rtsp.packets import Arrived, TrackPackets, clock_said, says_goodbye

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
SPS, PPS = bytes.fromhex("6742c014da05067e7c044000"), bytes.fromhex("68ce3c80")
SDP = """v=0
s=x
a=control:*
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAFNoFBn58BEAA,aM48gA==
a=control:trackID=1
m=audio 0 RTP/AVP 8
a=control:trackID=2
m=application 0 RTP/AVP 107
a=rtpmap:107 vnd.onvif.metadata/90000
"""


def _track(kind: Track = Track.VIDEO) -> TrackPackets:
    tracks, _ = description.read(SDP, "rtsp://camera/live/")
    return TrackPackets(next(each for each in tracks if each.track is kind))


def _packet(
    sequence: int, stamp: int, content: bytes, *, last: bool = True, kind: int = 96
) -> bytes:
    head = struct.pack(">BBHII", 0x80, last << 7 | kind, sequence & 0xFFFF, stamp & 0xFFFFFFFF, 7)
    return head + content


def _taken(track: TrackPackets, packets: Iterable[bytes]) -> list[Arrived]:
    found = [each for packet in packets for each in track.take(packet, NOW)]
    return [*found, *track.end()]


def _frames(found: list[Arrived]) -> list[tuple[int, bytes]]:
    looks = [(each.tag, look(each.tag.track, each.tag.body)) for each in found]
    return [
        (tag.at_ms, tag.body[9:] if tag.track is Track.VIDEO else tag.body[1:])
        for tag, seen in looks
        if seen.part is Part.FRAME
    ]


def test_a_description_names_what_can_be_recorded_and_what_cannot() -> None:
    tracks, left_out = description.read(SDP, "rtsp://camera/live/")
    assert [(each.track, each.codec, each.rate) for each in tracks] == [
        (Track.VIDEO, "h264", 90_000),
        (Track.AUDIO, "pcma", 8_000),
    ]
    assert [each.control for each in tracks] == [
        "rtsp://camera/live/trackID=1",
        "rtsp://camera/live/trackID=2",
    ]
    assert left_out == ["application vnd.onvif.metadata"]


def test_a_picture_in_pieces_and_one_in_a_group_come_back_whole() -> None:
    pieces = [b"\x7c\x85abc", b"\x7c\x05def", b"\x7c\x45ghi"]
    group = b"\x78" + b"".join(struct.pack(">H", len(u)) + u for u in (b"\x06sei", b"\x41later"))
    packets = [_packet(n, 0, each, last=n == 2) for n, each in enumerate(pieces)]
    found = _taken(_track(), [*packets, _packet(3, 3000, group)])
    assert look(Track.VIDEO, found[0].tag.body).part is Part.HEADER
    assert _frames(found) == [(0, b"\x65abcdefghi"), (33, b"\x06sei\0\0\0\x06\x41later")]


def test_a_lost_packet_is_counted_and_takes_only_its_own_unit() -> None:
    track = _track()
    packets = [_packet(65534, 0, b"\x65whole"), _packet(65535, 3000, b"\x7c\x81abc", last=False),
               _packet(1, 3000, b"\x7c\x41ghi"), _packet(2, 6000, b"\x41next"),
               _packet(1, 3000, b"\x41again")]  # fmt: skip
    assert _frames(_taken(track, packets)) == [(0, b"\x65whole"), (67, b"\x41next")]
    assert track.lost == 1


def test_pictures_shown_later_than_others_get_times_of_decoding_before_them() -> None:
    shown = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11, 15, 13, 14]
    packets = [_packet(n, 3000 * at, b"\x41" + bytes([n])) for n, at in enumerate(shown)]
    found = [each for each in _taken(_track(), packets) if each.tag.body[1] == 1]
    times = [each.tag.at_ms for each in found]
    assert times == sorted(set(times))
    later = [int.from_bytes(each.tag.body[2:5], "big") for each in found]
    assert [at + more for at, more in zip(times, later, strict=True)] == [
        round(at * 1000 / 30) for at in shown
    ]


def test_time_goes_on_over_its_wrap_and_another_set_is_another_header() -> None:
    begun = (1 << 32) - 3000
    other = SPS[:-1] + b"\x01"
    group = b"\x78" + b"".join(struct.pack(">H", len(u)) + u for u in (other, PPS, b"\x65b"))
    found = _taken(_track(), [_packet(0, begun, b"\x65a"), _packet(1, begun + 6000, group)])
    assert [at for at, _ in _frames(found)] == [0, 67]
    parts = [look(each.tag.track, each.tag.body).part for each in found]
    assert parts == [Part.HEADER, Part.FRAME, Part.HEADER, Part.FRAME]


def test_sound_of_the_telephone_is_taken_as_it_is() -> None:
    found = _taken(
        _track(Track.AUDIO), [_packet(0, 0, b"abcd", kind=8), _packet(1, 160, b"e", kind=8)]
    )
    assert _frames(found) == [(0, b"abcd"), (20, b"e")]


def test_a_goodbye_is_found_behind_a_report() -> None:
    report = struct.pack(">BBH", 0x80, 200, 6) + bytes(24)
    assert says_goodbye(report + struct.pack(">BBHI", 0x81, 203, 1, 7))
    assert not says_goodbye(report)


def test_what_the_clock_of_a_camera_says_is_read_from_its_reports() -> None:
    # 2026-11-25 08:00:00.5 in seconds since 1900.
    said = struct.pack(">6I", 5, 3_988_598_400 + 12 * 86_400, 1 << 31, 400, 1, 100)
    report = struct.pack(">BBH", 0x80, 200, 6) + said
    found = clock_said(struct.pack(">BBHI", 0x81, 202, 1, 7) + report)
    assert found == datetime(1900, 1, 1, tzinfo=UTC) + timedelta(
        seconds=3_988_598_400 + 12 * 86_400, milliseconds=500
    )
    later = clock_said(struct.pack(">BBH6I", 0x80, 200, 6, 5, 1, 0, 9, 1, 100))
    assert later is not None
    assert later.year == 2036
    # A camera without a clock says so.
    assert clock_said(struct.pack(">BBH6I", 0x80, 200, 6, 5, 0, 0, 9, 1, 100)) is None
    assert clock_said(b"\x80\xc8\0\xff") is None


@given(st.lists(st.binary(max_size=60), max_size=30), st.sampled_from(["h264", "h265", "aac"]))
def test_anything_at_all_may_be_in_packets(contents: list[bytes], codec: str) -> None:
    sdp = SDP if codec == "h264" else SDP.replace("H264", "H265")
    kind = Track.VIDEO
    if codec == "aac":
        kind = Track.AUDIO
        sdp = SDP.replace("AVP 8", "AVP 96").replace(
            "trackID=2", "2\na=rtpmap:96 mpeg4-generic/8000\na=fmtp:96 mode=AAC-hbr;config=1588"
        )
    tracks, _ = description.read(sdp, "rtsp://camera/")
    track = TrackPackets(next(each for each in tracks if each.track is kind))
    for n, content in enumerate(contents):
        list(track.take(_packet(n, 3000 * n, content), NOW))
        list(track.take(content, NOW))
    list(track.end())


@given(st.binary(max_size=200))
def test_anything_at_all_may_be_said_by_a_camera(content: bytes) -> None:
    async def read() -> None:
        reader = asyncio.StreamReader(limit=100)
        reader.feed_data(content)
        reader.feed_eof()
        try:
            while True:
                assert isinstance(await messages.read_item(reader), Answer | Packet)
        except (ViolationError, EOFError):
            pass

    asyncio.run(read())
    description.read(content.decode("utf-8", "replace"), "rtsp://camera/")


def test_a_place_that_a_camera_names_cannot_add_a_line() -> None:
    with pytest.raises(ViolationError):
        messages.request("SETUP", "rtsp://camera/x\r\nTEARDOWN", {})
