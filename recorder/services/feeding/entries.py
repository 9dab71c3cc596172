"""The rows of one batch on their way: what is known and decided of each, before it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from recorder.domain.feed.mapping import Mapping
from recorder.domain.feed.problems import Problem
from recorder.domain.feed.registers import Claim
from recorder.domain.feed.rows import FeedRow
from recorder.domain.feed.statements import AnyStatement
from recorder.domain.ids import AgencyId
from recorder.store.feed.feed_cases import KnownCase
from recorder.store.feed.rows import KeptRow
from recorder.store.feed.sources import FeedSource


@dataclass(slots=True)
class Entry:
    """One row on its way through a batch."""

    row: FeedRow
    #: It waited in the pool: its state is changed, not written.
    is_stored: bool
    statement: AnyStatement | None = None
    problem: Problem | None = None
    agency: AgencyId | None = None
    case: KnownCase | None = None
    #: Whether it won when its turn came.
    won: bool = False
    #: It counts already and is read again, since its codes mean something else by now.
    is_reread: bool = False


@dataclass
class Batch:
    """What is known and decided of one batch."""

    source: FeedSource
    entries: list[Entry]
    #: Of the past: what happens today is evaluated before it.
    is_backfill: bool = False
    #: By what its rows are read; the day counts for rows without a time.
    mapping: Mapping = field(default_factory=Mapping)
    today: date = date.min
    #: Winners of all keys that matter, before and after.
    before: dict[str, Claim] = field(default_factory=dict)
    winners: dict[str, Claim] = field(default_factory=dict)
    #: How each key that matters stood until now, and keys that are taken back from now on.
    stood: dict[str, KeptRow] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    #: Keys whose winner says something else than before: its codes were mapped anew.
    reread: set[str] = field(default_factory=set)

    @property
    def changed(self) -> set[str]:
        """Keys under which something else is said than before."""
        return self.reread | {
            key for key, claim in self.winners.items() if self.before.get(key) != claim
        }
