"""Words that must be read again and that nobody may read beside us: sealed with the service's key.

AES-256-GCM under a key that HKDF derives from the seed of the signing key, which lies in a file
and never in the database: whoever reads the database, or a copy of it, reads nothing of them. Each
sealed text belongs to one place (its label) and opens nowhere else.
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from recorder.ledger.note import NoteSigner

_NONCE_BYTES = 12
_PURPOSE = b"recorder sealed words v1"


def seal(signer: NoteSigner, label: str, words: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher(signer).encrypt(nonce, words.encode(), label.encode())


def unseal(signer: NoteSigner, label: str, sealed: bytes) -> str | None:
    """The words; None when they were sealed with another key or for another place."""
    nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return _cipher(signer).decrypt(nonce, rest, label.encode()).decode()
    except (InvalidTag, ValueError):
        return None


def derived(signer: NoteSigner, label: str) -> str:
    """Words that only we can make, always the same for a label: 128 bits in 32 letters."""
    purpose = f"recorder derived words v1 {label}".encode()
    return HKDF(SHA256(), 16, salt=None, info=purpose).derive(signer.seed).hex()


def _cipher(signer: NoteSigner) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(signer.seed))
