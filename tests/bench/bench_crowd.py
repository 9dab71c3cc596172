"""500 uploads at once at 128 KiB/s each: memory, fairness, and how long a HEAD takes meanwhile.

``--cameras N`` (500), ``--seconds N`` (30), ``--kib N`` (128). HEAD asks for the offsets of the
uploads under way, one after the other on a connection of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import itertools
import statistics
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import aiohttp

from tests.bench.support import accounts
from tests.bench.support.conditions import conditions
from tests.bench.support.crowd import Camera
from tests.bench.support.report import Bar, Figure, percentile, publish, scatter
from tests.support.product import WEB, WORKER, Product, running_product

_PARTS = {"service": WEB, "worker": WORKER, "PostgreSQL": "postgres"}
_LONGEST_S = 600


async def opened(product: Product, token: str, count: int, length: int, rate: int) -> list[Camera]:
    """So many cameras, connected, with an upload each."""
    parts = urlsplit(product.url)
    cameras = [Camera(parts.netloc, token, number, length, rate) for number in range(count)]
    for camera in cameras:
        await asyncio.get_running_loop().create_connection(
            functools.partial(_same, camera), parts.hostname or "", parts.port or 0
        )  # fmt: skip
        await camera.opened
    return cameras


def _same(camera: Camera) -> Camera:
    return camera


async def ask_offsets(url: str, token: str, cameras: Sequence[Camera]) -> list[float]:
    """Seconds of each HEAD, until cancelled or all have ended."""
    took: list[float] = []
    headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
    async with aiohttp.ClientSession(url, headers=headers) as session:
        for camera in itertools.cycle(cameras):
            if all(each.ended.done() for each in cameras):
                return took
            began = time.perf_counter()
            async with session.head(camera.place) as answer:
                answer.raise_for_status()
            took.append(time.perf_counter() - began)
    return took


async def watch_memory(pid: int, over: asyncio.Event) -> float:
    """The largest resident set of a process until ``over``, in MiB."""
    most = 0.0
    while not over.is_set():
        most = max(most, accounts.rss_mib(pid))
        try:
            async with asyncio.timeout(0.25):
                await over.wait()
        except TimeoutError:
            continue
    return most


async def measure(product: Product, cameras: int, seconds: int, rate: int) -> list[Figure]:
    """The crowd against one idle server."""
    token = await product.device("BENCH01")
    web = product.child(WEB)
    assert web is not None
    crowd = await opened(product, token, cameras, seconds * rate, rate)
    idle = accounts.rss_mib(web)
    before, began = accounts.by_part(product.pid, _PARTS), time.perf_counter()
    over = asyncio.Event()
    memory = asyncio.create_task(watch_memory(web, over))
    asking = asyncio.create_task(ask_offsets(product.url, token, crowd))
    for camera in crowd:
        camera.begin()
    async with asyncio.timeout(_LONGEST_S):
        await asyncio.gather(*(camera.ended for camera in crowd))
    wall = time.perf_counter() - began
    heads = [taken * 1000 for taken in await asking]
    over.set()
    used = accounts.differences(before, accounts.by_part(product.pid, _PARTS))
    shares = [camera.share for camera in crowd]
    for camera in crowd:
        camera.close()
    return [
        Figure("memory of the service over idle", await memory - idle, "MiB", Bar(200),
               f"idle with {cameras} connections {idle:.0f} MiB"),
        Figure("the slowest one's share", min(shares), "", Bar(0.8, at_least=True),
               f"median {statistics.median(shares):.2f}, best {max(shares):.2f}"),
        Figure("HEAD p99", percentile(heads, 0.99), "ms", Bar(100), scatter(heads, "ms")),
        Figure("all of them", wall, "s", None, f"{cameras * seconds * rate / wall / 1e6:.0f} MB/s;"
               f" CPU {used}"),
    ]  # fmt: skip


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="crowd")
    parser.add_argument("--cameras", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--kib", type=int, default=128)
    options = parser.parse_args(argv)
    at_start = conditions()
    with running_product() as product:
        figures = asyncio.run(measure(product, options.cameras, options.seconds, options.kib << 10))
    publish(
        f"{options.cameras} uploads at once at {options.kib} KiB/s",
        at_start,
        figures,
        flags="embedded server, folder store, one web process; each sends one PATCH of"
        f" {options.seconds} s; cameras and HEADs from one process of their own.",
    )
