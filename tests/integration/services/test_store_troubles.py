"""The store is full or away in mid-upload: nothing that was answered is lost."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.domain.people import EVERYTHING, Actor, ActorKind, Role
from recorder.domain.upload import MIB
from recorder.errors import RecorderError, StorageFull, Unavailable
from recorder.services import ingest, originals
from recorder.store import recordings
from tests.support import s3
from tests.support.bureau import Bureau, open_bureau
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.faulty_s3 import Act, FaultyS3
from tests.support.senders import Body, content, metadata


@asynccontextmanager
async def on_s3(
    database_url: str, folder: Path, server: s3.S3Server, prefix: str
) -> AsyncIterator[Bureau]:
    """A bureau whose footage goes to this server, whose locks need the real time."""
    settings = {
        "objects": "s3",
        "s3_endpoint": server.host,
        "s3_secure": "false",
        "s3_access_key": server.access_key,
        "s3_secret_key": server.secret_key,
        "s3_make_buckets": "true",
        **{
            f"s3_bucket_{name}": f"{prefix}trouble-{name}"
            for name in ("originals", "renditions", "staging")
        },
    }
    async with open_bureau(database_url, folder, **settings) as bureau:
        bureau.clock.at = datetime.now(UTC)
        yield bureau
        await ingest.shutdown(bureau.deps)


async def send(
    bureau: Bureau, sent: bytes, tries: int, *refusals: type[RecorderError]
) -> tuple[bytes, int]:
    """Send as a client does, asking where it stands after each failure; what is stored then.

    Also the number of failures. An answered offset never goes back.
    """
    actor = Actor(ActorKind.PROGRAM, "p", "p", role=Role.OFFICER, agency=bureau.ours)
    upload = await ingest.open_upload(
        bureau.deps, actor, length=len(sent), metadata=metadata(filename="clip.mp4")
    )
    offset = failures = 0
    recording = None
    is_known = True
    for _ in range(tries):
        if is_known:
            with contextlib.suppress(*refusals):
                await ingest.append(
                    bureau.deps, actor, upload.id,
                    offset=offset, body=Body(sent[offset:]), checksum=None, length=None,
                )  # fmt: skip
        try:
            status = await ingest.upload_status(bureau.deps, actor, upload.id)
        except refusals:
            is_known, failures = False, failures + 1
            continue
        is_known, failures = True, failures + (status.recording is None)
        assert status.upload.offset >= offset
        offset, recording = status.upload.offset, status.recording
        if recording is not None:
            break
    assert recording is not None
    async with bureau.deps.database.acquire() as connection:
        row = await recordings.find(connection, recording, EVERYTHING)
        objects = await recordings.objects_of(connection, recording)
    assert row is not None
    blocks = [b async for b in originals.read(bureau.deps, objects, 0, row.length)]
    return b"".join(blocks), failures


async def test_a_quota_that_is_reached_in_mid_upload_keeps_what_was_answered(
    database_url: str, tmp_path: Path, versitygw: s3.S3Server
) -> None:
    sent = content(40 * MIB)
    with FaultyS3(f"http://{versitygw.host}") as proxy:
        async with on_s3(database_url, tmp_path, proxy.server, versitygw.bucket_prefix) as bureau:
            seen = 0

            def is_second_part(method: str, path: str) -> bool:
                nonlocal seen
                seen += method == "PUT" and "partNumber=" in path
                return method == "PUT" and seen >= 2

            # Parts and tails alike are refused until room is made.
            proxy.plan(Act.FULL, is_second_part, times=6)
            stored, failures = await send(bureau, sent, 12, StorageFull)
    assert stored == sent
    assert failures >= 1


async def test_a_store_that_is_away_for_many_tries_loses_nothing(
    database_url: str, tmp_path: Path
) -> None:
    sent = content(20 * MIB)
    async with open_bureau(database_url, tmp_path) as plain:
        objects = FaultyObjects(plain.deps.objects)
        # Tails cannot be staged either.
        objects.faults = [Fault(call, When.BEFORE, times=60) for call in ("upload_part", "put")]
        bureau = replace(plain, deps=replace(plain.deps, objects=objects))
        stored, failures = await send(bureau, sent, 300, Unavailable)
        await ingest.shutdown(bureau.deps)
    assert stored == sent
    assert failures >= 20


async def test_an_upload_that_the_store_refuses_to_end_for_an_hour_is_told_until_it_ends(
    database_url: str, tmp_path: Path
) -> None:
    actor = Actor(ActorKind.PROGRAM, "p", "p", role=Role.OFFICER)
    async with open_bureau(database_url, tmp_path) as bureau:
        objects = FaultyObjects(bureau.deps.objects)
        deps, actor = replace(bureau.deps, objects=objects), replace(actor, agency=bureau.ours)
        objects.faults = [Fault("complete_multipart", When.BEFORE, times=9)]
        upload = await ingest.open_upload(deps, actor, length=3, metadata="")
        with pytest.raises(Unavailable):
            await ingest.append(
                deps, actor, upload.id, offset=0, body=Body(b"abc"), checksum=None, length=3
            )

        async def told_after(minutes: int) -> tuple[object, object]:
            bureau.clock.forward(minutes=minutes)
            ended = await ingest.expire_overdue(deps)
            return ended, await bureau.value("SELECT count(*) FROM alarm WHERE cleared_at IS NULL")

        assert await told_after(50) == (0, 0)
        # While it is away altogether, that is what a person is told.
        objects.faults.append(Fault("ping", When.BEFORE))
        assert await told_after(20) == (0, 0)
        assert await told_after(1) == (0, 1)
        assert await bureau.value("SELECT code FROM alarm") == "upload_stuck"
        objects.faults = []
        assert await told_after(2) == (1, 0)
        await ingest.shutdown(deps)
