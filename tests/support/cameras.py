"""Cameras of a bureau that send footage through the ingest service."""

from __future__ import annotations

from recorder.domain.ids import DeviceId, RecordingId, UploadId
from recorder.domain.people import EVERYTHING, OPERATOR, Actor, ActorKind, Role
from recorder.domain.recording import OriginalObject, Recording
from recorder.domain.upload import Upload
from recorder.runtime import Deps
from recorder.services import ingest, originals, registry
from recorder.services.ingest import Checksum
from recorder.store import recordings
from tests.support.bureau import Bureau
from tests.support.senders import Body, metadata


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


def device_of(actor: Actor) -> DeviceId:
    assert actor.device is not None
    return actor.device


async def opened(bureau: Bureau, actor: Actor, length: int, **values: str) -> Upload:
    values = {"filename": "clip.mp4", **values}
    return await ingest.open_upload(bureau.deps, actor, length=length, metadata=metadata(**values))


async def send(
    deps: Deps,
    actor: Actor,
    upload: UploadId,
    offset: int,
    body: Body,
    check: Checksum | None = None,
) -> ingest.UploadStatus:
    return await ingest.append(
        deps, actor, upload, offset=offset, body=body, checksum=check, length=None
    )


async def uploaded(bureau: Bureau, actor: Actor, sent: bytes, **values: str) -> RecordingId:
    upload = await opened(bureau, actor, len(sent), **values)
    status = await send(bureau.deps, actor, upload.id, 0, Body(sent))
    assert status.recording is not None
    return status.recording


async def found(bureau: Bureau, recording: RecordingId) -> tuple[Recording, list[OriginalObject]]:
    async with bureau.deps.database.acquire() as connection:
        row = await recordings.find(connection, recording, EVERYTHING)
        objects = await recordings.objects_of(connection, recording)
    assert row is not None
    return row, objects


async def stored(bureau: Bureau, recording: RecordingId) -> bytes:
    row, objects = await found(bureau, recording)
    blocks = [b async for b in originals.read(bureau.deps, objects, 0, row.length)]
    return b"".join(blocks)
