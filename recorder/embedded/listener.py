"""The listening socket: bound once by the parent, inherited by the web service.

So the port stays ours while the web service restarts (callers wait in the queue instead of being
refused), port 0 works, and a taken port is known before anything else starts.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from dataclasses import dataclass

from recorder.errors import Conflict, Forbidden, InvalidInput

#: Connections the kernel keeps for us while the web service restarts.
_BACKLOG = 512
_ANSWER_S = 2.0


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound and listening socket, and how to reach it."""

    socket: socket.socket
    url: str

    @property
    def descriptor(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        """Give the port back."""
        self.socket.close()


def parse(listen: str) -> tuple[str, int]:
    """Host and port out of ``HOST:PORT`` or ``[V6]:PORT``.

    Raises InvalidInput ``listen-malformed``.
    """
    host, colon, port = listen.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InvalidInput(
            "listen-malformed",
            f"--listen takes HOST:PORT such as 127.0.0.1:8080 or [::1]:8080, not {listen!r}.",
        )
    return host, int(port)


def listen_on(listen: str, *, tls: bool = False) -> Listener:
    """Bind and listen; port 0 picks a free one.

    Raises Conflict ``port-taken``, Forbidden ``port-forbidden``, InvalidInput
    ``listen-malformed`` or ``listen-unknown-host``, each saying what to choose instead.
    """
    host, port = parse(listen)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise InvalidInput(
            "listen-unknown-host",
            f"There is no address {host!r} here; use 127.0.0.1 (this machine only) or 0.0.0.0"
            " (all networks) with --listen.",
        ) from error
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise _refused(error, host, port) from error
    shown = _reachable(host)
    scheme = "https" if tls else "http"
    return Listener(bound, f"{scheme}://{shown}:{bound.getsockname()[1]}")


def _refused(error: OSError, host: str, port: int) -> Exception:
    match error.errno:
        case errno.EADDRINUSE:
            other = port + 1 if port < 65535 else 8080
            return Conflict(
                "port-taken",
                f"Port {port} on {host} is taken by another program; choose another with"
                f" --listen {host}:{other}, or port 0 for any free one.",
            )
        case errno.EACCES | errno.EPERM:
            return Forbidden(
                "port-forbidden",
                f"Port {port} needs an administrator's rights; choose one above 1023 with"
                " --listen, and let a reverse proxy answer on the low one.",
            )
        case errno.EADDRNOTAVAIL:
            return InvalidInput(
                "listen-unknown-host",
                f"This machine has no address {host}; use 127.0.0.1 (this machine only) or"
                " 0.0.0.0 (all networks) with --listen.",
            )
        case _:
            return error


def _reachable(host: str) -> str:
    """An address of this machine by which the listener can be reached, as it stands in a URL."""
    match host:
        case "0.0.0.0":  # noqa: S104 - compared, not bound
            return "127.0.0.1"
        case "::":
            return "[::1]"
        case _:
            return f"[{host}]" if ":" in host else host


async def answers(listener: Listener, path: str) -> bool:
    """Whether whoever serves the socket answers GET with 200; a certificate is not judged."""
    host, port = listener.socket.getsockname()[:2]
    unchecked = None
    if listener.url.startswith("https:"):
        unchecked = ssl.create_default_context()
        unchecked.check_hostname = False
        unchecked.verify_mode = ssl.CERT_NONE
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=unchecked)
            try:
                request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                await writer.drain()
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
