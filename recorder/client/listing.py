"""Which files the operator means by the paths on the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def files_below(paths: Iterable[Path], *, skip: Path | None = None) -> list[Path]:
    """The absolute paths of all files named or found in named folders, each once, in name order.

    In folders, hidden names, links and everything that is no regular file are passed over, and
    so is the folder ``skip`` (the client's own state). A path that is named is always in the
    list, even if it is missing: its failure must be seen.
    """
    found: dict[Path, None] = {}
    for path in paths:
        absolute = Path(os.path.abspath(path))
        if absolute.is_dir():
            found.update(dict.fromkeys(_walk(absolute, skip)))
        else:
            found[absolute] = None
    return list(found)


def _walk(folder: Path, skip: Path | None) -> Iterator[Path]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
    except OSError:
        # The folder itself stands for its unreadable content, so that it is reported as failed.
        yield folder
        return
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith(".") or path == skip:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, skip)
        elif entry.is_file(follow_symlinks=False):
            yield path
