"""Signed notes: C2SP signed-note v1.0.0 with Ed25519 keys (signature type 0x01).

The text form of keys is that of Go's ``golang.org/x/mod/sumdb/note``, so that existing verifiers
read our keys and notes unchanged. This module knows nothing of what a note says, and it never
reads or writes files: where a private key lies is its owner's business.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from recorder.errors import IntegrityError, InvalidInput

_ED25519 = b"\x01"
_PRIVATE = "PRIVATE+KEY+"
_DASH = "— "
#: Limits of the Go implementation; the standard asks for at least 16 signatures.
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A key name with its Ed25519 public key: what a reader must have from a trusted source."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public_key) != 32:
            raise _bad_key("An Ed25519 public key has 32 bytes.")

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys apart; an identifier, not a proof."""
        return _key_id(self.name, self.public_key)

    def to_text(self) -> str:
        """The verifier key as ``<name>+<hex key id>+<base64>``."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(_ED25519 + self.public_key)}"

    @classmethod
    def from_text(cls, text: str) -> NoteVerifier:
        """Read a verifier key; raises InvalidInput ``note-key-malformed``."""
        name, key_id, key = _split_key(text)
        verifier = cls(name, key)
        if verifier.key_id.hex() != key_id:
            raise _bad_key("The key id does not belong to this name and key.")
        return verifier

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature over exactly these bytes was made by this key (RFC 8032)."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            # The library raises ValueError for bytes that are no point on the curve.
            return False
        return True


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A key name with its Ed25519 private key, the 32-byte seed of RFC 8032. Never printed."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.seed) != 32:
            raise _bad_key("An Ed25519 private key has 32 bytes.")

    @classmethod
    def generate(cls, name: str) -> NoteSigner:
        """A new key from the operating system's randomness."""
        return cls(name, secrets.token_bytes(32))

    @property
    def verifier(self) -> NoteVerifier:
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return NoteVerifier(self.name, public.public_bytes_raw())

    def to_text(self) -> str:
        """The private key as ``PRIVATE+KEY+<name>+<hex key id>+<base64>``: a secret."""
        key_id = self.verifier.key_id.hex()
        return f"{_PRIVATE}{self.name}+{key_id}+{_base64(_ED25519 + self.seed)}"

    @classmethod
    def from_text(cls, text: str) -> NoteSigner:
        """Read a private key; raises InvalidInput ``note-key-malformed``, which never quotes it."""
        if not text.startswith(_PRIVATE):
            raise _bad_key("A private key begins with PRIVATE+KEY+.")
        name, key_id, seed = _split_key(text.removeprefix(_PRIVATE))
        signer = cls(name, seed)
        if signer.verifier.key_id.hex() != key_id:
            raise _bad_key("The key id does not belong to this name and key.")
        return signer

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of an Ed25519 signature; the same message always gives the same bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def sign_note(text: str, *signers: NoteSigner) -> bytes:
    """The signed note of a text: the text, an empty line, one signature line for each signer.

    Raises InvalidInput ``note-text-malformed`` when the text does not end in a newline, holds a
    control character other than newline, or is not valid Unicode.
    """
    if not text.endswith("\n") or _has_control(text):
        raise InvalidInput(
            "note-text-malformed",
            "The text of a note ends in a newline and holds no other control character.",
        )
    try:
        message = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput("note-text-malformed", "The text of a note is valid Unicode.") from error
    lines = "".join(
        f"{_DASH}{signer.name} {_base64(signer.verifier.key_id + signer.sign(message))}\n"
        for signer in signers
    )
    return message + b"\n" + lines.encode("utf-8")


def open_note(note: bytes, verifiers: Iterable[NoteVerifier]) -> str:
    """The text of a note, which at least one of the verifiers signed.

    Signatures by unknown keys are ignored. Nothing of the text is given out before a signature
    has been checked. Raises IntegrityError: ``note-malformed`` when this is not a signed note,
    ``note-signature-bad`` when a signature that names a known key does not fit, ``note-unsigned``
    when no known key signed. Raises InvalidInput ``note-keys-ambiguous`` when two different
    verifiers share name and key id.
    """
    known: dict[tuple[str, bytes], NoteVerifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise InvalidInput("note-keys-ambiguous", "Two keys share one name and key id.")
    text, signatures = _split_note(note)
    message = text.encode("utf-8")
    verified = False
    for name, signature in signatures:
        signed_by = known.get((name, signature[:4]))
        if signed_by is None:
            continue
        if not signed_by.verifies(message, signature[4:]):
            raise IntegrityError(
                "note-signature-bad", f"The signature by {name!r} does not fit the text."
            )
        verified = True
    if not verified:
        raise IntegrityError("note-unsigned", "No signature is by a key that is trusted here.")
    return text


def _split_note(note: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    if len(note) > MAX_NOTE_BYTES:
        raise _malformed(f"it is longer than {MAX_NOTE_BYTES} bytes")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("it is not UTF-8") from error
    if _has_control(whole):
        raise _malformed("it holds a control character")
    # The last empty line parts the text from the signatures; the text keeps its own newline.
    text, gap, block = whole.rpartition("\n\n")
    if not gap or not block.endswith("\n"):
        raise _malformed("it has no block of signature lines after an empty line")
    lines = block.split("\n")[:-1]
    if len(lines) > MAX_SIGNATURES:
        raise _malformed(f"it has more than {MAX_SIGNATURES} signatures")
    return text + "\n", [_split_signature(line) for line in lines]


def _split_signature(line: str) -> tuple[str, bytes]:
    name, gap, encoded = line.removeprefix(_DASH).partition(" ")
    signature = _unbase64(encoded)
    well_formed = line.startswith(_DASH) and gap and _is_name(name)
    if not well_formed or signature is None or len(signature) < 5:
        raise _malformed("a signature line is not of the form '— name base64'")
    return name, signature


def _split_key(text: str) -> tuple[str, str, bytes]:
    # Base 64 may hold a plus, a name and a key id never do.
    fields = text.split("+", 2)
    if len(fields) != 3:
        raise _bad_key("A key has the form name+id+base64.")
    name, key_id, encoded = fields
    key = _unbase64(encoded)
    if key is None or len(key) != 33 or not key.startswith(_ED25519):
        raise _bad_key("The key is not Ed25519 (type 1, 32 bytes) in base 64.")
    return name, key_id, key[1:]


def _key_id(name: str, public_key: bytes) -> bytes:
    return hashlib.sha256(name.encode("utf-8") + b"\n" + _ED25519 + public_key).digest()[:4]


def _check_name(name: str) -> None:
    if not _is_name(name):
        raise _bad_key("A key name is not empty and holds no space, plus or control character.")


def _is_name(name: str) -> bool:
    if not name or "+" in name or any(c.isspace() for c in name) or _has_control(name):
        return False
    return not any("\ud800" <= c <= "\udfff" for c in name)


def _has_control(text: str) -> bool:
    return any(c < " " and c != "\n" for c in text)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _unbase64(text: str) -> bytes | None:
    try:
        content = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    # Bits after the end would let one signature be written in several ways.
    return content if _base64(content) == text else None


def _malformed(why: str) -> IntegrityError:
    return IntegrityError("note-malformed", f"This is not a signed note: {why}.")


def _bad_key(why: str) -> InvalidInput:
    return InvalidInput("note-key-malformed", why)
