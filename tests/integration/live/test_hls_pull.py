"""Playlists that we follow: each segment once, what is lost is told, and where we do not go."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from recorder.domain.source_address import Reach, SourceAddress
from recorder.live import fetching
from recorder.live.fetching import FetchError, Trouble
from recorder.live.hls import client, web
from recorder.live.hls.playlist import Place
from tests.support import hls_source
from tests.support.hls_source import HlsSource
from tests.support.live_stand import LONG_S, complaints, read_back
from tests.support.pulled import Pulled, command_lines, pulling
from tests.support.waiting import eventually
from tests.torture.database import DatabaseProxy
from tests.torture.schedule import ERROR, Director, Fault


@pytest.fixture
async def source() -> AsyncIterator[HlsSource]:
    async with hls_source.source() as found:
        yield found


@pytest.fixture
async def pulled(database_url: str, tmp_path: Path) -> AsyncIterator[Pulled]:
    async with pulling(database_url, tmp_path) as place:
        yield place


async def test_each_segment_is_taken_once_and_what_is_lost_or_does_not_join_begins_a_period(
    source: HlsSource, pulled: Pulled, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clip, other = hls_source.segments(), hls_source.segments("bframes")
    for number, file in enumerate(clip[:3]):
        # Said once, it holds for what joins.
        said = ["#EXT-X-PROGRAM-DATE-TIME:2026-03-02T16:00:00.250+08:00"] if not number else []
        source.add(file, *said)
    pulled.puller.start()
    livestream = await pulled.open(source.url)
    await eventually(lambda: source.asked[clip[2].name] > 0, within=LONG_S)
    seen = command_lines()
    # Another process goes on behind the bookmark of this one.
    await pulled.begin_anew()
    source.add(clip[3], is_there=False)
    source.add(clip[4])
    source.add(other[0], "#EXT-X-DISCONTINUITY")
    source.add(other[1])
    source.end()
    await pulled.trouble(livestream, "ended")
    await pulled.close(livestream)
    assert await pulled.causes(livestream) == ["start", "media_lost", "discontinuity"]
    times = await pulled.device_times(livestream)
    begun = datetime(2026, 3, 2, 8, 0, 0, 250_000, tzinfo=UTC)
    # Within a picture: segments are listed with whole seconds, and begin where pictures do.
    for at, n in zip(times[:3], range(3), strict=True):
        assert at is not None
        assert abs(at - begun - timedelta(seconds=n)) < timedelta(milliseconds=50)
    # Behind the discontinuity nothing was said.
    assert times[-1] is None
    for file in (*clip[:3], clip[4], *other[:2]):
        assert source.asked[file.name] == 1
    assert source.asked["low.m3u8"] == 0
    files = await pulled.files(livestream, tmp_path)
    for file, sent in zip(files, (clip[:3], clip[4:5], other[:2]), strict=True):
        assert complaints(file) == ""
        back = read_back(file)
        for kind, frames in hls_source.frames(sent, tmp_path).items():
            assert [content for _, content in back[kind]] == frames, (file, kind)
    told = "\n".join([seen, await pulled.rows(), *(str(each.__dict__) for each in caplog.records)])
    for secret in ("s3cr3t", "k3y", "token=abc"):
        assert secret not in told


async def test_fragmented_mp4_is_taken_in_files_and_in_parts_of_files_with_each_description(
    source: HlsSource, pulled: Pulled, tmp_path: Path
) -> None:
    init, clip = hls_source.movie()
    other_init, other = hls_source.movie("hevc")
    whole, lines = hls_source.whole_movie()
    source.files |= {"a.mp4": init.read_bytes(), "b.mp4": other_init.read_bytes()}
    source.lines = ['#EXT-X-MAP:URI="a.mp4"']
    for number, file in enumerate(clip[:5]):
        source.add(file, is_there=number != 3)
    # Who begins anew may have put another description at the same place.
    source.add(clip[5], "#EXT-X-DISCONTINUITY")
    # Another description begins another period, whether or not its list says that it does.
    source.add(other[0], '#EXT-X-MAP:URI="b.mp4"')
    source.add(other[1])
    source.files[whole.name] = whole.read_bytes()
    source.lines += ["#EXT-X-DISCONTINUITY", *lines]
    source.end()
    pulled.puller.start()
    livestream = await pulled.open(source.url)
    await pulled.trouble(livestream, "ended")
    await pulled.close(livestream)
    causes = ["start", "media_lost", "discontinuity", "codec_change", "discontinuity"]
    assert await pulled.causes(livestream) == causes
    files = await pulled.files(livestream, tmp_path)
    sent = (
        *([init, *clip[:3]], [init, clip[4]], [init, clip[5]]),
        *([other_init, *other[:2]], [whole]),
    )
    for file, parts in zip(files, sent, strict=True):
        assert complaints(file) == ""
        back = read_back(file)
        movie = tmp_path / "sent.mp4"
        movie.write_bytes(b"".join(part.read_bytes() for part in parts))
        for kind, frames in read_back(movie).items():
            assert frames, kind
            assert [content for _, content in back[kind]] == [each for _, each in frames], kind
    listed = [line for line in lines if not line.startswith("#")]
    assert source.asked[whole.name] == len(listed) + 1
    assert [source.asked[name] for name in ("a.mp4", "b.mp4")] == [2, 1]


async def test_a_bookmark_that_may_not_have_been_written_is_written_again_and_nothing_is_lost(
    database_url: str, source: HlsSource, tmp_path: Path
) -> None:
    for file in hls_source.segments():
        source.add(file)
    source.end()
    port = urlsplit(database_url).port
    assert port is not None
    director = Director(lambda _: None)
    director.load(
        Fault("db.pull_marked", n, when, ERROR) for n, when in ((2, "after"), (4, "before"))
    )
    async with (
        DatabaseProxy(port, director) as proxy,
        pulling(proxy.instead_of(database_url), tmp_path) as pulled,
    ):
        pulled.puller.start()
        livestream = await pulled.open(source.url)
        await pulled.trouble(livestream, "ended")
        assert director.clear() == []
        await pulled.close(livestream)
        assert await pulled.causes(livestream) == ["start"]
        (file,) = await pulled.files(livestream, tmp_path)
    back = read_back(file)
    for kind, frames in hls_source.frames(hls_source.segments(), tmp_path).items():
        assert [content for _, content in back[kind]] == frames, kind


async def test_a_part_is_a_part_also_of_a_server_that_gives_the_whole(source: HlsSource) -> None:
    source.files["x"] = bytes(range(200)) * 4000
    place = source.url.replace("main.m3u8", "x")
    async with web.reaching(SourceAddress.parse(place), Reach.parse("127.0.0.0/8")) as got:
        for source.gives_whole in (False, True):
            for begins, length in ((0, 7), (400_123, 300_000), (799_999, 1)):
                found = await got.get(Place(place, (begins, length)), 1 << 20)
                assert found.content == source.files["x"][begins : begins + length]
            with pytest.raises(FetchError):
                await got.get(Place(place, (799_999, 2)), 1 << 20)
        source.gives_whole = False
        with pytest.raises(FetchError) as refused:
            await got.get(Place(place, (800_000, 1)), 1 << 20)
        assert refused.value.trouble is Trouble.REFUSED
        with pytest.raises(FetchError):
            await got.get(Place(place, (0, 1 << 30)), 1 << 20)


async def _trouble(url: str, reach: str = "127.0.0.0/8") -> Trouble:
    class Inlet:
        text: str | None = None

        def take_tag(self, *_: object) -> None: ...

        def break_off(self, *_: object) -> None: ...

        def tell_time(self, *_: object) -> None: ...

        def tell_clock(self, *_: object) -> None: ...

        def leave_out(self, *_: object) -> None: ...

        async def note(self, text: str) -> None: ...

        async def miss_sound(self) -> None: ...

    async def admit(_: object) -> fetching.Inlet:
        return Inlet()

    with pytest.raises(FetchError) as ended:
        await client.fetch(
            SourceAddress.parse(url), Reach.parse(reach), admit, lambda: datetime.now(UTC), Inlet()
        )
    return ended.value.trouble


async def test_what_keeps_a_playlist_from_being_followed_has_a_name(source: HlsSource) -> None:
    assert await _trouble(source.url.replace("guard", "other")) is Trouble.UNAUTHORISED
    assert await _trouble(source.url.replace("main", "none")) is Trouble.REFUSED
    assert await _trouble(source.url, "") is Trouble.FORBIDDEN
    assert await _trouble("http://no-such-host.invalid/x") is Trouble.UNREACHABLE
    assert await _trouble(source.url.replace("main.m3u8", "moved")) is Trouble.FORBIDDEN
    source.files["page"] = b"<html>"
    assert await _trouble(source.url.replace("main.m3u8", "page")) is Trouble.BROKEN
    source.lines = ['#EXT-X-KEY:METHOD=AES-128,URI="x"', "#EXTINF:1,", "x.ts"]
    assert await _trouble(source.url) is Trouble.ENCRYPTED
    init = hls_source.movie()[0].read_bytes()
    for content, trouble in (
        (init.replace(b"avc1", b"encv").replace(b"mp4a", b"enca"), Trouble.ENCRYPTED),
        (init.replace(b"avc1", b"av01").replace(b"mp4a", b"Opus"), Trouble.NOTHING_RECORDABLE),
        (b"no movie", Trouble.NOTHING_RECORDABLE),
    ):
        source.files["x"] = content
        source.lines = ['#EXT-X-MAP:URI="x"', "#EXTINF:1,", "y"]
        assert await _trouble(source.url) is trouble


@pytest.mark.parametrize(
    ("place", "trouble"),
    [
        ("http://169.254.169.254/latest", Trouble.FORBIDDEN),
        ("http://[::1]/x.ts", Trouble.FORBIDDEN),
        ("moved", Trouble.FORBIDDEN),
        ("file:///etc/passwd", Trouble.ENDED),
        ("http://localhost:1/x.ts", Trouble.ENDED),
    ],
)
async def test_segments_lead_nowhere_that_the_address_itself_may_not(
    source: HlsSource, place: str, trouble: Trouble
) -> None:
    for lines in (["#EXTINF:1,", place], [f'#EXT-X-MAP:URI="{place}"', "#EXTINF:1,", "x.m4s"]):
        source.lines = [*lines, "#EXT-X-ENDLIST"]
        assert await _trouble(source.url, "127.0.0.0/8") is trouble


async def test_a_name_that_means_a_closed_number_is_not_connected_to(source: HlsSource) -> None:
    # ``localhost`` is looked at when it is connected to, and not before.
    url = source.url.replace("127.0.0.1", "localhost")
    assert await _trouble(url, "10.0.0.0/8") is Trouble.FORBIDDEN
    assert source.asked == {}
