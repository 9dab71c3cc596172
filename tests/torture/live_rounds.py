"""One round of livestreams: a device pushes one, a phone delivers chunks, a camera publishes by
RTMP, two sources are fetched, under faults; what the clock would do is done; then every promise is
asked for."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from recorder.services import ingest, live
from recorder.services.audit import Level
from tests.support import live_clips
from tests.support.pusher import delivered, said
from tests.support.waiting import eventually
from tests.torture import pushed_media, pusher
from tests.torture.chores import again
from tests.torture.fetched import GOING_ON, fetched
from tests.torture.live_promises import Sent, broken_live_promises
from tests.torture.promises import broken_promises, rows
from tests.torture.publisher import GROUPS
from tests.torture.rounds import Outcome, all_done, hurry
from tests.torture.schedule import Fault
from tests.torture.stand import Stand

_LONG_S = 300.0
#: What is reached only as long as somebody publishes or is fetched.
_GOING_ON = (
    *("db.live_keep", "db.live_take", "db.live_let_go", "store.live_received", "spool."),
    "db.live_promised",
    *GOING_ON,
)


class LiveRound:
    """Push, publish and fetch under the faults that are loaded, close, seal, compact, supplement,
    and ask.

    The publisher and the sources go on for so long to reach every fault that only comes beside
    them.
    """

    def __init__(
        self,
        stand: Stand,
        *,
        number: int,
        patience_s: float = 12.0,
        has_camera: bool = True,
        has_apart: bool = False,
        closes_spooled: bool = False,
    ) -> None:
        self._stand = stand
        self._place = stand.folder / f"live-{number}"
        self._patience_s = patience_s
        self._has_camera, self._has_apart = has_camera, has_apart
        self._closes_spooled = closes_spooled
        self._since = datetime.now(UTC)
        self._killed = stand.director.killed["ingest"]
        self._fetched, self._listed = "", 0
        self._apart, self._frames = "", dict[str, int]()
        #: The livestream that was closed while a spool held segments of it.
        self._spooled: uuid.UUID | None = None
        self.outcome = Outcome()

    async def strike(self) -> None:
        """Everything is brought to its end, whatever strikes meanwhile."""
        stand, place = self._stand, self._place
        await asyncio.to_thread(_prepare, place)
        stand.clock.at = datetime.now(UTC)
        if stand.director.is_waiting("db.live_keep"):
            (place / "slowly").touch()
        senders = [
            stand.sender("device", "tests.torture.pusher", place, stand.ear.url),
            stand.sender("phone", "tests.torture.phone", place, stand.ear.url),
            stand.sender("publisher", "tests.torture.publisher", place, stand.rtmp_ports),
        ]
        async with fetched(
            stand, place, has_camera=self._has_camera, has_apart=self._has_apart
        ) as sources:
            try:
                await asyncio.gather(
                    *(sender.ended(within=_LONG_S) for sender in senders),
                    self._say_enough(),
                    sources.go_on(),
                )
                await sources.close()
            finally:
                for sender in senders:
                    await sender.stop()
            await _close(stand, self._since)
        self._fetched, self._listed = sources.livestream, sources.listed
        if sources.apart is not None:
            self._apart = sources.apart_livestream
            self._frames = await asyncio.to_thread(sources.apart.frames, place)
        await _late(stand, place, self._since)
        await all_done(stand, self.outcome)

    async def _say_enough(self) -> None:
        """The publisher goes on as long as something can only be struck by that."""
        if self._closes_spooled:
            self._spooled = await _close_spooled(self._stand, self._since)
        await _say_enough(self._stand, self._place, self._patience_s)

    async def ask(self) -> None:
        """Once more without faults; then every promise."""
        stand = self._stand
        await again(stand.straight.objects.ping, times=300)
        await _all_sealed(stand, self._since)
        await all_done(stand, self.outcome)
        # A worker that died over a poster left an intent, which is swept a day later.
        stand.clock.at = datetime.now(UTC) + timedelta(days=2)
        await again(lambda: ingest.sweep_intents(stand.deps))
        stand.clock.at = datetime.now(UTC)
        sent = Sent(
            since=self._since,
            pushed=(self._place / "livestream").read_text(),
            chunked=(self._place / "chunked").read_text(),
            fetched=self._fetched,
            published_s=GROUPS,
            listed_s=self._listed,
            apart=self._apart,
            frames=self._frames,
            spooled=self._spooled,
            place=self._place,
            has_lost_hands=stand.director.killed["ingest"] > self._killed,
        )
        self.outcome.broken += await broken_live_promises(stand, sent)


async def run_live_round(
    stand: Stand, faults: Sequence[Fault], *, number: int, level: Level | None = None
) -> Outcome:
    """A round of livestreams by itself; ``level``: of an audit at its end."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    stand.director.load(faults)
    # Each in its turn: either takes some seconds.
    live_round = LiveRound(
        stand, number=number, has_apart=number % 2 == 1, closes_spooled=number % 2 == 0
    )
    outcome = live_round.outcome
    hurrying = asyncio.create_task(hurry(stand))
    try:
        await live_round.strike()
        outcome.missed = stand.director.clear()
        await live_round.ask()
        if level is not None:
            outcome.broken += await broken_promises(stand, level)
    except (AssertionError, TimeoutError) as error:
        outcome.broken.append(f"not finished: {type(error).__name__} {error}"[:500])
        stand.director.clear()
    finally:
        hurrying.cancel()
    outcome.fired, outcome.reached = stand.director.fired, stand.director.reached
    outcome.seconds = loop.time() - began
    return outcome


