"""What the operator sees: progress bars on a terminal, plain lines elsewhere.

People read standard error, programs read standard output.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Protocol

from recorder.client.progress import FileProgress, FileState
from recorder.client.wording import Notices, printable, sentence


class Display(Protocol):
    """Shows the steps of all files."""

    def show(self, step: FileProgress) -> None: ...

    def close(self) -> None: ...


def open_display(*, quiet: bool) -> Display:
    """Bars on a terminal, otherwise lines; only troubles and ends when ``quiet``."""
    if sys.stderr.isatty() and not quiet:
        # Rich takes a while to load and most docks have no terminal.
        from recorder.client.bars import Bars

        return Bars()
    return Lines(quiet=quiet)


class Lines:
    """Plain lines on standard error: the beginning of sending, troubles, the end."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._notices = Notices()
        self._begun: set[Path] = set()

    def show(self, step: FileProgress) -> None:
        notice = self._notices.fresh(step)
        if notice is not None:
            print(notice, file=sys.stderr, flush=True)
        if step.result is not None:
            self._begun.discard(step.path)
            if not self._quiet:
                print(sentence(step.result), file=sys.stderr, flush=True)
        elif step.state is FileState.SENDING and step.path not in self._begun:
            self._begun.add(step.path)
            if not self._quiet:
                size = f"{step.length / 1_000_000:.1f} MB"
                done = f", from {step.sent * 100 // step.length} %" if step.sent else ""
                line = f"{printable(step.path)}: sending {size}{done}"
                print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing stays open."""
