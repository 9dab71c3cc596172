"""The S3 servers of the tests answer, and the strict proxy refuses what AWS refuses."""

from __future__ import annotations

import base64
import hashlib
import io
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import aiohttp
import minio
import pytest
from minio.commonconfig import COMPLIANCE
from minio.datatypes import Part
from minio.error import S3Error
from minio.retention import Retention

from tests.support.s3 import S3Server
from tests.support.strict_s3 import StrictS3


def _client(server: S3Server) -> minio.Minio:
    return minio.Minio(
        server.host,
        access_key=server.access_key,
        secret_key=server.secret_key,
        region=server.region,
        secure=False,
    )


def _locked_bucket(server: S3Server) -> tuple[minio.Minio, str]:
    client = _client(server)
    bucket = f"{server.bucket_prefix}originals"
    client.make_bucket(bucket, object_lock=True)
    return client, bucket


def _in_an_hour() -> Retention:
    return Retention(COMPLIANCE, datetime.now(UTC) + timedelta(hours=1))


def _in_an_hour_headers() -> dict[str, str | list[str] | tuple[str]]:
    until = datetime.now(UTC) + timedelta(hours=1)
    return {
        "x-amz-object-lock-mode": "COMPLIANCE",
        "x-amz-object-lock-retain-until-date": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _digest_header(content: bytes) -> dict[str, str | list[str] | tuple[str]]:
    md5 = hashlib.md5(content, usedforsecurity=False).digest()
    return {"Content-MD5": base64.b64encode(md5).decode()}


def test_versitygw_keeps_what_it_was_given(versitygw: S3Server) -> None:
    client, bucket = _locked_bucket(versitygw)
    client.put_object(bucket, "key", io.BytesIO(b"footage"), 7, retention=_in_an_hour())
    assert client.get_object(bucket, "key").data == b"footage"


def test_minio_keeps_what_it_was_given(minio_server: S3Server) -> None:
    client, bucket = _locked_bucket(minio_server)
    client.put_object(bucket, "key", io.BytesIO(b"footage"), 7, retention=_in_an_hour())
    assert client.get_object(bucket, "key").data == b"footage"


def test_the_strict_proxy_lets_good_requests_pass(strict_s3: StrictS3) -> None:
    client, bucket = _locked_bucket(strict_s3.server)
    headers = {**_in_an_hour_headers(), **_digest_header(b"footage")}
    client._put_object(bucket, "key", b"footage", headers)
    assert client.get_object(bucket, "key").data == b"footage"
    assert strict_s3.refusals == []
    assert f"PUT /{bucket}" in strict_s3.requests


def test_the_strict_proxy_refuses_a_lock_in_the_past(strict_s3: StrictS3) -> None:
    client, bucket = _locked_bucket(strict_s3.server)
    past = Retention(COMPLIANCE, datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(S3Error, match="must be in the future"):
        client.put_object(bucket, "key", io.BytesIO(b"footage"), 7, retention=past)


def test_the_strict_proxy_refuses_a_lock_where_the_bucket_has_none(strict_s3: StrictS3) -> None:
    client = _client(strict_s3.server)
    bucket = f"{strict_s3.server.bucket_prefix}staging"
    client.make_bucket(bucket)
    with pytest.raises(S3Error, match="missing Object Lock Configuration"):
        client.put_object(bucket, "key", io.BytesIO(b"footage"), 7, retention=_in_an_hour())


async def test_a_checksum_hoisted_into_the_query_does_not_count(strict_s3: StrictS3) -> None:
    client, bucket = _locked_bucket(strict_s3.server)
    checksum = base64.b64encode(hashlib.sha256(b"footage").digest()).decode()
    url = client.get_presigned_url(
        "PUT", bucket, "key", extra_query_params={"x-amz-checksum-sha256": checksum}
    )
    async with aiohttp.ClientSession() as session, session.put(url, data=b"footage") as answer:
        error = ElementTree.fromstring(await answer.read())
    assert answer.status == 400
    assert error.findtext("Code") == "InvalidRequest"
    assert [line.rpartition(" ")[2] for line in strict_s3.refusals] == ["InvalidRequest"]


async def test_a_header_that_was_not_signed_is_refused(strict_s3: StrictS3) -> None:
    client, bucket = _locked_bucket(strict_s3.server)
    checksum = base64.b64encode(hashlib.sha256(b"footage").digest()).decode()
    url = client.get_presigned_url("PUT", bucket, "key")
    headers = {"x-amz-checksum-sha256": checksum}
    async with (
        aiohttp.ClientSession() as session,
        session.put(url, data=b"footage", headers=headers) as answer,
    ):
        assert answer.status == 403
    assert [line.rpartition(" ")[2] for line in strict_s3.refusals] == ["AccessDenied"]


async def test_a_digest_of_other_bytes_is_refused(strict_s3: StrictS3) -> None:
    client, bucket = _locked_bucket(strict_s3.server)
    url = client.get_presigned_url("PUT", bucket, "key")
    headers = {"Content-MD5": base64.b64encode(bytes(16)).decode()}
    async with (
        aiohttp.ClientSession() as session,
        session.put(url, data=b"footage", headers=headers) as answer,
    ):
        assert answer.status == 400
    assert [line.rpartition(" ")[2] for line in strict_s3.refusals] == ["BadDigest"]


@pytest.mark.parametrize(("first", "code"), [(5 * 2**20, None), (2**20, "EntityTooSmall")])
def test_only_the_last_part_may_be_small(strict_s3: StrictS3, first: int, code: str | None) -> None:
    client, bucket = _locked_bucket(strict_s3.server)
    upload = client._create_multipart_upload(bucket, "key", _in_an_hour_headers())
    parts = [
        client._upload_part(bucket, "key", bytes(size), _digest_header(bytes(size)), upload, number)
        for number, size in ((1, first), (2, 10))
    ]
    listed = [Part(number, etag) for number, etag in enumerate(parts, start=1)]
    if code is None:
        client._complete_multipart_upload(bucket, "key", upload, listed)
        assert client.stat_object(bucket, "key").size == first + 10
    else:
        with pytest.raises(S3Error) as caught:
            client._complete_multipart_upload(bucket, "key", upload, listed)
        assert caught.value.code == code


def test_a_part_of_a_locked_upload_needs_a_digest(strict_s3: StrictS3) -> None:
    client, bucket = _locked_bucket(strict_s3.server)
    upload = client._create_multipart_upload(bucket, "key", _in_an_hour_headers())
    with pytest.raises(S3Error, match="Content-MD5 OR x-amz-checksum-"):
        client._upload_part(bucket, "key", b"footage", None, upload, 1)
