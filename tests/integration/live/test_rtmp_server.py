from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import subprocess
from pathlib import Path

import pytest

from recorder.live.renewal import renewed
from recorder.live.rtmp.chunks import Message, written
from recorder.live.rtmp.reception import Farewell
from recorder.live.rtmp.server import ServerLimits
from tests.support import certificates, footage, live_clips
from tests.support.certificates import Certificate
from tests.support.rtmp_door import Doorway, doorway
from tests.support.rtmp_peer import RtmpPeer, media
from tests.support.waiting import eventually

PICTURE = Message(9, 1, 0, b"\x17\x01\0\0\0picture")
LONG_S = 60.0


async def is_served(place: Doorway) -> None:
    """A new publisher comes through from end to end."""
    peer = await place.publishing()
    kept = place.door.receptions[-1]
    await peer.send(PICTURE)
    await eventually(lambda: kept.messages == [PICTURE], within=LONG_S)
    peer.kill()
    await asyncio.wait_for(kept.gone.wait(), LONG_S)


async def ffmpeg(*arguments: str) -> tuple[int, str]:
    child = await asyncio.create_subprocess_exec(
        footage.ffmpeg(), "-nostdin", "-hide_banner", "-v", "error", *arguments,
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    _, complaints = await asyncio.wait_for(child.communicate(), LONG_S)
    return child.returncode or 0, complaints.decode()


@pytest.mark.parametrize("size", [128, 4096, 1 << 20])
async def test_every_message_arrives_as_it_was_sent_at_any_chunk_size(size: int) -> None:
    sent = list(media(live_clips.clip().read_bytes()))
    async with doorway("right") as place:
        peer = await place.publishing()
        await peer.set_chunk_size(size)
        await peer.send(*sent)
        await peer.command("deleteStream", 6.0, None, 1.0)
        kept = place.door.receptions[0]
        await asyncio.wait_for(kept.gone.wait(), LONG_S)
        assert kept.messages == sent
        assert kept.farewells == [Farewell.UNPUBLISHED]


@pytest.mark.parametrize("codec", ["h264", "bframes", "hevc"])
async def test_what_ffmpeg_publishes_is_what_it_writes_to_a_file(
    codec: str, tmp_path: Path
) -> None:
    copy = ["-i", str(live_clips.clip(codec)), "-c", "copy", "-f", "flv"]
    written_file = tmp_path / "same.flv"
    live_clips.run([*copy, "-flvflags", "no_duration_filesize", str(written_file)])
    async with doorway("right") as place:
        code, complaints = await ffmpeg(*copy, f"rtmp://127.0.0.1:{place.port}/live/right")
        assert (code, complaints) == (0, "")
        kept = place.door.receptions[0]
        await asyncio.wait_for(kept.gone.wait(), LONG_S)
        assert kept.farewells == [Farewell.UNPUBLISHED]
        wanted = list(media(written_file.read_bytes()))
        for kind in (8, 9):
            assert kept.of(kind) == [m for m in wanted if m.kind == kind]


async def test_a_publisher_comes_over_tls(certificate: Certificate) -> None:
    async with doorway("right", tls=certificate.server()) as place:
        code, complaints = await ffmpeg(
            "-i", str(live_clips.clip()), "-c", "copy", "-f", "flv", "-tls_verify", "1",
            "-ca_file", str(certificate.path), f"rtmps://localhost:{place.port}/live/right",
        )  # fmt: skip
        assert (code, complaints) == (0, "")
        await asyncio.wait_for(place.door.receptions[0].gone.wait(), LONG_S)
        assert place.door.receptions[0].peer.encrypted
        assert len(place.door.receptions[0].of(9)) > 180


async def test_a_certificate_that_is_renewed_is_shown_to_the_next_and_breaks_no_stream(
    certificate: Certificate, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, shown = certificate.path, certificate.server()
    before = ssl.create_default_context(cafile=str(path))
    other = certificates.make(tmp_path / "other.pem").path.read_bytes()
    async with renewed(shown, path, path, 0.05), doorway("right", tls=shown) as place:
        running = await place.greeted(before)
        assert await running.publish("right") == "NetStream.Publish.Start"
        path.write_bytes(other[:100])  # Half of it so far: the former one stays.
        await eventually(lambda: "certificate is not taken" in caplog.text, within=LONG_S)
        assert await (await place.greeted(before)).publish("right") == "NetStream.Publish.Start"
        path.write_bytes(other)
        after = ssl.create_default_context(cafile=str(path))

        async def is_shown() -> RtmpPeer | None:
            with contextlib.suppress(ssl.SSLError):
                return await place.greeted(after)
            return None

        newer: RtmpPeer = await eventually(is_shown, within=LONG_S)
        assert await newer.publish("wrong") == "NetStream.Publish.BadName"
        await running.send(PICTURE)
        await eventually(lambda: place.door.receptions[0].messages == [PICTURE], within=LONG_S)


async def test_plain_rtmp_on_the_tls_port_harms_nobody(certificate: Certificate) -> None:
    async with doorway("right", tls=certificate.server()) as place:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await place.greeted()
        trust = ssl.create_default_context(cafile=str(certificate.path))
        trust.check_hostname = False
        peer = await place.greeted(trust)
        assert await peer.publish("right") == "NetStream.Publish.Start"
        peer.kill()
        await asyncio.wait_for(place.door.receptions[0].gone.wait(), LONG_S)


@pytest.mark.parametrize(("app", "key"), [("live", "wrong"), ("other", "right"), ("live", "")])
async def test_a_wrong_key_is_told_so_and_sent_away_before_a_byte_of_media(
    app: str, key: str
) -> None:
    async with doorway("right") as place:
        peer = await place.greeted()
        assert await peer.publish(key, app) == "NetStream.Publish.BadName"
        assert await peer.closed()
        assert place.door.receptions == []
        await is_served(place)


async def test_ffmpeg_with_a_wrong_key_fails_and_says_why() -> None:
    async with doorway("right") as place:
        code, complaints = await ffmpeg(
            "-i", str(live_clips.clip()), "-c", "copy", "-f", "flv",
            f"rtmp://127.0.0.1:{place.port}/live/wrong",
        )  # fmt: skip
        assert code != 0
        assert "Not a key of ours" in complaints
        assert place.door.receptions == []


async def test_ffmpeg_is_greeted_with_a_signature_that_it_checks_and_nothing_is_played() -> None:
    async with doorway("right") as place:
        code, complaints = await ffmpeg(
            "-i", f"rtmp://127.0.0.1:{place.port}/live/right", "-f", "null", "-"
        )
        assert code != 0
        assert "Nothing is played here" in complaints
        assert "validating failed" not in complaints


async def test_media_sent_while_the_door_hesitates_waits_and_is_not_lost() -> None:
    async with doorway("right") as place:
        place.door.open.clear()
        peer = await place.greeted()
        await peer.command("connect", 1.0, {"app": "live"})
        await peer.command("publish", 5.0, None, "right", "live", stream=1)
        await peer.send(PICTURE, PICTURE)
        await eventually(lambda: place.door.requests, within=LONG_S)
        assert place.door.receptions == []
        place.door.open.set()
        await eventually(
            lambda: place.door.receptions and len(place.door.receptions[0].messages) == 2,
            within=LONG_S,
        )


async def test_a_killed_publisher_is_a_lost_connection() -> None:
    async with doorway("right") as place:
        peer = await place.publishing()
        await peer.send(PICTURE)
        peer.kill()
        await asyncio.wait_for(place.door.receptions[0].gone.wait(), LONG_S)
        assert place.door.receptions[0].farewells == [Farewell.CONNECTION_LOST]


async def test_garbage_of_every_kind_ends_its_own_connection_and_harms_no_other() -> None:
    noise = random.Random(5)
    async with doorway("right") as place:
        honest = await place.publishing()
        rubbish = [
            noise.randbytes(5000),
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x03" + noise.randbytes(3072) + noise.randbytes(20_000),
            b"\x03" + bytes(3072) + written(Message(20, 0, 0, b"\x0a\0\0\0\x01" * 8000), 3),
            b"\x03" + bytes(3072) + b"\x06\0\0\0\xff\xff\xff\x09\x01\0\0\0",
        ]
        for garbage in rubbish:
            reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
            writer.write(garbage)
            await asyncio.wait_for(_ended(reader), LONG_S)
            writer.close()
        await honest.send(PICTURE)
        await eventually(lambda: place.door.receptions[0].messages == [PICTURE], within=LONG_S)


async def _ended(reader: asyncio.StreamReader) -> None:
    try:
        while await reader.read(1 << 16):
            pass
    except ConnectionError:
        return


async def test_a_publisher_that_turns_to_garbage_keeps_what_it_sent_before() -> None:
    async with doorway("right") as place:
        peer = await place.publishing()
        await peer.send(PICTURE)
        await peer.raw(b"\xc5" * 100)
        await asyncio.wait_for(place.door.receptions[0].gone.wait(), LONG_S)
        assert place.door.receptions[0].messages == [PICTURE]
        assert place.door.receptions[0].farewells == [Farewell.VIOLATION]
        await is_served(place)


async def test_who_takes_too_long_to_publish_is_sent_away() -> None:
    async with doorway("right", limits=ServerLimits(to_publish_s=0.3)) as place:
        silent = await asyncio.open_connection("127.0.0.1", place.port)
        # On a slow machine its patience may end before the handshake does.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            slow = await place.greeted()
            await slow.command("connect", 1.0, {"app": "live"})
            await asyncio.wait_for(slow.closed(), LONG_S)
        await asyncio.wait_for(_ended(silent[0]), LONG_S)
        assert place.door.requests == []
        silent[1].close()


async def test_a_publisher_that_falls_silent_is_let_go() -> None:
    async with doorway("right", limits=ServerLimits(silence_s=0.3)) as place:
        peer = await place.publishing()
        await asyncio.wait_for(place.door.receptions[0].gone.wait(), LONG_S)
        assert place.door.receptions[0].farewells == [Farewell.SILENT]
        await peer.close()


async def test_the_oldest_stranger_makes_room_and_publishers_stay() -> None:
    async with doorway("right", limits=ServerLimits(most_strangers=3)) as place:
        honest = await place.publishing()
        strangers = [await asyncio.open_connection("127.0.0.1", place.port) for _ in range(6)]
        for reader, _ in strangers[:3]:
            await asyncio.wait_for(_ended(reader), LONG_S)
        await is_served(place)
        await honest.send(PICTURE)
        await eventually(lambda: place.door.receptions[0].messages == [PICTURE], within=LONG_S)
        for _, writer in strangers:
            writer.close()


async def test_whoever_floods_the_port_makes_room_for_those_who_come_one_by_one() -> None:
    async with doorway("right", limits=ServerLimits(most_strangers=4)) as place:
        honest = await place.greeted()
        flood = [
            await asyncio.open_connection("127.0.0.1", place.port, local_addr=("127.0.0.2", 0))
            for _ in range(12)
        ]
        for reader, _ in flood[:8]:
            await asyncio.wait_for(_ended(reader), LONG_S)
        assert await honest.publish("right") == "NetStream.Publish.Start"
        for _, writer in flood:
            writer.close()


async def test_handshakes_of_tls_that_never_end_are_counted_and_keep_nobody_out(
    certificate: Certificate,
) -> None:
    limits = ServerLimits(most_strangers=3, to_publish_s=10 * LONG_S)
    trust = ssl.create_default_context(cafile=str(certificate.path))
    trust.check_hostname = False
    async with doorway("right", tls=certificate.server(), limits=limits) as place:
        silent = [await asyncio.open_connection("127.0.0.1", place.port) for _ in range(8)]
        for reader, _ in silent[:5]:
            await asyncio.wait_for(_ended(reader), LONG_S)
        peer = await place.greeted(trust)
        assert await peer.publish("right") == "NetStream.Publish.Start"
        for _, writer in silent:
            writer.close()


async def test_no_more_publishers_than_there_is_room_for() -> None:
    async with doorway("right", limits=ServerLimits(most_publishers=1)) as place:
        await place.publishing()
        second = await place.greeted()
        assert await second.publish("right") == "NetStream.Publish.Failed"
        assert len(place.door.receptions) == 1


async def test_a_paused_publisher_loses_nothing() -> None:
    sent = list(media(live_clips.clip().read_bytes()))
    async with doorway("right") as place:
        peer = await place.publishing()
        kept = place.door.receptions[0]
        kept.peer.pause()
        sending = asyncio.create_task(peer.send(*sent, *sent, *sent))
        kept.peer.resume()
        await asyncio.wait_for(sending, LONG_S)
        await eventually(lambda: len(kept.messages) == 3 * len(sent), within=LONG_S)
        assert kept.messages == [*sent, *sent, *sent]


async def test_the_end_of_the_service_is_told_to_every_reception() -> None:
    async with doorway("right") as place:
        peer = await place.publishing()
    assert place.door.receptions[0].farewells == [Farewell.SHUTDOWN]
    assert await peer.closed()
