from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from rich.console import Console

from recorder.client.bars import Bars
from recorder.client.display import Lines
from recorder.client.progress import FileProgress, FileResult, FileState
from recorder.client.wording import json_line, printable, sentence

PATH = Path("/card/a.mp4")
SEALED = FileResult(path=PATH, state=FileState.SEALED, recording="r-1", sha256="ab")
FAILED = FileResult(path=PATH, state=FileState.FAILED, code="gone", error="It is gone.")


def steps() -> list[FileProgress]:
    return [
        FileProgress(path=PATH, state=FileState.WAITING, sent=0, length=0),
        FileProgress(path=PATH, state=FileState.SENDING, sent=0, length=2_000_000),
        FileProgress(path=PATH, state=FileState.WAITING, sent=1, length=2_000_000, notice="Cut."),
        FileProgress(path=PATH, state=FileState.WAITING, sent=1, length=2_000_000, notice="Cut."),
        FileProgress(path=PATH, state=FileState.SENDING, sent=1_000_000, length=2_000_000),
        FileProgress(path=PATH, state=FileState.VERIFYING, sent=2_000_000, length=2_000_000),
        FileProgress(path=PATH, state=FileState.SEALED, sent=1, length=1, result=SEALED),
    ]


def test_a_line_for_a_program_has_the_four_names() -> None:
    line = json.loads(json_line(SEALED))
    assert {key: line[key] for key in ("path", "recording", "sha256", "state")} == {
        "path": "/card/a.mp4",
        "recording": "r-1",
        "sha256": "ab",
        "state": "sealed",
    }
    failed = json.loads(json_line(FAILED))
    assert (failed["state"], failed["code"], failed["error"]) == ("failed", "gone", "It is gone.")


def test_foreign_names_are_safe_on_a_terminal() -> None:
    assert printable("a\x1b]0;owned\x07\u202eb.mp4") == "a\ufffd]0;owned\ufffd\ufffdb.mp4"
    assert printable(os.fsdecode(b"\xd6\xb4.mp4")).endswith(".mp4")
    assert printable("执法.mp4") == "执法.mp4"


def test_a_person_reads_how_it_ended() -> None:
    assert sentence(SEALED) == "/card/a.mp4: sealed, recording r-1, receipt checked"
    assert sentence(FAILED) == "/card/a.mp4: failed. It is gone."


def test_lines_tell_the_beginning_troubles_once_and_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = Lines(quiet=False)
    for step in steps():
        lines.show(step)
    lines.close()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "/card/a.mp4: sending 2.0 MB",
        "/card/a.mp4: Cut.",
        "/card/a.mp4: sealed, recording r-1, receipt checked",
    ]


def test_quiet_lines_tell_troubles_only(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(quiet=True)
    for step in steps():
        lines.show(step)
    assert capsys.readouterr().err.splitlines() == ["/card/a.mp4: Cut."]


def test_bars_show_files_and_end_with_a_line() -> None:
    screen = io.StringIO()
    bars = Bars(Console(file=screen, force_terminal=True, width=120, color_system=None))
    for step in steps():
        bars.show(step)
    bars.close()
    shown = screen.getvalue()
    assert "Cut." in shown
    assert "sealed, recording r-1" in shown
    assert "1 of 1 files" in shown
