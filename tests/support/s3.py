"""Two real S3 servers, built once from the Go module proxy and kept in the cache folder.

versitygw is the maintained one; MinIO's last public commit is a second opinion on the protocol.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from minio import Minio
from minio.error import MinioException
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

from tests.support import go, servers

SOURCES = {
    "versitygw": go.Source("github.com/versity/versitygw/cmd/versitygw", "v1.8.0"),
    "minio": go.Source("github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c"),
}
VARIABLES = {"versitygw": "FOOTAGE_TEST_VERSITYGW", "minio": "FOOTAGE_TEST_MINIO"}
ACCESS_KEY = "test-access"
SECRET_KEY = "test-secret-of-no-value"
REGION = "us-east-1"


@dataclass(frozen=True)
class S3Server:
    """Where a server is and how to get in; ``bucket_prefix`` is new for each test."""

    #: ``http://127.0.0.1:PORT``
    endpoint: str
    access_key: str
    secret_key: str
    region: str
    #: Lower case letters, digits and a hyphen at the end: put it before every bucket name.
    bucket_prefix: str

    @property
    def host(self) -> str:
        """``127.0.0.1:PORT``, as the minio package wants it (with ``secure=False``)."""
        return self.endpoint.removeprefix("http://")


def at(endpoint: str) -> S3Server:
    """A server of ours at this address, with a fresh prefix for bucket names."""
    return S3Server(endpoint, ACCESS_KEY, SECRET_KEY, REGION, f"t{secrets.token_hex(5)}-")


def is_built(name: str) -> bool:
    """Whether the binary of this version is in the cache."""
    return go.is_built(name, SOURCES[name])


def binary(name: str) -> Path:
    """The server's binary, built now (one to three minutes) when the cache has none."""
    return go.binary(name, SOURCES[name])


def start(name: str) -> servers.Server:
    """Start versitygw or MinIO on an empty folder."""
    folder = servers.new_folder(name)
    return servers.start(
        name,
        folder,
        lambda port: command(name, folder, port),
        serves,
        environment=environment(folder),
    )


def command(name: str, folder: Path, port: int) -> list[str]:
    """The server as a command line; what it stores lies below ``folder``."""
    program, address = str(binary(name)), f"127.0.0.1:{port}"
    data, versions = folder / "data", folder / "versions"
    data.mkdir(exist_ok=True)
    versions.mkdir(exist_ok=True)
    if name == "minio":
        return [program, "server", "--quiet", "--address", address, str(data)]
    shape = ["posix", "--versioning-dir", str(versions), str(data)]
    return [program, "--port", address, "--region", REGION, "--quiet", *shape]


def environment(folder: Path) -> dict[str, str]:
    """What both servers are told in their environment."""
    return {
        "ROOT_ACCESS_KEY": ACCESS_KEY,
        "ROOT_SECRET_KEY": SECRET_KEY,
        "MINIO_ROOT_USER": ACCESS_KEY,
        "MINIO_ROOT_PASSWORD": SECRET_KEY,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "HOME": str(folder),
    }


def serves(port: int) -> bool:
    """Whether a bucket can be made.

    MinIO calls itself ready a little before, and sends clients away for 60 s in between.
    """
    if not servers.accepts(port):
        return False
    client = Minio(
        f"127.0.0.1:{port}",
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        region=REGION,
        secure=False,
        http_client=PoolManager(timeout=5, retries=False),
    )
    try:
        client.make_bucket(f"ready-{secrets.token_hex(6)}")
    except (MinioException, HTTPError):
        return False
    return True


def url(port: int) -> str:
    """The address of a server started here."""
    return f"http://127.0.0.1:{port}"


def settings(server: S3Server, endpoint: str) -> dict[str, str]:
    """How the product is told to keep footage there; ``endpoint`` is HOST:PORT."""
    return {
        "RECORDER_OBJECTS": "s3",
        "RECORDER_S3_ENDPOINT": endpoint,
        "RECORDER_S3_SECURE": "false",
        "RECORDER_S3_ACCESS_KEY": server.access_key,
        "RECORDER_S3_SECRET_KEY": server.secret_key,
        "RECORDER_S3_REGION": server.region,
        "RECORDER_S3_MAKE_BUCKETS": "true",
        **{
            f"RECORDER_S3_BUCKET_{name}": f"{server.bucket_prefix}{name.lower()}"
            for name in ("ORIGINALS", "RENDITIONS", "STAGING")
        },
    }
