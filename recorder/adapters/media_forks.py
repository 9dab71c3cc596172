"""The forking process: ``python -m recorder.adapters.media_forks LINE PARENT``.

It has loaded all that looks need, and forks a child for each that is asked for on the Unix socket
LINE. It opens no footage, reads no request and has one thread; it dies with PARENT. A child keeps
nothing of it but its memory: three pipes are all that is open in it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import NoReturn

from recorder.adapters import confinement, media_codes, media_probe

#: What a child can be asked for. Each reads its request from standard input and confines itself.
LOOKS: Mapping[str, Callable[[], None]] = {
    "media_probe": media_probe.main,
    "media_codes": media_codes.main,
    "launch": confinement.launched,
}
_MESSAGE_BYTES = 256


def serve(line: socket.socket) -> None:
    """Fork for each question; ends when nobody can ask any more and the last child has ended."""
    watched = selectors.DefaultSelector()
    watched.register(line, selectors.EVENT_READ)
    asked = True
    children = 0
    while asked or children:
        for key, _ in watched.select():
            if key.fileobj is line:
                message, ends, _, _ = socket.recv_fds(line, _MESSAGE_BYTES, 3)
                if not message:
                    asked = False
                    watched.unregister(line)
                    continue
                number, name = message.decode().split()
                pid = _fork(ends, LOOKS[name], os.getpid())
                children += 1
                watched.register(os.pidfd_open(pid), selectors.EVENT_READ, (number, pid))
                line.send(f"begun {number} {pid}".encode())
            else:
                number, pid = key.data
                watched.unregister(key.fileobj)
                os.close(key.fd)
                _, status = os.waitpid(pid, 0)
                children -= 1
                line.send(f"ended {number} {os.waitstatus_to_exitcode(status)}".encode())


def _fork(ends: list[int], look: Callable[[], None], parent: int) -> int:
    """A child in a process group of its own that does the look, and nothing else."""
    pid = os.fork()
    if pid == 0:
        _become(ends, look, parent)
    # By both sides, so that the group is there for whoever hears of the child first.
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)
    for end in ends:
        os.close(end)
    return pid


def _become(ends: list[int], look: Callable[[], None], parent: int) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)
        confinement.die_with(parent)
        for number, end in enumerate(ends):
            os.dup2(end, number)
        for name in os.listdir("/proc/self/fd"):
            if int(name) > 2:
                with contextlib.suppress(OSError):
                    os.close(int(name))
        look()
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, nothing of the parent may run here.
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main(line: str, parent: str) -> None:
    """Serve until the other end of the socket is closed."""
    confinement.die_with(int(parent))
    # What is loaded stays shared with the children.
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(line)) as opened:
        serve(opened)


if __name__ == "__main__":
    main(*sys.argv[1:])
