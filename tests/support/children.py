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


async def run(command: list[str], *, time_s: float = 20, lines: list[str] | None = None) -> (
    media_process.Finished
):  # fmt: skip
    async def on_line(line: str) -> bool:
        if lines is not None:
            lines.append(line)
        return True

    return await media_process.run(command, on_line=on_line, time_s=time_s)
