"""The command line is a thin table; what is in it exists, and needs nothing it should not."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import recorder.commands
from recorder.__main__ import COMMANDS, main


def test_the_table_and_the_modules_are_the_same() -> None:
    modules = {module.name for module in pkgutil.iter_modules(recorder.commands.__path__)}
    # Python keeps the word `import` for itself.
    modules = {name.removesuffix("_") for name in modules}
    assert {name.replace("-", "_") for name, _ in COMMANDS} == modules


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["serve", "--help"]])
def test_help_and_version_are_told(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert "recorder" in capsys.readouterr().out


def test_an_unknown_command_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dance"])
    assert ended.value.code == 2
    assert "serve" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["upload", "verify"])
def test_cameras_and_witnesses_load_nothing_of_the_server(command: str) -> None:
    program = (
        "import sys\n"
        "from recorder.__main__ import main\n"
        f"try: main([{command!r}, '--help'])\n"
        "except SystemExit: pass\n"
        "bad = {'asyncpg', 'arq', 'minio', 'ffmpeg', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(', '.join(bad) or 0)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
