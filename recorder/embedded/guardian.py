"""Ends what an embedded server leaves behind when its parent dies, however it died.

It runs as ``python -I -S guardian.py REGISTRY`` in a session of its own and waits for the end of
its standard input, which only the parent's death (or a clean stop) brings. Then it puts down every
child in the registry, and every one that the parent told it of by that input: the folder with the
registry may be gone as well. The next start on the folder calls the same ``put_down``, so a
guardian that was killed as well changes nothing.

It must stay tiny and import nothing but the standard library: it has to start at once and to work
when everything else is broken. It signals a process only if number and start time both fit.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Seconds that a child with a signal of its own (PostgreSQL) gets before it is killed.
PATIENCE_S = 2.5
#: Seconds after which a process that cannot be killed is given up.
LIMIT_S = 4.5
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Seen:
    """One row of the table of processes."""

    pid: int
    parent: int
    session: int
    #: Clock ticks since boot: with the number, it names a process without doubt.
    started: int
    zombie: bool


def look(pid: int) -> Seen | None:
    """What the kernel says of a process; None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The name in parentheses may hold anything, so the fields begin after the last one.
    fields = text.rpartition(")")[2].split()
    return Seen(pid, int(fields[1]), int(fields[3]), int(fields[19]), fields[0] in "ZX")


def everyone() -> Iterator[Seen]:
    """All processes of this machine that are not dead."""
    for name in os.listdir("/proc"):
        if name.isdigit() and (seen := look(int(name))) and not seen.zombie:
            yield seen


def family(roots: Iterable[int]) -> set[tuple[int, int]]:
    """Number and start time of the roots, all that descend from them, and all in their sessions.

    The session finds a grandchild whose own parent is dead already.
    """
    kin = set(roots)
    table = list(everyone())
    grown = True
    while grown:
        more = {s.pid for s in table if s.parent in kin or s.session in kin} - kin
        kin |= more
        grown = bool(more)
    return {(s.pid, s.started) for s in table if s.pid in kin}


def send(pid: int, started: int, number: int) -> None:
    """Signal exactly this process; one that has ended, or is not ours to signal, is no error."""
    seen = look(pid)
    if seen and seen.started == started:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def boot() -> str:
    """Which boot of the machine this is: start times count from it."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def put_down(registry: Path, told: str = "") -> list[int]:
    """End all registered children with their families and remove what lies outside the folder.

    ``told`` is a registry's text as well: whoever is in either of them ends. Afterwards the
    registry is gone; a missing one counts as an empty one. Gives the numbers of processes that
    were still there after ``LIMIT_S``, normally none.
    """
    gentle: dict[tuple[int, int], int] = {}
    brutal: set[int] = set()
    leftovers: list[str] = []
    for content in (_read(registry), _parse(told)):
        leftovers += content.get("leftovers", [])
        for pid, started, number in content.get("children", []):
            seen = look(pid)
            if seen is None or seen.started != started:
                continue
            if number == signal.SIGKILL:
                brutal.add(pid)
            else:
                gentle[pid, started] = number
    survivors = _end(gentle, brutal)
    for path in leftovers:
        remove_leftover(Path(path))
    registry.unlink(missing_ok=True)
    return sorted(survivors)


def _read(registry: Path) -> dict[str, Any]:
    try:
        return _parse(registry.read_text())
    except OSError:
        return {}


def _parse(text: str) -> dict[str, Any]:
    """The content of a registry; of one of another boot only the leftovers."""
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    if content["boot"] != boot():
        content["children"] = []
    return dict(content)


def _end(gentle: dict[tuple[int, int], int], brutal: set[int]) -> set[int]:
    """Signal the gentle ones, kill the others; kill all that is left after ``PATIENCE_S``."""
    began = time.monotonic()
    doomed = family(brutal)
    spared = family({pid for pid, _ in gentle})
    for (pid, started), number in gentle.items():
        send(pid, started, number)
    while True:
        passed = time.monotonic() - began
        if passed > PATIENCE_S:
            doomed |= spared
        # A dying process may have forked since the last look.
        doomed |= family({pid for pid, started in doomed if _alive(pid, started)})
        for pid, started in doomed:
            send(pid, started, signal.SIGKILL)
        left = {pid for pid, started in doomed | spared if _alive(pid, started)}
        if not left or passed > LIMIT_S:
            return left
        time.sleep(_PAUSE_S)


def _alive(pid: int, started: int) -> bool:
    seen = look(pid)
    return seen is not None and seen.started == started and not seen.zombie


def remove_leftover(path: Path) -> None:
    """Remove a file, or a folder of sockets two levels deep; never more, and never another's."""
    with contextlib.suppress(OSError):
        if path.lstat().st_uid not in (os.geteuid(), 0):
            return
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            return
        for entry in path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                for inner in entry.iterdir():
                    inner.unlink()
                entry.rmdir()
            else:
                entry.unlink()
        path.rmdir()


def main(registry: Path) -> int:
    """Wait for the end of standard input, then put everything down."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    told = rest = b""
    while block := os.read(0, 65536):
        *lines, rest = (rest + block).split(b"\n")
        # The last whole line: the parent may have died in the middle of one.
        told = lines[-1] if lines else told
    return 1 if put_down(registry, told.decode()) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
