"""Statements of a file against what is known: which rows are superseded, and which are written.

The same for every registry: a Book says how its table is read and written.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Generic, TypeVar

from recorder.domain.registry_columns import RowError
from recorder.domain.validity import FURTHER_NOTICE, Fate, Term, settle
from recorder.store.change import Change
from recorder.store.connection import Connection
from recorder.store.registry.entries import Entry, Stated

K = TypeVar("K")
F = TypeVar("F")

#: Keys that are looked up and written by one statement.
BATCH = 5_000
#: Changes that are shown one by one; all are counted.
MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Statement(Generic[K, F]):
    """One line of a file, understood."""

    line: int
    key: K
    facts: F
    begins: date | None = None
    ends: date | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What one line does, in words: the key, and what it says of it."""

    line: int
    fate: Fate
    key: str


#: A line that does several things is told by the first of these.
_STRONGEST = (Fate.ADDED, Fate.CHANGED, Fate.ENDED, Fate.UNCHANGED)


@dataclass
class Account:
    """What a file does, line by line, and what is wrong with it."""

    lines: dict[int, Effect] = field(default_factory=dict)
    errors: list[RowError] = field(default_factory=list)
    #: What is odd and was taken all the same.
    notices: list[RowError] = field(default_factory=list)

    def tell(self, line: int, fate: Fate, key: str) -> None:
        """The line does this, beside whatever else it does."""
        told = self.lines.get(line)
        if told is None or _STRONGEST.index(fate) < _STRONGEST.index(told.fate):
            self.lines[line] = Effect(line, fate, key)

    def count(self, fate: Fate) -> int:
        return sum(effect.fate is fate for effect in self.lines.values())

    @property
    def effects(self) -> list[Effect]:
        """The first lines that do something, in their order."""
        doing = (self.lines[line] for line in sorted(self.lines))
        return list(islice((e for e in doing if e.fate is not Fate.UNCHANGED), MOST_SHOWN))


@dataclass(frozen=True)
class Book(Generic[K, F]):
    """How a registry's table is read and written, and what its keys are called."""

    read: Callable[[Connection, Collection[K]], Awaitable[dict[K, tuple[Entry[K, F], ...]]]]
    supersede: Callable[[Change, Collection[uuid.UUID]], Awaitable[None]]
    insert: Callable[[Change, Sequence[Stated[K, F]], uuid.UUID | None], Awaitable[None]]
    title: Callable[[K], str]
    #: Something else that forbids a statement, given what is known under its key.
    forbid: Callable[[Statement[K, F], Sequence[Entry[K, F]]], RowError | None] = (
        lambda _statement, _known: None
    )


async def settle_all(
    change: Change,
    book: Book[K, F],
    statements: Iterable[Statement[K, F]],
    account: Account,
    source: uuid.UUID,
    today: date,
) -> set[K]:
    """Write what the statements change, in batches; gives the keys for which something did.

    What is wrong goes to the account, and nothing of its key is written.
    """
    groups: dict[K, list[Statement[K, F]]] = defaultdict(list)
    for statement in statements:
        groups[statement.key].append(statement)
    keys, changed = list(groups), set()
    for start in range(0, len(keys), BATCH):
        part = keys[start : start + BATCH]
        known = await book.read(change.connection, part)
        gone: list[uuid.UUID] = []
        new: list[Stated[K, F]] = []
        for key in part:
            entries = known.get(key, ())
            after = _settled(book, groups[key], entries, account, today)
            if after is None:
                continue
            gone += [entry.id for entry in entries if entry.term not in after]
            before = {entry.term for entry in entries}
            new += [(key, term) for term in after if term not in before]
            if set(after) != before:
                changed.add(key)
        if gone:
            await book.supersede(change, gone)
        if new:
            await book.insert(change, new, source)
    return changed


def _settled(
    book: Book[K, F],
    said: list[Statement[K, F]],
    entries: Sequence[Entry[K, F]],
    account: Account,
    today: date,
) -> tuple[Term[F], ...] | None:
    """The terms of one key once all its lines count; None where a line is wrong."""
    terms: tuple[Term[F], ...] = tuple(entry.term for entry in entries)
    seen: dict[date | None, Statement[K, F]] = {}
    fates: list[tuple[int, Fate]] = []
    for one in sorted(said, key=lambda each: (each.begins or FURTHER_NOTICE, each.line)):
        wrong = book.forbid(one, entries)
        twin = seen.setdefault(one.begins, one)
        if twin is not one:
            if (twin.facts, twin.ends) == (one.facts, one.ends):
                fates.append((one.line, Fate.UNCHANGED))
                continue
            wrong = RowError(
                one.line, "", "row-repeated", f"Line {twin.line} says something else of the same."
            )
        if wrong is None:
            try:
                fate, terms = settle(terms, one.facts, one.begins, one.ends, today=today)
                fates.append((one.line, fate))
                continue
            except ValueError:
                wrong = RowError(
                    one.line, "valid_to", "term-reversed", "It would end before it begins."
                )
        account.errors.append(wrong)
        return None
    for line, fate in fates:
        account.tell(line, fate, book.title(said[0].key))
    return terms
