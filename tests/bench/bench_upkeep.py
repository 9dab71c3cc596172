"""Upkeep: originals read back from S3 for fixity, and 100,000 locks made longer.

    python -m tests.bench upkeep [--store versitygw|minio] [--objects 48 --mib 16] [--locks N]

Fixity: originals of noise are uploaded and sealed through the product's own code, then read back
without a pace, both digests. Locks: N rows are extended with a store that answers at once, which
leaves what the database costs; and the sealed originals with the real store, which says what one
original costs there. One process; client, store and database on one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
from typing_extensions import override

from recorder.adapters.media import FfmpegTool
from recorder.adapters.objects import Bucket
from recorder.domain.pipeline import WorkQueue
from recorder.services import ingest
from tests.bench.support.conditions import conditions
from tests.bench.support.own_database import own_database
from tests.bench.support.report import Figure, publish
from tests.support import footage as footage_set
from tests.support import s3
from tests.support.bureau import Bureau, open_bureau
from tests.support.faulty_objects import FaultyObjects
from tests.support.workshop import camera, deliver, open_alarms, work_off
from workers.read_back import read_back

MIB = 1 << 20


class Quick(FaultyObjects):
    """A store whose locks cost nothing."""

    @override
    async def extend_lock(self, bucket: Bucket, key: str, version: str, until: datetime) -> None:
        return


def cpu_s() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@asynccontextmanager
async def opened(server: s3.S3Server, database_url: str) -> AsyncIterator[Bureau]:
    """A bureau on this store."""
    store = {
        "objects": "s3",
        "s3_endpoint": server.host,
        "s3_secure": "false",
        "s3_access_key": server.access_key,
        "s3_secret_key": server.secret_key,
        "s3_make_buckets": "true",
        "fixity_bytes_per_day": 10**15,
        **{f"s3_bucket_{b.value}": f"{server.bucket_prefix}{b.value}" for b in Bucket},
    }
    with tempfile.TemporaryDirectory() as place:
        async with open_bureau(database_url, Path(place), **store) as bureau:
            bureau.clock.at = datetime.now(UTC)
            yield bureau
            await ingest.shutdown(bureau.deps)


async def fixity(bureau: Bureau, objects: int, mib: int) -> list[Figure]:
    """Seconds and CPU of reading back what was sealed."""
    actor = await camera(bureau)
    for number in range(objects):
        await deliver(bureau, actor, os.urandom(mib * MIB), f"{number}.mp4")
    await work_off(bureau.deps, FfmpegTool(Path(footage_set.ffmpeg())), WorkQueue.IO)
    bureau.clock.forward(days=100)
    began, cpu = time.perf_counter(), cpu_s()
    await read_back(bureau.deps)
    took, used = time.perf_counter() - began, cpu_s() - cpu
    read = await bureau.value("SELECT count(*) FROM fixity WHERE looked_at = $1", bureau.clock.at)
    if read != objects or await open_alarms(bureau):
        raise SystemExit(f"{read} of {objects} were read back: {await open_alarms(bureau)}")
    volume = objects * mib
    note = f"{objects} originals of {mib} MiB, SHA-256 and SM3"
    return [
        Figure("fixity, read back", volume / took, "MiB/s", None, note),
        Figure("fixity, CPU", used / volume * 1024, "s/GiB", None, "of the worker's process"),
    ]


async def locks(bureau: Bureau, owner_url: str, many: int) -> list[Figure]:
    """What a lock costs in the store, and many of them in the database."""
    bureau.clock.at = datetime.now(UTC)
    began = time.perf_counter()
    bureau.clock.forward(days=20)
    real = await ingest.extend_locks(bureau.deps)
    in_store = (time.perf_counter() - began) / max(1, real)
    await rows(owner_url, bureau, many)
    deps = dataclasses.replace(bureau.deps, objects=Quick(bureau.deps.objects))
    began, cpu = time.perf_counter(), cpu_s()
    extended = await ingest.extend_locks(deps)
    took, used = time.perf_counter() - began, cpu_s() - cpu
    if extended != many or await open_alarms(bureau):
        raise SystemExit(f"{extended} of {many} were extended: {await open_alarms(bureau)}")
    began = time.perf_counter()
    await ingest.extend_locks(deps)
    idle = time.perf_counter() - began
    both = (took / many + in_store) * 100_000
    return [
        Figure(
            f"{many:,} locks, database side", took, "s", None,
            f"{used:.1f} CPU s of the worker; a store that answers at once",
        ),
        Figure("a lock and its sidecar's, store and row", in_store * 1000, "ms", None,
               f"mean of {real} originals, one after the other"),
        Figure("100,000 locks, both sides, reckoned", both / 60, "min", None,
               "sum of the two lines above, not run"),
        Figure("an hour in which nothing is due", idle * 1000, "ms", None, f"{many:,} originals"),
    ]  # fmt: skip


async def rows(owner_url: str, bureau: Bureau, many: int) -> None:
    """Originals whose lock ends within what is promised."""
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute(
            "INSERT INTO recording (id, agency_id, integrity, admission, length_bytes, source,"
            " arrival_sha256, original_name, received_at) SELECT gen_random_uuid(), $1, 'received',"
            " 'admitted', 1, 'bench', sha256(n::text::bytea), '', now()"
            " FROM generate_series(1, $2::integer) n",
            bureau.ours,
            many,
        )
        await connection.execute(
            "INSERT INTO original_object (recording_id, n, object_key, version, length_bytes,"
            " lock_until, sidecar_key, sidecar_version) SELECT id, 0, id::text || '/original', '',"
            " 1, $1::timestamptz + random() * interval '7 days', id::text || '/sidecar.json', ''"
            " FROM recording WHERE source = 'bench'",
            bureau.clock.now() + timedelta(days=20),
        )
        await connection.execute("ANALYZE original_object")
    finally:
        await connection.close()


async def measure(options: argparse.Namespace) -> list[Figure]:
    """All figures on a server of this kind."""
    server = s3.start(options.store)
    try:
        async with (
            own_database() as database,
            opened(s3.at(s3.url(server.port)), database.service) as bureau,
        ):
            made = await fixity(bureau, options.objects, options.mib)
            return made + await locks(bureau, database.owner, options.locks)
    finally:
        server.stop()


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench upkeep")
    parser.add_argument("--store", choices=sorted(s3.SOURCES), default="versitygw")
    parser.add_argument("--objects", type=int, default=48)
    parser.add_argument("--mib", type=int, default=16)
    parser.add_argument("--locks", type=int, default=100_000)
    options = parser.parse_args(argv)
    now = conditions()
    figures = asyncio.run(measure(options))
    publish(f"Upkeep on {options.store}", now, figures, flags="default settings but for no pace")


if __name__ == "__main__":
    main()
