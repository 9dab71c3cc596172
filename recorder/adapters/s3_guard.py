"""Connections of the S3 library that go only where they may: for stores that somebody else names.

A name is resolved here and each number looked at; the connection is made to a number that passed.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from typing_extensions import override
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from recorder.adapters.outgoing import ForbiddenAddressError, from_where
from recorder.domain.source_address import Reach

#: Of one name; each may cost ten seconds.
_MOST_NUMBERS = 8


class Guard:
    """Where the connections of one user of the library may lead, and an end to all of them."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._lines: list[socket.socket] = []
        self._is_over = False

    def watch(self, pools: PoolManager) -> None:
        """From now on its connections are looked at before they are made."""
        connected = self._connected

        class Plain(HTTPConnection):
            @override
            def _new_conn(self) -> socket.socket:
                return connected(self)

        class Encrypted(HTTPSConnection):
            @override
            def _new_conn(self) -> socket.socket:
                return connected(self)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(HTTPSConnectionPool):
            ConnectionCls = Encrypted

        pools.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Break its connections off when the block takes longer, wherever it waits."""
        self._is_over = False
        timer = threading.Timer(seconds, self._break_off)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _break_off(self) -> None:
        self._is_over = True
        for line in self._lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Forget the connections; the library closes its own."""
        while self._lines:
            self._lines.pop().close()

    def _connected(self, wanted: HTTPConnection) -> socket.socket:
        """A connection to the first of its numbers that may be reached and answers."""
        try:
            found = socket.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NameResolutionError(wanted.host, wanted, socket.gaierror(str(error))) from error
        failed: OSError = ForbiddenAddressError("not allowed")
        for family, _, _, _, place in found[:_MOST_NUMBERS]:
            if self._is_over:
                break
            number = str(place[0])
            if not self._reach.may(number, own=from_where(family, place)):
                continue
            try:
                made = create_connection(
                    (number, wanted.port), wanted.timeout, socket_options=wanted.socket_options
                )
            except OSError as error:
                failed = error
                continue
            # TLS takes the socket itself over; through a second handle it can be shut all the same.
            self._lines.append(made.dup())
            return made
        if isinstance(failed, ForbiddenAddressError):
            raise failed
        raise NewConnectionError(wanted, f"cannot be reached: {failed}") from failed
