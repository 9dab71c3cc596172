"""What one look of a pull takes from a bucket. Loaded by who has one: it needs the S3 library.

As in taking.py: an object is noted when all its rows are taken.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping
from typing import Any, BinaryIO

from recorder.adapters import row_files
from recorder.adapters.s3_source import BucketPage, BucketPlace, BucketSource, ListedObject
from recorder.adapters.store_threads import StoreThreads
from recorder.domain.source_address import Reach
from recorder.errors import Conflict, InvalidInput, StorageFull, Unavailable
from recorder.runtime import Deps
from recorder.services.feeding.taking import MOST_FILES, Hand, Look

#: Pages of the list that one look goes through.
_MOST_PAGES = 20
#: Objects whose copy breaks off before the bucket itself is taken to be away.
_MOST_FAILURES = 2


async def ask(deps: Deps, place: Mapping[str, Any]) -> None:
    """Ask for its list once. Raises as ``BucketSource``."""
    await _Bucket(deps, place).first()


async def from_bucket(hand: Hand, place: Mapping[str, Any]) -> Look:
    """New objects, on a walk through the list of which the watermark is the next page.

    What cannot be taken is left and told of; the walk goes on.
    """
    return await _Bucket(hand.deps, place).look(hand)


class _Bucket:
    def __init__(self, deps: Deps, place: Mapping[str, Any]) -> None:
        bucket = BucketPlace.of(
            place["address"], place["region"], place["access_key"], place["secret_key"]
        )
        self._source = BucketSource(bucket, Reach.parse(deps.config.feed_pull_networks))
        self._threads = StoreThreads("feed-pull", 1)
        self._folder = deps.config.work_folder
        self._trouble: str | None = None
        self._failures = 0

    async def first(self) -> None:
        try:
            await self._threads.run(self._source.page, "", 1)
        finally:
            await self._close()

    async def look(self, hand: Hand) -> Look:
        following, left = hand.pull.watermark, MOST_FILES
        try:
            for _ in range(_MOST_PAGES):
                page = await self._page(following)
                left = await self._take_page(hand, page, left)
                if not left:
                    # The rest of this page comes with the next look.
                    break
                following = page.following
                if not following:
                    break
        finally:
            await self._close()
        return Look(following, bool(following) or not left, self._trouble)

    async def _page(self, following: str) -> BucketPage:
        try:
            return await self._threads.run(self._source.page, following)
        except InvalidInput as error:
            if error.code != "pull-place-lost":
                raise
            return await self._threads.run(self._source.page, "")

    async def _take_page(self, hand: Hand, page: BucketPage, left: int) -> int:
        """Take what is new on the page; how many objects may still be taken."""
        taken = await hand.taken([each.digest for each in page.objects])
        new = [each for each in page.objects if each.digest not in taken]
        # In any order: what can never be copied must not stand before the others for ever.
        for each in random.sample(new, len(new)):
            if not left:
                break
            left -= await self._take_object(hand, each)
        return left

    async def _take_object(self, hand: Hand, each: ListedObject) -> bool:
        await hand.keep()
        with tempfile.TemporaryFile(dir=self._folder) as kept:
            if not await self._copied(each, kept):
                return False
            kept.seek(0)
            await hand.take_file(each.digest, each.key, row_files.rows_of(kept, each.key))
        return True

    async def _copied(self, each: ListedObject, into: BinaryIO) -> bool:
        try:
            await self._threads.run(self._source.copy, each, into)
        except OSError as error:
            raise StorageFull(
                "storage-full", f"No room for a file of rows: {error.strerror}."
            ) from error
        except (Conflict, Unavailable) as error:
            self._failures += isinstance(error, Unavailable)
            if self._failures > _MOST_FAILURES:
                raise
            self._trouble = self._trouble or f"{error.code}: {error.detail}"
            return False
        return True

    async def _close(self) -> None:
        await self._threads.close()
        self._source.close()
