"""Digests as values: the algorithm and the bytes together, never a bare string."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass

from typing_extensions import override

from recorder.errors import InvalidInput


class Algorithm(enum.StrEnum):
    """SHA-256 is FIPS 180-4; SM3 is GB/T 32905-2016. Both give 32 bytes."""

    SHA256 = "sha256"
    SM3 = "sm3"


@dataclass(frozen=True, slots=True)
class Digest:
    """One digest. Written ``sha256:<64 hex digits>``."""

    algorithm: Algorithm
    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != 32:
            raise InvalidInput(
                "digest-malformed",
                f"A {self.algorithm} digest has 32 bytes, not {len(self.value)}.",
            )

    @property
    def hex(self) -> str:
        return self.value.hex()

    @override
    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read ``sha256:<hex>`` or ``sm3:<hex>``; raises InvalidInput for anything else."""
        name, _, digits = text.partition(":")
        try:
            # fromhex skips spaces; one digest has one length in text.
            value = bytes.fromhex(digits) if len(digits) == 64 else b""
            return cls(Algorithm(name), value)
        except ValueError as error:
            raise InvalidInput("digest-malformed", f"Not a digest: {text[:100]!r}.") from error


def sha256(value: bytes) -> Digest:
    """Mark 32 bytes as a SHA-256 digest."""
    return Digest(Algorithm.SHA256, value)


def sha256_of(content: bytes | memoryview) -> Digest:
    """The SHA-256 digest of the content itself."""
    return sha256(hashlib.sha256(content).digest())


def sm3(value: bytes) -> Digest:
    """Mark 32 bytes as an SM3 digest."""
    return Digest(Algorithm.SM3, value)
