"""SM3, where OpenSSL has it and where it has not, and both digests of bytes in memory."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

from recorder.adapters import gcrypt

#: One thread's work at least, before another one is asked.
_RUN_BYTES = 2 << 20


def new_sm3() -> Any:
    """A running SM3 (GB/T 32905-2016): OpenSSL's where it has one, else the fallback's."""
    return hashlib.new("sm3") if "sm3" in hashlib.algorithms_available else fallback_sm3()


def fallback_sm3() -> Any:
    """A running SM3 of the cryptography package, which brings an OpenSSL of its own."""
    from cryptography.hazmat.primitives import hashes

    return _CryptographySm3(hashes)


class _CryptographySm3:
    def __init__(self, hashes: Any):
        self._running = hashes.Hash(hashes.SM3())

    def update(self, block: bytes) -> None:
        self._running.update(block)

    def digest(self) -> bytes:
        digest: bytes = self._running.copy().finalize()
        return digest


async def both_digests(content: bytes) -> tuple[bytes, bytes]:
    """SHA-256 and SM3, made in a thread."""
    return await asyncio.to_thread(_both, content)


async def both_digests_of(contents: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """SHA-256 and SM3 of each, made in one thread, or in several where there is much to do.

    Waking a thread costs as much as the digests of some ten thousand bytes.
    """
    runs: list[list[bytes]] = []
    length = _RUN_BYTES
    for content in contents:
        if length >= _RUN_BYTES:
            runs.append([])
            length = 0
        runs[-1].append(content)
        length += len(content)
    made = await asyncio.gather(*(asyncio.to_thread(_each, run) for run in runs))
    return [digests for run in made for digests in run]


def _each(contents: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    return [_both(content) for content in contents]


def _both(content: bytes) -> tuple[bytes, bytes]:
    return hashlib.sha256(content).digest(), sm3_of(content)


def sm3_of(content: bytes) -> bytes:
    """The SM3 of bytes in memory, by the quickest that the system has."""
    quick = gcrypt.sm3()
    if quick is not None:
        return quick(content)
    running = new_sm3()
    running.update(content)
    digest: bytes = running.digest()
    return digest
