"""Processes that evaluate until nothing is due, and a list version that makes cases due."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from datetime import date
from pathlib import Path

from recorder.config import read_config
from recorder.domain.duty_table import write
from recorder.domain.ids import AgencyId, new_uuid
from recorder.domain.people import Actor, ActorKind, Role
from recorder.runtime import Deps, open_deps
from recorder.services import coverage, duties


def settings(url: str, folder: Path, **more: str) -> dict[str, str]:
    """What a service on that database needs; nothing is stored."""
    return {
        "RECORDER_DATABASE_URL": url,
        "RECORDER_OBJECTS_FOLDER": str(folder),
        "RECORDER_OBJECTS_FLOOR_BYTES": "0",
        **more,
        "RECORDER_SIGNING_KEY_FILE": str(folder / "signing.key"),
    }


def _work(url: str, folder: str, more: dict[str, str]) -> None:
    """A worker process: evaluate until nothing is due."""
    asyncio.run(_drain(url, Path(folder), more))


async def _drain(url: str, folder: Path, more: dict[str, str]) -> None:
    async with open_deps(read_config(settings(url, folder, **more))) as deps:
        while await coverage.evaluate_due(deps):
            pass


async def all_due(url: str, folder: Path, workers: int, **more: str) -> float:
    """How long that many processes take until nothing is due, their start included."""
    spawn = multiprocessing.get_context("spawn")
    began = time.perf_counter()
    running = [spawn.Process(target=_work, args=(url, str(folder), more)) for _ in range(workers)]
    for process in running:
        process.start()
    for process in running:
        await asyncio.to_thread(process.join)
    return time.perf_counter() - began


def _clerk(agency: AgencyId, name: str) -> Actor:
    return Actor(ActorKind.PERSON, str(new_uuid()), name, Role.SUPERVISOR, agency)


async def new_list(deps: Deps, agency: AgencyId, valid_from: date = date(2026, 1, 1)) -> float:
    """Draft, propose and approve a version; seconds that the approval took."""
    rules = list(duties.profile("cn-gd").rules)
    text = write(rules).rstrip() + "\r\n99,,M1,,,全程不间断\r\n"
    clerk, second = _clerk(agency, "clerk"), _clerk(agency, "second")
    made = await duties.draft(deps, clerk, title="bench", valid_from=valid_from, text=text)
    await duties.propose(deps, clerk, made.header.id)
    began = time.perf_counter()
    await duties.approve(deps, second, made.header.id, made.digest)
    return time.perf_counter() - began
