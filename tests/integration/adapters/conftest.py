"""Each object store there is, for the contract suites."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.adapters.files import FolderObjects
from recorder.adapters.objects import Bucket, ObjectStore
from recorder.adapters.s3 import S3Objects
from tests.support.s3 import S3Server
from tests.support.strict_s3 import StrictS3


def s3_objects(server: S3Server) -> S3Objects:
    """The S3 store in fresh buckets of this server."""
    return S3Objects(
        server.host,
        server.access_key,
        server.secret_key,
        server.region,
        False,
        {bucket: f"{server.bucket_prefix}{bucket.value}" for bucket in Bucket},
    )


@pytest.fixture(params=["folder", "versitygw", "minio", "strict"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    if request.param == "folder":
        folder = FolderObjects(tmp_path / "store", floor_bytes=0)
        yield folder
        await folder.close()
        return
    proxy: StrictS3 | None = None
    if request.param == "strict":
        proxy = request.getfixturevalue("strict_s3")
        server = proxy.server
    else:
        name = {"versitygw": "versitygw", "minio": "minio_server"}[request.param]
        server = request.getfixturevalue(name)
    objects = s3_objects(server)
    await objects.ensure_buckets()
    yield objects
    await objects.close()
    if proxy is not None:
        # Zombies ask for uploads that have ended, and repeats write keys that are taken.
        asked_for = ("NoSuchUpload", "PreconditionFailed")
        refused = [line for line in proxy.refusals if not line.endswith(asked_for)]
        assert refused == []
