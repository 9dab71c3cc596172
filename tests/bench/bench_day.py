"""A livestream of a day, 43,200 segments: what its sealing and its playlist cost.

    python -m tests.bench day [--segments N]

The rows are written by one statement, as if the segments had come; nothing lies behind them in the
store but what sealing itself writes. A durable database; one process; client, store and database
on one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import asyncpg

from recorder.domain.people import SERVICE
from recorder.services import live
from tests.bench.support.conditions import conditions
from tests.bench.support.own_database import own_database
from tests.bench.support.report import Bar, Figure, publish
from tests.support.bureau import Bureau, open_bureau
from tests.support.streams import opened, put_init, take
from tests.support.workshop import camera

_SEGMENTS = """
INSERT INTO livestream_segment (livestream_id, number, sha256, sm3, period, state, object_key,
    version, length_bytes, lock_until, previous_sha256, media_time_us, duration_us, keyframe,
    device_at, arrived_at, told, follows)
SELECT l.id, n, digest, digest, 1, 'stored',
    l.key_prefix || '/p000001/' || lpad(n::text, 9, '0') || '-0-' || encode(digest, 'hex'),
    'v' || n, 1000000, now() + interval '40 days', digest, n * 2000000, 2000000, true,
    l.created_at + n * interval '2 seconds', l.created_at + n * interval '2 seconds', true, n > 1
FROM livestream l, generate_series(1, $2::bigint) AS n, sha256(n::text::bytea) AS digest
WHERE l.id = $1
"""


async def measure(segments: int) -> list[Figure]:
    """Rows of a day, then what the product does with them."""
    with tempfile.TemporaryDirectory() as place:
        async with (
            own_database() as database,
            open_bureau(database.service, Path(place)) as bureau,
        ):
            return await day(bureau, database.owner, segments)


async def day(bureau: Bureau, owner: str, segments: int) -> list[Figure]:
    """Seconds of the request that closes it, and of the playlist before it."""
    actor = await camera(bureau)
    livestream = await opened(bureau.deps, actor)
    await put_init(bureau.deps, actor, livestream.id, take().init)
    connection = await asyncpg.connect(owner)
    try:
        await connection.execute(_SEGMENTS, livestream.id, segments)
        await connection.execute(
            "UPDATE livestream SET segments = $2::bigint, highest_number = $2::bigint,"
            " state = 'live', last_arrival_at = created_at + $2::bigint * interval '2 seconds'"
            " WHERE id = $1",
            livestream.id,
            segments,
        )
        await connection.execute("ANALYZE livestream_segment")
    finally:
        await connection.close()
    bureau.clock.at += timedelta(seconds=2 * segments)
    # As the chore of the workers has done each minute.
    await live.keep_beginnings(bureau.deps)
    ticket = await live.grant(bureau.deps, SERVICE, livestream.id)
    began = time.perf_counter()
    listed = await live.index(bureau.deps, SERVICE, livestream.id, ticket.secret)
    listing = time.perf_counter() - began
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    closed = await live.request_close(bureau.deps, actor, livestream.id, last=segments)
    sealing = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    if closed.recording is None:
        raise SystemExit("it was not sealed")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [
        Figure("sealing", sealing, "s", Bar(5), f"{segments} segments, asked for and closed"),
        Figure("sealing, CPU", cpu, "s", None, "of the service's process"),
        Figure(
            "sealing, memory",
            (after.ru_maxrss - before.ru_maxrss) / 1024,
            "MiB",
            None,
            "more at its peak",
        ),
        Figure("playlist", listing, "s", Bar(0.2), f"{len(listed) // 1024} KiB, a process's first"),
    ]


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench day")
    parser.add_argument("--segments", type=int, default=43_200)
    options = parser.parse_args(argv)
    now = conditions()
    publish(
        "A livestream of a day",
        now,
        asyncio.run(measure(options.segments)),
        flags="default settings",
    )


if __name__ == "__main__":
    main()
