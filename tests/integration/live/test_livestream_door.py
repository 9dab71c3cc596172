"""Publishers with a real database and store behind them: what they send becomes a livestream."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from recorder.adapters.clock import SystemClock
from recorder.adapters.objects import Bucket
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Form, Livestream, LivestreamState
from recorder.domain.people import EVERYTHING, OPERATOR, SERVICE, Actor, Role
from recorder.live.door import DoorLimits
from recorder.live.flv import Track as Kind
from recorder.live.serving import Ports, ingesting
from recorder.runtime import Deps
from recorder.services import accounts, audit, live, registry
from recorder.store import livestream_segments, livestreams
from tests.support import footage, live_clips, people, rtmp_peer
from tests.support.bureau import open_bureau
from tests.support.live_stand import LONG_S, clip, complaints, frames, moved, read_back
from tests.support.rtmp_peer import RtmpPeer
from tests.support.waiting import eventually


@dataclass(slots=True)
class Ingest:
    """A running ingest with a device's token."""

    deps: Deps
    port: int
    token: str
    peers: list[RtmpPeer]

    async def publishing(self, key: str = "") -> RtmpPeer:
        peer = await self.asking()
        assert await peer.publish(key or self.token) == "NetStream.Publish.Start"
        await peer.set_chunk_size(4096)
        return peer

    async def asking(self) -> RtmpPeer:
        peer = await rtmp_peer.greeted(self.port)
        self.peers.append(peer)
        return peer

    async def livestreams(self) -> list[Livestream]:
        async with self.deps.database.acquire() as connection:
            rows = await connection.fetch("SELECT id FROM livestream ORDER BY id")
            found = [await self.find(LivestreamId(row["id"])) for row in rows]
        return found

    async def find(self, livestream: LivestreamId) -> Livestream:
        async with self.deps.database.acquire() as connection:
            found = await livestreams.find(connection, livestream, EVERYTHING)
        assert found is not None
        return found

    async def stored(self, count: int) -> Livestream:
        """The only livestream, once it has so many segments and nobody receives it."""

        async def there() -> Livestream | None:
            found = await self.livestreams()
            if not found or found[0].segments < count or found[0].holder is not None:
                return None
            return found[0]

        return await eventually(there, within=LONG_S)

    async def files(self, livestream: LivestreamId, folder: Path) -> list[Path]:
        """Each period as one file, from the store."""
        async with self.deps.database.acquire() as connection:
            rows = await connection.fetch(
                "SELECT period, object_key, version FROM livestream_segment"
                " WHERE livestream_id = $1 AND state = 'stored' ORDER BY period, number < 0 DESC,"
                " number",
                livestream,
            )
        files: dict[int, Path] = {}
        for row in rows:
            file = files.setdefault(row["period"], folder / f"stored-{row['period']}.mp4")
            with file.open("ab") as target:
                async for block in self.deps.objects.read(
                    Bucket.ORIGINALS, row["object_key"], row["version"]
                ):
                    target.write(block)
        return list(files.values())

    async def causes(self, livestream: LivestreamId) -> list[str]:
        async with self.deps.database.acquire() as connection:
            rows = await connection.fetch(
                "SELECT cause FROM livestream_period WHERE livestream_id = $1 ORDER BY number",
                livestream,
            )
        return [row["cause"] for row in rows]


@pytest.fixture
async def ingest(database_url: str, tmp_path: Path) -> AsyncIterator[Ingest]:
    async with open_bureau(database_url, tmp_path) as bureau:
        deps = replace(bureau.deps, clock=SystemClock())
        added = await registry.add_device(deps, OPERATOR, number="TA00716")
        ports = Ports("127.0.0.1:0", "", None)
        limits = DoorLimits(give_way_s=2.0, lease_wait_s=1.0, ask_again_s=0.0)
        async with ingesting(deps, Path(footage.ffmpeg()), ports, limits) as taken:
            place = Ingest(deps, taken["rtmp"], added.token, [])
            try:
                yield place
            finally:
                for peer in place.peers:
                    peer.kill()


async def test_what_a_device_publishes_is_a_locked_livestream_of_its_frames(
    ingest: Ingest, tmp_path: Path
) -> None:
    sent = clip()
    peer = await ingest.publishing()
    await peer.send(*sent)
    await peer.command("deleteStream", 6.0, None, 1.0)
    livestream = await ingest.stored(6)
    assert (livestream.form, livestream.state) == (Form.RECEIVED, LivestreamState.LIVE)
    assert livestream.device_number == "TA00716"
    (file,) = await ingest.files(livestream.id, tmp_path)
    back = read_back(file)
    for kind in Kind:
        assert [content for _, content in back[kind.value]] == frames(sent, kind)
    assert complaints(file) == ""
    assert await ingest.causes(livestream.id) == ["start"]


