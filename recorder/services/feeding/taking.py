"""What one look of a pull takes: rows of a query, files of a folder; buckets.py has the others.

Everything ends in ``receiving.receive``. Files are noted when all their rows are taken; who dies
before takes them again, and repeated rows change nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from recorder.adapters import row_files, sql_source
from recorder.domain.feed import rows
from recorder.domain.feed.problems import Problem, storable
from recorder.domain.feed.rows import FeedRow
from recorder.domain.people import SERVICE
from recorder.errors import Unavailable
from recorder.runtime import Deps
from recorder.services.feeding import receiving
from recorder.services.feeding.receiving import BATCH_ROWS
from recorder.store.feed import pulls
from recorder.store.feed.pulls import Pull, TakenFile
from recorder.store.feed.sources import FeedSource

#: Rows of one look at a database; a full one is followed by the next at once.
_MOST_ROWS = 5000
MOST_FILES = 50
LONGEST_FOLDER = 1_000_000
#: Files of a folder that are asked about at once.
_AT_ONCE = 1_000
#: A file that was written to just now may be written to again within the same tick of its clock.
_SETTLED = timedelta(seconds=10)
#: Rows that were written over there, and committed so much later, are fetched all the same.
OVERLAP = timedelta(minutes=10)
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
    #: Where the watermark stood, to begin there once more in a while; None: as noted before.
    behind: str | None = None


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

    async def note_look(self, look: bytes, name: str) -> None:
        """A file that looks so is not read again."""
        async with self.deps.database.acquire() as connection:
            await pulls.note_look(
                connection, self.pull.id, look, storable(name)[-_LONGEST_NAME:],
                self.deps.clock.now(),
            )  # fmt: skip

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
    """Rows behind the watermark; now and then once more those behind where it stood before.

    A row gets its watermark when it is written, and is seen when its transaction commits: by then
    the watermark may have gone past it.
    """
    pull, now = hand.pull, hand.deps.clock.now()
    fetched = await _fetch(hand, dsn, query, pull.watermark)
    if pull.behind_at is not None and now - pull.behind_at < OVERLAP:
        return Look(fetched.watermark, fetched.is_full)
    if not fetched.is_full and pull.behind_at is not None:
        mark, is_full = pull.behind, True
        while is_full:
            await hand.keep()
            again = await _fetch(hand, dsn, query, mark)
            is_full = again.is_full and again.watermark != mark
            mark = again.watermark
    return Look(fetched.watermark, fetched.is_full, behind=pull.watermark)


async def _fetch(hand: Hand, dsn: str, query: str, watermark: str) -> sql_source.Fetched:
    fetched = await sql_source.fetch(dsn, query, watermark, _MOST_ROWS)
    await hand.take([rows.of_value(each) for each in fetched.rows])
    return fetched


async def from_folder(hand: Hand, folder: Path) -> Look:
    """New files, the oldest first; one that cannot be read is left, and the others are taken.

    A file is read for its digest once, and again only when its length or time of change is
    another.
    """
    found = await asyncio.to_thread(row_files.listed, folder, LONGEST_FOLDER)
    settled_ns = int((hand.deps.clock.now() - _SETTLED).timestamp() * 1_000_000_000)
    left, trouble = MOST_FILES, None
    for place in range(0, len(found), _AT_ONCE):
        listed = found[place : place + _AT_ONCE]
        seen = await hand.taken([each.look for each in listed])
        for file in listed:
            if file.look in seen:
                continue
            if not left:
                return Look(again=True, trouble=trouble)
            await hand.keep()
            try:
                left -= await _take_new(hand, file)
            except Unavailable as error:
                if error.code != "pull-unreachable":
                    raise
                trouble = trouble or f"{error.code}: {error.detail}"
                continue
            if file.changed_ns <= settled_ns:
                await hand.note_look(file.look, file.path.name)
    return Look(trouble=trouble)


async def _take_new(hand: Hand, file: row_files.ListedFile) -> bool:
    """Take the file unless its contents were taken; whether they are new."""
    digest = await asyncio.to_thread(row_files.digest_of, file.path)
    if await hand.taken([digest]):
        return False
    await hand.take_file(digest, file.path.name, row_files.read(file.path))
    return True
