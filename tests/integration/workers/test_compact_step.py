"""compact: a livestream of many objects lies in a few, and nothing that is asked of it changes."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from recorder.adapters.objects import Bucket
from recorder.domain.events import LiveCopyReleased, MediaProbed
from recorder.domain.ids import RecordingId
from recorder.domain.people import SERVICE
from recorder.domain.pipeline import WorkQueue
from recorder.ledger import receipt as receipts
from recorder.services import audit, fixity, ingest, live, review
from recorder.services.pace import Pace
from recorder.store import card_copies
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.compacting import (
    MEDIA,
    BeforeIndex,
    bodies,
    findings,
    one_task,
    original_of,
    sealed_livestream,
    stored_keys,
    watched,
)
from tests.support.streams import opened, put, put_init, take
from tests.support.waiting import eventually
from tests.support.workshop import events_of, runs, stored_file
from workers import read_back
from workers.context import StepContext
from workers.runner import QueueLoop
from workers.steps import STEPS

MIB = 1024 * 1024


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path, compact_object_bytes=str(MIB)) as bureau:
        yield bureau


async def told_of(bureau: Bureau, name: str) -> list[dict[str, Any]]:
    """The facts of all events of this name in their order."""
    async with bureau.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT facts FROM custody_event WHERE name = $1 ORDER BY position", name
        )
    return [row["facts"] for row in rows]


async def test_what_is_asked_of_a_livestream_is_the_same_before_and_after(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    livestream, recording = await sealed_livestream(bureau, actor)
    row, small, content = await original_of(deps, recording)
    receipt = await review.receipt(deps, actor, recording)
    viewer = bureau.actor()
    ticket = await live.grant(deps, viewer, livestream)
    listed = await live.index(deps, viewer, livestream, ticket.secret)
    shown = [await watched(deps, viewer, ticket, n) for n in (-1, 1, 17, 40)]
    assert await findings(deps) == []
    await one_task(deps, "compact")
    again, large, same = await original_of(deps, recording)
    assert (len(small), 2 <= len(large) <= 6) == (41, True)
    assert (again, same) == (row, content)
    # The ticket from before goes on, with the same bytes under the same addresses.
    assert await live.index(deps, viewer, livestream, ticket.secret) == listed
    assert [await watched(deps, viewer, ticket, n) for n in (-1, 1, 17, 40)] == shown
    after = await review.receipt(deps, actor, recording)
    for text in (receipt, after):
        proven = receipts.verify(text, [deps.signer.verifier], length=len(content))
        assert proven.objects[0].listed == 41
    assert (await events_of(bureau, recording)).count("RecordingCompacted") == 1
    assert {look.n for look in await fixity.of_recording(deps, recording)} == set(range(len(large)))
    assert await findings(deps) == []


async def test_small_objects_go_after_their_own_lock_and_are_told_of(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, recording = await sealed_livestream(bureau, actor)
    before = await stored_keys(deps)
    small = {each.key for each in (await original_of(deps, recording))[1]}
    await one_task(deps, "compact")
    assert before < await stored_keys(deps), "the step takes nothing away"
    bureau.clock.forward(days=2)
    assert await live.release_superseded(deps) == 0
    await ingest.extend_locks(deps)
    bureau.clock.forward(days=34)
    await ingest.extend_locks(deps)
    await live.extend_segment_locks(deps)
    assert await live.release_superseded(deps) == 0, "their lock has not ended"
    bureau.clock.forward(days=2)
    # Somebody has locked one of them for longer; the store goes by the real clock.
    (kept,) = await deps.objects.versions(Bucket.ORIGINALS, min(small))
    until = datetime.now(UTC) + timedelta(days=1)
    await deps.objects.extend_lock(Bucket.ORIGINALS, kept.key, kept.version, until)
    assert await live.release_superseded(deps) == 40
    assert await live.release_superseded(deps) == 0
    assert before - await stored_keys(deps) == small - {min(small)}
    (told,) = await told_of(bureau, "SupersededReleased")
    assert (told["objects"], told["first"], told["last"]) == (40, sorted(small)[1], max(small))
    await ingest.extend_locks(deps)
    assert await findings(deps) == []


async def test_what_was_superseded_stays_while_its_volume_is_not_right(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, recording = await sealed_livestream(bureau, actor)
    await one_task(deps, "compact")
    _, (first, *_), _ = await original_of(deps, recording)
    bureau.clock.forward(days=38)
    volume = stored_file(bureau, first)
    away = volume.rename(volume.with_name("away"))
    assert await live.release_superseded(deps) == 0
    away.rename(volume)
    content = volume.read_bytes()
    volume.chmod(0o600)
    volume.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    bureau.clock.forward(days=60)
    look = await fixity.next_due(deps)
    assert look is not None
    found = await read_back.look(deps, look, Pace())
    assert found is not None
    await fixity.failed(deps, SERVICE, look, found)
    assert await live.release_superseded(deps) == 0


async def test_what_is_short_was_released_or_failed_is_left_as_it_is(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, short = await sealed_livestream(bureau, actor, 28)
    assert "compact" not in await runs(bureau, short)
    released = (await sealed_livestream(bureau, actor, 29))[1]
    async with deps.change(SERVICE) as change:
        row, _, _ = await original_of(deps, released)
        await card_copies.set_release(change, released, True, "the card copy is there")
        change.record(LiveCopyReleased(subject=released, agency=row.agency, card=short, reason="r"))
    await one_task(deps, "compact")
    assert len((await original_of(deps, released))[1]) == 30
    assert (await runs(bureau, released))["compact"].state == "done"


async def test_a_copy_that_is_released_meanwhile_stays_released(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, recording = await sealed_livestream(bureau, actor)
    row, _, _ = await original_of(deps, recording)

    async def release() -> None:
        async with deps.change(SERVICE) as change:
            await card_copies.set_release(change, recording, True, "the card copy is there")
            told = LiveCopyReleased(subject=row.id, agency=row.agency, card=row.id, reason="r")
            change.record(told)

    faulty = BeforeIndex(deps.objects, release)
    await one_task(dataclasses.replace(deps, objects=faulty), "compact")
    kept = await bureau.value("SELECT bool_or(lock_kept) FROM original_object")
    assert (kept, len((await original_of(deps, recording))[1]) < 10) == (False, True)


async def test_what_came_after_the_closing_has_volumes_of_its_own(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, take().init)
    sent = bodies(70)
    for number in range(1, 36):
        await put(deps, actor, livestream.id, number, sent[number - 1])
    await live.request_close(deps, actor, livestream.id, last=70)
    bureau.clock.forward(hours=25)
    await live.watch_livestreams(deps)
    for task in ("verify", "compact"):
        await one_task(deps, task)
    for number in range(36, 71):
        await put(deps, actor, livestream.id, number, sent[number - 1])
    bureau.clock.forward(seconds=601)
    assert await live.supplement_livestreams(deps) == 1
    for task in ("verify", "compact"):
        await one_task(deps, task)
    late = await bureau.value("SELECT id FROM recording WHERE continues IS NOT NULL")
    _, objects, content = await original_of(deps, RecordingId(late))  # type: ignore[arg-type]
    assert (content, len(objects) < 10) == (b"".join(sent[35:]), True)
    ticket = await live.grant(deps, SERVICE, livestream.id)
    assert (await watched(deps, SERVICE, ticket, 35))[0] == sent[34]
    assert (await watched(deps, SERVICE, ticket, 36))[0] == sent[35]
    assert await findings(deps) == []


async def test_chunks_of_a_phone_are_shown_out_of_volumes(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    livestream = await opened(deps, actor, media_type="video/mp4")
    sent = [take().init + bodies(1)[0], *bodies(34)[1:]]
    for number, body in enumerate(sent, 1):
        arrival = live.ChunkArrival(period=1, number=number, body=body)
        await live.put_chunk(deps, actor, livestream.id, arrival)
    await live.request_close(deps, actor, livestream.id, last=34)
    ticket = await live.grant(deps, SERVICE, livestream.id)
    shown = [await watched(deps, SERVICE, ticket, n) for n in (-1, 1, 20)]
    assert shown[0][0] == take().init
    for task in ("verify", "compact"):
        await one_task(deps, task)
    assert [await watched(deps, SERVICE, ticket, n) for n in (-1, 1, 20)] == shown
    assert await findings(deps) == []


async def test_looks_that_no_event_tells_are_told_by_the_switch(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, recording = await sealed_livestream(bureau, actor)
    for look in (await fixity.of_recording(deps, recording))[:3]:
        await fixity.agreed(deps, SERVICE, look)
    await one_task(deps, "compact")
    assert [each["objects"] for each in await told_of(bureau, "FixityChecked")] == [3]


async def test_the_audit_finds_what_is_not_as_the_switch_left_it(
    bureau: Bureau, owner_database_url: str
) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, recording = await sealed_livestream(bureau, actor)
    _, small, _ = await original_of(deps, recording)
    lost, altered = stored_file(bureau, small[3]), stored_file(bureau, small[4])
    # Nothing moves originals away without a claimed index.
    assert await bureau.value("SELECT supersede_originals($1, now())", recording) == 0
    await one_task(deps, "compact")
    lost.unlink()
    altered.chmod(0o600)
    altered.write_bytes(b"x" + altered.read_bytes()[1:])
    connection = await asyncpg.connect(owner_database_url)
    try:
        (altered_row,) = await connection.fetch(
            "UPDATE original_object SET version = version || 'x' WHERE n = 1"
            " RETURNING index_key, index_version"
        )
    finally:
        await connection.close()
    beside = deps.objects.local_path(
        Bucket.ORIGINALS, altered_row["index_key"], altered_row["index_version"]
    )
    assert beside is not None
    beside.unlink()
    report = await audit.run(deps, SERVICE, level=audit.Level.DIGEST)
    assert report.counts == {
        "superseded-missing": 1,
        "superseded-digest-differs": 1,
        "original-version-missing": 1,
        "original-unclaimed": 1,
        "sidecar-missing": await bureau.value("SELECT count(*) FROM original_object"),
        "seal-differs": 1,
    }


async def test_periods_are_looked_at_out_of_volumes_as_they_were_before(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    livestream = await opened(deps, actor)
    for number, body in enumerate(bodies(34), 1):
        period = 1 if number < 8 else 2
        if number in (1, 8):
            await put_init(deps, actor, livestream.id, take().init, period)
        await put(deps, actor, livestream.id, number, body, period)
    await live.request_close(deps, actor, livestream.id, last=40)
    bureau.clock.forward(hours=25)
    await live.watch_livestreams(deps)
    run = await one_task(deps, "verify")
    context = StepContext(deps, MEDIA, run, "tests")
    before = await STEPS["examine"](context)
    await one_task(deps, "compact")
    assert len((await original_of(deps, context.recording_id))[1]) < 10
    assert await STEPS["examine"](context) == before
    for number, body in enumerate(bodies(40)[34:], 35):
        await put(deps, actor, livestream.id, number, body, 2)
    bureau.clock.forward(seconds=601)
    assert await live.supplement_livestreams(deps) == 1
    supplement = await bureau.value("SELECT id FROM recording WHERE continues IS NOT NULL")
    late = dataclasses.replace(run, subject_id=supplement)  # type: ignore[arg-type]
    (found,) = await STEPS["examine"](StepContext(deps, MEDIA, late, "tests"))
    assert isinstance(found, MediaProbed)
    assert found.showable == "as_is", "with the init segment, which lies in a volume"


async def test_new_footage_never_waits_for_compaction_and_one_runs_at_a_time(
    bureau: Bureau,
) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    first, second = [(await sealed_livestream(bureau, actor, 30))[1] for _ in range(2)]
    began, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        began.set()
        await go_on.wait()

    slow = dataclasses.replace(deps, objects=BeforeIndex(deps.objects, wait))
    loop = QueueLoop(slow, MEDIA, WorkQueue.IO, 1)
    looping = asyncio.create_task(loop.run())
    try:
        async with asyncio.timeout(60):
            await began.wait()
        _, fresh = await sealed_livestream(bureau, actor, 2, verify=False)
        loop.wake()

        async def verified() -> bool:
            return (await runs(bureau, fresh))["verify"].state == "done"

        beside: bool = await eventually(verified, within=60, what="verify beside a compaction")
        assert beside
        states = {(await runs(bureau, each))["compact"].state for each in (first, second)}
        assert states == {"claimed", "pending"}
        go_on.set()

        async def compacted() -> bool:
            both = [(await runs(bureau, each))["compact"].state for each in (first, second)]
            return both == ["done", "done"]

        both_done: bool = await eventually(compacted, within=60, what="both compactions")
        assert both_done
    finally:
        go_on.set()
        looping.cancel()
        await asyncio.gather(looping, return_exceptions=True)