async def test_a_publisher_of_what_somebody_closes_is_sent_away_and_comes_back_into_another(
    ingest: Ingest, tmp_path: Path
) -> None:
    sent = clip()
    peer = await ingest.publishing()
    await peer.send(*sent)
    await peer.settled()

    async def began() -> Livestream | None:
        found = await ingest.livestreams()
        return found[0] if found and found[0].segments else None

    livestream: Livestream = await eventually(began, within=LONG_S)
    await live.request_close(ingest.deps, SERVICE, livestream.id, last=None)
    await peer.closed()
    closing = await ingest.stored(6)
    await live.watch_livestreams(ingest.deps)
    closed = await live.find_livestream(ingest.deps, SERVICE, livestream.id)
    assert (closing.id, closed.state) == (livestream.id, LivestreamState.CLOSED)
    (file,) = await ingest.files(livestream.id, tmp_path)
    for kind, back in read_back(file).items():
        assert [content for _, content in back] == frames(sent, Kind(kind))
    # What its device goes on to send is kept as well.
    again = await ingest.publishing()
    await again.send(*sent)
    await again.command("deleteStream", 6.0, None, 1.0)

    async def is_another() -> bool | None:
        others = [each for each in await ingest.livestreams() if each.id != livestream.id]
        return [each.segments for each in others] == [6] or None

    came: bool = await eventually(is_another, within=LONG_S)
    assert came


async def test_ffmpeg_publishes_and_comes_back_into_the_same_livestream(
    ingest: Ingest, tmp_path: Path
) -> None:
    address = f"rtmp://127.0.0.1:{ingest.port}/live/{ingest.token}"
    for count in (6, 12):
        await asyncio.to_thread(
            live_clips.run, ["-i", str(live_clips.clip()), "-c", "copy", "-f", "flv", address]
        )
        livestream = await ingest.stored(count)
    assert len(await ingest.livestreams()) == 1
    assert await ingest.causes(livestream.id) == ["start", "reconnect"]
    for file in await ingest.files(livestream.id, tmp_path):
        assert complaints(file) == ""


@pytest.mark.parametrize("key", ["", "wrong", "01999999-0000-7000-8000-000000000000?token=wrong"])
async def test_a_wrong_key_gets_one_answer_and_makes_nothing(ingest: Ingest, key: str) -> None:
    peer = await ingest.asking()
    assert await peer.publish(key) == "NetStream.Publish.BadName"
    assert await peer.closed()
    assert await ingest.livestreams() == []


async def test_whose_token_is_revoked_is_sent_away_in_mid_stream(ingest: Ingest) -> None:
    peer = await ingest.publishing()
    await peer.send(*clip())
    device = await registry.device_by_number(ingest.deps, OPERATOR, "TA00716")
    await registry.revoke_device_tokens(ingest.deps, OPERATOR, device=device.id, reason="stolen")
    assert await asyncio.wait_for(peer.closed(), LONG_S)
    # What came until then is kept.
    assert (await ingest.stored(6)).device_number == "TA00716"
    again = await ingest.asking()
    assert await again.publish(ingest.token) == "NetStream.Publish.BadName"


async def test_a_livestream_that_was_opened_is_published_by_its_id_and_a_token(
    ingest: Ingest,
) -> None:
    actor = await _actor(ingest)
    opening = live.Opening(title="查车", form=Form.RECEIVED, case_numbers=("A-1",))
    opened = await live.open_livestream(ingest.deps, actor, opening)
    peer = await ingest.publishing(f"{opened.id}?token={ingest.token}")
    await peer.send(*clip())
    await peer.close()
    assert (await ingest.stored(6)).id == opened.id


async def _actor(ingest: Ingest) -> Actor:
    return await accounts.actor_of_token(ingest.deps, ingest.token)


async def _person(ingest: Ingest) -> Actor:
    await people.add_person(ingest.deps, "wang", Role.OFFICER)
    signed = await accounts.sign_in(
        ingest.deps, login="wang", password=people.PASSWORD, address="127.0.0.1"
    )
    return (await accounts.actor_of_session(ingest.deps, signed.secret)).actor


async def test_a_pushed_livestream_takes_no_publisher(ingest: Ingest) -> None:
    opened = await live.open_livestream(
        ingest.deps, await _actor(ingest), live.Opening(title="x", form=Form.PUSHED)
    )
    peer = await ingest.asking()
    assert await peer.publish(f"{opened.id}?token={ingest.token}") == "NetStream.Publish.BadName"


async def test_a_second_publisher_beside_a_live_one_is_refused(ingest: Ingest) -> None:
    first = await ingest.publishing()
    flow = asyncio.create_task(_flow(first))
    try:
        second = await ingest.asking()
        assert await second.publish(ingest.token) == "NetStream.Publish.BadName"
        assert not flow.done()
        async with ingest.deps.database.acquire() as connection:
            told = await connection.fetch("SELECT code, about_id FROM alarm")
        (livestream,) = await ingest.livestreams()
        assert [tuple(row) for row in told] == [("second_publisher", str(livestream.id))]
    finally:
        flow.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await flow


async def _flow(peer: RtmpPeer) -> None:
    """Publish for ever, a frame at a time."""
    await peer.send(*clip()[:2])
    for turn in itertools.count():
        for message in moved(clip()[2:], 6000 * turn):
            await peer.send(message)
            await asyncio.sleep(0.03)


