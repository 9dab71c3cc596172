"""A second, small world on a folder store, for what S3 cannot show within a test's time: objects
that repeat a recording, and those that a compaction has superseded, are let go when their lock has
ended, and no S3 server has a clock to set.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from recorder.adapters.media import FfmpegTool
from recorder.config import read_config
from recorder.domain.compaction import LEAST_OBJECTS
from recorder.domain.people import OPERATOR
from recorder.domain.pipeline import WorkQueue
from recorder.runtime import Deps, open_deps
from recorder.services import audit, ingest
from recorder.services.audit import Level
from tests.support import footage
from tests.support.bureau import Bureau, open_bureau
from tests.support.compacting import sealed_livestream
from tests.support.senders import content
from tests.support.workshop import camera, deliver, work_off
from tests.torture.schedule import Director
from tests.torture.struck_objects import StruckObjects


@dataclasses.dataclass
class Drawer:
    """Footage with two duplicates each, and compacted livestreams; what they let go is struck."""

    bureau: Bureau
    #: Through the database's proxy, with a folder that is struck.
    struck: Deps
    deliveries: int = 0

    async def fill(self) -> None:
        """One more recording, sealed, two objects that repeat it, and a livestream in volumes;
        sixty days go by."""
        self.deliveries += 1
        actor = await camera(self.bureau, f"DRAWER-{self.deliveries}")
        for _ in range(3):
            await deliver(self.bureau, actor, content(3000, seed=self.deliveries))
        tool = FfmpegTool(Path(footage.ffmpeg()))
        await sealed_livestream(self.bureau, actor, LEAST_OBJECTS, verify=False)
        # Both are verified, and the livestream is compacted.
        assert await work_off(self.bureau.deps, tool, WorkQueue.IO) == 3
        self.bureau.clock.forward(days=60)

    async def broken(self) -> list[str]:
        """What is not as promised: an original that is gone, a duplicate that is not."""
        await ingest.extend_locks(self.bureau.deps)
        report = await audit.run(self.bureau.deps, OPERATOR, level=Level.DIGEST)
        broken = [f"drawer: {finding.sentence}" for finding in report.findings]
        sealed = await self.bureau.value(
            "SELECT count(*) FROM recording WHERE integrity = 'sealed'"
        )
        kept = await self.bureau.value(
            "SELECT count(*) FROM duplicate_object WHERE released_at IS NULL"
        )
        left = await self.bureau.value("SELECT count(*) FROM superseded_object")
        if (sealed, kept, left) != (2 * self.deliveries, 0, 0):
            broken.append(
                f"drawer: {sealed} of {2 * self.deliveries} sealed, {kept} duplicates and"
                f" {left} superseded objects kept"
            )
        return broken


@contextlib.asynccontextmanager
async def open_drawer(
    straight: str, struck: str, folder: Path, director: Director
) -> AsyncIterator[Drawer]:
    """A drawer on an empty database: ``straight`` its address, ``struck`` that by the proxy."""
    folder.mkdir()
    async with open_bureau(straight, folder) as bureau:
        # Sixty days a round stay in the past: the folder store itself goes by the real clock.
        bureau.clock.at = datetime(2001, 1, 1, tzinfo=UTC)
        plain = bureau.deps.config
        config = read_config(
            {
                "RECORDER_DATABASE_URL": struck,
                "RECORDER_OBJECTS_FOLDER": str(plain.objects_folder),
                "RECORDER_OBJECTS_FLOOR_BYTES": "0",
                "RECORDER_SIGNING_KEY_FILE": str(plain.signing_key_file),
            }
        )
        async with open_deps(config, clock=bureau.clock) as deps:
            objects = StruckObjects(deps.objects, director, {"delete": "folder.delete"})
            yield Drawer(bureau, dataclasses.replace(deps, objects=objects))
