"""An archive for audits: a sealed recording, its duplicate, a rendition and open uploads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import asyncpg

from recorder.adapters.objects import Bucket
from recorder.domain.events import RecordingSealed, RenditionMade
from recorder.domain.ids import RecordingId, new_uuid
from recorder.domain.people import OPERATOR, Actor, ActorKind, Role
from recorder.domain.pipeline import WorkQueue
from recorder.services import audit, ingest, tasks
from recorder.services.audit import Level, Report
from tests.support.bureau import Bureau
from tests.support.faulty_objects import FaultyObjects
from tests.support.senders import Body, content, metadata, sha256

SEALED_BYTES = content(3000)


class Archive:
    """A bureau with a sealed recording, its duplicate, a rendition and an open upload."""

    def __init__(self, bureau: Bureau, owner_url: str) -> None:
        self.owner_url = owner_url
        # Its open upload has a staged piece, as with S3.
        staging = FaultyObjects(bureau.deps.objects, grows=False)
        self.bureau = replace(bureau, deps=replace(bureau.deps, objects=staging))
        self.deps = self.bureau.deps
        self.sealed = RecordingId(new_uuid())
        self.worker = Actor(ActorKind.WORKER, "w", "w")

    async def sql(self, statement: str, *arguments: object) -> object:
        return await self.bureau.value(f"{statement} RETURNING 1", *arguments)

    async def as_forger(self, statement: str) -> None:
        """Change a custody event as somebody who owns the database could."""
        owner = await asyncpg.connect(self.owner_url)
        try:
            await owner.execute(
                "ALTER TABLE custody_event DISABLE TRIGGER custody_event_append_only"
            )
            await owner.execute(statement)
        finally:
            await owner.close()

    async def upload(self, sent: bytes, length: int) -> RecordingId | None:
        sender = Actor(ActorKind.PROGRAM, "p", "p", role=Role.OFFICER, agency=self.bureau.ours)
        opened = await ingest.open_upload(
            self.deps, sender, length=length,
            metadata=metadata(filename="clip.mp4", case_number="深市监罚〔2023〕1号"),
        )  # fmt: skip
        status = await ingest.append(
            self.deps, sender, opened.id, offset=0, body=Body(sent), checksum=None, length=None
        )
        return status.recording

    async def seal(self) -> None:
        recording = await self.upload(SEALED_BYTES, len(SEALED_BYTES))
        assert recording is not None
        self.sealed = recording
        async with self.deps.database.acquire() as connection:
            row = await connection.fetchrow(
                "SELECT r.received_at, o.object_key, o.version FROM recording r"
                " JOIN original_object o ON o.recording_id = r.id WHERE r.id = $1",
                recording,
            )
        assert row is not None
        digest = sha256(SEALED_BYTES).hex()
        await self._finish(
            WorkQueue.IO,
            RecordingSealed(
                subject=recording, agency=self.bureau.ours, length=len(SEALED_BYTES),
                sha256=digest, sm3=digest, device=None, officer=None, original_name="clip.mp4",
                started_at=None, ended_at=None, received_at=row["received_at"],
                device_clock_at=None, clock_offset_ms=None, incomplete=False,
                checks=("read_back",),
                objects=({
                    "key": row["object_key"], "version": row["version"],
                    "length": len(SEALED_BYTES), "sha256": digest, "sm3": digest,
                },),
            ),
        )  # fmt: skip

    async def render(self) -> None:
        run = await tasks.claim(self.deps, WorkQueue.MEDIA, "w")
        assert run is not None
        key = f"{self.sealed}/poster-{run.id}-1.jpg"
        stored = await self.deps.objects.put(Bucket.RENDITIONS, key, [b"picture"])
        half_done = f"{self.sealed}/poster-{run.id}-2.jpg"
        await self.deps.objects.put(Bucket.RENDITIONS, half_done, [b"half"])
        now = self.deps.clock.now()
        digest = sha256(b"picture").hex()
        made = RenditionMade(
            subject=self.sealed, agency=self.bureau.ours, rendition=new_uuid(),
            profile="poster", key=key, version=stored.version, length=7,
            media_type="image/jpeg", sha256=digest, sm3=digest, parent_sha256=None,
            parent_arrival_sha256=digest, tool="t", tool_version="1", arguments=(),
            worker="w", started_at=now, finished_at=now, width=1, height=1,
        )  # fmt: skip
        async with self.deps.change(self.worker) as change:
            change.record(made)
            await tasks._apply(change, made)

    async def _finish(self, queue: WorkQueue, event: RecordingSealed) -> None:
        run = await tasks.claim(self.deps, queue, "w")
        assert run is not None
        await tasks.finish(self.deps, self.worker, run, [event])

    async def object(self, column: str = "object_key") -> tuple[str, str]:
        """Key and version of the sealed original, or of its sidecar."""
        version = "version" if column == "object_key" else "sidecar_version"
        async with self.deps.database.acquire() as connection:
            row = await connection.fetchrow(
                f"SELECT {column} AS key, {version} AS version"  # noqa: S608 - constant text
                " FROM original_object WHERE recording_id = $1",
                self.sealed,
            )
        assert row is not None
        return row["key"], row["version"]

    async def path(self, bucket: Bucket, key: str, version: str) -> Path:
        found = self.deps.objects.local_path(bucket, key, version)
        assert found is not None
        return found

    async def keep_locked_until_today(self) -> None:
        """Locks of the tests' March are made longer, for commands that live by the real clock."""
        for _ in range(11):
            self.bureau.clock.forward(days=365)
            await ingest.extend_locks(self.deps)

    async def audit(self, level: Level = Level.DIGEST) -> Report:
        return await audit.run(self.deps, OPERATOR, level=level)
