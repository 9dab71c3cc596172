"""Networks between client and service that tests hold, cut and slow down at chosen bytes.

They also listen: every ``Upload-Offset`` that the service answered passes here, with the address
of the upload.
"""

from __future__ import annotations

import asyncio
import random
import re
from types import TracebackType

from typing_extensions import override

from recorder.commands.demo.relay import BadNetwork

_TAIL = 64 * 1024
_OFFSET = re.compile(rb"\r\nUpload-Offset: (\d+)\r\n", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nLocation: (/api/v1/uploads/[^\r]+)\r\n", re.IGNORECASE)


class Relay(BadNetwork):
    """Passes bytes between 127.0.0.1:``url`` and a server; ``hold_after`` and ``cut_after`` count
    the bytes that went up.

    Holding: nothing more goes up until ``release``. Cutting: every connection is reset, once.
    """

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        hold_after: int | None = None,
        cut_after: int | None = None,
    ) -> None:
        super().__init__(host, port, cut_after)
        self._hold_after = hold_after
        self._released = asyncio.Event()
        #: Set when the chosen byte has passed.
        self.reached = asyncio.Event()
        #: Offsets in the order of their answers, and addresses of created uploads.
        self.offsets: list[int] = []
        self.uploads: list[str] = []

    def release(self) -> None:
        """Let everything through from now on."""
        self._hold_after = None
        self._released.set()

    @override
    def cut(self) -> None:
        """Break every connection; new ones are served."""
        self._cut_after = None
        self.reached.set()
        self.reset_all()

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
        await super().__aexit__(kind, error, trace)

    @override
    async def before_up(self, block: bytes) -> None:
        if self._hold_after is not None and self.sent_up >= self._hold_after:
            self.reached.set()
            await self._released.wait()

    @override
    async def before_down(self, block: bytes, heard: bytearray) -> None:
        heard += block
        del heard[:-_TAIL]
        for found in _LOCATION.findall(heard):
            if found.decode() not in self.uploads:
                self.uploads.append(found.decode())
        if answered := _OFFSET.findall(heard):
            self.offsets += map(int, answered)
            heard.clear()


class BadLine(Relay):
    """A line that is cut again and again, and may be slow and far away.

    Cuts come between half and one and a half ``cut_every`` bytes apart, drawn from ``seed``.
    """

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        cut_every: int | None = None,
        bytes_per_s: int | None = None,
        delay_s: float = 0.0,
        seed: int = 1,
    ) -> None:
        self._random = random.Random(seed)
        self._cut_every = cut_every
        self._bytes_per_s = bytes_per_s
        self._delay_s = delay_s
        super().__init__(port, host=host, cut_after=self._next_cut(0))
        self.cuts = 0

    def _next_cut(self, sent: int) -> int | None:
        if self._cut_every is None:
            return None
        return sent + self._random.randint(self._cut_every // 2, self._cut_every * 3 // 2)

    @override
    def cut(self) -> None:
        """Break every connection; the next break is drawn."""
        self.cuts += 1
        self._cut_after = self._next_cut(self.sent_up)
        self.reset_all()

    @override
    async def before_up(self, block: bytes) -> None:
        await super().before_up(block)
        if self._bytes_per_s is not None:
            await asyncio.sleep(len(block) / self._bytes_per_s)

    @override
    async def before_down(self, block: bytes, heard: bytearray) -> None:
        await super().before_down(block, heard)
        # On the way of the answers, so that each exchange waits once.
        await asyncio.sleep(self._delay_s)


__all__ = ["BadLine", "Relay"]
