"""RTMP's handshake as the listening side does it: the plain form, and the signed one.

The signed form (HMAC with keys that every implementation publishes) proves nothing about the peer
and protects nothing; some encoders only want to see it answered. Strength comes from TLS.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from recorder.live.rtmp.violation import ViolationError

#: C0 and C1 as they must be there before we answer; C2 as it must be there before chunks begin.
GREETING_BYTES = 1537
CONFIRMATION_BYTES = 1536

_VERSION = 3
_BLOCK = 1536
_DIGEST = 32
_CRUD = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
_PLAYER_KEY = b"Genuine Adobe Flash Player 001"
_SERVER_KEY = b"Genuine Adobe Flash Media Server 001"
#: Where the four bytes stand that lead to the digest, in both known layouts of a signed block.
_LAYOUTS = (8, 772)


def answer(greeting: bytes) -> bytes:
    """S0, S1 and S2 to a greeting of GREETING_BYTES. Raises ViolationError on another protocol."""
    if greeting[0] != _VERSION:
        raise ViolationError("it does not speak RTMP 3")
    client = greeting[1:GREETING_BYTES]
    if client[4:8] != bytes(4):
        for layout in _LAYOUTS:
            at = _digest_at(client, layout)
            if hmac.compare_digest(_sign(client, at, _PLAYER_KEY), client[at : at + _DIGEST]):
                return bytes([_VERSION]) + _signed(layout) + _reply(client[at : at + _DIGEST])
    return bytes([_VERSION]) + bytes(8) + os.urandom(_BLOCK - 8) + client


def _digest_at(block: bytes | bytearray, layout: int) -> int:
    return sum(block[layout : layout + 4]) % 728 + layout + 4


def _sign(block: bytes, at: int, key: bytes) -> bytes:
    unsigned = block[:at] + block[at + _DIGEST :]
    return hmac.digest(key, unsigned, hashlib.sha256)


def _signed(layout: int) -> bytes:
    """Our own block, in the layout of the peer."""
    block = bytearray(bytes(4) + b"\x04\x05\x00\x01" + os.urandom(_BLOCK - 8))
    at = _digest_at(block, layout)
    block[at : at + _DIGEST] = _sign(bytes(block), at, _SERVER_KEY)
    return bytes(block)


def _reply(digest: bytes) -> bytes:
    """The second block: random, signed with a key made of the peer's digest."""
    noise = os.urandom(_BLOCK - _DIGEST)
    key = hmac.digest(_SERVER_KEY + _CRUD, digest, hashlib.sha256)
    return noise + hmac.digest(key, noise, hashlib.sha256)
