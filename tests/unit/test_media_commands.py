"""Every ffmpeg command opens one source with one demuxer and one protocol."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recorder.adapters import media_commands
from recorder.domain.media import MAX_PIXELS, MediaFacts, StreamFacts, plan

TOOL = Path("/opt/ffmpeg")
OUT = Path("/tmp/out/proxy.mp4")  # noqa: S108 - only a word in a command.
VIDEO = StreamFacts(kind="video", codec="hevc", pix_fmt="yuv420p", level=120)
AUDIO = StreamFacts(kind="audio", codec="aac", profile="LC")
COVER = StreamFacts(kind="cover", codec="mjpeg")
CLIP = MediaFacts(container="mov", length_ms=4000, streams=(COVER, VIDEO, AUDIO))
H264 = replace(VIDEO, codec="h264", level=41)


def proxy(facts: MediaFacts, source: str = "/originals/x") -> list[str]:
    return media_commands.proxy(TOOL, source, facts, plan(facts), OUT, threads=2)


def poster(facts: MediaFacts, *, from_start: bool = False) -> list[str]:
    return media_commands.poster(TOOL, "/originals/x", facts, OUT, threads=2, from_start=from_start)


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


@pytest.mark.parametrize(
    "command",
    [
        proxy(CLIP),
        proxy(replace(CLIP, container="mpegts", streams=(H264, AUDIO))),
        proxy(CLIP, "http://127.0.0.1:9/secret"),
        poster(CLIP),
        poster(replace(CLIP, streams=(AUDIO,))),
        poster(replace(CLIP, container="unheard_of")),
    ],
    ids=["encode", "copy", "loopback", "poster", "waves", "unknown container"],
)
def test_every_input_is_whitelisted_before_it_is_opened(command: list[str]) -> None:
    at = command.index("-i")
    source = command[at + 1]
    inputs = command[:at]
    allowed = "http,tcp" if source.startswith("http://127.0.0.1:") else "file"
    assert option(inputs, "-protocol_whitelist") == allowed
    assert option(inputs, "-max_pixels") == str(MAX_PIXELS)
    formats = option(inputs, "-format_whitelist").split(",")
    assert not {"hls", "concat", "dash", "sdp", "image2", "rtsp"} & set(formats)
    assert command.count("-i") == 1
    assert {"-nostdin", "-progress", "-nostats"} <= set(command)


def test_a_known_container_allows_its_own_demuxer_alone() -> None:
    inputs = proxy(CLIP)[: proxy(CLIP).index("-i")]
    assert (option(inputs, "-f"), option(inputs, "-format_whitelist")) == ("mov", "mov")


def test_streams_are_chosen_by_their_place_and_covers_are_left_out() -> None:
    command = proxy(CLIP)
    chosen = [command[n + 1] for n, word in enumerate(command) if word == "-map"]
    assert chosen == ["0:1", "0:2"]


def test_an_encoded_proxy_has_a_keyframe_every_two_seconds_and_its_index_first() -> None:
    command = proxy(CLIP)
    assert option(command, "-force_key_frames") == "expr:gte(t,n_forced*2)"
    assert option(command, "-c:v") == "libx264"
    assert option(command, "-movflags") == "+faststart"


def test_a_copied_picture_is_not_scaled() -> None:
    command = proxy(replace(CLIP, container="mpegts", streams=(H264, AUDIO)))
    assert (option(command, "-c:v"), option(command, "-c:a")) == ("copy", "copy")
    assert "-vf" not in command


def test_the_tags_of_the_original_stay_with_the_original() -> None:
    assert option(proxy(CLIP), "-map_metadata") == "-1"


def test_the_poster_is_taken_a_tenth_into_the_film_or_at_its_start() -> None:
    assert option(poster(CLIP), "-ss") == "0.400"
    assert option(poster(replace(CLIP, length_ms=3_600_000)), "-ss") == "10.000"
    assert "-ss" not in poster(CLIP, from_start=True)
