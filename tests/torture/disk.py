"""The disk's side: a process of the product whose calls to the file system are commit points.

``python -m tests.torture.disk SOCKET VICTIM MODULE WORDS…`` is ``python -m MODULE WORDS…`` with an
audit hook of Python (PEP 578) in it: before a file of the spool or of the folder store is named,
opened, synced or removed, the stand is asked what is to happen. The product holds no word of it.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import signal
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from typing_extensions import override

from tests.torture.schedule import ERROR, Director

_LONGEST_WORDS = 4096
_really_sync = os.fsync
#: Python tells no hook of a sync; a process that is struck does (``main``).
_SYNC = "os.fsync"
#: An object with the end of its lock in its name.
_LOCKED = r"=[0-9a-f]{32}@[0-9TZ.]+"
_WRITER = r"/multipart/[0-9a-f]{32}/w\d{20}$"
#: Names of points by the audit event and the end of the file's path.
_POINTS: Mapping[str, tuple[tuple[re.Pattern[str], str], ...]] = {
    "os.rename": (
        (re.compile(r"/p\d{6}-\d{9}\.segment$"), "spool.keep"),
        (re.compile(r"/p\d{6}-\d{9}\.init$"), "spool.describe"),
    ),
    "open": (
        (re.compile(r"/p\d{6}-\d{9}\.segment$"), "spool.read"),
        (re.compile(_WRITER), "folder.hold"),
        (re.compile(rf"/originals/.+/original/{_LOCKED}$"), "folder.read_original"),
    ),
    "os.remove": (
        (re.compile(r"/p\d{6}-\d{9}\.segment$"), "spool.remove"),
        (re.compile(r"/p\d{6}-\d{9}\.init$"), "spool.forget"),
        (re.compile(r"/multipart/[0-9a-f]{32}/upload$"), "folder.forget"),
        (re.compile(_WRITER), "folder.unlink"),
    ),
    "os.mkdir": ((re.compile(r"/multipart/[0-9a-f]{32}$"), "folder.create"),),
    "os.link": (
        (re.compile(rf"/originals/.+/original/{_LOCKED}$"), "folder.publish"),
        (re.compile(rf"/originals/.+\.json/{_LOCKED}$"), "folder.sidecar"),
        (re.compile(r"/renditions/.+/=[0-9a-f]{32}$"), "folder.rendition"),
    ),
    "os.truncate": ((re.compile(_WRITER), "folder.cut"),),
    _SYNC: (
        (re.compile(_WRITER), "folder.settle"),
        (re.compile(r"/multipart/[0-9a-f]{32}/upload$"), "folder.begun"),
        (re.compile(r"/multipart/[0-9a-f]{32}$"), "folder.named"),
        (re.compile(r"/originals/.+/original$"), "folder.linked"),
    ),
}
#: How a writer's file is opened says what for.
_WAYS = {os.O_RDWR | os.O_CREAT: "folder.hold", os.O_RDWR: "folder.join"}
#: What has an effect, done by the hook itself where the fault comes behind it.
_ACTS: Mapping[str, Callable[[str, tuple[Any, ...]], None]] = {
    "os.rename": lambda path, given: os.rename(given[0], path),
    # Its folder is -1 where none was given.
    "os.link": lambda path, given: os.link(
        given[0], path, src_dir_fd=None if given[2] == -1 else given[2]
    ),
    "os.remove": lambda path, _: os.unlink(path),
    "os.mkdir": lambda path, _: os.mkdir(path, 0o750),
    "os.truncate": lambda _, given: os.truncate(given[0], given[1]),
    _SYNC: lambda _, given: _really_sync(given[0]),
    "open": lambda path, given: os.close(os.open(path, given[2], 0o640)),
}


def point_of(event: str, given: tuple[Any, ...]) -> tuple[str, str] | None:
    """The commit point of a call, and the file that it is about."""
    kinds = _POINTS.get(event)
    if kinds is None:
        return None
    named = given[1] if event in ("os.rename", "os.link") else given[0]
    if isinstance(named, int):
        # A descriptor: what lies behind it.
        with suppress(OSError):
            named = os.readlink(f"/proc/self/fd/{named}")
    if not isinstance(named, (str, os.PathLike)):
        return None
    path = os.fspath(named)
    if isinstance(path, str):
        for end, point in kinds:
            if end.search(path):
                return _finer(point, given), path
    return None


def _finer(point: str, given: tuple[Any, ...]) -> str:
    """A writer's file is held, joined into an object, or only read."""
    if point != "folder.hold":
        return point
    return _WAYS.get(given[2] & (os.O_ACCMODE | os.O_CREAT), "folder.adopt")


