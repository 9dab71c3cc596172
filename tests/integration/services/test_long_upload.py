"""An upload that takes longer than its first lock lasts is locked a month ahead at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.adapters.objects import Bucket
from recorder.domain.upload import MIB
from recorder.services import ingest
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera, found, opened, send, stored
from tests.support.compacting import s3_settings
from tests.support.senders import Body, content


@pytest.fixture(params=["folder", "versitygw", "minio_server"])
async def bureau(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path, far_clock: None
) -> AsyncIterator[Bureau]:
    more = {}
    if request.param != "folder":
        more = s3_settings(request.getfixturevalue(request.param))
    async with open_bureau(database_url, tmp_path, **more) as opened:
        # Locks are kept by the server, whose clock is the real one.
        opened.clock.at = datetime.now(UTC)
        ingest.begin(opened.deps)
        yield opened
        await ingest.shutdown(opened.deps)


async def test_bytes_every_six_days_until_the_first_lock_has_ended(bureau: Bureau) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), content(18 * MIB)
    upload = await opened(bureau, actor, len(sent))
    # A whole part: its multipart upload is begun, and the lock with it.
    await send(deps, actor, upload.id, 0, Body(sent[: 17 * MIB]))
    offset = 17 * MIB
    while bureau.clock.now() <= upload.lock_until + timedelta(days=1):
        bureau.clock.forward(days=6)
        assert await ingest.expire_overdue(deps) == 0
        # Chores have no recording to keep locked yet.
        assert await ingest.extend_locks(deps) == 0
        await send(deps, actor, upload.id, offset, Body(sent[offset : offset + 1000]))
        offset += 1000
    status = await send(deps, actor, upload.id, offset, Body(sent[offset:]))
    assert status.recording is not None
    assert await stored(bureau, status.recording) == sent
    row, (original,) = await found(bureau, status.recording)
    assert "incomplete_upload" not in row.flags
    promised = bureau.clock.now() + timedelta(days=30)
    sidecar = "SELECT sidecar_key FROM original_object WHERE recording_id = $1"
    for key in (original.key, str(await bureau.value(sidecar, row.id))):
        (version,) = await deps.objects.versions(Bucket.ORIGINALS, key)
        held = await deps.objects.stat(Bucket.ORIGINALS, key, version.version)
        assert held.lock_until is not None
        assert held.lock_until >= promised
    assert await bureau.value("SELECT min(lock_until) FROM original_object") >= promised  # type: ignore[operator]
    assert await ingest.extend_locks(deps) == 0, "nothing is left to be made up for"
