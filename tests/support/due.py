"""A bureau in which something of every kind is to end, or to leave the store, within eight days."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from recorder.adapters.objects import Bucket
from recorder.domain.ids import new_uuid
from recorder.errors import Unauthenticated
from recorder.runtime import Deps
from recorder.services import accounts, approvals, ingest, limits, live
from recorder.store import store_intents, upload_arrivals
from tests.support.bureau import Bureau
from tests.support.cameras import camera, opened, send, uploaded
from tests.support.compacting import one_task, sealed_livestream
from tests.support.faulty_objects import FaultyObjects
from tests.support.senders import Body, content
from tests.support.streams import opened as opened_live
from tests.support.streams import put, put_init, take

#: What ends footage, or takes something from the store.
REMOVERS: tuple[Callable[[Deps], Awaitable[object]], ...] = (
    ingest.expire_overdue,
    ingest.sweep_pieces,
    ingest.sweep_intents,
    ingest.release_duplicates,
    live.watch_livestreams,
    live.supplement_livestreams,
    live.release_superseded,
)
#: What ends rows that are no footage.
SWEEPS: tuple[Callable[[Deps], Awaitable[object]], ...] = (
    approvals.expire_overdue,
    accounts.sweep,
    limits.sweep,
)
_SEEN = (
    "SELECT string_agg(state || ' ' || offset_bytes, ', ' ORDER BY id) FROM upload",
    "SELECT count(*) FROM upload_piece WHERE removed_at IS NULL",
    "SELECT count(*) FROM store_intent WHERE swept_at IS NULL",
    "SELECT count(*) FROM duplicate_object WHERE released_at IS NULL",
    "SELECT count(*) FROM superseded_object",
    "SELECT string_agg(state, ', ' ORDER BY id) FROM livestream",
    "SELECT count(*) FROM recording",
    "SELECT string_agg(state, ', ' ORDER BY id) FROM approval",
    "SELECT count(*) FROM sign_in_failure",
    "SELECT count(*) FROM allowance",
    "SELECT count(*) FROM custody_event",
)


async def seen(bureau: Bureau) -> list[object]:
    """What an end would change, and how often the store was told to let something go."""
    objects = bureau.deps.objects
    assert isinstance(objects, FaultyObjects)
    told = sum(objects.calls.count(call) for call in ("delete", "abort_multipart"))
    return [*[await bureau.value(sql) for sql in _SEEN], told]


async def fill(bureau: Bureau) -> None:
    """Nothing is due when this returns, now by the real clock; in eight days everything is."""
    bureau.clock.at = datetime.now(UTC) - timedelta(days=3)
    await _livestreams(bureau)
    bureau.clock.at = datetime.now(UTC)
    await _uploads(bureau)
    await _duplicate(bureau)
    async with bureau.deps.change(bureau.actor()) as change:
        await approvals.propose(
            change, agency=bureau.ours, kind="duty_list", subject=new_uuid(), title="2026",
            digest=bytes(32), life=timedelta(days=5),
        )  # fmt: skip
    with contextlib.suppress(Unauthenticated):
        await accounts.sign_in(bureau.deps, login="no", password="one", address="192.0.2.1")
    await bureau.value(
        "INSERT INTO allowance (what, asker, spent_until) VALUES ('search', 'a', $1)"
        " RETURNING asker",
        bureau.clock.now(),
    )


async def _livestreams(bureau: Bureau) -> None:
    """Three days ago: one in volumes, one whose last segment comes now; and one that runs."""
    deps, actor, segments = bureau.deps, await camera(bureau, "LIVE-1"), take().segments
    await sealed_livestream(bureau, actor, 30)
    await one_task(deps, "compact")
    late = await opened_live(deps, actor)
    await put_init(deps, actor, late.id, take().init)
    await put(deps, actor, late.id, 1, segments[0])
    await live.request_close(deps, actor, late.id, last=2)
    bureau.clock.forward(hours=25)
    await live.watch_livestreams(deps)
    bureau.clock.at = datetime.now(UTC)
    await put(deps, actor, late.id, 2, segments[1])
    running = await opened_live(deps, actor)
    await put_init(deps, actor, running.id, take().init)
    await put(deps, actor, running.id, 1, segments[2])
    soon = bureau.clock.now() + timedelta(days=5)
    await bureau.value("UPDATE superseded_object SET lock_until = $1 RETURNING 1", soon)


async def _uploads(bureau: Bureau) -> None:
    """One with bytes, one without; a piece and a multipart upload whose writers have died."""
    deps, actor, now = bureau.deps, await camera(bureau), bureau.clock.now()
    upload = await opened(bureau, actor, 1 << 20)
    await opened(bureau, actor, 10)
    await send(deps, actor, upload.id, 0, Body(content(3000)))
    async with deps.database.acquire() as connection:
        await upload_arrivals.intend_piece(connection, upload.id, "lost-piece", 3000, 10, now)
        await store_intents.intend_multipart(connection, new_uuid(), upload.id, upload.key, now)
    await deps.objects.put(Bucket.STAGING, "lost-piece", [b"0123456789"])
    await deps.objects.create_multipart(
        upload.key, lock_until=upload.lock_until, media_type="application/octet-stream"
    )


async def _duplicate(bureau: Bureau) -> None:
    """A second copy of what is sealed, past its lock in five days."""
    actor = await camera(bureau, "TWICE-1")
    recording = await uploaded(bureau, actor, content(5000, seed=5))
    await uploaded(bureau, actor, content(5000, seed=5), filename="again.mp4")
    await bureau.value(
        "UPDATE recording SET integrity = 'sealed', sealed_at = now(), sha256 = arrival_sha256,"
        " sm3 = arrival_sha256 WHERE id = $1 RETURNING id",
        recording,
    )
    soon = bureau.clock.now() + timedelta(days=5)
    await bureau.value("UPDATE duplicate_object SET lock_until = $1 RETURNING 1", soon)
