"""SRT: callers of one port, each with the words of its device, and those who have others."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from recorder.adapters.clock import SystemClock
from recorder.commands import doctor
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Form
from recorder.domain.people import OPERATOR
from recorder.live import srt
from recorder.live.door import DoorLimits, LivestreamDoor
from recorder.live.serving import Ports, ingesting
from recorder.live.srt import StreamWords
from recorder.services import live, registry
from recorder.services.live import SrtWords
from tests.support import footage, ingest_process, live_clips
from tests.support.bureau import open_bureau
from tests.support.live_stand import LONG_S, complaints, read_back
from tests.support.stored import Stored
from tests.support.waiting import eventually


@dataclass(slots=True)
class Place:
    """A listening process with two devices."""

    stored: Stored
    port: int
    first: SrtWords
    second: SrtWords

    def url(self, stream_id: str, passphrase: str) -> str:
        words = f"&passphrase={passphrase}" if passphrase else ""
        return f"srt://127.0.0.1:{self.port}?streamid={stream_id}{words}&connect_timeout=3000"


@pytest.fixture
async def place(database_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    async with open_bureau(database_url, tmp_path) as bureau:
        deps = replace(bureau.deps, clock=SystemClock())
        for number in ("TA00716", "TA00717"):
            await registry.add_device(deps, OPERATOR, number=number)
        first, second = [await live.srt_words(deps, each) for each in ("TA00716", "TA00717")]
        ports = Ports("", "", None, "127.0.0.1:0")
        limits = DoorLimits(give_way_s=1.0, lease_wait_s=1.0, ask_again_s=0.0)
        async with ingesting(deps, Path(footage.ffmpeg()), ports, limits) as taken:
            yield Place(Stored(deps), taken["srt"], first, second)


@asynccontextmanager
async def _publishing(url: str, *more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """ffmpeg as a publisher; ended with the block."""
    child = await asyncio.create_subprocess_exec(
        footage.ffmpeg(), *("-nostdin", "-v", "error", *more, "-i", str(live_clips.clip())),
        *("-c", "copy", "-f", "mpegts", "-flush_packets", "1", url),
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _livestreams(place: Place) -> list[LivestreamId]:
    async with place.stored.deps.database.acquire() as connection:
        rows = await connection.fetch("SELECT id FROM livestream ORDER BY id")
    return [LivestreamId(row["id"]) for row in rows]


async def _only(place: Place) -> LivestreamId:
    """The livestream, once there is one."""

    async def there() -> LivestreamId | None:
        found = await _livestreams(place)
        return found[0] if len(found) == 1 else None

    return await eventually(there, within=LONG_S)


async def test_a_device_is_let_in_by_its_own_words_and_comes_back_into_its_livestream(
    place: Place, tmp_path: Path
) -> None:
    url = place.url(place.first.stream_id, place.first.passphrase)
    async with _publishing(url, "-readrate", "2") as child:
        livestream = await _only(place)
        # Somebody with the words of this device, while it sends.
        async with _publishing(url) as second:
            await asyncio.wait_for(second.wait(), LONG_S)
        assert await asyncio.wait_for(child.wait(), LONG_S) == 0
    before = (await place.stored.segments(livestream, 4)).livestream.segments
    async with _publishing(place.url("TA00716", place.first.passphrase), "-readrate", "3"):
        await place.stored.segments(livestream, before + 3)
    assert await _livestreams(place) == [livestream]
    causes = await place.stored.causes(livestream)
    assert causes[0] == "start"
    assert "reconnect" in causes
    view = await place.stored.view(livestream)
    assert (view.livestream.title, view.livestream.form) == ("SRT TA00716", Form.RECEIVED)
    files = await place.stored.files(livestream, tmp_path)
    assert complaints(files[0]) == ""
    # A publisher that ends takes what it has not sent yet with it; what came is in order.
    sent, back = read_back(live_clips.clip()), read_back(files[0])
    sound = [content for _, content in back["audio"]]
    assert sound == [content for _, content in sent["audio"]][: len(sound)]
    assert len(back["video"]) > 60


async def test_whoever_has_other_words_is_refused_before_its_first_byte(place: Place) -> None:
    first, second = place.first, place.second
    wrong = [
        (first.stream_id, second.passphrase),
        (first.stream_id, "0123456789abcdef"),
        (first.stream_id, ""),
        ("#!::u=TA99999", first.passphrase),
        ("#!::u=TA00716,m=request", first.passphrase),
        ("", first.passphrase),
    ]

    async def refused(stream_id: str, passphrase: str) -> int:
        async with _publishing(place.url(stream_id, passphrase)) as child:
            return await asyncio.wait_for(child.wait(), LONG_S)

    codes = await asyncio.gather(*(refused(*each) for each in wrong))
    assert 0 not in codes
    assert await _livestreams(place) == []


async def test_words_are_printed_and_end_with_the_tokens_of_their_device(
    place: Place, database_url: str, tmp_path: Path
) -> None:
    deps = place.stored.deps
    printed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "recorder", "live", "srt", "TA00716"],
        env=ingest_process.environment(database_url, tmp_path),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    words = {"stream_id": "#!::u=TA00716", "passphrase": place.first.passphrase}
    assert json.loads(printed.stdout) == words
    device = await registry.device_by_number(deps, OPERATOR, "TA00716")
    url = place.url(place.first.stream_id, place.first.passphrase)
    async with _publishing(url, "-readrate", "1", "-stream_loop", "-1") as child:
        await place.stored.segments(await _only(place), 1)
        await registry.revoke_device_tokens(deps, OPERATOR, device=device.id, reason="lost")
        # Who is in is sent away.
        assert await asyncio.wait_for(child.wait(), LONG_S) != 0
    assert set(await live.all_srt_words(deps)) == {"TA00717"}
    assert place.first.passphrase != place.second.passphrase
    assert place.first.passphrase not in repr(place.first)


async def test_without_the_library_nothing_listens_and_nothing_fails(place: Place) -> None:
    deps = place.stored.deps
    door = LivestreamDoor(deps, Path(footage.ffmpeg()))
    async with srt.listening(None, deps, door, "127.0.0.1", 0) as port:
        assert port is None
    assert doctor.srt_finding(is_there=False).state == "failing"
    assert "libsrt" in doctor.srt_finding(is_there=False).advice


def test_what_a_caller_says_is_taken_apart() -> None:
    one = "01999999-0000-7000-8000-000000000000"
    assert StreamWords.parse("TA1") == StreamWords("TA1", None)
    assert StreamWords.parse("#!::u=TA1,m=publish") == StreamWords("TA1", None)
    found = StreamWords.parse(f"#!::r={one},u=TA1")
    assert found is not None
    assert str(found.livestream) == one
    for text in ("", "#!::", "#!::u=", "#!::u=TA1,m=request", "#!::u=TA1,r=x", "#!::m=publish"):
        assert StreamWords.parse(text) is None
