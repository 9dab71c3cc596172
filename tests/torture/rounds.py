"""One round: files are sent under faults, everything is repaired by the product itself, and then
every promise is asked for."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import struct
import subprocess
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from recorder.domain.people import OPERATOR
from recorder.errors import RecorderError
from recorder.services import tasks
from recorder.services.audit import Level
from tests.support import footage
from tests.support.filmed import film
from tests.support.product import long_clip
from tests.support.waiting import eventually
from tests.torture.chores import again, do_chores
from tests.torture.processes import Process
from tests.torture.promises import broken_promises, rows
from tests.torture.schedule import Fault
from tests.torture.senders import link, send_odd_uploads
from tests.torture.stand import Stand

MIB = 1 << 20
_PAUSE_S = 0.25


@dataclass
class Outcome:
    """What a round did and what it broke; ``broken`` is empty when every promise was kept."""

    fired: list[Fault] = field(default_factory=list)
    missed: list[Fault] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    file_bytes: int = 0
    #: Bytes of bodies that the client sent for them.
    sent_bytes: int = 0
    #: What of these had been sent before, by what had cut it then.
    sent_again: Counter[str] = field(default_factory=Counter)
    #: Runs that a person had to retry, because faults had used up their tries.
    retried: int = 0
    seconds: float = 0.0
    reached: Counter[str] = field(default_factory=Counter)


def fill_card(card: Path, *, lengths: Sequence[int], proxied: bool) -> dict[str, str]:
    """Files that nobody has sent before: name → SHA-256. They are real clips.

    One is so long that a quick look leaves something out, one shows a code.
    """
    card.mkdir(parents=True)
    for number, length in enumerate(lengths):
        long_clip(footage.folder() / "08_faststart.mp4", card / f"{number}.mp4", length)
    subprocess.run(
        [
            *(footage.ffmpeg(), "-nostdin", "-v", "error", "-stream_loop", "19"),
            *("-i", str(footage.folder() / "11_noaudio.mp4"), "-c", "copy"),
            *("-metadata", f"comment={os.urandom(8).hex()}", str(card / "long.mp4")),
        ],
        check=True,
    )
    film(card, "沪市监案〔2026〕77号").rename(card / "code.mp4")
    (card / "code.png").unlink()
    with (card / "code.mp4").open("ab") as file:
        # A box that players pass over.
        file.write(struct.pack(">I4s", 16, b"free") + os.urandom(8))
    if proxied:
        clip = (footage.folder() / "05_mpegts.ts").read_bytes()
        (card / "p.ts").write_bytes(clip + os.urandom(188))
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(card.iterdir())
    }


async def run_round(
    stand: Stand,
    faults: Sequence[Fault],
    *,
    number: int,
    lengths: Sequence[int],
    proxied: bool,
    level: Level = Level.SIZE,
    beside: Callable[[], Awaitable[None]] | None = None,
) -> Outcome:
    """Send, strike, wait until all is well, do the chores, and look at everything.

    ``beside`` goes on while the files are sent, and is at its end before the chores.
    """
    loop = asyncio.get_running_loop()
    began, sent, sent_again = loop.time(), stand.ear.sent_up, stand.ear.sent_again.copy()
    place = stand.folder / f"round-{number}"
    files = await asyncio.to_thread(fill_card, place / "card", lengths=lengths, proxied=proxied)
    outcome = Outcome(file_bytes=sum(f.stat().st_size for f in (place / "card").iterdir()))
    stand.clock.at = datetime.now(UTC)
    if stand.drawer is not None:
        await stand.drawer.fill()
    stand.director.load(faults)
    client = stand.camera(place)
    hurrying = asyncio.create_task(hurry(stand))
    try:
        async with _going_on(beside) as ended:
            await _send(stand, place, client, files, outcome)
            await ended()
        await do_chores(stand, days=9)
        await all_done(stand, outcome)
        outcome.missed = stand.director.clear()
        # The last victim may be the store: a sweep leaves to the next one what it cannot reach.
        await again(stand.straight.objects.ping, times=300)
        # A day later: what failed is left alone for some minutes.
        await do_chores(stand, days=10)
        await all_done(stand, outcome)
        outcome.broken += await broken_promises(stand, level)
    except (AssertionError, TimeoutError) as error:
        outcome.broken.append(f"not finished: {type(error).__name__} {error}"[:500])
        stand.director.clear()
    finally:
        hurrying.cancel()
        await client.stop()
    outcome.fired, outcome.reached = stand.director.fired, stand.director.reached
    outcome.broken += stand.ear.violations
    stand.ear.violations = []
    outcome.sent_bytes = stand.ear.sent_up - sent
    outcome.sent_again = stand.ear.sent_again - sent_again
    outcome.seconds = loop.time() - began
    return outcome


@contextlib.asynccontextmanager
async def _going_on(
    beside: Callable[[], Awaitable[None]] | None,
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """This goes on in the block; what is given waits for its end."""

    async def nothing() -> None:
        return

    task = asyncio.ensure_future((beside or nothing)())

    async def ended() -> None:
        await task

    try:
        yield ended
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _send(
    stand: Stand, place: Path, client: Process, files: dict[str, str], outcome: Outcome
) -> None:
    """The card is sealed, odd things came beside it, and a recording is tied to a second case."""
    await client.ended(within=400)
    await send_odd_uploads(stand, min((place / "card").iterdir(), key=lambda f: f.stat().st_size))
    sealed = await _sealed(stand, files, outcome)
    assert sealed, "no file is sealed"
    await link(stand, sealed[0])
    await _only_link(stand)


async def _sealed(stand: Stand, files: dict[str, str], outcome: Outcome) -> list[uuid.UUID]:
    """The recording of each file, sealed with its digest."""
    found = await rows(
        stand.straight,
        "SELECT id FROM recording WHERE sha256 = ANY($1) AND integrity = 'sealed'",
        [bytes.fromhex(digest) for digest in files.values()],
    )
    if len(found) != len(files):
        outcome.broken.append(f"{len(found)} of {len(files)} files are sealed with their digest")
    return [row["id"] for row in found]


async def _only_link(stand: Stand) -> None:
    found = await rows(
        stand.straight,
        "SELECT count(*) AS n FROM case_link WHERE origin = 'person' AND unlinked_at IS NULL"
        " GROUP BY recording_id HAVING count(*) > 1",
    )
    assert not found, f"{len(found)} recordings have more links than were asked for"


async def hurry(stand: Stand) -> None:
    """Tasks that failed are tried again very soon: nothing here needs the minutes that a store of
    the real world may need."""
    while True:
        await rows(
            stand.straight,
            "UPDATE task_run SET due_at = now() + interval '300 ms' WHERE state = 'pending'"
            " AND due_at > now() + interval '300 ms' RETURNING id",
        )
        await asyncio.sleep(_PAUSE_S)
        due = await rows(
            stand.straight,
            "SELECT queue, id::text FROM task_run WHERE state = 'pending' AND due_at <= now()",
        )
        await stand.straight.queue.wake((row["queue"], row["id"]) for row in due)


async def all_done(stand: Stand, outcome: Outcome) -> None:
    """Every run is at its end; one whose tries are used up is retried, as a person would."""

    async def done() -> bool | None:
        unfinished = await rows(
            stand.straight, "SELECT id, state FROM task_run WHERE state <> 'done'"
        )
        for row in unfinished:
            if row["state"] == "failed":
                with contextlib.suppress(RecorderError):
                    await tasks.retry(stand.straight, OPERATOR, row["id"])
                    outcome.retried += 1
        return not unfinished or None

    is_done: bool = await eventually(done, within=600, what="every task done")
    assert is_done
