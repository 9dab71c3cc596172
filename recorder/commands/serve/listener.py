"""Listening sockets, as commands make them for themselves or for processes that inherit them."""

from __future__ import annotations

import argparse
import contextlib
import socket

from recorder.commands.serve.processes import MOST_PROCESSES
from recorder.errors import InvalidInput, Unavailable

_BACKLOG = 512


def how_many(text: str) -> int:
    """The value of ``--processes``."""
    count = int(text)
    if not 1 <= count <= MOST_PROCESSES:
        raise argparse.ArgumentTypeError(f"between 1 and {MOST_PROCESSES} processes, please")
    return count


def listener(listen: str, inherited: int | None = None) -> socket.socket:
    """Bound and listening at HOST:PORT, or the one that was inherited.

    Raises InvalidInput ``listen-malformed``, ``listen-unknown-host``; Unavailable ``port-taken``.
    """
    if inherited is not None:
        return socket.socket(fileno=inherited)
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InvalidInput("listen-malformed", f"--listen takes HOST:PORT, not {listen!r}.")
    try:
        found = socket.getaddrinfo(host or None, int(port), type=socket.SOCK_STREAM,
                                   flags=socket.AI_PASSIVE)  # fmt: skip
        family, kind, protocol, _, address = found[0]
        bound = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise InvalidInput(
            "listen-unknown-host", f"There is no address {host!r} on this machine."
        ) from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise Unavailable(
            "port-taken", f"{listen} cannot be listened on ({error.strerror}); choose another."
        ) from error
    with contextlib.suppress(OSError):
        bound.set_inheritable(False)
    return bound
