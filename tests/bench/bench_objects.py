"""How fast each object store takes and gives 1 GiB, and what that costs this process in CPU.

``python -m tests.bench objects [--rounds N] [--store NAME …]``, on a quiet machine. Parts of
16 MiB from buffers made beforehand, three in flight, then completed, then read back. One round
before those that count warms caches and connections.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from recorder.adapters.files import FolderObjects
from recorder.adapters.objects import Bucket, ObjectStore, StoredPart
from recorder.adapters.s3 import S3Objects
from tests.bench.support.conditions import conditions
from tests.bench.support.report import Figure, number, publish
from tests.support import s3

GIB = 1 << 30
PART = 16 << 20
IN_FLIGHT = 3


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@asynccontextmanager
async def opened(kind: str) -> AsyncIterator[ObjectStore]:
    """The store on a fresh server or folder, removed afterwards."""
    if kind == "folder":
        with tempfile.TemporaryDirectory() as place:
            folder = FolderObjects(Path(place), floor_bytes=0)
            yield folder
            await folder.close()
        return
    running = s3.start(kind)
    try:
        server = s3.at(s3.url(running.port))
        names = {bucket: f"{server.bucket_prefix}{bucket.value}" for bucket in Bucket}
        store = S3Objects(
            server.host, server.access_key, server.secret_key, server.region, False, names
        )
        await store.ensure_buckets()
        yield store
        await store.close()
    finally:
        running.stop()


async def upload(store: ObjectStore, key: str, buffers: list[memoryview]) -> list[float]:
    """Send 1 GiB; give seconds for parts, seconds for completion, CPU seconds."""
    cpu, begin = cpu_seconds(), time.perf_counter()
    until = datetime.now(UTC) + timedelta(seconds=1)
    multipart_id = await store.create_multipart(key, lock_until=until, media_type="video/mp4")
    numbers = iter(range(GIB // PART))
    parts: list[StoredPart] = []

    async def send(buffer: memoryview) -> None:
        for index in numbers:
            part = await store.upload_part(
                key,
                multipart_id,
                number=index + 1,
                offset=index * PART,
                writer=1,
                blocks=[buffer],
            )
            parts.append(part)

    await asyncio.gather(*(send(buffer) for buffer in buffers))
    sent = time.perf_counter()
    await store.complete_multipart(key, multipart_id, parts)
    return [sent - begin, time.perf_counter() - sent, cpu_seconds() - cpu]


async def read_back(store: ObjectStore, key: str) -> list[float]:
    """Read 1 GiB with its SHA-256; give seconds and CPU seconds."""
    (stored,) = await store.versions(Bucket.ORIGINALS, key)
    cpu, begin = cpu_seconds(), time.perf_counter()
    digest = hashlib.sha256()
    async for block in store.read(Bucket.ORIGINALS, key, stored.version):
        digest.update(block)
    took = [time.perf_counter() - begin, cpu_seconds() - cpu]
    await store.delete(Bucket.ORIGINALS, key, stored.version)
    return took


async def measure(kind: str, rounds: int) -> list[Figure]:
    buffers = [memoryview(os.urandom(PART)) for _ in range(IN_FLIGHT)]
    rows: list[list[float]] = []
    async with opened(kind) as store:
        for turn in range(rounds + 1):
            os.sync()
            row = await upload(store, f"bench/{turn}", buffers)
            row += await read_back(store, f"bench/{turn}")
            if turn:
                rows.append(row)
    parts, complete, cpu, reading, reading_cpu = (
        statistics.median(column) for column in zip(*rows, strict=True)
    )
    return [
        Figure(
            f"{kind}: up",
            1024 / (parts + complete),
            "MiB/s",
            note=f"{number(parts)} s parts, {number(complete)} s completion",
        ),
        Figure(f"{kind}: up, CPU", cpu, "s/GiB"),
        Figure(f"{kind}: back with SHA-256", 1024 / reading, "MiB/s"),
        Figure(f"{kind}: back, CPU", reading_cpu, "s/GiB"),
    ]


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench objects")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", nargs="+", default=["folder", "versitygw", "minio"])
    asked = parser.parse_args(argv)
    now = conditions()
    figures = [
        figure for kind in asked.store for figure in asyncio.run(measure(kind, asked.rounds))
    ]
    publish(
        "Object stores: 1 GiB",
        now,
        figures,
        versions={name: source.version for name, source in s3.SOURCES.items()},
        flags=f"median of {asked.rounds} rounds, one before for warming; sync before each",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
