"""The command line: a thin table of commands, each imported only when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import keyword
import sys
from collections.abc import Sequence
from types import ModuleType

from recorder import __version__
from recorder.loading import loading

#: Name, and one sentence for the overview. The module is recorder/commands/NAME.py,
#: with _ for -, and _ behind what Python keeps for itself.
COMMANDS: tuple[tuple[str, str], ...] = (
    ("serve", "the web service; with --embedded the whole server in one folder"),
    ("work", "a worker"),
    ("live", "take livestreams: live serve; send a media server's files: live gateway"),
    ("demo", "the main job, visibly, on a server of its own"),
    ("admin", "add people, devices, docks and tokens"),
    ("import", "take a table into a registry: organisations, officers, devices and others"),
    ("upload", "send footage from a camera or a dock"),
    ("verify", "check a receipt without the service"),
    ("report", "write links, digests and facts of footage in another system's format"),
    ("audit", "compare database, object store and custody events"),
    ("doctor", "look for what would keep the service from working"),
    ("support-bundle", "write one file for somebody who helps from afar"),
    ("migrate", "bring the database to the newest schema"),
    ("backup", "copy the database into a signed folder"),
    ("restore", "load a backup into a new database"),
    ("rebuild", "find recordings again that only the store knows"),
    ("simulate", "write an invented city, with what is wrong in it labelled"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="recorder", description="Body-camera footage in, evidence by case number out."
    )
    parser.add_argument("--version", action="version", version=f"recorder {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, sentence in COMMANDS:
        command = commands.add_parser(name, help=sentence)
        # Only the command that is named loads its module: a camera needs no server code.
        if given[:1] == [name]:
            _module(name).add_arguments(command)
    args = parser.parse_args(given)
    code: int = _module(args.command).run(args)
    return code


def _module(command: str) -> ModuleType:
    if keyword.iskeyword(command):
        command += "_"
    with loading():
        return importlib.import_module(f"recorder.commands.{command.replace('-', '_')}")


if __name__ == "__main__":
    sys.exit(main())
