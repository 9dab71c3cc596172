"""Task runs: claim, finish, fail, retry; and what each event changes in the rows.

The runner calls these; nobody enqueues. A worker's words count only while its attempt is the
present one, so a run never comes to two effects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from recorder.domain import filmed_code
from recorder.domain.alarm import AlarmCode
from recorder.domain.events import (
    CodesFilmed,
    CustodyEvent,
    MediaProbed,
    RecordingCompacted,
    RecordingMismatched,
    RecordingSealed,
    RenditionMade,
    TaskFailed,
    TaskRetried,
)
from recorder.domain.ids import RecordingId, TaskRunId, new_uuid
from recorder.domain.instant import Instant, is_plausible
from recorder.domain.people import Actor
from recorder.domain.pipeline import WorkQueue
from recorder.errors import Conflict, InvalidInput, NotFound, RecorderError
from recorder.runtime import Deps
from recorder.services import alarms, card_copies, guard, sharing
from recorder.services.live import volumes
from recorder.services.paging import Page, page_of, page_size, read_cursor
from recorder.store import (
    coverage_due,
    filmed_codes,
    open_uploads,
    recordings,
    renditions,
    store_intents,
    subjects,
    task_runs,
)
from recorder.store.change import Change
from recorder.store.connection import Connection
from recorder.store.open_uploads import OpenUpload
from recorder.store.subjects import Subject
from recorder.store.task_runs import TaskRun

#: Waits between tries of an outside failure, in seconds; the last one repeats.
_BACKOFF_S = (1, 2, 5, 10, 30, 60, 120, 300)
_MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class NamedRun:
    """A run with what its recording is called; None for a run about something else."""

    run: TaskRun
    subject: Subject | None


@dataclass(frozen=True, slots=True)
class WorkInProgress:
    """What the page of work shows: transfers and task runs that are not at their end."""

    uploads: tuple[OpenUpload, ...]
    runs: tuple[NamedRun, ...]


# --- for the runner ---------------------------------------------------------------------------


async def claim(
    deps: Deps, queue: WorkQueue, worker: str, *, least_priority: int = 0
) -> TaskRun | None:
    """The most urgent due run of the queue, leased to this worker; None when nothing is due.

    None too while the store is ahead of the database: what the runs of that database found may
    have been found before, by the one that was lost.
    """
    if await guard.is_younger(deps):
        return None
    async with deps.database.acquire() as connection:
        return await task_runs.claim(
            connection,
            queue,
            worker,
            deps.clock.now(),
            _lease(deps),
            least_priority=least_priority,
        )


async def heartbeat(deps: Deps, run: TaskRun, progress: dict[str, int] | None) -> bool:
    """Extend the lease and show progress; False when the run belongs to another worker now."""
    async with deps.database.acquire() as connection:
        return await task_runs.heartbeat(
            connection, run.id, run.attempt, deps.clock.now() + _lease(deps), progress
        )


def _lease(deps: Deps) -> timedelta:
    return timedelta(seconds=deps.config.task_lease_s)


async def finish(deps: Deps, actor: Actor, run: TaskRun, events: Sequence[CustodyEvent]) -> None:
    """Commit what a run found: its events, the rows they change, the runs they start.

    One that found nothing to do changes nothing but its own row, and needs no event. Raises
    Conflict ``run-lost`` when another worker has the run, and then nothing is written.
    """
    async with deps.change(actor, told_later=not events) as change:
        if not await task_runs.finish(change.connection, run.id, run.attempt, change.now):
            raise _lost(run)
        for event in events:
            change.record(event)
            await _apply(change, event)


async def give_back(deps: Deps, run: TaskRun, error: RecorderError | None) -> None:
    """Return the run to the queue: an outside failure with a delay, else at once, uncounted."""
    wait = 0
    if error is not None:
        wait = _BACKOFF_S[min(run.failures, len(_BACKOFF_S) - 1)]
    async with deps.database.acquire() as connection:
        await task_runs.give_back(
            connection,
            run.id,
            run.attempt,
            deps.clock.now() + timedelta(seconds=wait),
            counted=error is not None,
            code=error.code if error else None,
            detail=error.detail[:500] if error else None,
            facts=error.facts if error else None,
        )


async def fail(
    deps: Deps,
    actor: Actor,
    run: TaskRun,
    code: str,
    detail: str,
    facts: Mapping[str, object] = alarms.NO_FACTS,
) -> None:
    """End the run without success: shown with its reason and an alarm until a person retries."""
    detail = detail[:2000]
    async with deps.change(actor) as change:
        if not await task_runs.fail(
            change.connection, run.id, run.attempt, change.now, code, detail, facts
        ):
            raise _lost(run)
        change.record(
            TaskFailed(
                subject=run.subject_id,
                agency=run.agency,
                run=run.id,
                task=run.task,
                attempts=run.attempt,
                code=code,
                detail=detail,
            )
        )
        await alarms.raise_alarm(
            change,
            AlarmCode.TASK_FAILED,
            about_kind="task_run",
            about=str(run.id),
            agency=run.agency,
            detail=f"{run.task}: {detail or code}",
            facts={**facts, "task": run.task, "error": code, run.subject_kind: str(run.subject_id)},
        )
        if code == "original-missing":
            await alarms.raise_alarm(
                change,
                AlarmCode.RECORDING_MISMATCHED,
                about_kind=run.subject_kind,
                about=str(run.subject_id),
                agency=run.agency,
                detail=detail,
                facts={"reasons": [code]},
            )


async def require_ours(connection: Connection, run: TaskRun) -> None:
    """Raise Conflict ``run-lost`` unless this attempt is the present one, until the commit."""
    if not await task_runs.is_ours(connection, run.id, run.attempt):
        raise _lost(run)


async def intend_rendition(deps: Deps, run: TaskRun, key: str) -> None:
    """Claim a key of the renditions bucket before its bytes are written.

    What the run does not adopt is swept. Raises Conflict ``run-lost`` when it is another worker's.
    """
    async with deps.database.acquire() as connection:
        if not await store_intents.intend_rendition(
            connection, new_uuid(), run.id, run.attempt, key, deps.clock.now()
        ):
            raise _lost(run)


def _lost(run: TaskRun) -> Conflict:
    return Conflict("run-lost", "Another worker has this run now.", run=str(run.id))


# --- what events change -----------------------------------------------------------------------


async def _touch(change: Change, event: CustodyEvent) -> None:
    recording = RecordingId(event.subject)
    await coverage_due.touch_footage(change.connection, [recording], "footage")


async def _seal(change: Change, event: RecordingSealed) -> None:
    if not await recordings.seal(change, event):
        raise Conflict("recording-decided", "This recording is sealed or mismatched already.")


async def _mismatch(change: Change, event: RecordingMismatched) -> None:
    if not await recordings.mismatch(change, event):
        raise Conflict("recording-decided", "This recording is sealed or mismatched already.")
    await _touch(change, event)
    await alarms.raise_alarm(
        change,
        AlarmCode.RECORDING_MISMATCHED,
        about_kind="recording",
        about=str(event.subject),
        agency=event.agency,
        detail="The stored original is not what arrived or was declared: "
        + ", ".join(event.reasons),
        facts={"reasons": list(event.reasons)},
    )


async def _set_media(change: Change, event: MediaProbed) -> None:
    started = None
    said = event.media.get("creation_time")
    if isinstance(said, str) and said:
        try:
            started = Instant.parse(said).at
        except InvalidInput:
            started = None
        if started is not None and not is_plausible(started):
            started = None
    length = event.media.get("length_ms")
    await recordings.set_media(
        change, event, started, length if isinstance(length, int) and length > 0 else None
    )
    # Only now its times are known, whoever said them.
    await card_copies.match(change, RecordingId(event.subject), event.agency)
    await sharing.inherit(change, RecordingId(event.subject))
    await _touch(change, event)


async def _keep_codes(change: Change, event: CodesFilmed) -> None:
    read = [filmed_code.accept(str(c["text"]), int(str(c["media_ms"]))) for c in event.codes]
    recording = RecordingId(event.subject)
    await filmed_codes.insert(change, recording, [c for c in read if c is not None], change.now)
    await filmed_codes.attribute_anew(change, recording)


async def _apply(change: Change, event: CustodyEvent) -> None:
    match event:
        case RecordingSealed():
            await _seal(change, event)
        case RecordingMismatched():
            await _mismatch(change, event)
        case MediaProbed():
            await _set_media(change, event)
        case CodesFilmed():
            await _keep_codes(change, event)
        case RenditionMade():
            if await renditions.adopt(change, event):
                await store_intents.fulfil_key(change.connection, event.key)
        case RecordingCompacted():
            await volumes.switch(change, event)
        case _:
            pass


# --- for people -------------------------------------------------------------------------------


async def retry(deps: Deps, actor: Actor, run_id: TaskRunId) -> TaskRun:
    """Make a failed run due again, with all its tries. Raises Conflict when it has not failed."""
    async with deps.database.acquire() as connection:
        run = await task_runs.find(connection, run_id, actor.scope)
    if run is None:
        raise NotFound("task-run-not-found", "There is no such task run.")
    async with deps.change(actor) as change:
        if not await task_runs.retry(change.connection, run_id, change.now):
            raise Conflict("task-run-not-failed", "Only a failed task can be retried.")
        change.record(
            TaskRetried(subject=run.subject_id, agency=run.agency, run=run.id, task=run.task)
        )
        change.started.append((run.queue, run.id))
    await alarms.clear_if_open(
        deps,
        AlarmCode.TASK_FAILED,
        about_kind="task_run",
        about=str(run.id),
        note="The task was started again.",
        actor=actor,
    )
    return replace(run, state="pending", failures=0)


async def list_failed(
    deps: Deps, actor: Actor, cursor: str | None = None, limit: int = 50
) -> Page[NamedRun]:
    """Failed runs of the agencies the asker sees, newest first."""
    before, size = read_cursor(cursor), page_size(limit)
    async with deps.database.acquire() as connection:
        rows = await task_runs.failed(connection, actor.scope, before, size + 1)
        named = await _named(connection, actor, rows)
    return page_of(named, size, lambda one: (one.run.finished_at or one.run.created_at, one.run.id))


async def list_unfinished(deps: Deps, actor: Actor) -> WorkInProgress:
    """Open uploads and unfinished runs of the agencies the asker sees, 200 of each at most."""
    async with deps.database.acquire() as connection:
        opened = await open_uploads.unfinished(connection, actor.scope, _MOST_SHOWN)
        runs = await task_runs.unfinished(connection, actor.scope, _MOST_SHOWN)
        return WorkInProgress(tuple(opened), tuple(await _named(connection, actor, runs)))


async def _named(connection: Connection, actor: Actor, runs: Sequence[TaskRun]) -> list[NamedRun]:
    named = await subjects.named(connection, {run.subject_id for run in runs}, actor.scope)
    return [NamedRun(run, named.get(run.subject_id)) for run in runs]
