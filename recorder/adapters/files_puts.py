"""Objects that come whole, many in one go, so that the disk is asked for all of them together.

Each step is done for all before the next one begins: bytes, their sync, names, and the sync of
those. Each object gets its own answer; one that fails costs the others nothing. Everything here
blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from recorder.adapters import files_disk as disk
from recorder.adapters.files_drafts import Draft, DraftFolder
from recorder.adapters.files_versions import Birth, VersionFolder
from recorder.adapters.objects import Bucket, StoredObject
from recorder.errors import IntegrityError, RecorderError, StorageFull

#: Objects of originals up to this length are written below the floor too: sidecars finish
#: footage that is in already, and refusing them would save nothing.
_SMALL_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Put:
    """One object to be made; its digest is compared where it is given."""

    bucket: Bucket
    key: str
    blocks: Sequence[bytes | memoryview]
    length: int
    sha256: bytes | None
    lock_until: datetime | None


class Puts:
    """``spare_bytes`` says how much footage the disk still takes."""

    def __init__(
        self,
        drafts: DraftFolder,
        versions: VersionFolder,
        spare_bytes: Callable[[], int],
        sync: disk.Sync,
    ) -> None:
        self._drafts = drafts
        self._versions = versions
        self._spare_bytes = spare_bytes
        self._sync = sync

    def all(self, puts: Sequence[Put]) -> list[StoredObject | RecorderError]:
        """Each object as it is stored, durably, or why it is not."""
        spare = disk.tried(self._spare_bytes)
        if isinstance(spare, RecorderError):
            return [spare] * len(puts)
        with ExitStack() as drafts:
            answers: list[StoredObject | RecorderError | Draft] = []
            for put in puts:
                if put.bucket is not Bucket.ORIGINALS or put.length > _SMALL_BYTES:
                    spare -= put.length
                    if spare < 0:
                        spare += put.length
                        answers.append(no_room())
                        continue
                answers.append(disk.tried(partial(self._written, drafts, put)))
            for n, (put, draft) in enumerate(zip(puts, answers, strict=True)):
                if isinstance(draft, Draft):
                    error = disk.tried(partial(self._settle, put, draft))
                    answers[n] = error or draft
            births = {
                n: Birth(put.bucket, put.key, put.length, put.lock_until, draft.link)
                for n, (put, draft) in enumerate(zip(puts, answers, strict=True))
                if isinstance(draft, Draft)
            }
            made = self._versions.publish_all(list(births.values()))
            born = dict(zip(births, made, strict=True))
        return [born[n] if isinstance(each, Draft) else each for n, each in enumerate(answers)]

    def _written(self, drafts: ExitStack, put: Put) -> Draft:
        if put.sha256 is not None and disk.digest_of(put.blocks) != put.sha256:
            raise mismatch(put.key)
        draft = drafts.enter_context(self._drafts.draft())
        disk.write_blocks(draft.descriptor, 0, put.blocks)
        return draft

    def _settle(self, put: Put, draft: Draft) -> None:
        again = partial(disk.write_blocks, draft.descriptor, 0, put.blocks)
        disk.settle(draft.descriptor, again, self._sync)


def no_room() -> RecorderError:
    """The error for footage below the floor."""
    return StorageFull("storage-full", "The disk of the object store has no room for more footage.")


def mismatch(key: str) -> IntegrityError:
    """The error for bytes that are not what was promised."""
    return IntegrityError(
        "store-checksum-mismatch", "The bytes do not fit their SHA-256 digest.", key=key
    )
