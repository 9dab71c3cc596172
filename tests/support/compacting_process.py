"""One attempt of the next task of the io queue, killed where it is said: by kill -9, at a call.

``python -m tests.support.compacting_process CALL before|after``, configured as a worker is.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys

from recorder.config import read_config
from recorder.domain.pipeline import WorkQueue
from recorder.errors import RecorderError
from recorder.runtime import open_deps
from recorder.services import tasks
from recorder.store.task_runs import TaskRun
from tests.support.compacting import MEDIA
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.waiting import eventually
from workers.runner import run_task


def _die() -> RecorderError:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit("unreachable")


async def main(call: str, when: When) -> None:
    """Wait until a run is due, which may be the lease of one who died here before us."""
    async with open_deps(read_config()) as deps:
        faulty = FaultyObjects(deps.objects, [Fault(call, when, error=_die)])
        deps = dataclasses.replace(deps, objects=faulty)

        async def due() -> TaskRun | None:
            return await tasks.claim(deps, WorkQueue.IO, deps.instance)

        run: TaskRun = await eventually(due, within=60, what="a run being due")
        await run_task(deps, MEDIA, run)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], When[sys.argv[2].upper()]))
