"""Which key in the bucket of originals is what: originals, their sidecars, and no footage."""

from __future__ import annotations

import re

_ORIGINAL = "/original"
_SIDECAR = "/sidecar.json"
#: Signs of how far the database had come (services/guard.py).
MARKERS = "markers/"
#: Notes of who may not watch what (services/restriction_notes.py).
RESTRICTIONS = "restrictions/"
#: Places in the bucket of originals whose objects come and go.
PASSING = (MARKERS, "canary/")
#: Places in the bucket of originals that hold no footage.
NO_FOOTAGE = (*PASSING, RESTRICTIONS)


#: Day and livestream, before everything that belongs to it.
_LIVESTREAM = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}/live-[0-9a-f-]{36}(?=/)", re.ASCII)


def livestream_prefix(key: str) -> str | None:
    """Where everything of the livestream lies that this key belongs to; None: to none."""
    match = _LIVESTREAM.match(key)
    return match[0] if match else None


def sidecar_key(original: str) -> str:
    """Where the sidecar of an original lies."""
    return original.rsplit("/", 1)[0] + _SIDECAR


def is_sidecar(key: str) -> bool:
    """Whether this is the key of a sidecar."""
    return key.endswith(_SIDECAR)


def original_key(key: str) -> str:
    """The original that a key belongs to: its sidecar's, or its own."""
    return key.removesuffix(_SIDECAR) + _ORIGINAL if is_sidecar(key) else key
