"""Sealed livestreams of many small segments, and what is asked of them before and after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from typing_extensions import override

from recorder.adapters.media import FfmpegTool, MediaLimits
from recorder.adapters.objects import Bucket, ObjectStore, StoredObject
from recorder.domain.ids import LivestreamId, RecordingId
from recorder.domain.people import EVERYTHING, SERVICE, Actor
from recorder.domain.pipeline import WorkQueue
from recorder.domain.recording import OriginalObject, Recording
from recorder.runtime import Deps
from recorder.services import audit, live, originals, tasks
from recorder.store import recordings
from recorder.store.task_runs import TaskRun
from tests.support import footage, s3
from tests.support.bureau import Bureau
from tests.support.faulty_objects import FaultyObjects
from tests.support.streams import opened, put, put_init, take
from workers.runner import run_task

MEDIA = FfmpegTool(Path(footage.ffmpeg()), limits=MediaLimits(stall_s=60))


def bodies(count: int) -> list[bytes]:
    """Segments of a second, the same six again and again."""
    segments = take().segments
    return [segments[n % len(segments)] for n in range(count)]


class BeforeIndex(FaultyObjects):
    """A store before whose first put something else happens."""

    def __init__(self, inner: ObjectStore, act: Callable[[], Awaitable[None]]) -> None:
        super().__init__(inner)
        self._act = act

    @override
    async def put(self, *given: Any, **named: Any) -> StoredObject:
        await self._act()
        return await super().put(*given, **named)


async def sealed_livestream(
    bureau: Bureau, actor: Actor, count: int = 40, *, verify: bool = True
) -> tuple[LivestreamId, RecordingId]:
    """A closed livestream with so many segments; its recording is sealed and not compacted."""
    livestream = await opened(bureau.deps, actor)
    await put_init(bureau.deps, actor, livestream.id, take().init)
    for number, body in enumerate(bodies(count), 1):
        await put(bureau.deps, actor, livestream.id, number, body)
    closed = await live.request_close(bureau.deps, actor, livestream.id, last=count)
    assert closed.recording is not None
    if verify:
        await one_task(bureau.deps, "verify")
    return livestream.id, closed.recording


async def one_task(deps: Deps, name: str) -> TaskRun:
    """One attempt of the next run of the io queue, which has this name."""
    run = await tasks.claim(deps, WorkQueue.IO, deps.instance)
    assert run is not None
    assert run.task == name
    await run_task(deps, MEDIA, run)
    return run


async def original_of(
    deps: Deps, recording: RecordingId
) -> tuple[Recording, list[OriginalObject], bytes]:
    """A recording, its objects, and all its bytes read as one."""
    async with deps.database.acquire() as connection:
        row = await recordings.find(connection, recording, EVERYTHING)
        objects = await recordings.objects_of(connection, recording)
    assert row is not None
    blocks = originals.read(deps, objects, 0, row.length)
    return row, objects, b"".join([block async for block in blocks])


async def findings(deps: Deps) -> list[tuple[str, str]]:
    """What an audit that reads every byte finds, and one that lists only keys."""
    found = []
    for level in (audit.Level.DIGEST, audit.Level.PRESENCE):
        report = await audit.run(deps, SERVICE, level=level, rates=audit.Rates(None, None))
        found += [(each.code, each.about) for each in report.findings]
    return found


async def watched(deps: Deps, actor: Actor, ticket: live.Ticket, number: int) -> tuple[bytes, str]:
    """Bytes and ETag of what a player gets under a number."""
    segment = await live.open_segment(deps, actor, ticket.livestream, ticket.secret, number)
    return b"".join([block async for block in segment.read(0, segment.length)]), segment.etag


async def stored_keys(deps: Deps) -> set[str]:
    """Every key among the originals that has a version."""
    listed = deps.objects.versions_below(Bucket.ORIGINALS, "")
    return {stored.key async for stored in listed}


def s3_settings(server: s3.S3Server) -> dict[str, str]:
    """Settings for a store on this server."""
    return {
        "objects": "s3",
        "s3_endpoint": server.host,
        "s3_secure": "false",
        "s3_access_key": server.access_key,
        "s3_secret_key": server.secret_key,
        "s3_make_buckets": "true",
        **{f"s3_bucket_{b.value}": f"{server.bucket_prefix}{b.value}" for b in Bucket},
    }
