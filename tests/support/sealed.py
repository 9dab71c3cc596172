"""Sealed footage, a day apart each, for tests of what becomes of it later."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from recorder.adapters.media import MediaTool
from recorder.domain.ids import RecordingId
from recorder.domain.pipeline import WorkQueue
from recorder.runtime import Deps
from tests.support.bureau import Bureau
from tests.support.faulty_objects import Fault, FaultyObjects
from tests.support.senders import content
from tests.support.workshop import camera, deliver, look_up, stored_file, work_off


class Sealed:
    """A bureau in which some footage was sealed, a day apart each."""

    def __init__(self, bureau: Bureau, recordings: list[RecordingId]) -> None:
        self.bureau = bureau
        self.deps = bureau.deps
        self.recordings = recordings

    async def file(self, n: int = 0) -> Path:
        return stored_file(self.bureau, (await look_up(self.bureau, self.recordings[n]))[1])

    async def alter(self, n: int = 0) -> None:
        path = await self.file(n)
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-1] + b"!")

    async def facts(self, name: str) -> list[dict[str, object]]:
        async with self.deps.database.acquire() as connection:
            rows = await connection.fetch(
                "SELECT facts FROM custody_event WHERE name = $1 ORDER BY position", name
            )
        return [row["facts"] for row in rows]

    async def looks(self) -> list[tuple[object, ...]]:
        """Age of the last look in days, age of the last agreement, failure; by sealing."""
        now = self.bureau.clock.now()
        async with self.deps.database.acquire() as connection:
            rows = await connection.fetch(
                "SELECT f.* FROM fixity f JOIN recording r ON r.id = recording_id"
                " ORDER BY r.created_at"
            )
        return [
            ((now - row["looked_at"]).days, (now - row["agreed_at"]).days, row["failure"])
            for row in rows
        ]


async def seal_some(bureau: Bureau, tool: MediaTool, number: int = 3) -> Sealed:
    """So many recordings of 3,000 bytes, the first one sealed so many days ago."""
    actor = await camera(bureau)
    made = []
    for seed in range(number):
        made.append(await deliver(bureau, actor, content(3000, seed=seed), f"{seed}.mp4"))
        await work_off(bureau.deps, tool, WorkQueue.IO)
        bureau.clock.forward(days=1)
    return Sealed(bureau, made)


def with_store(deps: Deps, *faults: Fault) -> tuple[Deps, FaultyObjects]:
    """The same with a store that counts its calls and fails as planned."""
    faulty = FaultyObjects(deps.objects, faults)
    return dataclasses.replace(deps, objects=faulty), faulty
