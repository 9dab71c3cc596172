"""Headers of streams: sizes as ffmpeg encoded them, and nothing raised by whatever comes."""

from __future__ import annotations

import random
import struct
import subprocess
from pathlib import Path

import pytest

from recorder.domain import fragments, mp4, parameter_sets
from recorder.domain.mp4 import Sample
from tests.support import cache, footage

_H264 = ("-c:v", "libx264", "-preset", "ultrafast")
_HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error")
SHAPES: dict[str, tuple[tuple[int, int], tuple[str, ...]]] = {
    "avcC-plain": ((640, 360), (*_H264, "-pix_fmt", "yuv420p")),
    "avcC-cropped": ((642, 366), (*_H264, "-pix_fmt", "yuv420p", "-profile:v", "high")),
    "avcC-444": ((322, 182), (*_H264, "-pix_fmt", "yuv444p")),
    "avcC-interlaced": ((640, 376), (*_H264, "-pix_fmt", "yuv420p", "-flags", "+ildct+ilme")),
    "hvcC-plain": ((640, 360), (*_HEVC, "-pix_fmt", "yuv420p")),
    "hvcC-cropped": ((642, 366), (*_HEVC, "-pix_fmt", "yuv420p10le")),
}


def record(name: str) -> bytes:
    """The decoder's record of a picture that ffmpeg made."""
    (width, height), words = SHAPES[name]

    def make(place: Path) -> None:
        subprocess.run(
            [
                *(footage.ffmpeg(), "-nostdin", "-v", "error", "-f", "lavfi"),
                *("-i", f"testsrc2=size={width}x{height}:rate=25"),
                *("-frames:v", "1", *words, "-f", "mp4", str(place / "one.mp4")),
            ],
            check=True,
        )

    content = (cache.once(f"record-{name}-1", make) / "one.mp4").read_bytes()
    at = content.index(name[:4].encode())
    (length,) = struct.unpack_from(">I", content, at - 4)
    return content[at + 4 : at - 4 + length]


@pytest.mark.parametrize("name", SHAPES)
def test_the_size_of_a_picture_is_read_from_its_header(name: str) -> None:
    size, _ = SHAPES[name]
    codec = "avc1" if name.startswith("avcC") else "hvc1"
    form = mp4.picture_form(codec, record(name))
    assert form is not None
    assert (form.width, form.height) == size
    (track,) = fragments.read_init(mp4.init_segment([form]))
    assert (track.kind, track.width, track.height, track.timescale) == ("vide", *size, 16_000)


def test_whatever_a_header_holds_nothing_is_raised() -> None:
    chance = random.Random(7)
    for name in SHAPES:
        whole = record(name)
        for length in range(len(whole)):
            for read in (parameter_sets.avc_size, parameter_sets.hevc_size):
                read(whole[:length])
        for _ in range(300):
            changed = bytearray(whole)
            changed[chance.randrange(len(changed))] = chance.randrange(256)
            for read in (parameter_sets.avc_size, parameter_sets.hevc_size):
                found = read(bytes(changed))
                assert found is None or all(0 < side <= 16_384 for side in found)
    assert mp4.picture_form("av01", record("avcC-plain")) is None


def test_sound_is_described_where_its_configuration_is_known() -> None:
    stereo = mp4.sound_form(b"\x12\x10")
    assert stereo is not None
    assert (stereo.scale, stereo.is_picture) == (44_100, False)
    (track,) = fragments.read_init(mp4.init_segment([stereo]))
    assert (track.kind, track.codec, track.timescale) == ("soun", "mp4a.40.2", 44_100)
    for odd in (b"", b"\x12", b"\x0a\x10", b"\x17\x90", b"\x12\x00", bytes(100)):
        assert mp4.sound_form(odd) is None, odd


def test_a_segment_says_its_own_times_and_joins_its_frames() -> None:
    picture = mp4.picture_form("avc1", record("avcC-plain"))
    sound = mp4.sound_form(b"\x12\x10")
    assert picture is not None
    assert sound is not None
    tracks = fragments.read_init(mp4.init_segment([picture, sound]))
    pictures = [Sample(16_000 + 640 * n, 640, 320, n == 0, bytes([n]) * (n + 1)) for n in range(25)]
    sounds = [Sample(44_100 + 1024 * n, 1024, 0, True, b"sound") for n in range(43)]
    segment = mp4.media_segment(2, [(1, True, pictures), (2, False, sounds)])
    facts = fragments.read_fragment(segment, tracks)
    assert facts == fragments.FragmentFacts(1_000_000, 1_000_000, True)
    joined = b"".join(bytes(each.content) for each in (*pictures, *sounds))
    assert segment.endswith(struct.pack(">I", 8 + len(joined)) + b"mdat" + joined)
    alone = mp4.media_segment(3, [(1, True, []), (2, False, sounds)])
    assert fragments.read_fragment(alone, tracks).duration_us == 43 * 1024 * 1_000_000 // 44_100
