"""A network that loses packets, between two network namespaces, without any tool but the kernel.

    python -m tests.support.lossy_line PORT=SOCKET,… REPORT LOSS -- COMMAND …

runs COMMAND in a namespace whose only neighbour is 10.9.0.2. Each IP packet between them passes
through this program and is lost with this probability, drawn from a fixed seed; from SIGUSR1 on
all of them are, until SIGUSR2. What arrives at a port goes on to its Unix socket, which is no
network. It must be started as ``unshare --user --map-root-user --net``; REPORT tells afterwards
what passed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

HERE, THERE = "10.9.0.1", "10.9.0.2"
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_TUN, _NO_HEADER = 0x0001, 0x1000
_TUNSETIFF = 0x400454CA
_SET_FLAGS, _SET_ADDRESS, _SET_MASK, _SET_MTU = 0x8914, 0x8916, 0x891C, 0x8922
_UP_AND_RUNNING = 0x41
_MTU = 1500
_BLOCK = 64 * 1024


def make_tun(address: str) -> int:
    """A network device of the present namespace whose packets this program reads and writes."""
    try:
        device = os.open("/dev/net/tun", os.O_RDWR)
    except OSError as error:
        sys.exit(f"/dev/net/tun cannot be used ({error.strerror}): be root, or have root open it.")
    name = b"line0"
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name, _TUN | _NO_HEADER))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, number in ((_SET_ADDRESS, address), (_SET_MASK, "255.255.255.0")):
            where = struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(number))
            fcntl.ioctl(control, request, where)
        fcntl.ioctl(control, _SET_MTU, struct.pack("16si12x", name, _MTU))
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sH14x", name, _UP_AND_RUNNING))
    os.set_blocking(device, False)
    return device


class Line:
    """Passes packets between two devices, or loses them."""

    def __init__(self, ends: tuple[int, int], loss: float) -> None:
        self._ends = ends
        self._loss = loss
        self._chance = random.Random(1)
        self._is_cut = False
        self.packets = self.lost = self.arrived_bytes = 0

    def begin(self) -> None:
        """From now on packets pass."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, setattr, self, "_is_cut", True)
        loop.add_signal_handler(signal.SIGUSR2, setattr, self, "_is_cut", False)
        one, other = self._ends
        loop.add_reader(one, self._pass, one, other)
        loop.add_reader(other, self._pass, other, one)

    def _pass(self, source: int, target: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while packet := os.read(source, _BLOCK):
                self.packets += 1
                if self._is_cut or self._chance.random() < self._loss:
                    self.lost += 1
                else:
                    os.write(target, packet)

    async def serve(self, port: int, place: str) -> None:
        """Listen at the far end; what comes goes on to the Unix socket."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            up_reader, up_writer = await asyncio.open_unix_connection(place)
            # What ends there ends here too, whoever was asked to end it.
            back = asyncio.create_task(_closing(up_reader, writer))
            try:
                with contextlib.suppress(OSError):
                    while block := await reader.read(_BLOCK):
                        self.arrived_bytes += len(block)
                        up_writer.write(block)
                        await up_writer.drain()
            finally:
                back.cancel()
                await asyncio.gather(back, return_exceptions=True)
                up_writer.transport.abort()
                writer.transport.abort()

        await asyncio.start_server(connected, THERE, port)

    def report(self) -> str:
        """What passed, as JSON."""
        told = {"packets": self.packets, "lost": self.lost, "arrived_bytes": self.arrived_bytes}
        return json.dumps(told)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()


@contextlib.asynccontextmanager
async def on_a_unix_socket(place: Path, port: int) -> AsyncIterator[None]:
    """What listens at this port, for processes of other network namespaces."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_closing(reader, up_writer), _closing(up_reader, writer))
        finally:
            writer.close()

    async with await asyncio.start_unix_server(connected, place):
        yield


async def _closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await _copy(reader, writer)
    finally:
        writer.close()


async def _far_end(
    near: int, places: Mapping[int, str], report: Path, loss: float, ready: int
) -> None:
    line = Line((near, make_tun(THERE)), loss)
    line.begin()
    for port, place in places.items():
        await line.serve(port, place)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    os.write(ready, b".")
    await ended.wait()
    report.write_text(line.report())


def main(places: str, report: str, loss: str, command: list[str]) -> int:
    """The exit code of the command."""
    each = (place.partition("=") for place in places.split(","))
    behind = {int(port): place for port, _, place in each}
    near = make_tun(HERE)
    readable, writable = os.pipe()
    far = os.fork()
    if far == 0:
        if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK):
            os._exit(1)
        asyncio.run(_far_end(near, behind, Path(report), float(loss), writable))
        os._exit(0)
    os.close(writable)
    try:
        assert os.read(readable, 1) == b".", "the far end did not begin"
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, lambda told, _: os.kill(far, told))
        # What was inherited is for the command: a socket of another namespace, perhaps.
        return subprocess.run(command, check=False, close_fds=False).returncode
    finally:
        os.kill(far, signal.SIGTERM)
        os.waitpid(far, 0)


if __name__ == "__main__":
    _, *words, dashes = sys.argv[: sys.argv.index("--") + 1]
    assert len(words) == 3, words
    sys.exit(main(words[0], words[1], words[2], sys.argv[sys.argv.index("--") + 1 :]))
