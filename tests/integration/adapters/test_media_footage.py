"""Every file of the footage set gets its verdict, its reason word and what can be shown of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from recorder.adapters.media import FfmpegTool
from recorder.adapters.media_measure import measure
from recorder.adapters.media_progress import Progress
from recorder.adapters.media_reader import PathReader
from recorder.adapters.media_source import MediaSource
from recorder.adapters.range_server import ReadRange, serve_ranges
from recorder.domain.media import MediaFacts, Problem, plan
from tests.support import footage as footage_set


@dataclass(frozen=True)
class Expected:
    showable: str
    #: The whole list of reason words.
    flags: str
    #: What is read back from the original, give or take a tenth of a second.
    length_ms: int = 2000


VERDICTS = {
    "01_h264_1080p.mp4": Expected("as_is", "moov_at_end"),
    "02_h265_hvc1.mp4": Expected("transcode", "moov_at_end codec_hevc"),
    "03_h265_hev1.mp4": Expected("transcode", "moov_at_end codec_hevc"),
    "04_mjpeg_pcm.avi": Expected("transcode", "container_avi", 2133),
    "05_mpegts.ts": Expected("remux", "container_mpegts"),
    "06_fragmented.mp4": Expected("as_is", ""),
    "07_mpegps.ps": Expected("remux", "container_mpegps"),
    "08_faststart.mp4": Expected("as_is", ""),
    "09_vfr.mp4": Expected("as_is", "moov_at_end vfr"),
    "10_rotated.mp4": Expected("as_is", "moov_at_end rotated"),
    "11_noaudio.mp4": Expected("as_is", "moov_at_end no_audio"),
    "12_gps_timecode.mov": Expected("as_is", "moov_at_end has_gps"),
    "13_longgop_bframes.mp4": Expected("as_is", "moov_at_end long_gop"),
    "14_audio_only.m4a": Expected("audio", "moov_at_end no_video"),
    "15_photo.jpg": Expected("picture", "still", 0),
    "16_alaw.mov": Expected("remux", "moov_at_end audio_alaw"),
    "17_part_000.mp4": Expected("as_is", "moov_at_end part", 1024),
    "17_part_001.mp4": Expected("as_is", "moov_at_end part", 1000),
    "18_av1.mp4": Expected("transcode", "moov_at_end codec_av1 long_gop no_audio"),
    "50_powercut_no_moov.mp4": Expected("none", "no_index", 0),
    "51_powercut_fragmented.mp4": Expected("remux", "truncated", 1088),
    "52_powercut.ts": Expected("transcode", "truncated container_mpegts", 1067),
    "53_faststart_cut.mp4": Expected("remux", "truncated", 1067),
    "54_zero.mp4": Expected("none", "empty", 0),
    "55_text.mp4": Expected("none", "not_media", 0),
    "56_corrupt_middle.mp4": Expected("transcode", "damaged"),
    "57_corrupt_middle.ts": Expected("transcode", "damaged container_mpegts"),
    "58_playlist_ssrf.mp4": Expected("none", "playlist", 0),
    "59_ffconcat.mp4": Expected("none", "playlist", 0),
    "60_mpd_ssrf.mp4": Expected("none", "playlist", 0),
    "61_jpeg_named.mp4": Expected("picture", "still wrong_name", 0),
    "62_pixel_bomb.mp4": Expected("none", "too_large", 0),
}
SHOWN = sorted(name for name, expected in VERDICTS.items() if expected.showable != "none")
MADE = sorted(
    name for name, expected in VERDICTS.items() if expected.showable in {"remux", "transcode"}
)


@pytest.fixture
def tool() -> FfmpegTool:
    return FfmpegTool(Path(footage_set.ffmpeg()))


def reading(path: Path) -> ReadRange:
    async def read(offset: int, length: int) -> AsyncIterator[bytes]:
        content = path.read_bytes()[offset : offset + length]
        for start in range(0, len(content), 50_000):
            yield content[start : start + 50_000]

    return read


async def ignore(_: Progress) -> None:
    return None


def test_the_table_names_the_whole_set(footage: Path) -> None:
    assert {file.name for file in footage.iterdir()} == set(VERDICTS)


@pytest.mark.parametrize("name", sorted(VERDICTS))
async def test_a_file_gets_the_same_verdict_from_a_path_and_from_ranges(
    footage: Path, tool: FfmpegTool, name: str
) -> None:
    file = footage / name
    facts = await tool.probe(MediaSource(path=file), name)
    async with serve_ranges(file.stat().st_size, reading(file)) as server:
        assert await tool.probe(MediaSource(server=server), name) == facts
    expected = VERDICTS[name]
    assert (facts.showable.value, " ".join(facts.flags)) == (expected.showable, expected.flags)
    assert facts.length_ms == pytest.approx(expected.length_ms, abs=100)


@pytest.mark.parametrize("name", SHOWN)
async def test_a_poster_can_be_made_of_everything_that_can_be_shown(
    footage: Path, tool: FfmpegTool, tmp_path: Path, name: str
) -> None:
    source, out = MediaSource(path=footage / name), tmp_path / "poster.jpg"
    facts = await tool.probe(source, name)
    made = await tool.poster(source, facts, out)
    assert out.read_bytes().startswith(b"\xff\xd8\xff")
    assert 0 < made.width <= 1280
    assert (made.media_type, made.length_bytes) == ("image/jpeg", out.stat().st_size)


@pytest.mark.parametrize("name", MADE)
async def test_a_proxy_plays_as_it_is_and_as_long_as_its_original(
    footage: Path, tool: FfmpegTool, tmp_path: Path, name: str
) -> None:
    seen: list[Progress] = []

    async def listen(progress: Progress) -> None:
        seen.append(progress)

    file, out = footage / name, tmp_path / "proxy.mp4"
    async with serve_ranges(file.stat().st_size, reading(file)) as server:
        source = MediaSource(server=server)
        facts = await tool.probe(source, name)
        made = await tool.proxy(source, facts, plan(facts), out, listen)
        assert server.url not in " ".join(made.arguments)
    again = await tool.probe(MediaSource(path=out), "proxy.mp4")
    assert (again.showable.value, again.truncated, again.damaged) == ("as_is", False, False)
    assert not again.moov_at_end
    assert again.length_ms == pytest.approx(facts.length_ms, abs=150)
    percents = [progress.percent for progress in seen]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert {"{input}", "{output}", "{tool}"} <= set(made.arguments)
    assert str(tmp_path) not in " ".join(made.arguments)


async def test_a_turned_picture_is_turned_in_its_proxy_too(
    footage: Path, tool: FfmpegTool, tmp_path: Path
) -> None:
    source = MediaSource(path=footage / "10_rotated.mp4")
    facts = await tool.probe(source, "10_rotated.mp4")
    assert facts.video is not None
    assert (facts.video.width, facts.video.height, facts.video.rotation) == (640, 360, 90)
    forced = plan(MediaFacts.from_json(facts.to_json() | {"damaged": True}))
    made = await tool.proxy(source, facts, forced, tmp_path / "p.mp4", ignore)
    assert (made.width, made.height) == (360, 640)


async def test_sound_in_another_container_becomes_sound_for_browsers(
    footage: Path, tool: FfmpegTool, tmp_path: Path
) -> None:
    source = MediaSource(path=footage / "04_mjpeg_pcm.avi")
    facts = await tool.probe(source, "04_mjpeg_pcm.avi")
    row = facts.to_json()
    streams = row["streams"]
    assert isinstance(streams, list)
    streams[0]["kind"] = "cover"
    sound = MediaFacts.from_json(row)
    made = await tool.proxy(source, sound, plan(sound), tmp_path / "p.mp4", ignore)
    assert (made.media_type, made.width) == ("audio/mp4", 0)


async def test_camera_words_are_kept_as_the_file_says_them(footage: Path, tool: FfmpegTool) -> None:
    facts = await tool.probe(MediaSource(path=footage / "01_h264_1080p.mp4"), "x.mp4")
    assert facts.creation_time == "2026-03-05T08:15:30.000000Z"
    assert facts.timecode == "08:15:30:00"
    assert facts.location.startswith("+39.9042+116.4074")
    assert facts.checked_percent == 100


def test_damage_is_found_between_the_pictures_that_are_not_decoded(footage: Path) -> None:
    whole = measure(PathReader(str(footage / "08_faststart.mp4")), "x", budget_pixels=1)
    assert (whole.checked_percent, whole.damaged) == (50, False)
    broken = measure(PathReader(str(footage / "56_corrupt_middle.mp4")), "x", budget_pixels=1)
    assert broken.damaged


def test_a_quick_look_says_when_it_left_something_out(footage: Path) -> None:
    clip = PathReader(str(footage / "08_faststart.mp4"))
    sampled = measure(clip, "x", quick=True, budget_pixels=1)
    assert (sampled.first_look, sampled.checked_percent) == (True, 50)
    assert sampled.showable is measure(clip, "x").showable
    whole = measure(clip, "x", quick=True)
    assert (whole.first_look, whole.checked_percent) == (False, 100)
    assert not measure(clip, "x", budget_pixels=1).first_look, "this look was the thorough one"


def test_a_file_that_opens_and_holds_nothing_is_damaged(footage: Path, tmp_path: Path) -> None:
    stub = tmp_path / "stub.avi"
    stub.write_bytes((footage / "04_mjpeg_pcm.avi").read_bytes()[:300])
    facts = measure(PathReader(str(stub)), "stub.avi")
    assert facts.problem is Problem.DAMAGED
    assert facts.note


def test_noise_is_not_media(tmp_path: Path) -> None:
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(bytes(range(256)) * 64)
    assert measure(PathReader(str(noise)), "noise.mp4").problem is Problem.NOT_MEDIA
