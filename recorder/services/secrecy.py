"""Secrets that are handed out once and kept only as SHA-256.

They carry 256 bits of chance, so a plain hash is enough: nobody can try them out. Passwords,
which people choose, are another matter (adapters/passwords.py).
"""

from __future__ import annotations

import hashlib
import secrets

from recorder.domain.people import TOKEN_PREFIX

_LONGEST = 200


def new_secret() -> str:
    """32 random bytes as base64url: 43 characters."""
    return secrets.token_urlsafe(32)


def new_token() -> str:
    """A bearer token: the prefix and a secret."""
    return TOKEN_PREFIX + new_secret()


def hash_of(secret: str) -> bytes:
    """What is kept of a secret. Text that cannot be one hashes to something that nobody has."""
    return hashlib.sha256(secret[:_LONGEST].encode("utf-8", "surrogatepass")).digest()
