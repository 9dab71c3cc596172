"""Looking at child processes from the outside."""

from __future__ import annotations

from pathlib import Path

from recorder.adapters import media_process


def processes(word: str) -> list[int]:
    """The living processes whose command line holds ``word``."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if word.encode() in line:
            found.append(int(entry.name))
    return found


def children_of(pid: int) -> list[int]:
    """The processes that this one has started."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()]


def rss_mib(pid: int, row: str = "VmRSS") -> float:
    """Resident memory of a process now (``VmRSS``) or at most (``VmHWM``)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{row}:"):
            return int(line.split()[1]) / 1024
    return 0.0


async def run(command: list[str], *, time_s: float = 20, lines: list[str] | None = None) -> (
    media_process.Finished
):  # fmt: skip
    async def on_line(line: str) -> bool:
        if lines is not None:
            lines.append(line)
        return True

    return await media_process.run(command, on_line=on_line, time_s=time_s)
