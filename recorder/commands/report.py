"""``recorder report``: links, digests and facts of footage in the format of another system."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import secrets
import shutil
import sys
import tempfile
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import BinaryIO

from recorder.domain.people import OPERATOR
from recorder.domain.reporting import MapError, ReportMap, read_map
from recorder.embedded.installation import add_folder_argument, become_owner, settings_of
from recorder.errors import RecorderError
from recorder.runtime import open_deps
from recorder.services.reporting import Asked, Told, write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder report``."""
    parser.description = (
        "Write links, digests and facts of footage as a map of fields says; docs/guide/reports.md."
    )
    parser.add_argument("--map", type=Path, required=True, metavar="FILE", help="a TOML file")
    parser.add_argument(
        "--from", dest="first", type=_day, required=True, metavar="DAY", help="2026-03-01"
    )
    parser.add_argument("--to", dest="last", type=_day, required=True, metavar="DAY")
    parser.add_argument("--agency", metavar="CODE", help="that one with all below it")
    parser.add_argument("--output", type=Path, metavar="FILE", help="standard output if not given")
    add_folder_argument(parser)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("give a day such as 2026-03-01") from error
    if not 1900 <= day.year < 2200:
        raise argparse.ArgumentTypeError("no footage was made then")
    return day


def run(args: argparse.Namespace) -> int:
    """Exit 0 when the report is whole, 2 when map or days are wrong, 1 when there can be none."""
    try:
        content = args.map.read_bytes()
        shape = read_map(content)
    except OSError as error:
        return _say(2, f"{args.map}: {error.strerror}.")
    except MapError as error:
        return _say(2, f"{args.map}: {error}.")
    if args.last < args.first:
        return _say(2, f"{args.last} lies before {args.first}.")
    try:
        become_owner(args.data)
        told = _write(args, shape, hashlib.sha256(content).hexdigest())
    except MapError as error:
        return _say(1, f"{args.map}: {error}.")
    except RecorderError as error:
        return _say(1, error.detail or error.code)
    except OSError as error:
        return _say(1, f"{args.output or 'standard output'}: {error.strerror}.")
    return _say(0, _outcome(told))


def _write(args: argparse.Namespace, shape: ReportMap, map_sha256: str) -> Told:
    """Nothing is given out before all of it is written and told by a custody event."""
    asked = Asked(
        shape=shape, map_sha256=map_sha256, first=args.first, last=args.last, agency=args.agency
    )
    if args.output is None:
        with tempfile.TemporaryFile() as file:
            told = asyncio.run(_report(args.data, asked, file))
            file.seek(0)
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return told
    if args.output.exists():
        raise FileExistsError(17, "it is there already; a report overwrites nothing")
    draft = args.output.with_name(f".{args.output.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            told = asyncio.run(_report(args.data, asked, file))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(args.output)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return told


async def _report(data: Path | None, asked: Asked, file: BinaryIO) -> Told:
    async with settings_of(data, _tell) as config, open_deps(config) as deps:
        return await write_report(deps, OPERATOR, asked, file)


def _outcome(told: Told) -> str:
    sentence = (
        f"{told.lines} lines of {told.recordings} recordings, {told.restricted} of them restricted;"
        f" {told.length} bytes, SHA-256 {told.sha256}."
    )
    missing = [f"{many} {state}" for state, many in told.left_out.items()]
    if told.unlinked:
        missing.append(f"{told.unlinked} of no case")
    return f"{sentence} Not in it: {', '.join(missing)}." if missing else sentence


def _say(code: int, sentence: str) -> int:
    _tell(sentence)
    return code


def _tell(sentence: str) -> None:
    print(f"recorder report: {sentence}", file=sys.stderr)
