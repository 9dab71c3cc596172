"""Starting real servers on free ports of the loopback address, and stopping them again.

It knows no particular server: postgres, redis and s3 beside it do.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parents[2]
#: Seconds a server may take until it answers; a cold disk is slow.
START_LIMIT_S = 60.0
#: Below the range of outgoing connections, so that the kernel gives none of them away meanwhile.
PORTS = range(20000, 32000)

#: Where a server that need not outlive a power cut keeps its files, if there is that much room.
_MEMORY = Path("/dev/shm")  # noqa: S108 - only folders that mkdtemp makes
_MEMORY_BYTES = 2 << 30


class ServerFailed(Exception):
    """A server ended or stayed silent; the message holds the end of what it wrote."""


@dataclass
class Server:
    """A running server on its leash. Calling ``stop`` twice is harmless."""

    name: str
    port: int
    folder: Path
    leash: subprocess.Popen[bytes]

    def stop(self) -> None:
        """The server has ended and its folder is gone when this returns."""
        if self.leash.stdin is not None:
            self.leash.stdin.close()
        self.leash.wait()

    def last_words(self) -> str:
        """The last lines of its log."""
        log = self.folder / "log"
        text = log.read_text(errors="replace") if log.exists() else ""
        return "\n".join(text.splitlines()[-20:])


def free_port() -> int:
    """A loopback port that nothing listens on at this moment."""
    for _ in range(200):
        port = PORTS[secrets.randbelow(len(PORTS))]
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            return port
    raise ServerFailed(f"No free port between {PORTS.start} and {PORTS.stop}.")


def new_folder(name: str, *, in_memory: bool = False) -> Path:
    """An empty folder for one server, private to this user; in memory where there is room."""
    place = _MEMORY if in_memory and _has_room(_MEMORY) else None
    return Path(tempfile.mkdtemp(prefix=f"footage-test-{name}-", dir=place))


def _has_room(place: Path) -> bool:
    try:
        room = os.statvfs(place)
    except FileNotFoundError:
        return False
    return os.access(place, os.W_OK | os.X_OK) and room.f_bavail * room.f_frsize >= _MEMORY_BYTES


def start(
    name: str,
    folder: Path,
    command: Callable[[int], Sequence[str]],
    answers: Callable[[int], bool],
    *,
    environment: Mapping[str, str] | None = None,
    stop_signal: str = "TERM",
) -> Server:
    """Start ``command(port)`` and return when ``answers(port)``.

    The folder is removed when the server stops. A port taken in the meantime leads to another one;
    raises ServerFailed when the server does not come up on three ports.
    """
    words = ""
    for _ in range(3):
        port = free_port()
        with (folder / "log").open("a+b") as log:
            leash = _leash(folder, command(port), environment, stop_signal, log)
            server = Server(name, port, folder, leash)
            if _wait_until(server, answers):
                return server
            # Its folder may be gone with it; what was written can still be read here.
            log.seek(0)
            words = "\n".join(log.read().decode(errors="replace").splitlines()[-20:])
        server.stop()
        folder.mkdir(exist_ok=True)
    raise ServerFailed(f"{name} does not start:\n{words}")


def _leash(
    folder: Path,
    command: Sequence[str],
    environment: Mapping[str, str] | None,
    stop_signal: str,
    log: IO[bytes],
) -> subprocess.Popen[bytes]:
    guard = [sys.executable, "-m", "tests.support.guard", "--remove", str(folder)]
    return subprocess.Popen(
        [*guard, "--stop-signal", stop_signal, "--", *command],
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        # A terminal's Ctrl-C reaches the whole group; only the leash may end a server.
        start_new_session=True,
    )


def _wait_until(server: Server, answers: Callable[[int], bool]) -> bool:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if answers(server.port):
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.leash.wait(0.02)
            return False
    return False


def accepts(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
