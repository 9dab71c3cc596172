"""A closed livestream of a day is put into large objects: how long it takes, what is left.

    python -m tests.bench compact [--segments N] [--bytes N]

Small objects are laid into the folder as the store lays them, without syncing; their rows are
written at once. Sealing, *verify* and *compact* are the product's own, in one process, on a
durable database.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import resource
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg

from recorder.adapters.digests import new_sm3
from recorder.adapters.files_disk import key_name
from recorder.adapters.objects import Bucket
from recorder.domain.livestream import Livestream
from recorder.domain.people import SERVICE
from recorder.domain.pipeline import WorkQueue
from recorder.services import audit, live, tasks
from tests.bench.support.conditions import conditions
from tests.bench.support.own_database import own_database
from tests.bench.support.report import Figure, publish
from tests.support.bureau import Bureau, open_bureau
from tests.support.compacting import MEDIA
from tests.support.streams import opened, put_init, take
from tests.support.workshop import camera
from workers.runner import run_task

_COLUMNS = (
    *("livestream_id", "number", "sha256", "sm3", "period", "state", "object_key", "version"),
    *("length_bytes", "lock_until", "media_time_us", "duration_us", "keyframe", "arrived_at"),
    "told",
)
#: As the folder store names the end of a lock.
_LOCK = "%Y%m%dT%H%M%S.%fZ"
Row = tuple[object, ...]


def lay(originals: Path, livestream: Livestream, number: int, length: int) -> Row:
    """One small object in the folder, and its row."""
    body = secrets.token_bytes(length)
    sha256 = hashlib.sha256(body).digest()
    sm3 = new_sm3()
    sm3.update(body)
    arrived = livestream.created_at + timedelta(seconds=2 * number)
    until = arrived + timedelta(days=40)
    stamp = int(arrived.timestamp() * 1000)
    key = f"{livestream.key_prefix}/p000001/{number:09d}-{stamp:013d}-{sha256.hex()}"
    version = secrets.token_hex(16)
    folder = originals / key_name(key)
    folder.mkdir(parents=True)
    (folder / f"={version}").write_bytes(body)
    (folder / f"={version}~{until.strftime(_LOCK)}").touch()
    return (
        *(livestream.id, number, sha256, sm3.digest(), 1, "stored", key, version, length, until),
        *(number * 2_000_000, 2_000_000, True, arrived, True),
    )


async def filled(bureau: Bureau, owner: str, originals: Path, segments: int, length: int) -> None:
    """A livestream of so many segments, closed: one recording that waits for verification."""
    actor = await camera(bureau)
    livestream = await opened(bureau.deps, actor)
    await put_init(bureau.deps, actor, livestream.id, take().init)
    rows = [lay(originals, livestream, n, length) for n in range(1, segments + 1)]
    connection = await asyncpg.connect(owner)
    try:
        await connection.copy_records_to_table("livestream_segment", records=rows, columns=_COLUMNS)
        await connection.execute(
            "UPDATE livestream SET segments = $2::bigint, highest_number = $2::bigint,"
            " length_bytes = $2::bigint * $3 + $4, state = 'live', last_arrival_at = $5"
            " WHERE id = $1",
            *(livestream.id, segments, length, len(take().init), rows[-1][-2]),
        )
        await connection.execute("ANALYZE livestream_segment")
    finally:
        await connection.close()
    await live.request_close(bureau.deps, actor, livestream.id, last=segments)


@contextmanager
def timed(took: dict[str, float], what: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        took[what] = time.perf_counter() - began


async def task(bureau: Bureau, name: str) -> None:
    """The next run of the io queue, which has this name, to its end."""
    run = await tasks.claim(bureau.deps, WorkQueue.IO, bureau.deps.instance)
    if run is None or run.task != name:
        raise SystemExit(f"{name} is not due")
    await run_task(bureau.deps, MEDIA, run)
    state = await bureau.value("SELECT state FROM task_run WHERE id = $1", run.id)
    if state != "done":
        raise SystemExit(f"{name} is {state}")


async def objects_of(bureau: Bureau) -> int:
    return int(str(await bureau.value("SELECT count(*) FROM original_object")))


async def day(
    bureau: Bureau, owner: str, originals: Path, segments: int, length: int
) -> list[Figure]:
    """Seconds of verify and compact, and objects before and after."""
    took: dict[str, float] = {}
    await filled(bureau, owner, originals, segments, length)
    with timed(took, "verify"):
        await task(bureau, "verify")
    before = await objects_of(bureau)
    with timed(took, "audit before"):
        await audit.run(bureau.deps, SERVICE, rates=audit.Rates(None, None))
    used = resource.getrusage(resource.RUSAGE_SELF)
    with timed(took, "compact"):
        await task(bureau, "compact")
    spent = resource.getrusage(resource.RUSAGE_SELF)
    bureau.clock.forward(days=45)
    with timed(took, "let go"):
        gone = 0
        while (some := await live.release_superseded(bureau.deps)) > 0:
            gone += some
    after = await objects_of(bureau)
    left = [stored async for stored in bureau.deps.objects.versions_below(Bucket.ORIGINALS, "")]
    with timed(took, "audit after"):
        await audit.run(bureau.deps, SERVICE, rates=audit.Rates(None, None))
    cpu = spent.ru_utime + spent.ru_stime - used.ru_utime - used.ru_stime
    memory = (spent.ru_maxrss - used.ru_maxrss) / 1024
    return [
        Figure("verify", took["verify"], "s", None, f"{segments} objects of {length} bytes"),
        Figure("compact", took["compact"], "s", None, "written, read back, switched"),
        Figure("compact, CPU", cpu, "s", None, "of the worker's process"),
        Figure("compact, memory", memory, "MiB", None, "more at its peak"),
        Figure("objects before", before, "", None, "of the original, each with lock and fixity"),
        Figure("objects after", after, "", None, f"and {len(left)} in the bucket, all told"),
        Figure("let go", took["let go"], "s", None, f"{gone} superseded objects"),
        Figure("audit before", took["audit before"], "s", None, "level size"),
        Figure("audit after", took["audit after"], "s", None, "level size"),
    ]


async def measure(segments: int, length: int) -> list[Figure]:
    """All of it, on a server and in a folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        async with (
            own_database() as database,
            open_bureau(database.service, Path(place)) as bureau,
        ):
            originals = Path(place) / "objects" / "originals"
            return await day(bureau, database.owner, originals, segments, length)


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench compact")
    parser.add_argument("--segments", type=int, default=43_200)
    parser.add_argument("--bytes", type=int, default=4_096)
    options = parser.parse_args(argv)
    now = conditions()
    figures = asyncio.run(measure(options.segments, options.bytes))
    publish("A livestream of a day, compacted", now, figures, flags="default settings")


if __name__ == "__main__":
    main()
