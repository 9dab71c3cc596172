"""What may be shown of an original follows from measured facts alone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.media import (
    MediaFacts,
    Problem,
    Showable,
    StreamFacts,
    Treatment,
    joined,
    plan,
)

VIDEO = StreamFacts(
    kind="video", codec="h264", profile="High", level=41, pix_fmt="yuv420p", width=1920, height=1080
)
AUDIO = StreamFacts(kind="audio", codec="aac", profile="LC", sample_rate_hz=48000, channels=1)
CLIP = MediaFacts(
    container="mov", promised_ms=4000, length_ms=4000, streams=(VIDEO, AUDIO), keyframes=4,
    keyframe_distance_ms=1000, original_name="a.mp4",
)  # fmt: skip


def test_h264_with_aac_in_mp4_is_played_as_it_is() -> None:
    verdict = plan(CLIP)
    assert (verdict.showable, verdict.needs_proxy, verdict.profile) == (
        Showable.AS_IS, False, "none",
    )  # fmt: skip
    assert CLIP.flags == ()


def test_the_place_of_the_index_changes_nothing_for_the_viewer() -> None:
    camera = replace(CLIP, moov_at_end=True)
    assert camera.showable is Showable.AS_IS
    assert camera.flags == ("moov_at_end",)


@pytest.mark.parametrize(
    "video",
    [
        replace(VIDEO, codec="hevc"),
        replace(VIDEO, codec="av1"),
        replace(VIDEO, pix_fmt="yuv420p10le", profile="High 10"),
        replace(VIDEO, pix_fmt="yuv422p"),
        replace(VIDEO, level=60),
        replace(VIDEO, level=0),
    ],
    ids=["hevc", "av1", "10 bit", "4:2:2", "level 6", "unknown level"],
)
def test_pictures_that_not_every_browser_decodes_are_encoded_anew(video: StreamFacts) -> None:
    verdict = plan(replace(CLIP, streams=(video, AUDIO)))
    assert verdict.showable is Showable.TRANSCODE
    assert (verdict.video, verdict.audio) == (Treatment.ENCODE, Treatment.ENCODE)


def test_right_codecs_in_another_container_are_only_copied() -> None:
    verdict = plan(replace(CLIP, container="mpegts"))
    assert (verdict.showable, verdict.video, verdict.audio) == (
        Showable.REMUX, Treatment.COPY, Treatment.COPY,
    )  # fmt: skip
    assert verdict.profile == "remux"


@pytest.mark.parametrize("codec", ["pcm_alaw", "mp2", "amr_nb", "opus"])
def test_foreign_sound_is_encoded_beside_a_copied_picture(codec: str) -> None:
    verdict = plan(replace(CLIP, streams=(VIDEO, replace(AUDIO, codec=codec, profile=""))))
    assert (verdict.showable, verdict.video, verdict.audio) == (
        Showable.REMUX, Treatment.COPY, Treatment.ENCODE,
    )  # fmt: skip


def test_he_aac_is_not_taken_for_plain_aac() -> None:
    verdict = plan(replace(CLIP, streams=(VIDEO, replace(AUDIO, profile="HE-AAC"))))
    assert verdict.audio is Treatment.ENCODE


def test_a_silent_clip_gets_no_sound() -> None:
    silent = replace(CLIP, container="mpegts", streams=(VIDEO,))
    assert plan(silent).audio is Treatment.DROP
    assert "no_audio" in silent.flags


def test_a_cut_mp4_is_copied_and_a_cut_stream_is_encoded() -> None:
    assert plan(replace(CLIP, truncated=True)).showable is Showable.REMUX
    assert plan(replace(CLIP, truncated=True, container="mpegts")).showable is Showable.TRANSCODE


def test_damage_is_never_copied() -> None:
    assert plan(replace(CLIP, damaged=True)).showable is Showable.TRANSCODE
    assert plan(replace(CLIP, damaged=True, truncated=True)).showable is Showable.TRANSCODE


def test_sound_alone_is_played_or_encoded() -> None:
    m4a = replace(CLIP, streams=(AUDIO,), original_name="a.m4a")
    assert plan(m4a).showable is Showable.AUDIO
    assert not plan(m4a).needs_proxy
    wav = replace(m4a, container="wav", streams=(replace(AUDIO, codec="pcm_s16le", profile=""),))
    assert plan(wav).showable is Showable.AUDIO
    assert (plan(wav).profile, plan(wav).audio) == ("audio", Treatment.ENCODE)


def test_a_picture_needs_no_proxy_and_its_wrong_name_is_said() -> None:
    picture = MediaFacts(
        container="jpeg", streams=(replace(VIDEO, codec="mjpeg", level=0),), original_name="x.mp4"
    )
    assert plan(picture).showable is Showable.PICTURE
    assert not plan(picture).needs_proxy
    assert picture.flags == ("still", "wrong_name")


def test_a_film_named_as_a_picture_is_said_to_be() -> None:
    assert "wrong_name" in replace(CLIP, original_name="x.jpg").flags


@pytest.mark.parametrize("problem", [p for p in Problem if p])
def test_what_cannot_be_opened_is_flagged_with_its_reason_alone(problem: Problem) -> None:
    facts = MediaFacts(problem=problem, original_name="x.mp4")
    assert facts.showable is Showable.NONE
    assert facts.flags == (problem.value,)


def test_a_container_without_streams_shows_nothing() -> None:
    assert MediaFacts(container="mov").showable is Showable.NONE
    assert plan(MediaFacts(container="mov", streams=(StreamFacts("data", ""),))).showable is (
        Showable.NONE
    )


def test_wide_or_single_keyframes_are_said_unless_damage_made_them_so() -> None:
    assert "long_gop" in replace(CLIP, keyframe_distance_ms=10_000).flags
    assert "long_gop" in replace(CLIP, keyframes=1, keyframe_distance_ms=4000).flags
    assert "long_gop" not in replace(CLIP, keyframes=1, length_ms=900).flags
    assert "long_gop" not in replace(CLIP, keyframe_distance_ms=10_000, damaged=True).flags


def test_every_oddity_has_its_word_in_a_fixed_order() -> None:
    odd = replace(
        CLIP,
        container="mpegts",
        truncated=True,
        variable_rate=True,
        has_gps=True,
        streams=(
            replace(VIDEO, codec="hevc", rotation=90),
            replace(AUDIO, codec="pcm_alaw", profile=""),
        ),
        original_name="17_part_000.ts",
    )
    assert odd.flags == (
        "truncated", "container_mpegts", "codec_hevc", "vfr", "rotated", "audio_alaw", "has_gps",
        "part",
    )  # fmt: skip


words = st.text(max_size=20)
numbers = st.integers(0, 2**40)
streams = st.builds(
    StreamFacts, kind=st.sampled_from(["video", "audio", "data"]), codec=words, tag=words,
    profile=words, level=numbers, pix_fmt=words, width=numbers, height=numbers,
    fps_milli=numbers, rotation=st.sampled_from([0, 90, 180, 270]), sample_rate_hz=numbers,
    channels=numbers, packets=numbers, length_ms=numbers,
)  # fmt: skip
facts = st.builds(
    MediaFacts, container=words, problem=st.sampled_from(Problem), note=words,
    promised_ms=numbers, length_ms=numbers, streams=st.lists(streams, max_size=4).map(tuple),
    keyframes=numbers, keyframe_distance_ms=numbers, moov_at_end=st.booleans(),
    fragmented=st.booleans(), variable_rate=st.booleans(), has_gps=st.booleans(),
    truncated=st.booleans(), damaged=st.booleans(), decode_errors=numbers,
    checked_percent=st.integers(0, 100), original_name=words, creation_time=words,
    timecode=words, location=words, tags=st.dictionaries(words, words, max_size=4),
)  # fmt: skip


@given(facts)
def test_facts_survive_their_json_and_carry_their_verdict(before: MediaFacts) -> None:
    row = json.loads(json.dumps(before.to_json()))
    assert MediaFacts.from_json(row) == before
    assert row["showable"] == before.showable.value
    assert row["flags"] == list(before.flags)


@given(facts)
def test_every_original_gets_exactly_one_verdict_and_a_plan_that_fits(
    any_facts: MediaFacts,
) -> None:
    verdict = plan(any_facts)
    made = verdict.showable in {Showable.REMUX, Showable.TRANSCODE}
    assert verdict.needs_proxy == made or verdict.showable is Showable.AUDIO
    if any_facts.problem:
        assert verdict.showable is Showable.NONE


@pytest.mark.parametrize(
    "row",
    [
        {"length_ms": "4"},
        {"truncated": 1},
        {"streams": 3},
        {"streams": [3]},
        {"streams": [{"kind": "video", "codec": 1}]},
        {"tags": []},
        {"problem": "nonsense"},
    ],
)
def test_json_of_another_shape_is_refused(row: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        MediaFacts.from_json(row)


def test_periods_are_one_film_with_the_length_of_all_and_each_kind_of_stream_once() -> None:
    small = replace(VIDEO, width=640, height=360)
    first = replace(CLIP, streams=(replace(VIDEO, packets=100, fps_milli=25_000), AUDIO))
    again = replace(first, streams=(replace(VIDEO, packets=50, fps_milli=24_900), AUDIO))
    other = replace(CLIP, streams=(small, AUDIO), keyframe_distance_ms=2000, first_look=True)
    film = joined([first, again, other], 9_000)
    assert (film.length_ms, film.promised_ms, film.keyframes) == (9_000, 9_000, 12)
    assert (film.keyframe_distance_ms, film.first_look, film.damaged) == (2000, True, False)
    pictures = [(s.width, s.packets) for s in film.streams if s.kind == "video"]
    assert pictures == [(1920, 150), (640, 0)]
    assert [s.kind for s in film.streams].count("audio") == 1


def test_a_period_that_nobody_can_read_is_damage_and_not_the_verdict_on_the_others() -> None:
    broken = MediaFacts(problem=Problem.DAMAGED, note="no index")
    film = joined([broken, CLIP], 4_000)
    assert (film.problem, film.damaged, film.note) == (Problem.NONE, True, "no index")
    assert plan(film).showable is Showable.TRANSCODE
    # Played from its segments it needs no copy.
    assert plan(replace(film, streamed=True)).profile == "none"
    assert joined([broken, broken], 0).problem is Problem.DAMAGED
