"""The audit on a real S3 server: versions, locks and listings are the store's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.adapters.objects import Bucket
from recorder.domain.ids import new_uuid
from recorder.domain.people import OPERATOR, Actor, ActorKind, Role
from recorder.domain.upload import MIB
from recorder.services import audit, ingest
from recorder.services.audit import Level
from tests.support import s3
from tests.support.bureau import open_bureau
from tests.support.senders import Body, content, metadata


@pytest.mark.parametrize("level", Level)
async def test_an_s3_store_agrees_until_something_is_planted(
    database_url: str, versitygw: s3.S3Server, tmp_path: Path, level: Level
) -> None:
    settings = {
        "objects": "s3",
        "s3_endpoint": versitygw.host,
        "s3_secure": "false",
        "s3_access_key": versitygw.access_key,
        "s3_secret_key": versitygw.secret_key,
        "s3_make_buckets": "true",
        **{
            f"s3_bucket_{name}": f"{versitygw.bucket_prefix}audit-{level.value}-{name}"
            for name in ("originals", "renditions", "staging")
        },
    }
    async with open_bureau(database_url, tmp_path, **settings) as bureau:
        # Locks are kept by the server, whose clock is the real one.
        bureau.clock.at = datetime.now(UTC)
        sender = Actor(ActorKind.PROGRAM, "p", "p", role=Role.OFFICER, agency=bureau.ours)
        for sent, length in ((content(17 * MIB), 17 * MIB), (b"", 0), (content(9), 20 * MIB)):
            upload = await ingest.open_upload(
                bureau.deps, sender, length=length, metadata=metadata(filename="clip.mp4")
            )
            if sent:
                await ingest.append(
                    bureau.deps, sender, upload.id,
                    offset=0, body=Body(sent), checksum=None, length=None,
                )  # fmt: skip
            await ingest.upload_status(bureau.deps, sender, upload.id)
        await bureau.deps.objects.self_test(bureau.clock.now())
        report = await audit.run(bureau.deps, OPERATOR, level=level)
        assert report.findings == []
        assert report.looked_at["recordings"] == 2
        day = bureau.clock.now().strftime("%Y/%m/%d")
        await bureau.deps.objects.put(
            Bucket.ORIGINALS, f"{day}/{new_uuid()}/original", [b"x"],
            lock_until=bureau.clock.now() + timedelta(minutes=1),
        )  # fmt: skip
        report = await audit.run(bureau.deps, OPERATOR, level=level)
        assert dict(report.counts) == {"original-unclaimed": 1}
        await ingest.shutdown(bureau.deps)
