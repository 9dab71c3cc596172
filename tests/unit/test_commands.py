"""The command line is a thin table; what is in it exists, and needs nothing it should not."""

from __future__ import annotations

import os
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


#: What no command loads before somebody asks for what it does: a spreadsheet, a QR picture.
RARE = {"openpyxl", "segno", "hypothesis", "pytest"}
SERVERS = {"asyncpg", "pydantic", "jinja2", "babel", "ffmpeg", "prometheus_client", "argon2"}
#: Of a service whose footage lies in a folder and that has no Redis.
ELSEWHERE = {"minio", "urllib3", "redis", "arq", *RARE}
OF_OTHERS = {"rich", "recorder.client", "recorder.embedded", "recorder.commands.demo"}
WEB = {"aiohttp", "jinja2", "babel", "recorder.web"}
#: Words → one module that must be there, and those that may not.
LOADED = {
    "--help": ("argparse", {"asyncio", "aiohttp", "cryptography", *SERVERS, *ELSEWHERE}),
    "upload --help": ("recorder.client.uploader", {*SERVERS, *ELSEWHERE}),
    "verify --help": ("recorder.ledger.receipt", {"aiohttp", "asyncio", *SERVERS, *ELSEWHERE}),
    "live --help": ("recorder.commands.live.gateway", {"aiohttp", *SERVERS, *ELSEWHERE}),
    "serve --help": ("recorder.commands.serve.command", {"aiohttp", *SERVERS, *ELSEWHERE}),
    "serve": ("recorder.web.app", {"recorder.live", "workers", *OF_OTHERS, *ELSEWHERE}),
    "live serve": ("recorder.live.serving", {"workers", *WEB, *OF_OTHERS, *ELSEWHERE}),
    "work": ("workers.main", {"recorder.live", *WEB, *OF_OTHERS, *ELSEWHERE}),
    "audit": ("recorder.services.audit", {"rich", "workers", *WEB, *ELSEWHERE}),
}
#: The last line tells what was loaded when the command ended.
PROGRAM = """
import sys
from recorder.__main__ import main
try:
    if sys.argv[1] == "work":  # Which becomes another program.
        from workers.main import main as work
        work()
    else:
        main(sys.argv[1:])
except SystemExit:
    pass
print()
print(*sys.modules)
"""


@pytest.mark.parametrize("words", LOADED)
def test_a_command_loads_nothing_that_it_does_not_need(words: str, tmp_path: Path) -> None:
    needed, apart = LOADED[words]
    settings = {
        # Nobody listens there: a service ends when it has loaded all and asks its database.
        "RECORDER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "RECORDER_OBJECTS": "folder",
        "RECORDER_OBJECTS_FOLDER": str(tmp_path / "objects"),
        "RECORDER_SIGNING_KEY_FILE": str(tmp_path / "key"),
    }
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words.split()],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    loaded = set(ended.stdout.splitlines()[-1].split())
    assert needed in loaded, ended.stderr
    assert apart & loaded == set()
