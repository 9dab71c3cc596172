"""The claim loop and run_task: claim from PostgreSQL, run the step, finish or fail.

arq's wake only sets an event; every two seconds the loop looks by itself, so Redis may be empty
or away at any time. A worker that dies loses its lease, and another one takes the run over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence

from recorder import metrics, telemetry
from recorder.adapters.media import MediaTool
from recorder.domain import people
from recorder.domain.events import CustodyEvent
from recorder.domain.pipeline import (
    BACKGROUND_PRIORITY,
    TASKS,
    URGENT_PRIORITY,
    Task,
    WorkQueue,
)
from recorder.errors import Conflict, Kind, RecorderError, Unprocessable
from recorder.runtime import Deps
from recorder.services import alarms, tasks
from recorder.store.task_runs import TaskRun
from workers.context import StepContext
from workers.steps import STEPS

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
#: Progress is shown this often; the lease is renewed at least three times in its length.
_BEAT_S = 1.0
#: Failures that another try may mend.
_PASSING = frozenset({Kind.UNAVAILABLE, Kind.RATE_LIMITED, Kind.LOCKED, Kind.STORAGE_FULL})


class QueueLoop:
    """Keeps up to ``slots`` runs of one queue going, an urgent one more, and one in the background.

    The one more is for what is short and awaited: a look at new footage does not wait for the
    hours of a long transcode. What nobody waits for takes no slot, so that nothing waits for it.
    """

    def __init__(self, deps: Deps, media: MediaTool, queue: WorkQueue, slots: int):
        self._deps = deps
        self._media = media
        self._queue = queue
        self._slots = slots
        self._running: set[asyncio.Task[None]] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for due runs now."""
        self._woken.set()

    async def run(self) -> None:
        """Claim and run until cancelled; then runs under way are given back uncounted."""
        try:
            while True:
                # Before looking: a wake that comes in the meantime must not be forgotten.
                self._woken.clear()
                while await self._claim():
                    pass
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._woken.wait()
        finally:
            running = self._running | self._background
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _least_priority(self) -> int | None:
        """From which priority on a run may be claimed now; None: none may."""
        free = self._slots - len(self._running)
        if free < 0:
            return None
        if not free:
            return URGENT_PRIORITY
        return BACKGROUND_PRIORITY + 1 if self._background else 0

    async def _claim(self) -> bool:
        least = self._least_priority()
        if least is None:
            return False
        try:
            run = await tasks.claim(
                self._deps,
                self._queue,
                self._deps.instance,
                least_priority=least,
            )
        except RecorderError as error:
            logger.warning("no work could be claimed: %s", error)
            return False
        if run is None:
            return False
        task = asyncio.create_task(run_task(self._deps, self._media, run))
        behind = TASKS[run.task].priority <= BACKGROUND_PRIORITY
        (self._background if behind else self._running).add(task)
        task.add_done_callback(self._ended)
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a run ended outside its bounds", exc_info=error)
        self.wake()


async def run_task(deps: Deps, media: MediaTool, run: TaskRun) -> None:
    """Do one claimed run to its end: finished, given back, or failed with its reason."""
    outcome = "given_back"
    try:
        with metrics.timed(metrics.TASK_SECONDS, run.task):
            outcome = await _attempt(deps, media, run)
    finally:
        metrics.TASK_ATTEMPTS.labels(run.task, outcome).inc()


async def _attempt(deps: Deps, media: MediaTool, run: TaskRun) -> str:
    """How the attempt ended, as the figures name it; a cancelled one is given back."""
    task = TASKS[run.task]
    context = StepContext(deps, media, run, deps.instance)
    with telemetry.bind(run=run.id, task=run.task, recording=run.subject_id, attempt=run.attempt):
        try:
            if run.failures >= task.tries:
                # Only a claim counts past the last try: the workers before are gone.
                return await _fail(
                    deps, run, "worker-lost", "Every worker that tried it died or vanished."
                )
            events = await _do_step(context, task)
            await tasks.finish(deps, people.worker(deps.instance), run, events)
            telemetry.log(logger, logging.INFO, "task finished")
            return "done"
        except asyncio.CancelledError:
            with contextlib.suppress(RecorderError):
                await asyncio.shield(tasks.give_back(deps, run, None))
            raise
        except RecorderError as error:
            return await _settle(deps, run, error, task)
        except Exception as error:
            logger.exception("task failed by our own mistake")
            return await _fail(deps, run, "internal-error", f"{type(error).__name__}: {error}")


async def _do_step(context: StepContext, task: Task) -> Sequence[CustodyEvent]:
    """Run the step under its time limit while a heartbeat keeps the lease.

    The heartbeat ends with the step: what follows is short, and its own commit would look to it
    like a lost run.
    """
    beating = asyncio.create_task(_heartbeat(context, asyncio.current_task()))
    limit = asyncio.timeout(task.limit_s)
    try:
        async with limit:
            return await STEPS[task.name](context)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise Unprocessable(
            "task-timeout", f"It took longer than {task.limit_s} s.", limit_s=task.limit_s
        ) from error
    finally:
        beating.cancel()


async def _heartbeat(context: StepContext, step: asyncio.Task[None] | None) -> None:
    """Keep the lease and show progress; a lost run is stopped at once."""
    pause = min(_BEAT_S, context.deps.config.task_lease_s / 3)
    while True:
        await asyncio.sleep(pause)
        try:
            ours = await tasks.heartbeat(context.deps, context.run, dict(context.progress) or None)
        except RecorderError as error:
            logger.warning("the lease could not be extended: %s", error)
            continue
        if not ours and step is not None:
            logger.warning("another worker has this run now")
            step.cancel()
            return


async def _settle(deps: Deps, run: TaskRun, error: RecorderError, task: Task) -> str:
    """By the kind of the failure: another try, or a visible end."""
    if error.code == "run-lost":
        logger.warning("another worker has this run now")
        return "lost"
    telemetry.log(logger, logging.WARNING, "task did not succeed", code=error.code)
    if error.kind in _PASSING and run.failures + 1 < task.tries:
        with contextlib.suppress(RecorderError):
            await tasks.give_back(deps, run, error)
        return "retried"
    return await _fail(deps, run, error.code, error.detail, error.facts)


async def _fail(
    deps: Deps,
    run: TaskRun,
    code: str,
    detail: str,
    facts: Mapping[str, object] = alarms.NO_FACTS,
) -> str:
    try:
        await tasks.fail(deps, people.worker(deps.instance), run, code, detail, facts)
    except Conflict:
        logger.warning("another worker has this run now")
        return "lost"
    except RecorderError as error:
        # The lease ends by itself, and another attempt comes to this point again.
        logger.warning("the failure could not be written down: %s", error)
        return "retried"
    return "failed"
