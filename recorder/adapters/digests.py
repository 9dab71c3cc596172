"""SM3, where OpenSSL has it and where it has not, and both digests of bytes in memory."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any


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


def _both(content: bytes) -> tuple[bytes, bytes]:
    sm3 = new_sm3()
    sm3.update(content)
    return hashlib.sha256(content).digest(), sm3.digest()
