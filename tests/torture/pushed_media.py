"""What the device of the torture pushes: known here, and laid in its folder to be read.

Two periods; the segment ``LATE`` is left out, and ``TWICE`` comes with a second body. Enough
segments for the recording to be put into volumes.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.streams import Take, take
from tests.torture.phone import CHUNKS, chunk
from tests.torture.pusher import LAST, TWICE, body, init

#: Seconds of footage; a longer livestream has the same again.
_SECONDS = 8


def takes() -> Take:
    """What is pushed; segment ``n`` is the n-th of it."""
    found = take(seconds=_SECONDS)
    return Take(found.init, tuple(found.segments[n % _SECONDS] for n in range(LAST)))


def second_body() -> bytes:
    """Other bytes for the number ``TWICE``."""
    return takes().segments[TWICE]


def chunks() -> list[bytes]:
    """What the phone delivers: in each period the file of its recorder, cut between fragments."""
    sent, found, before = takes(), [], 0
    for (period, _), content in zip(CHUNKS, sent.segments, strict=False):
        found.append(content if period == before else sent.init + content)
        before = period
    return found


def lay_out(folder: Path) -> None:
    """Put the bodies where the device finds them."""
    (folder / "bodies").mkdir()
    sent = takes()
    init(folder).write_bytes(sent.init)
    for number, content in enumerate(sent.segments, 1):
        body(folder, number).write_bytes(content)
    (folder / "chunks").mkdir()
    for number, content in enumerate(chunks(), 1):
        chunk(folder, number).write_bytes(content)
