"""Publishers for benchmarks, in a process of their own: prepared chunks, sent at the pace of life.

``python -m tests.bench.support.rtmp_load FLV SECONDS`` reads addresses (a JSON list of [port, app,
key]) from standard input, and writes one line when all publish, and one at the end: when each
began, by the clock of time.time, and by how much the slowest was ever late.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from recorder.live.rtmp.chunks import written
from tests.support import rtmp_peer
from tests.support.rtmp_peer import RtmpPeer, media

_CHUNK = 4096
_SLOT_MS = 40


def slots(flv: Path, seconds: float) -> list[bytes]:
    """What is sent in each forty milliseconds, as chunks."""
    gathered: list[list[bytes]] = [[] for _ in range(int(seconds * 1000 / _SLOT_MS) + 1)]
    for message in media(flv.read_bytes()):
        slot = message.timestamp // _SLOT_MS
        if slot < len(gathered):
            stream = {8: 4, 9: 6}.get(message.kind, 4)
            gathered[slot].append(written(message, stream, _CHUNK))
    return [b"".join(parts) for parts in gathered]


async def publishing(port: int, app: str, key: str) -> RtmpPeer:
    """An admitted publisher; a listener that is just starting is asked again."""
    for _ in range(200):
        try:
            peer = await rtmp_peer.greeted(port)
            break
        except (ConnectionError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.1)
    else:
        raise ConnectionError(f"nobody listens on {port}")
    assert await peer.publish(key, app) == "NetStream.Publish.Start"
    await peer.set_chunk_size(_CHUNK)
    return peer


async def send(peer: RtmpPeer, prepared: list[bytes], offset_s: float) -> tuple[float, float]:
    """When it began, and how late it was at worst."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(offset_s)
    began, wall, late = loop.time(), time.time(), 0.0
    for number, data in enumerate(prepared):
        wait = began + number * _SLOT_MS / 1000 - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        late = max(late, -wait)
        peer.writer.write(data)
        await peer.writer.drain()
    return wall, late


async def run(flv: Path, seconds: float) -> None:
    addresses = json.loads(sys.stdin.readline())
    prepared = slots(flv, seconds)
    peers = [await publishing(port, app, key) for port, app, key in addresses]
    print(json.dumps({"publishing": len(peers)}), flush=True)
    sent = await asyncio.gather(
        *(send(peer, prepared, n % 50 * 0.02) for n, peer in enumerate(peers))
    )
    for peer in peers:
        await peer.command("deleteStream", 6.0, None, 1.0)
        await peer.close()
    told = {"began": [began for began, _ in sent], "late_s": max(late for _, late in sent)}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), float(sys.argv[2])))
