"""What all dated tables of registries share: rows as entries, and superseding them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from recorder.domain.ids import new_uuid
from recorder.domain.validity import Term

K = TypeVar("K")
F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Entry(Generic[K, F]):
    """One row that counts: what is said under a key, for the days of its term."""

    id: uuid.UUID
    key: K
    term: Term[F]


def counts_at(moment: str, of: str = "") -> str:
    """The condition that a row counts, or counted at the moment that is this argument, if any.

    ``of``: what stands before its columns.
    """
    return (
        f"CASE WHEN {moment}::timestamptz IS NULL THEN {of}superseded_at IS NULL"
        f" ELSE {of}noted_at <= {moment}"
        f" AND ({of}superseded_at IS NULL OR {of}superseded_at > {moment}) END"
    )


#: A row to be written: its key and its term.
Stated = tuple[K, Term[F]]


def by_key(entries: Iterable[Entry[K, F]]) -> dict[K, tuple[Entry[K, F], ...]]:
    """The entries under each key, in the order of their days."""
    found: dict[K, list[Entry[K, F]]] = defaultdict(list)
    for entry in sorted(entries, key=lambda each: each.term.begins):
        found[entry.key].append(entry)
    return {key: tuple(own) for key, own in found.items()}


def new_ids(many: int, now: datetime) -> list[uuid.UUID]:
    """So many identifiers of this moment."""
    return [new_uuid(now) for _ in range(many)]
