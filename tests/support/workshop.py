"""Footage brought in through ingest, and its tasks worked off in the test's own process."""

from __future__ import annotations

from pathlib import Path

from recorder.adapters.media import MediaTool
from recorder.adapters.objects import Bucket
from recorder.domain.ids import RecordingId
from recorder.domain.people import EVERYTHING, OPERATOR, Actor, ActorKind, Role
from recorder.domain.pipeline import WorkQueue
from recorder.domain.recording import OriginalObject, Recording
from recorder.runtime import Deps
from recorder.services import ingest, registry, tasks
from recorder.store import recordings, task_runs
from recorder.store.task_runs import TaskRun
from tests.support import footage as footage_set
from tests.support.bureau import Bureau
from tests.support.children import run
from tests.support.senders import Body, metadata
from workers.runner import run_task

QUEUES = tuple(WorkQueue)


async def camera(bureau: Bureau, number: str = "TA00716") -> Actor:
    """The actor of a new device of our agency."""
    added = await registry.add_device(bureau.deps, OPERATOR, number=number)
    return Actor(
        ActorKind.DEVICE,
        str(added.device.id),
        number,
        role=Role.DEVICE,
        agency=bureau.ours,
        device=added.device.id,
    )


async def deliver(
    bureau: Bureau, actor: Actor, sent: bytes, name: str = "clip.mp4", **values: str
) -> RecordingId:
    """Upload these bytes; the recording waits for its tasks."""
    upload = await ingest.open_upload(
        bureau.deps, actor, length=len(sent), metadata=metadata(filename=name, **values)
    )
    await ingest.append(
        bureau.deps, actor, upload.id, offset=0, body=Body(sent), checksum=None, length=None
    )
    status = await ingest.upload_status(bureau.deps, actor, upload.id)
    assert status.recording is not None
    return status.recording


async def long_clip(footage: Path, folder: Path, *, seconds: int = 20) -> bytes:
    """Footage that must be encoded anew: twenty seconds take a few seconds of processor."""
    clip = folder / "long.avi"
    source = footage / "04_mjpeg_pcm.avi"
    made = await run(
        [
            *(
                footage_set.ffmpeg(),
                "-nostdin",
                "-v",
                "error",
                "-stream_loop",
                str(seconds // 2 - 1),
            ),
            *("-i", str(source), "-c", "copy", str(clip)),
        ]
    )
    assert made.code == 0, made.complaints
    return clip.read_bytes()


async def work_off(deps: Deps, media: MediaTool, *queues: WorkQueue) -> int:
    """Do what is due until nothing is; says how many attempts that took."""
    attempts = 0
    while True:
        due = None
        for queue in queues or QUEUES:
            due = due or await tasks.claim(deps, queue, deps.instance)
        if due is None:
            return attempts
        await run_task(deps, media, due)
        attempts += 1


async def claimed(deps: Deps, queue: WorkQueue = WorkQueue.IO) -> TaskRun:
    """The next due run of a queue, as a worker gets it."""
    due = await tasks.claim(deps, queue, deps.instance)
    assert due is not None
    return due


async def runs(bureau: Bureau, recording: RecordingId) -> dict[str, TaskRun]:
    """The runs about a recording by task."""
    async with bureau.deps.database.acquire() as connection:
        found = await task_runs.of_subject(connection, "recording", recording)
    return {each.task: each for each in found}


async def look_up(bureau: Bureau, recording: RecordingId) -> tuple[Recording, OriginalObject]:
    """A recording and its original."""
    async with bureau.deps.database.acquire() as connection:
        row = await recordings.find(connection, recording, EVERYTHING)
        (original,) = await recordings.objects_of(connection, recording)
    assert row is not None
    return row, original


async def open_alarms(bureau: Bureau) -> list[tuple[str, str, str]]:
    """Code, severity and detail of each open alarm, oldest first."""
    async with bureau.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT code, severity, detail FROM alarm WHERE cleared_at IS NULL ORDER BY id"
        )
    return [(row["code"], row["severity"], row["detail"]) for row in rows]


async def events_of(bureau: Bureau, recording: RecordingId) -> list[str]:
    """Names of the custody events about a recording in their order."""
    async with bureau.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT name FROM custody_event WHERE subject_id = $1 ORDER BY position", recording
        )
    return [row["name"] for row in rows]


def stored_file(bureau: Bureau, original: OriginalObject) -> Path:
    """Where the folder store keeps these bytes."""
    path = bureau.deps.objects.local_path(Bucket.ORIGINALS, original.key, original.version)
    assert path is not None
    return path
