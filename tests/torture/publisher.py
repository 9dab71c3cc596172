"""A camera that publishes by RTMP, to be killed: ``python -m tests.torture.publisher PORTS DIR``.

DIR holds ``token`` and ``clip.flv``; ``sent`` is its journal, the groups of pictures that the
other side had read. It connects anew after each two of them, to the next of the ports, and goes on
until the file ``enough`` is there. Where the file ``slowly`` is, connections last for seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from recorder.live.rtmp.chunks import Message
from tests.support.rtmp_peer import greeted, media

_VIDEO, _AUDIO = 9, 8
#: A clip of so many groups of a second each.
GROUPS = 6
#: Groups on a connection, and the rest behind each.
_QUICKLY, _SLOWLY = (2, 0.02), (6, 0.5)
_PAUSE_S = 0.1


def groups(flv: bytes) -> tuple[list[Message], list[list[Message]]]:
    """The headers of a clip, and its groups of pictures with the sound beside them."""
    headers, found = [], []
    for message in media(flv):
        if message.kind not in (_VIDEO, _AUDIO):
            continue
        if message.payload[1] == 0:
            headers.append(message)
            continue
        if message.kind == _VIDEO and message.payload[0] >> 4 == 1:
            found.append([message])
        elif found:
            found[-1].append(message)
    return headers, found


def moved(messages: Sequence[Message], by_ms: int) -> list[Message]:
    return [each._replace(timestamp=each.timestamp + by_ms) for each in messages]


async def main(ports: list[int], folder: Path) -> int:
    """Publish until it is enough, and at least a clip; 0 then."""
    token = (folder / "token").read_text()
    headers, clip = groups((folder / "clip.flv").read_bytes())
    journal = folder / "sent"
    count, rest_s = _SLOWLY if (folder / "slowly").exists() else _QUICKLY
    for port in itertools.cycle(ports):
        sent = int(journal.read_text()) if journal.exists() else 0
        if sent >= GROUPS and (folder / "enough").exists():
            return 0
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            peer = await greeted(port)
            if await peer.publish(token) == "NetStream.Publish.Start":
                await peer.set_chunk_size(4096)
                await peer.send(*headers)
                for number in range(sent, sent + count):
                    round_ms = number // GROUPS * GROUPS * 1000
                    await peer.send(*moved(clip[number % GROUPS], round_ms))
                    await peer.settled()
                    draft = folder / "sent.draft"
                    draft.write_text(str(number + 1))
                    draft.rename(journal)
                    await asyncio.sleep(rest_s)
            await peer.close()
        await asyncio.sleep(_PAUSE_S)
    raise AssertionError("there are no ports")


if __name__ == "__main__":
    sys.exit(asyncio.run(main([int(port) for port in sys.argv[1].split(",")], Path(sys.argv[2]))))
