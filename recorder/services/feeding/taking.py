"""What one look of a pull takes: rows of a query, files of a folder; buckets.py has the others.

Everything ends in ``receiving.receive``. Files are noted when all their rows are taken; who dies
before takes them again, and repeated rows change nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from recorder.adapters import row_files, sql_source
from recorder.domain.feed import rows
from recorder.domain.feed.problems import Problem, storable
from recorder.domain.feed.rows import FeedRow
from recorder.domain.people import SERVICE
from recorder.runtime import Deps
from recorder.services.feeding import receiving
from recorder.services.feeding.receiving import BATCH_ROWS
from recorder.store.feed import pulls
from recorder.store.feed.pulls import Pull, TakenFile
from recorder.store.feed.sources import FeedSource

#: Rows of one look at a database; a full one is followed by the next at once.
_MOST_ROWS = 5000
MOST_FILES = 50
_LONGEST_FOLDER = 100_000
#: Files whose contents are looked at before the pull is held for another lease.
_AT_ONCE = 100
_LONGEST_NAME = 1024


class PullLost(Exception):
    """The pull was stopped, or another worker has it now: this one ends without a word."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a look ended."""

    watermark: str | None = None
    #: More is there at once.
    again: bool = False
    trouble: str | None = None


@dataclass
class Hand:
    """A pull in hand, kept there while it is worked on."""

    deps: Deps
    pull: Pull
    source: FeedSource
    #: Rows of the past: what happens today is evaluated before them.
    is_backfill: bool = False

    async def keep(self) -> None:
        """Raises PullLost."""
        async with self.deps.database.acquire() as connection:
            kept = await pulls.keep(connection, self.pull, self.deps.clock.now())
        if kept is None:
            raise PullLost
        self.pull = kept

    async def take(self, said: Sequence[FeedRow | Problem]) -> int:
        """Take rows; how many of them are none."""
        for place in range(0, len(said), BATCH_ROWS):
            batch = said[place : place + BATCH_ROWS]
            await receiving.receive(
                self.deps, SERVICE, self.source, batch, backfill=self.is_backfill
            )
        return sum(isinstance(each, Problem) for each in said)

    async def take_file(
        self, digest: bytes, name: str, reading: Iterator[FeedRow | Problem]
    ) -> None:
        """Take a file's rows, then note it."""
        count = refused = 0
        while waiting := await asyncio.to_thread(_some, reading):
            await self.keep()
            refused += await self.take(waiting)
            count += len(waiting)
        file = TakenFile(digest, storable(name)[-_LONGEST_NAME:], count, refused)
        async with self.deps.database.acquire() as connection:
            await pulls.note_file(connection, self.pull.id, file, self.deps.clock.now())

    async def taken(self, digests: Sequence[bytes]) -> set[bytes]:
        async with self.deps.database.acquire() as connection:
            return await pulls.taken_files(connection, self.pull.id, digests)


def _some(reading: Iterator[FeedRow | Problem]) -> list[FeedRow | Problem]:
    found: list[FeedRow | Problem] = []
    for each in reading:
        found.append(each)
        if len(found) == BATCH_ROWS:
            break
    return found


async def from_query(hand: Hand, dsn: str, query: str) -> Look:
    """Rows behind the watermark."""
    fetched = await sql_source.fetch(dsn, query, hand.pull.watermark, _MOST_ROWS)
    await hand.take([rows.of_value(each) for each in fetched.rows])
    return Look(fetched.watermark, fetched.is_full)


async def from_folder(hand: Hand, folder: Path) -> Look:
    """New files, the oldest first."""
    paths = await asyncio.to_thread(row_files.listed, folder, _LONGEST_FOLDER)
    left = MOST_FILES
    for place in range(0, len(paths), _AT_ONCE):
        await hand.keep()
        files = await asyncio.to_thread(row_files.digested, paths[place : place + _AT_ONCE])
        taken = await hand.taken([file.digest for file in files])
        for file in files:
            if file.digest in taken:
                continue
            if not left:
                return Look(again=True)
            await hand.take_file(file.digest, file.path.name, row_files.read(file))
            taken.add(file.digest)
            left -= 1
    return Look()
