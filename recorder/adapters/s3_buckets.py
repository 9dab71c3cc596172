"""The three buckets themselves: made at a first start, and asked whether they are set up right.

Existing buckets are never changed: what is wrong with them is said in sentences.
"""

from __future__ import annotations

from collections.abc import Mapping

from minio.commonconfig import ENABLED
from minio.error import S3Error
from minio.versioningconfig import VersioningConfig

from recorder.adapters.objects import Bucket
from recorder.adapters.s3_wire import Refused, S3Wire, again, translated
from recorder.errors import NotFound

_OURS_ALREADY = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})


#: A store that starts together with us may need some seconds.
_STARTING = (0.2, 0.5, 1.0, 2.0)


def ensure(wire: S3Wire, names: Mapping[Bucket, str]) -> None:
    """After return all buckets exist; new ones have versions and lock as they need them."""
    again(lambda: _ensure(wire, names), _STARTING)


def _ensure(wire: S3Wire, names: Mapping[Bucket, str]) -> None:
    with translated():
        for bucket, name in names.items():
            if wire.client.bucket_exists(name):
                continue
            try:
                wire.client.make_bucket(name, object_lock=bucket is Bucket.ORIGINALS)
            except S3Error as error:
                if error.code not in _OURS_ALREADY:
                    raise
            if bucket is Bucket.RENDITIONS:
                wire.client.set_bucket_versioning(name, VersioningConfig(ENABLED))


def problems(wire: S3Wire, names: Mapping[Bucket, str]) -> list[str]:
    """One English sentence for each promise that a bucket's settings cannot keep."""
    found: list[str] = []
    with translated():
        for bucket, name in names.items():
            if not wire.client.bucket_exists(name):
                found.append(f"The bucket {name} for {bucket.value} does not exist.")
                continue
            status = wire.client.get_bucket_versioning(name).status
            if bucket is Bucket.STAGING:
                if status is not None:
                    found.append(f"The bucket {name} for staging must not keep versions.")
            elif status != ENABLED:
                found.append(f"The bucket {name} for {bucket.value} does not keep versions.")
            if bucket is Bucket.ORIGINALS and not _has_lock(wire, name):
                found.append(f"The bucket {name} for originals was made without object lock.")
    return found


def risks(wire: S3Wire, names: Mapping[Bucket, str]) -> list[str]:
    """One English sentence for each way in which the store may end open uploads by itself."""
    found = [
        f"The bucket {name} for {bucket.value} has life-cycle rules."
        for bucket, name in names.items()
        if _has_rules(wire, name)
    ]
    answer = wire.send("GET", names[Bucket.ORIGINALS], query={"object-lock": ""})
    if "minio" in answer.headers.get("Server", "").lower():
        found.append(
            "This is MinIO, which drops open uploads after 24 hours unless its setting"
            " stale_uploads_expiry is longer; that cannot be seen from here."
        )
    return found


def _has_rules(wire: S3Wire, name: str) -> bool:
    try:
        wire.send("GET", name, query={"lifecycle": ""})
    except (NotFound, Refused):
        # There are none, the store knows no such thing, or this account may not see them.
        return False
    return True


def _has_lock(wire: S3Wire, name: str) -> bool:
    try:
        # Not the library's own call: it cannot read an answer without a default retention.
        answer = wire.send("GET", name, query={"object-lock": ""})
    except NotFound:
        return False
    return b"<ObjectLockEnabled>Enabled<" in answer.data
