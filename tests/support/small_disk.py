"""A real disk of a few mebibytes, in memory, that one process and its children see.

They stand in a mount namespace of their own and the disk goes with the last of them; a machine
without user namespaces says so with unshare's own words.
"""

from __future__ import annotations

import errno
from pathlib import Path

MIB = 1 << 20


def behind(place: Path, mebibytes: int, *folders: str) -> list[str]:
    """The words before a command that find a disk of this size at ``place``, with these folders."""
    made = "".join(f' && mkdir "$0/{name}"' for name in folders)
    script = (
        f'mkdir -p "$0" && mount -t tmpfs -o size={mebibytes}m,mode=0700 small "$0"{made}'
        ' && exec "$@"'
    )
    return ["unshare", "-rm", "sh", "-c", script, str(place)]


def beside(pid: int) -> list[str]:
    """The words before a command that see the disk of this process."""
    return ["nsenter", "-t", str(pid), "-U", "-m", "--preserve-credentials"]


def seen(pid: int, place: Path) -> Path:
    """The disk of this process as everybody else reaches it."""
    return Path(f"/proc/{pid}/root{place}")


def fill(filler: Path) -> None:
    """Write this file until not one byte more fits on its disk."""
    with filler.open("wb", buffering=0) as file:
        for block in (MIB, 4096):
            try:
                while True:
                    file.write(bytes(block))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