async def test_the_newest_publisher_takes_over_from_a_silent_one(
    ingest: Ingest, tmp_path: Path
) -> None:
    sent = clip()
    first = await ingest.publishing()
    await first.send(*sent[:200])
    second = await ingest.publishing()
    await second.send(*sent)
    await second.close()
    livestream = await ingest.stored(8)
    assert await ingest.causes(livestream.id) == ["start", "taken_over"]
    files = await ingest.files(livestream.id, tmp_path)
    pictures = [content for file in files for _, content in read_back(file)["video"]]
    assert pictures == [*frames(sent[:200], Kind.VIDEO), *frames(sent, Kind.VIDEO)]
    assert await first.closed()


async def test_a_livestream_held_by_another_process_is_refused_until_its_lease_ends(
    ingest: Ingest,
) -> None:
    actor = await _actor(ingest)
    opening = live.Opening(title="x", form=Form.RECEIVED)
    opened = await live.open_livestream(ingest.deps, actor, opening)
    other = replace(ingest.deps, instance="another")
    fence = await live.take(other, opened.id)
    refused = await ingest.asking()
    assert await refused.publish(ingest.token) == "NetStream.Publish.BadName"
    await live.let_go(other, opened.id, fence)
    await ingest.publishing()


async def test_numbers_go_on_behind_what_a_dead_process_left(ingest: Ingest) -> None:
    peer = await ingest.publishing()
    await peer.send(*clip())
    await peer.settled()
    peer.kill()
    livestream = await ingest.stored(6)
    position = await live.position(ingest.deps, livestream.id)
    assert (position.period, position.segment) == (1, livestream.highest_number)
    async with ingest.deps.database.acquire() as connection:
        assert await livestream_segments.highest_period(connection, livestream.id) == 1


async def test_the_audit_has_nothing_to_say_of_it(ingest: Ingest) -> None:
    peer = await ingest.publishing()
    await peer.send(*clip())
    await peer.close()
    await ingest.stored(6)
    report = await audit.run(ingest.deps, SERVICE, level=audit.Level.DIGEST)
    assert list(report.findings) == []


async def test_a_livestream_that_a_person_opened_is_published_with_its_own_key(
    ingest: Ingest,
) -> None:
    deps, person = ingest.deps, await _person(ingest)
    opening = live.Opening(title="巡查", form=Form.RECEIVED)
    livestream = await live.open_livestream(deps, person, opening)
    other = await live.open_livestream(deps, person, opening)
    key = await live.make_push_key(deps, person, livestream.id)
    stranger = await ingest.asking()
    assert await stranger.publish(f"{other.id}?token={key.secret}") != "NetStream.Publish.Start"
    peer = await ingest.publishing(f"{livestream.id}?token={key.secret}")
    await peer.send(*clip())
    await peer.close()
    assert (await ingest.stored(6)).id == livestream.id
    assert await ingest.causes(other.id) == []


async def test_a_push_key_that_a_device_made_delivers_its_own_livestream_and_no_other(
    ingest: Ingest,
) -> None:
    device = await _actor(ingest)
    opening = live.Opening(title="查车", form=Form.RECEIVED)
    other = await live.open_livestream(ingest.deps, await _person(ingest), opening)
    opened = await live.open_livestream(ingest.deps, device, opening)
    key = await live.make_push_key(ingest.deps, device, opened.id)
    peer = await ingest.publishing(key.secret)
    await peer.send(*clip())
    await peer.close()

    async def arrived() -> Livestream | None:
        now = await ingest.find(opened.id)
        return now if now.segments >= 6 else None

    found: Livestream = await eventually(arrived, within=LONG_S)
    assert found.form is Form.RECEIVED
    assert await ingest.causes(other.id) == []
    assert len(await ingest.livestreams()) == 2


async def test_a_publisher_who_comes_back_to_what_is_over_goes_on_in_another_one(
    ingest: Ingest,
) -> None:
    deps, person = ingest.deps, await _person(ingest)
    opening = live.Opening(title="巡查", form=Form.RECEIVED, case_numbers=("A-1",))
    first = await live.open_livestream(deps, person, opening)
    key = await live.make_push_key(deps, person, first.id)
    # Its publisher comes when it has been closed by silence already, then twice more.
    await live.request_close(deps, person, first.id, last=None)
    for count in (6, 12):
        peer = await ingest.publishing(f"{first.id}?token={key.secret}")
        await peer.send(*clip())
        await peer.close()

        async def is_there(count: int = count) -> Livestream | None:
            found = (await ingest.livestreams())[-1]
            return found if (found.segments, found.holder) == (count, None) else None

        second: Livestream = await eventually(is_there, within=LONG_S)
    assert (second.continues, second.title, second.case_numbers) == (first.id, "巡查", ("A-1",))
    assert await ingest.causes(second.id) == ["start", "reconnect"]
    assert len(await ingest.livestreams()) == 2