def _prepare(place: Path) -> None:
    place.mkdir(parents=True)
    pushed_media.lay_out(place)
    shutil.copy(live_clips.clip(seconds=GROUPS), place / "clip.flv")


async def _close_spooled(stand: Stand, since: datetime) -> uuid.UUID:
    """Its device closes a livestream while the store takes nothing of it and a spool does."""

    async def in_a_spool() -> uuid.UUID | None:
        waiting = {uuid.UUID(file.parent.name) for file in stand.spooled_files()}
        published = await rows(
            stand.straight,
            "SELECT id FROM livestream l WHERE created_at >= $1 AND form = 'received'"
            " AND state NOT IN ('closing', 'closed') AND id = ANY($2::uuid[])"
            " AND NOT EXISTS (SELECT FROM livestream_source s WHERE s.livestream_id = l.id)",
            since,
            list(waiting),
        )
        return published[0]["id"] if published else None

    async def has_begun() -> bool:
        return bool(await _running(stand, since, "received"))

    await _until(has_begun, "a published livestream")
    stand.store.takes_nothing_published = True
    try:
        livestream: uuid.UUID = await eventually(in_a_spool, within=_LONG_S, what="a spooled one")
        ask = pusher.Asking(stand.ear.url)
        path = f"/api/v1/livestreams/{livestream}/close"
        answer = await said(ask, path, stand.device, b"{}")
        assert answer.status == 200, answer.content

        async def is_let_go() -> bool:
            asked = "SELECT id FROM livestream WHERE id = $1 AND held_until > now()"
            return not await rows(stand.straight, asked, livestream)

        # Its publisher is sent away: only what is promised out of the spool holds it open.
        await _until(is_let_go, "its lease given back")
        for _ in range(3):
            await _chore(lambda: live.watch_livestreams(stand.deps))
    finally:
        stand.store.takes_nothing_published = False
    return livestream


