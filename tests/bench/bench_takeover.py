"""Take-over: how long an upload waits for another replica when its holder dies or hangs.

``--rounds N`` (10), each with a holder of its own, in mid-body. Counted from the kill -9, or from
the stop: until the HEAD is answered, and until a PATCH of 1 MiB at that offset is.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.support.conditions import conditions
from tests.bench.support.own_database import own_database
from tests.bench.support.report import Bar, Figure, percentile, publish, scatter
from tests.support.replica_processes import ReplicaProcess, Site, open_site

_MIB = 1 << 20
_LENGTH = 40 * _MIB
_SENT = 24 * _MIB


async def take_over(
    site: Site, holder: ReplicaProcess, other: ReplicaProcess, *, hangs: bool
) -> tuple[float, float]:
    """Seconds until the other one has said where the upload stands, and has taken a body."""
    path = await site.create(holder, _LENGTH)
    async with site.patching(holder, path, 0, _LENGTH) as body:
        await body.send(bytes(_SENT))
        # Somebody has asked, so that the holder has something durable.
        await site.offset(other, path)
        began = time.perf_counter()
        if hangs:
            holder.stop()
        else:
            await holder.killed()
        offset = await site.offset(other, path)
        told = time.perf_counter() - began
        answer = await site.patch(other, path, offset, bytes(_MIB))
        taken = time.perf_counter() - began
        assert answer.status == 204, answer.content
    if hangs:
        holder.go_on()
        await holder.killed()
    return told, taken


async def measure(rounds: int) -> dict[str, list[float]]:
    """Seconds by what they were waited for."""
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with (
            own_database() as database,
            open_site(database.service, database.owner, Path(folder)) as site,
        ):
            other = site.replicas[1]
            for number in range(2 * rounds):
                hangs = number % 2 == 1
                holder = site.replicas[0] if number == 0 else await site.start()
                told, taken = await take_over(site, holder, other, hangs=hangs)
                word = "hanging" if hangs else "dead"
                figures.setdefault(f"{word} holder: HEAD answered", []).append(told)
                figures.setdefault(f"{word} holder: next body taken", []).append(taken)
                print(f"{word}: {told:.2f} s, {taken:.2f} s", flush=True)
    return figures


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="takeover")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args(argv)
    at_start = conditions()
    figures = asyncio.run(measure(options.rounds))
    publish(
        "Take-over",
        at_start,
        [
            Figure(what, percentile(taken, 1.0), "s", Bar(2.0), scatter(taken, "s"))
            for what, taken in figures.items()
        ],
    )
