"""What the catalogue says of one code."""

from __future__ import annotations

from typing import NamedTuple

from recorder.errors import Kind


class Entry(NamedTuple):
    """What holds for every case of a code."""

    kind: Kind
    title: str
    #: What whoever asked, or the operator, can do.
    advice: str


def of_kind(kind: Kind, **entries: tuple[str, str]) -> dict[str, Entry]:
    """Entries of one kind; names are codes with underscores."""
    return {name.replace("_", "-"): Entry(kind, *texts) for name, texts in entries.items()}