async def _say_enough(stand: Stand, place: Path, patience_s: float) -> None:
    """What is not reached by then is counted as missed."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + patience_s
    while True:
        if loop.time() >= ends_at or not any(map(stand.director.is_waiting, _GOING_ON)):
            break
        await asyncio.sleep(0.1)
    (place / "enough").touch()


async def _until(check: Callable[[], Awaitable[bool]], what: str) -> None:
    async def is_so() -> bool | None:
        return await check() or None

    is_true: bool = await eventually(is_so, within=240, what=what)
    assert is_true


async def _running(stand: Stand, since: datetime, form: str) -> list[uuid.UUID]:
    found = await rows(
        stand.straight,
        "SELECT id FROM livestream WHERE created_at >= $1 AND form = $2"
        " AND state NOT IN ('closing', 'closed')",
        since,
        form,
    )
    return [row["id"] for row in found]


async def _close(stand: Stand, since: datetime) -> None:
    """It falls silent, is seen to be, and its device says that it is over."""

    async def is_quiet() -> bool:
        waiting = await rows(
            stand.straight,
            "SELECT id FROM livestream WHERE created_at >= $1 AND held_until > now()",
            since,
        )
        return not waiting and not stand.spooled_files()

    await _until(is_quiet, "no lease held, nothing spooled")
    stand.clock.at = datetime.now(UTC) + timedelta(seconds=10)

    async def is_interrupted() -> bool:
        await _chore(lambda: live.watch_livestreams(stand.deps))
        seen = await rows(
            stand.straight,
            "SELECT id FROM livestream WHERE created_at >= $1 AND state = 'live'"
            " AND form = 'received'",
            since,
        )
        return not seen

    await _until(is_interrupted, "no livestream live any more")
    stand.clock.at = datetime.now(UTC)
    ask = pusher.Asking(stand.ear.url)
    for livestream in await _running(stand, since, "received"):
        path = f"/api/v1/livestreams/{livestream}/close"
        answer = await said(ask, path, stand.device, b"{}")
        assert answer.status == 200, answer.content
    # By then nobody waits any more for the segment that was left out.
    stand.clock.at = datetime.now(UTC) + timedelta(days=2)
    await _closed(stand, since)


async def _closed(stand: Stand, since: datetime) -> None:
    async def is_closed() -> bool:
        # What was never begun is closed by silence, and then waited for a day.
        stand.clock.forward(days=2)
        await _chore(lambda: live.watch_livestreams(stand.deps))
        left = await rows(
            stand.straight,
            "SELECT id FROM livestream WHERE created_at >= $1 AND state <> 'closed'",
            since,
        )
        return not left

    await _until(is_closed, "every livestream closed")


async def _late(stand: Stand, place: Path, since: datetime) -> None:
    """The segment that was left out comes after all, and becomes a recording of its own."""
    ask = pusher.Asking(stand.ear.url)
    path = f"{(place / 'livestream').read_text()}/{pusher.place_of(pusher.LATE)}"
    body = pushed_media.takes().segments[pusher.LATE - 1]
    answer = await delivered(ask, path, stand.device, body)
    assert answer.status in (200, 201), answer.content
    await _all_sealed(stand, since)
    # Locks of what is in no recording, nine days later.
    stand.clock.at = datetime.now(UTC) + timedelta(days=9)
    await again(lambda: live.extend_segment_locks(stand.deps))
    stand.clock.at = datetime.now(UTC)


async def _all_sealed(stand: Stand, since: datetime) -> None:
    """Everything that is stored is told and in a recording."""
    stand.clock.at = datetime.now(UTC) + timedelta(days=2)
    await again(lambda: live.tell_segments(stand.deps))
    await _closed(stand, since)

    async def is_in_recordings() -> bool:
        await _chore(lambda: live.supplement_livestreams(stand.deps))
        left = await rows(
            stand.straight,
            "SELECT s.number FROM livestream_segment s JOIN livestream l ON l.id = s.livestream_id"
            " WHERE l.created_at >= $1 AND s.state = 'stored' AND s.recording_id IS NULL",
            since,
        )
        return not left

    await _until(is_in_recordings, "every segment in a recording")
    stand.clock.at = datetime.now(UTC)


async def _chore(work: Callable[[], Awaitable[object]]) -> None:
    """Once, without a failure; the caller sees whether anything is left."""
    await again(lambda: _once(work))


async def _once(work: Callable[[], Awaitable[object]]) -> None:
    await work()
