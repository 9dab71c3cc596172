"""The system's libsrt through ctypes: what a listener of live streams needs of it, no more.

Loaded when it is there. Constants are those of srt.h 1.4 and 1.5, which never change their values.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

_NAMES = (
    "libsrt-gnutls.so.1.5", "libsrt-openssl.so.1.5", "libsrt.so.1.5",
    "libsrt-gnutls.so.1.4", "libsrt-openssl.so.1.4", "libsrt.so.1",
)  # fmt: skip
_SNDSYN, _RCVSYN, _RCVDATA, _PASSPHRASE, _STREAMID = 1, 2, 20, 26, 46
_IN, _ERR = 0x1, 0x8
_NOTHING_YET = 6002
_ENABLE_EMPTY = 1
#: It writes to standard error, and of every caller that goes.
_CRITICAL = 2
#: A message of live streams is shorter.
_MESSAGE_BYTES = 1500
_AT_ONCE = 64

#: Gets the words of a caller, and gives the passphrase it must know; None refuses it.
Greeting = Callable[[str], str | None]


class SrtError(Exception):
    """libsrt said no; the text is its own."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who knew the passphrase that belongs to its words."""

    number: int
    words: str
    address: str


class _Event(ctypes.Structure):
    _fields_ = (("number", ctypes.c_int32), ("kinds", ctypes.c_int32))


_HOOK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p
)


def load() -> ctypes.CDLL | None:
    """The library; None where there is none."""
    for name in _NAMES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.srt_getlasterror_str.restype = ctypes.c_char_p
        library.srt_epoll_uwait.argtypes = [
            ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64,
        ]  # fmt: skip
        library.srt_listen_callback.argtypes = [ctypes.c_int, _HOOK, ctypes.c_void_p]
        return library
    return None


class SrtPort:
    """One listening port and its callers. Every call but ``close`` is made by one thread."""

    def __init__(self, library: ctypes.CDLL, host: str, port: int, greeting: Greeting) -> None:
        self._library = library
        # Counted by the library; its threads must be gone before the process ends.
        library.srt_startup()
        library.srt_setloglevel(_CRITICAL)
        self._greeting = greeting
        #: Kept: the library calls it as long as it listens.
        self._hook = _HOOK(self._greet)
        self._events = (_Event * _AT_ONCE)()
        self._buffer = ctypes.create_string_buffer(_MESSAGE_BYTES)
        self._poll = self._checked(library.srt_epoll_create())
        library.srt_epoll_set(self._poll, _ENABLE_EMPTY)
        self._listener = self._checked(library.srt_create_socket())
        for option in (_SNDSYN, _RCVSYN):
            self._set(self._listener, option, struct.pack("@i", 0))
        address = _sockaddr(host, port)
        self._checked(library.srt_bind(self._listener, address, len(address)))
        self._checked(library.srt_listen_callback(self._listener, self._hook, None))
        self._checked(library.srt_listen(self._listener, 64))
        self.watch(self._listener)
        self.port = self._own_port()

    def wait(self, milliseconds: int) -> tuple[bool, list[int]]:
        """Whether somebody calls, and the callers of whom something came or who are gone."""
        count = self._library.srt_epoll_uwait(
            self._poll, ctypes.byref(self._events), _AT_ONCE, milliseconds
        )
        numbers = [self._events[n].number for n in range(max(0, count))]
        return self._listener in numbers, [each for each in numbers if each != self._listener]

    def accept(self) -> Caller | None:
        """The next caller; it is not watched yet. None when there is no more."""
        place = ctypes.create_string_buffer(128)
        length = ctypes.c_int(len(place))
        number = self._library.srt_accept(self._listener, place, ctypes.byref(length))
        if number < 0:
            return None
        words = ctypes.create_string_buffer(513)
        size = ctypes.c_int(512)
        self._library.srt_getsockflag(number, _STREAMID, words, ctypes.byref(size))
        return Caller(
            number, words.raw[: size.value].decode("utf-8", "replace"), _number(place.raw)
        )

    def read(self, number: int, most: int = 64) -> tuple[bytes, bool]:
        """What has come from a caller, and whether it is still there."""
        parts: list[bytes] = []
        while len(parts) < most:
            got = self._library.srt_recvmsg(number, self._buffer, _MESSAGE_BYTES)
            if got <= 0:
                code = self._library.srt_getlasterror(None)
                return b"".join(parts), got < 0 and code == _NOTHING_YET
            parts.append(self._buffer.raw[:got])
        return b"".join(parts), True

    def has_more(self, number: int) -> bool:
        """Whether something came that is not due yet: the protocol gives packets out by time."""
        count = ctypes.c_int(0)
        size = ctypes.c_int(ctypes.sizeof(count))
        answer = self._library.srt_getsockflag(
            number, _RCVDATA, ctypes.byref(count), ctypes.byref(size)
        )
        return answer == 0 and count.value > 0

    def watch(self, number: int) -> None:
        kinds = ctypes.c_int(_IN | _ERR)
        self._library.srt_epoll_add_usock(self._poll, number, ctypes.byref(kinds))

    def unwatch(self, number: int) -> None:
        self._library.srt_epoll_remove_usock(self._poll, number)

    def drop(self, number: int) -> None:
        """End a caller; also one that is gone already."""
        self.unwatch(number)
        self._library.srt_close(number)

    def close(self) -> None:
        self._library.srt_close(self._listener)
        self._library.srt_epoll_release(self._poll)
        self._library.srt_cleanup()

    def _greet(
        self, _: object, number: int, version: int, address: object, words: bytes | None
    ) -> int:
        """Called in a thread of the library before anything is answered: 0 lets the caller on.

        The passphrase is the library's business from here: who does not know it gets nowhere.
        """
        try:
            said = (words or b"").decode("utf-8", "replace")
            passphrase = self._greeting(said) if version > 4 else None
            if not passphrase:
                return -1
            self._set(number, _PASSPHRASE, passphrase.encode())
        except Exception:  # noqa: BLE001 - nothing may go up into the library.
            return -1
        return 0

    def _set(self, number: int, option: int, value: bytes) -> None:
        self._checked(self._library.srt_setsockflag(number, option, value, len(value)))

    def _own_port(self) -> int:
        place = ctypes.create_string_buffer(128)
        length = ctypes.c_int(len(place))
        self._checked(self._library.srt_getsockname(self._listener, place, ctypes.byref(length)))
        return int.from_bytes(place.raw[2:4], "big")

    def _checked(self, answer: int) -> int:
        if answer < 0:
            raise SrtError(self._library.srt_getlasterror_str().decode("utf-8", "replace"))
        return answer


def _sockaddr(host: str, port: int) -> bytes:
    if ":" in host:
        number = socket.inet_pton(socket.AF_INET6, host)
        return struct.pack("@H", socket.AF_INET6) + struct.pack(">HI16sI", port, 0, number, 0)
    number = socket.inet_pton(socket.AF_INET, host)
    return struct.pack("@H", socket.AF_INET) + struct.pack(">H4s8x", port, number)


def _number(place: bytes) -> str:
    """The caller's address as it is written."""
    family = struct.unpack("@H", place[:2])[0]
    if family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, place[8:24])
    return socket.inet_ntop(socket.AF_INET, place[4:8])
