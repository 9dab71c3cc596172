"""Last byte to playable against last byte to sealed: H.264/AAC MP4 of 100 MB.

``--rounds N`` (5). Each round sends another file of the same kind and length.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.bench.support import clips, sending
from tests.bench.support.conditions import conditions
from tests.bench.support.report import Bar, Figure, publish, scatter
from tests.support.product import Product, running_product, short_folder


def one_round(product: Product, token: str, clip: Path) -> tuple[float, float]:
    """Seconds from the last byte to sealed, and to playable."""
    sent = sending.send(product.url, token, clip)
    seen: dict[str, float] = {}

    def watch(name: str, key: str, values: set[str]) -> None:
        at, _ = sending.when(
            product.url, token, sent.recording, lambda shown: shown.get(key) in values
        )
        seen[name] = at - sent.ending_at

    watches = [
        threading.Thread(target=watch, args=("sealed", "integrity", {"sealed"})),
        threading.Thread(target=watch, args=("playable", "showable", {"as_is"})),
    ]
    for each in watches:
        each.start()
    for each in watches:
        each.join()
    status, _ = sending.ask(
        product.url,
        asyncio.run(product.supervisor()),
        f"/api/v1/recordings/{sent.recording}/playback",
    )
    if status != 200:
        raise RuntimeError(f"no playback was granted: {status}")
    return seen["sealed"], seen["playable"]


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="playable")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    at_start = conditions()
    sealed, playable = [], []
    with short_folder() as place, running_product() as product:
        token = asyncio.run(product.device("BENCH01"))
        clip = clips.h264_of_100_mb(place)
        length = clip.stat().st_size
        for number in range(options.rounds):
            clips.make_different(clip, number)
            one, other = one_round(product, token, clip)
            sealed.append(one)
            playable.append(other)
            print(f"round {number + 1}: sealed {one:.2f} s, playable {other:.2f} s", flush=True)
    more = [one - other for one, other in zip(playable, sealed, strict=True)]
    publish(
        f"Last byte to playable, H.264/AAC MP4 of {length / 1e6:.0f} MB",
        at_start,
        [
            Figure("playable after sealed", statistics.median(more), "s", Bar(1.0),
                   f"{scatter(more, 's')}; below 0: playable first"),
            Figure("last byte to playable", statistics.median(playable), "s", None,
                   scatter(playable, "s")),
            Figure("last byte to sealed", statistics.median(sealed), "s", None,
                   scatter(sealed, "s")),
        ],
        flags="embedded server, folder store; 1080p30, 100 s, moov at the end.",
    )  # fmt: skip
