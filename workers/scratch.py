"""Temporary folders of runs, and the removal of those whose worker was killed.

A folder is locked by the living process that made it (flock, which ends with the process), so
what can be locked is nobody's. Nothing in here is evidence: results go to the object store.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "recorder-run-"


@contextmanager
def folder(place: Path | None) -> Iterator[Path]:
    """A new folder in ``place`` (None: the system's), removed when the block ends."""
    made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    lock = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def remove_abandoned(place: Path | None) -> int:
    """Remove the folders of workers that are gone; says how many there were."""
    removed = 0
    for left in Path(place or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(left, ignore_errors=True)
            removed += 1
        finally:
            os.close(lock)
    return removed
