"""``recorder verify receipt``: check a receipt, and the footage it speaks of, offline.

An expert witness runs it without our service, so it must not import or ask the server.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from recorder.errors import InvalidInput, RecorderError
from recorder.ledger import receipt as receipts
from recorder.ledger.note import MAX_NOTE_BYTES, NoteVerifier

_BLOCK_BYTES = 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder verify``."""
    parser.description = "Check proofs without the service."
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    receipt = kinds.add_parser(
        "receipt",
        help="a receipt, and the footage it speaks of",
        description="Check a receipt's signature, and with --footage that the file is the one.",
    )
    receipt.add_argument("receipt", type=Path, metavar="F", help="the receipt")
    receipt.add_argument("--footage", type=Path, metavar="F", help="the file it speaks of")
    receipt.add_argument(
        "--key",
        metavar="VERIFIERKEY",
        help="public key of the service (NAME+ID+KEY), from a source you trust; "
        "without it, the keys that `recorder upload` recorded on this machine count",
    )
    receipt.add_argument(
        "--state", type=Path, metavar="DIR", help="state folder of `recorder upload`"
    )


def run(args: argparse.Namespace) -> int:
    """Exit 0 when everything asked for was checked and fits, 1 when not, 2 for wrong usage."""
    try:
        verifiers = _trusted(args)
    except InvalidInput as error:
        print(f"recorder verify: {error}", file=sys.stderr)
        return 2
    try:
        text = _text_of(args.receipt)
        length, sha256 = _measured(args.footage) if args.footage else (None, None)
        if verifiers:
            receipt = receipts.verify(text, verifiers, length=length, sha256=sha256)
        else:
            receipt = receipts.parse(text)
            _compare(receipt, length, sha256)
    except RecorderError as error:
        print(f"Does not fit: {error} ({error.code})", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"recorder verify: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    _print(receipt, footage=args.footage is not None)
    if not verifiers:
        print(
            "The signature was NOT checked: give the service's public key with --key.",
            file=sys.stderr,
        )
        return 1
    return 0


def _trusted(args: argparse.Namespace) -> list[NoteVerifier]:
    """The given key; otherwise those of the state folder, which may be the receipt's own.

    Of the latter the asker is told: whoever forges a receipt can lay a key beside it.
    """
    if args.key:
        return [NoteVerifier.from_text(args.key.strip())]
    from recorder.client.state_folder import default_state_dir, pinned_keys

    if args.state is not None:
        return pinned_keys(args.state)
    own, usual = args.receipt.absolute().parent.parent, default_state_dir()
    beside = pinned_keys(own)
    if beside and own.resolve() != usual.resolve():
        print(
            f"The key was found beside the receipt, in {own}. That proves nothing if somebody"
            " gave you both: then name a key that you trust with --key.",
            file=sys.stderr,
        )
    return beside or pinned_keys(usual)


def _text_of(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(2 * MAX_NOTE_BYTES)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput("receipt-malformed", "A receipt is UTF-8 text.") from error


def _measured(path: Path) -> tuple[int, str]:
    digest, length = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            length += len(block)
    return length, digest.hexdigest()


def _compare(receipt: receipts.Receipt, length: int | None, sha256: str | None) -> None:
    if length not in (None, receipt.length) or sha256 not in (None, receipt.sha256):
        raise InvalidInput("receipt-digest-mismatch", "The file is not the one in the receipt.")


def _shown(text: str) -> str:
    """A sender's word, unable to move the cursor or turn the direction of reading."""
    return text if text.isprintable() else ascii(text)


def _print(receipt: receipts.Receipt, *, footage: bool) -> None:
    rows = {
        "recording": receipt.recording,
        "agency": receipt.agency,
        "device": _shown(receipt.device or "unknown"),
        "name": ascii(receipt.original_name) if receipt.original_name else "unknown",
        "length": f"{receipt.length} bytes",
        "sha256": receipt.sha256,
        "sm3": receipt.sm3,
        "sealed": receipt.sealed_at.isoformat(),
    }
    for name, value in rows.items():
        print(f"{name:<10} {value}")
    if footage:
        print("The footage has this length and this SHA-256.")
