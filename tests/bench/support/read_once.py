"""The reference for verifying: read a file once, both digests each in a thread of its own.

Nothing of the product is used. ``python -m tests.bench.support.read_once FILE`` prints seconds.
"""

from __future__ import annotations

import hashlib
import queue
import sys
import threading
import time

_BLOCK_BYTES = 1 << 20
_AHEAD = 8


def both_digests(path: str) -> tuple[str, str]:
    """SHA-256 and SM3 of a file."""
    digests = [hashlib.sha256(), hashlib.new("sm3")]
    lines: list[queue.Queue[bytes]] = [queue.Queue(_AHEAD) for _ in digests]

    def absorb(number: int) -> None:
        while block := lines[number].get():
            digests[number].update(block)

    threads = [threading.Thread(target=absorb, args=(n,)) for n in range(len(digests))]
    for thread in threads:
        thread.start()
    with open(path, "rb", buffering=0) as source:
        while True:
            block = source.read(_BLOCK_BYTES)
            for line in lines:
                line.put(block)
            if not block:
                break
    for thread in threads:
        thread.join()
    return digests[0].hexdigest(), digests[1].hexdigest()


if __name__ == "__main__":
    began = time.perf_counter()
    both_digests(sys.argv[1])
    print(time.perf_counter() - began)
