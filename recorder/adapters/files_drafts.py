"""Drafts of the folder store: files of calls that are under way, which nothing has been made of.

A draft has no name where the disk can keep such a file, so a call that dies leaves nothing; else
it is in ``incoming/``, held as long as we live, and a later start removes it. Everything here
blocks.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recorder.domain.ids import new_uuid

_FLAGS = os.O_RDWR | os.O_CLOEXEC
_ABANDONED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Draft:
    """An open file; ``name`` is empty where it has none."""

    descriptor: int
    name: str

    def link(self, target: str) -> None:
        """Give it its name; raises FileExistsError, never overwrites."""
        if self.name:
            os.link(self.name, target)
        else:
            # Given a folder, Python calls linkat, which alone follows this.
            os.link(f"/proc/self/fd/{self.descriptor}", target, src_dir_fd=self.descriptor)


class DraftFolder:
    """The folder ``incoming``; ``nameless``: whether to try drafts without a name."""

    def __init__(self, root: Path, *, nameless: bool = True) -> None:
        self._path = root / "incoming"
        self._is_nameless = nameless

    def open(self) -> None:
        """See that it is there, and remove what calls that died left: unheld and an hour old."""
        self._path.mkdir(mode=0o750, exist_ok=True)
        self._is_nameless = self._is_nameless and self._keeps_nameless()
        for path in self._path.iterdir():
            with contextlib.suppress(FileNotFoundError, BlockingIOError):
                if time.time() - path.stat().st_mtime < _ABANDONED_SECONDS:
                    continue
                with path.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink(missing_ok=True)

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """A new file that nobody else can change; it goes with the block.

        What was linked from it stays.
        """
        name = "" if self._is_nameless else str(self._path / new_uuid().hex)
        descriptor = self._opened(name)
        try:
            yield Draft(descriptor, name)
        finally:
            if name:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)
            os.close(descriptor)

    def _opened(self, name: str) -> int:
        if name:
            descriptor = os.open(name, _FLAGS | os.O_CREAT | os.O_EXCL, 0o440)
            # Held as long as we live: how the next start tells our files from dead ones.
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        else:
            descriptor = os.open(self._path, _FLAGS | os.O_TMPFILE, 0o440)
        # Whatever the mask of this process is.
        os.fchmod(descriptor, 0o440)
        return descriptor

    def _keeps_nameless(self) -> bool:
        """Whether this disk keeps files without a name, and lets them get one."""
        target = str(self._path / new_uuid().hex)
        try:
            descriptor = os.open(self._path, _FLAGS | os.O_TMPFILE, 0o440)
            try:
                Draft(descriptor, "").link(target)
                os.unlink(target)
            finally:
                os.close(descriptor)
        except OSError:
            # Disks say this in many ways, and so does a system without /proc.
            return False
        return True
