"""The logs of an embedded server's children: one file each, of bounded size.

Children write into their files themselves, so nothing is lost when the parent dies, and a slow
parent never holds a child up. Its rotation copies and empties; lines written in between are lost.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

#: Bytes at which a log is put aside; there is one older file beside each.
LIMIT_BYTES = 8 << 20
_TAIL_BYTES = 4096
_TAIL_LINES = 12


def open_log(folder: Path, name: str) -> int:
    """A descriptor that appends to the log of this name; the caller closes it."""
    return os.open(
        folder / f"{name}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
    )


def bound(folder: Path, limit: int = LIMIT_BYTES) -> None:
    """Put every log over the limit aside as ``NAME.log.1`` and let its writer begin anew."""
    for log in folder.glob("*.log"):
        if log.stat().st_size > limit:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            # The writer appends, so its next line lands at the new beginning.
            os.truncate(log, 0)


def last_lines(folder: Path, name: str) -> str:
    """The end of a log, for a person who has to see why a child failed."""
    try:
        with (folder / f"{name}.log").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-_TAIL_LINES:])
