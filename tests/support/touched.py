"""Knowing that a file was opened, by whomever."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def watching(path: Path) -> Iterator[int]:
    """An inotify descriptor that has something to read once ``path`` was opened."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    assert watch >= 0
    assert libc.inotify_add_watch(watch, os.fsencode(path), 0x20) >= 0
    try:
        yield watch
    finally:
        os.close(watch)
