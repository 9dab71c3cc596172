"""From when to when something of a registry holds, and what a new statement does to older ones.

Days are inclusive at both ends, as papers write them (有效期至); an open end is the first or the
last day that a calendar has.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Generic, TypeVar

F = TypeVar("F")

#: Since before anybody noted it, and until further notice.
EVER, FURTHER_NOTICE = date.min, date.max
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Term(Generic[F]):
    """Facts that hold from the first day to the last one, both included."""

    facts: F
    begins: date = EVER
    ends: date = FURTHER_NOTICE

    def holds_on(self, day: date) -> bool:
        return self.begins <= day <= self.ends


class Fate(enum.StrEnum):
    """What a statement does to what is known under its key."""

    ADDED = "added"
    CHANGED = "changed"
    #: The facts stay and no longer hold from some day on.
    ENDED = "ended"
    UNCHANGED = "unchanged"


def settle(
    known: Sequence[Term[F]],
    facts: F,
    begins: date | None,
    ends: date | None,
    *,
    today: date,
) -> tuple[Fate, tuple[Term[F], ...]]:
    """What holds under a key once somebody has stated that these facts hold from then to then.

    The terms that come out do not overlap and stand in order, and stating the same again changes
    nothing. A statement without a first day holds from today where it differs from what is known
    last, and since ever where nothing is known. One that names a day ends what held before with
    the day before; a later one that is known goes on holding from its own day.

    Raises ValueError where the last day would come before the first.
    """
    older = sorted(known, key=lambda term: term.begins)
    last = older[-1] if older else None
    until = FURTHER_NOTICE if ends is None else ends
    since = _since(last, facts, begins, min(today, until))
    if since > until:
        raise ValueError("it ends before it begins")
    kept: list[Term[F]] = []
    for term in older:
        # Since when it holds was not known, and now it is.
        learned = term.begins == EVER and term.facts == facts and term is last
        if term.begins == since or (learned and since <= term.ends):
            continue
        if term.begins < since <= term.ends:
            kept.append(replace(term, ends=since - _DAY))
        else:
            kept.append(term)
    following = [term.begins for term in kept if term.begins > since]
    if following:
        until = min(until, min(following) - _DAY)
    after = tuple(sorted([*kept, Term(facts, since, until)], key=lambda term: term.begins))
    return _fate(older, after, facts), after


def _since(last: Term[F] | None, facts: F, begins: date | None, today: date) -> date:
    if begins is not None:
        return begins
    if last is None:
        return EVER
    return last.begins if last.facts == facts else max(last.begins, today)


def _fate(before: Sequence[Term[F]], after: Sequence[Term[F]], facts: F) -> Fate:
    if not before:
        return Fate.ADDED
    if list(before) == list(after):
        return Fate.UNCHANGED
    shorter = after[-1].ends < before[-1].ends and after[-1].begins == before[-1].begins
    return Fate.ENDED if shorter and before[-1].facts == facts else Fate.CHANGED