class DiskSide:
    """Answers the hooks of all processes that are struck; use as a context manager."""

    def __init__(self, address: Path, director: Director) -> None:
        self.address = address
        self._director = director
        #: SHA-256 of each segment that was whole in the spool when it was to be read.
        self.spooled: set[str] = set()
        side = self

        class Handler(socketserver.StreamRequestHandler):
            @override
            def handle(self) -> None:
                side.answer(
                    json.loads(self.rfile.readline()), self.rfile.readline, self.wfile.write
                )

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

            @override
            def handle_error(self, request: object, client_address: object) -> None:
                """Who asked was killed meanwhile; all else is a fault of the stand."""
                if not isinstance(sys.exception(), OSError):
                    super().handle_error(request, client_address)  # type: ignore[arg-type]

        self._server = Server(str(address), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def command(self, victim: str, module: str, *words: str) -> tuple[str, ...]:
        """``python -m module`` with these words, struck; it is a victim by this name."""
        hooked = (sys.executable, "-m", "tests.torture.disk", str(self.address), victim)
        return (*hooked, module, *words)

    def answer(
        self,
        asked: dict[str, Any],
        wait: Callable[[], bytes],
        say: Callable[[bytes], object],
    ) -> None:
        """One question of a process: go on, fail, or do it and ask again."""
        point, path, pid = asked["point"], asked["path"], asked["pid"]
        if point == "spool.read":
            self._note(Path(path))

        def kill(_: str) -> None:
            os.kill(pid, signal.SIGKILL)

        self._director.hold(point)
        fault = self._director.at(point)
        own = kill if fault is not None and fault.victim == asked["victim"] else None
        if self._director.strikes(fault, "before", own):
            say(b"fail\n")
            return
        is_about_it = own is not None or (fault is not None and fault.victim == ERROR)
        if is_about_it and fault is not None and fault.when == "after":
            say(b"do it\n")
            wait()
        say(b"fail\n" if self._director.strikes(fault, "after", own) else b"go on\n")

    def _note(self, path: Path) -> None:
        """What lies in the spool whole is safe, and must be in a recording at the end."""
        try:
            with path.open("rb") as file:
                self.spooled.add(str(json.loads(file.readline())["sha256"]))
        except FileNotFoundError:
            return


class _Hook:
    """Lives in the process that is struck."""

    def __init__(self, address: str, victim: str) -> None:
        self._address = address
        self._victim = victim
        self._thread = threading.local()

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        found = point_of(event, given)
        if found is None or getattr(self._thread, "is_asking", False):
            return
        self._thread.is_asking = True
        try:
            self._ask(event, given, *found)
        finally:
            self._thread.is_asking = False

    def _ask(self, event: str, given: tuple[Any, ...], point: str, path: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(self._address)
            words = {"point": point, "path": path, "pid": os.getpid(), "victim": self._victim}
            line.sendall(json.dumps(words).encode() + b"\n")
            answer = line.recv(_LONGEST_WORDS)
            if answer == b"do it\n":
                if event in _ACTS and (event != "open" or given[2] & os.O_CREAT):
                    _ACTS[event](path, given)
                line.sendall(b"done\n")
                answer = line.recv(_LONGEST_WORDS)
        if answer == b"fail\n":
            raise OSError(5, "Struck by the stand")


def _told_sync(descriptor: int) -> None:
    sys.audit(_SYNC, descriptor)
    _really_sync(descriptor)


def main(address: str, victim: str, module: str, words: list[str]) -> None:
    """Be this module with these words."""
    sys.addaudithook(_Hook(address, victim))
    os.fsync = _told_sync  # type: ignore[assignment]
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
