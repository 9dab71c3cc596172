"""Directories of the folder store that are there and durable, made when first needed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from recorder.adapters import files_disk as disk
from recorder.errors import Unavailable


class Directories:
    """What this object has made durable once it does not sync again, unless it has gone since."""

    _REMEMBERED = 10_000

    def __init__(self, root: Path, sync: disk.Sync) -> None:
        self._root = str(root)
        self._sync = sync
        self._durable: set[str] = set()

    def make(self, path: str) -> None:
        """After return the directory exists, and each name on the way to it is durable."""
        _, names = self.begin(path)
        for parent in dict.fromkeys(os.path.dirname(name) for name in names):
            disk.sync_directory(parent, self._sync)
        self.remember(names)

    def begin(self, path: str) -> tuple[bool, list[str]]:
        """See that the directory exists: whether it was there, and what is not durable of its way.

        The directories that hold those names are to be synced, the outermost first, when everything
        else is done that is to be durable with them: others are at work there, and a sync that
        waits for what they do makes all that was done below durable too on most file systems.
        """
        for _ in range(100):
            try:
                was_there, missing = self._make(path)
            except FileNotFoundError:
                # Somebody removed an empty parent in between; what we remember is stale.
                self._durable.clear()
                continue
            if not was_there or os.path.isdir(path):
                return was_there, missing
            self._durable.clear()
        raise Unavailable("store-unavailable", "A directory of the folder store keeps vanishing.")

    def remember(self, directories: Iterable[str]) -> None:
        """The names of these directories are durable."""
        if len(self._durable) >= self._REMEMBERED:
            self._durable.clear()
        self._durable.update(directories)

    def _make(self, path: str) -> tuple[bool, list[str]]:
        missing: list[str] = []
        directory = path
        while directory != self._root and directory not in self._durable:
            missing.append(directory)
            directory = os.path.dirname(directory)
        missing.reverse()
        was_there = True
        for directory in missing:
            try:
                os.mkdir(directory, 0o750)
                was_there = False
            except FileExistsError:
                was_there = True
        return was_there, missing

    def prune(self, path: str, top: str) -> None:
        """Remove the directory and its parents below ``top`` as far as they are empty."""
        while path != top:
            self._durable.discard(path)
            try:
                os.rmdir(path)
            except OSError:
                return
            path = os.path.dirname(path)
