"""What a step is given: the wired parts, the media tool, its run, and a way to show progress."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from recorder.adapters.media import MediaTool
from recorder.adapters.media_source import MediaSource
from recorder.adapters.objects import Bucket
from recorder.adapters.range_server import serve_ranges
from recorder.domain.ids import RecordingId
from recorder.domain.people import EVERYTHING
from recorder.domain.recording import OriginalObject, Recording
from recorder.errors import IntegrityError, NotFound
from recorder.runtime import Deps
from recorder.services import originals
from recorder.store import recordings
from recorder.store.task_runs import TaskRun
from workers import scratch


@dataclass
class StepContext:
    """One attempt of one run. Steps return events; they never commit and never enqueue."""

    deps: Deps
    media: MediaTool
    run: TaskRun
    #: Names the worker process, for the lineage of renditions.
    worker: str
    #: Shown to people at the next heartbeat: percent, speed_percent, left_s.
    progress: dict[str, int] = field(default_factory=dict)

    @property
    def recording_id(self) -> RecordingId:
        return RecordingId(self.run.subject_id)

    async def recording(self) -> tuple[Recording, list[OriginalObject], bytes]:
        """The recording, the objects of its original, and the digest of what arrived."""
        async with self.deps.database.acquire() as connection:
            found = await recordings.find(connection, self.recording_id, EVERYTHING)
            if found is None:
                raise NotFound("recording-not-found", "The recording of this run is not there.")
            objects = await recordings.objects_of(connection, found.id)
            arrival = await recordings.arrival_of(connection, found.id)
        return found, objects, arrival

    @asynccontextmanager
    async def source(self, objects: list[OriginalObject]) -> AsyncIterator[MediaSource]:
        """The original for a media tool: the file itself, or ranges served on the loopback.

        Raises IntegrityError ``original-missing`` at once where a media tool would only see
        something that does not answer.
        """
        for stored in objects:
            with missing_is_alarming(stored):
                await self.deps.objects.stat(Bucket.ORIGINALS, stored.key, stored.version)
        if len(objects) == 1 and objects[0].begins is None:
            only = objects[0]
            path = self.deps.objects.local_path(Bucket.ORIGINALS, only.key, only.version)
            if path is not None:
                yield MediaSource(path=path)
                return
        length = sum(stored.length for stored in objects)

        def read(offset: int, size: int) -> AsyncIterator[bytes]:
            return originals.read(self.deps, objects, offset, size)

        async with serve_ranges(length, read) as server:
            yield MediaSource(server=server)

    def folder(self) -> AbstractContextManager[Path]:
        """A temporary folder for results; gone when the block ends."""
        return scratch.folder(self.deps.config.work_folder)


@contextmanager
def missing_is_alarming(stored: OriginalObject) -> Iterator[None]:
    """A pinned version that the store does not know is lost evidence, not a wrong question."""
    try:
        yield
    except NotFound as error:
        raise IntegrityError(
            "original-missing",
            "The pinned version of the original is not in the object store.",
            key=stored.key,
            version=stored.version,
        ) from error
