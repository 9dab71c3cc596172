"""Progress bars on a terminal, drawn by rich."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from recorder.client.progress import FileProgress, FileResult, FileState
from recorder.client.wording import Notices, printable, sentence


class Bars:
    """A bar for each file under way, one for all bytes of the files seen so far."""

    def __init__(self, console: Console | None = None) -> None:
        self._notices = Notices()
        self._progress = Progress(
            TextColumn("{task.fields[state]:>11}"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            DownloadColumn(binary_units=False),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
        )
        self._files: dict[Path, TaskID] = {}
        self._seen: set[Path] = set()
        self._ended = 0
        self._all = self._progress.add_task("", total=None, state="")
        self._progress.start()

    def show(self, step: FileProgress) -> None:
        notice = self._notices.fresh(step)
        if notice is not None:
            self._progress.console.print(escape(notice), highlight=False)
        if step.result is not None:
            self._end(step.result)
        elif step.length or step.state is not FileState.WAITING:
            self._move(step)
        self._seen.add(step.path)
        self._progress.update(
            self._all,
            description=f"{self._ended} of {len(self._seen)} files",
            total=len(self._seen),
            completed=self._ended,
            state="all",
        )

    def _move(self, step: FileProgress) -> None:
        task = self._files.get(step.path)
        if task is None:
            name = escape(printable(step.path.name))
            task = self._progress.add_task(name, total=step.length, state=step.state.value)
            self._files[step.path] = task
        self._progress.update(task, completed=step.sent, state=step.state.value)

    def _end(self, result: FileResult) -> None:
        self._ended += 1
        task = self._files.pop(result.path, None)
        if task is not None:
            self._progress.remove_task(task)
        colour = "green" if result.state is FileState.SEALED else "yellow"
        style = colour if result.done else "red"
        self._progress.console.print(escape(sentence(result)), style=style, highlight=False)

    def close(self) -> None:
        self._progress.stop()
