"""Playlists whose sound is listed apart: ffmpeg's own, whole, growing, damaged, locked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest

from recorder.domain.ids import LivestreamId
from recorder.services import live
from tests.support import hls_source, live_clips
from tests.support.hls_source import HlsSource
from tests.support.live_stand import LONG_S, complaints
from tests.support.pulled import Pulled, pulling
from tests.support.waiting import eventually

PICTURES, SOUND = "0.m3u8", "1.m3u8"


@pytest.fixture
async def source() -> AsyncIterator[HlsSource]:
    async with hls_source.source() as found:
        yield found


@pytest.fixture
async def pulled(database_url: str, tmp_path: Path) -> AsyncIterator[Pulled]:
    async with pulling(database_url, tmp_path) as place:
        yield place


def serve(source: HlsSource, place: Path) -> None:
    """Everything that ffmpeg wrote there."""
    source.files |= {file.name: file.read_bytes() for file in place.iterdir() if file.is_file()}


def list_so_far(source: HlsSource, place: Path, name: str, segments: int) -> None:
    """What that playlist was when it held so many segments."""
    lines = [line for line in (place / name).read_text().splitlines() if "ENDLIST" not in line]
    places = [n for n, line in enumerate(lines) if not line.startswith("#")]
    source.files[name] = "\n".join(lines[: places[segments - 1] + 1]).encode()


def offset_ms(file: Path) -> float:
    """How much later the sound is shown than the pictures."""
    with av.open(str(file)) as container:
        begins: dict[str, float] = {}
        for packet in container.demux():
            if packet.pts is not None and packet.time_base is not None:
                at = float(packet.pts * packet.time_base * 1000)
                begins[packet.stream.type] = min(at, begins.get(packet.stream.type, at))
    return begins["audio"] - begins["video"]


async def closed(pulled: Pulled, livestream: LivestreamId) -> tuple[str, ...]:
    """The flags of its recording, when that is made."""
    await pulled.close(livestream)
    async with pulled.deps.database.acquire() as connection:
        flags: list[str] = await connection.fetchval("SELECT flags FROM recording")
    return tuple(flags)


@pytest.mark.parametrize(
    ("codec", "is_movie"), [("h264", False), ("h264", True), ("bframes", False), ("bframes", True)]
)
async def test_sound_that_is_listed_apart_is_put_beside_its_pictures(
    source: HlsSource, pulled: Pulled, tmp_path: Path, codec: str, is_movie: bool
) -> None:
    place = hls_source.apart(codec, is_movie=is_movie)
    serve(source, place)
    pulled.puller.start()
    livestream = await pulled.open(source.url)
    await pulled.trouble(livestream, "ended")
    assert await closed(pulled, livestream) == ()
    assert await pulled.causes(livestream) == ["start"]
    (file,) = await pulled.files(livestream, tmp_path)
    assert complaints(file) == ""
    assert hls_source.frames_in(file) == hls_source.frames_apart(place, tmp_path)
    assert abs(offset_ms(file) - offset_ms(live_clips.clip(codec))) <= 25
    segments = [name for name in source.files if name.endswith((".ts", ".m4s"))]
    assert {source.asked[name] for name in segments} == {1}
    # Each of our segments holds both: nothing waits for the end.
    async with pulled.deps.database.acquire() as connection:
        lengths = await connection.fetch(
            "SELECT duration_us FROM livestream_segment WHERE number > 0 ORDER BY number"
        )
    assert max(row["duration_us"] for row in lengths) < 2_500_000


async def test_sound_that_comes_later_than_its_pictures_or_with_another_process_is_taken_once(
    source: HlsSource, pulled: Pulled, tmp_path: Path
) -> None:
    place = hls_source.apart()
    serve(source, place)
    list_so_far(source, place, PICTURES, 3)
    list_so_far(source, place, SOUND, 1)
    pulled.puller.start()
    livestream = await pulled.open(source.url)
    await eventually(lambda: source.asked[SOUND] > 1, within=LONG_S)
    list_so_far(source, place, SOUND, 3)
    await eventually(lambda: source.asked["h264-0-2.ts"] > 0, within=LONG_S)
    await eventually(lambda: source.asked["h264-1-2.ts"] > 0, within=LONG_S)
    await pulled.begin_anew()
    serve(source, place)
    await pulled.trouble(livestream, "ended")
    assert await closed(pulled, livestream) == ("live_gaps",)
    assert await pulled.causes(livestream) == ["start", "reconnect"]
    files = await pulled.files(livestream, tmp_path)
    for kind, wanted in hls_source.frames_apart(place, tmp_path).items():
        assert [each for file in files for each in hls_source.frames_in(file)[kind]] == wanted, kind


@pytest.mark.parametrize("is_listed", [True, False])
async def test_sound_that_is_listed_while_the_pictures_are_begun_is_not_missed(
    source: HlsSource, pulled: Pulled, tmp_path: Path, is_listed: bool
) -> None:
    place = hls_source.apart()
    serve(source, place)
    list_so_far(source, place, PICTURES, 1)
    list_so_far(source, place, SOUND, 3)
    source.becomes[PICTURES] = SOUND, source.files[SOUND]
    list_so_far(source, place, SOUND, 1)
    if not is_listed:
        source.files[SOUND] = b"\n".join(source.files[SOUND].splitlines()[:-2])
    pulled.puller.start()
    livestream = await pulled.open(source.url)
    await eventually(lambda: source.asked["h264-1-0.ts"] > 0, within=LONG_S)
    serve(source, place)
    await pulled.trouble(livestream, "ended")
    assert await closed(pulled, livestream) == ()
    (file,) = await pulled.files(livestream, tmp_path)
    assert hls_source.frames_in(file) == hls_source.frames_apart(place, tmp_path)


async def test_sound_that_is_lost_begins_a_period_and_pictures_and_the_rest_of_it_are_there(
    source: HlsSource, pulled: Pulled, tmp_path: Path
) -> None:
    place = hls_source.apart()
    serve(source, place)
    del source.files["h264-1-2.ts"]
    pulled.puller.start()
    livestream = await pulled.open(source.url)
    await pulled.trouble(livestream, "ended")
    await pulled.close(livestream)
    assert await pulled.causes(livestream) == ["start", "media_lost"]
    files = await pulled.files(livestream, tmp_path)
    for file in files:
        assert complaints(file) == ""
    for kind, wanted in hls_source.frames_apart(place, tmp_path, but="h264-1-2.ts").items():
        assert [each for file in files for each in hls_source.frames_in(file)[kind]] == wanted, kind


async def test_sound_that_cannot_be_taken_leaves_the_pictures_and_people_are_told(
    source: HlsSource, pulled: Pulled, tmp_path: Path
) -> None:
    place = hls_source.apart()
    serve(source, place)
    key = b'#EXT-X-KEY:METHOD=AES-128,URI="key"\n#EXTINF'
    source.files[SOUND] = source.files[SOUND].replace(b"#EXTINF", key, 1)
    pulled.puller.start()
    livestream = await pulled.open(source.url)
    await pulled.trouble(livestream, "ended")
    seen = await live.sight(pulled.deps, pulled.actor, livestream)
    assert "sound_missing" in [caution.code for caution in seen.cautions]
    assert await closed(pulled, livestream) == ("sound_missing",)
    (file,) = await pulled.files(livestream, tmp_path)
    assert hls_source.frames_in(file) == {
        "video": hls_source.frames_apart(place, tmp_path)["video"],
        "audio": [],
    }


async def test_what_the_source_offers_besides_is_named(source: HlsSource, pulled: Pulled) -> None:
    serve(source, hls_source.apart())
    other = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="group_sound",NAME="粤语",LANGUAGE="yue",URI="{}"\n'
    angle = '#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="rooms",NAME="Door",URI="2.m3u8"\n'
    listed = source.files["main.m3u8"].decode()
    assert 'GROUP-ID="group_sound"' in listed
    listed = listed.replace("#EXT-X-STREAM-INF:", f'{angle}#EXT-X-STREAM-INF:VIDEO="rooms",')
    source.files["main.m3u8"] = (listed + other.format("3.m3u8")).encode()
    pulled.puller.start()
    livestream = await pulled.open(source.url)
    await pulled.trouble(livestream, "ended")
    seen = await live.sight(pulled.deps, pulled.actor, livestream)
    assert ("tracks_left_out", 2) in [(caution.code, caution.value) for caution in seen.cautions]
    events = await live.livestream_events(pulled.deps, pulled.actor, livestream, 50)
    named = [event for event in events if event.name == "LivestreamTracksLeftOut"]
    assert [event.facts["tracks"] for event in named] == [["audio yue 粤语", "video Door"]]
    assert await closed(pulled, livestream) == ("tracks_left_out",)


async def test_discontinuities_are_crossed_by_pictures_and_sound_together(
    source: HlsSource, pulled: Pulled, tmp_path: Path
) -> None:
    places = [hls_source.apart(codec) for codec in ("h264", "bframes")]
    for place in places:
        serve(source, place)
    for name in (PICTURES, SOUND):
        first, second = ((place / name).read_text().splitlines() for place in places)
        begin = next(n for n, line in enumerate(second) if line.startswith("#EXTINF"))
        joined = [*first[: first.index("#EXT-X-ENDLIST")], "#EXT-X-DISCONTINUITY", *second[begin:]]
        source.files[name] = "\n".join(joined).encode()
    pulled.puller.start()
    livestream = await pulled.open(source.url)
    await pulled.trouble(livestream, "ended")
    await pulled.close(livestream)
    assert await pulled.causes(livestream) == ["start", "discontinuity"]
    files = await pulled.files(livestream, tmp_path)
    for file, place in zip(files, places, strict=True):
        assert complaints(file) == ""
        assert hls_source.frames_in(file) == hls_source.frames_apart(place, tmp_path), place
