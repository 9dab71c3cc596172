"""``recorder support-bundle``: one file for somebody who helps from afar.

Versions, settings without secrets, what the doctor says, figures, summaries of work, alarms and
audits, and the ends of the logs. No footage, no secret, no case number; of names only those in
Latin letters that a log holds unquoted. It is written whatever is broken: what cannot be read says
so in its place.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import platform
import sys
import tarfile
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import BinaryIO

import recorder
from recorder.commands import doctor
from recorder.config import Config, read_config
from recorder.embedded.installation import add_folder_argument, become_owner
from recorder.errors import RecorderError
from recorder.runtime import open_deps
from recorder.services import support

#: Of each log this much from its end.
_LOG_BYTES = 512 << 10
_PACKAGES = ("aiohttp", "arq", "asyncpg", "av", "cryptography", "ffmpeg-python", "minio",
             "pydantic", "uvloop")  # fmt: skip
ABOUT = """What recorder support-bundle found on {at}.

versions.json     of this program, its packages and the machine
settings.json     every setting; of secrets, only whether there is one
doctor.json       what recorder doctor says
schema.json       the migrations of the database
metrics.txt       the figures that Prometheus would read
task_runs.json, failed_runs.json, uploads.json, alarms.json, events.json, audits.json
                  summaries: counts, codes and times
tables.json, connections.json
                  what the database says about itself
logs/             the ends of the logs of an embedded server. Elsewhere add what
                  journalctl or your containers hold, after reading it

Taken out: secrets, footage, numbers of cases, devices and officers, names of files, names in
Chinese, and whatever is quoted; words that may be one of these are shown as "…". A name in Latin
letters that stands unquoted in a log cannot be told from other words and is NOT taken out. Read
it before you send it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder support-bundle``."""
    parser.description = "Write one file for somebody who helps from afar."
    add_folder_argument(parser)
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="recorder-support-TIME.tar.gz if not given"
    )


def run(args: argparse.Namespace) -> int:
    """Exit 0 when the file is written, whatever it says; 1 when there can be none."""
    now = datetime.now(UTC)
    path = args.output or Path(f"recorder-support-{now:%Y%m%dT%H%M%SZ}.tar.gz")
    try:
        # Before another user is taken on, who may not write here.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        print(f"recorder support-bundle: {path}: {error.strerror}.", file=sys.stderr)
        return 1
    with os.fdopen(descriptor, "wb") as file:
        _pack(file, asyncio.run(_gather(args.data, now)), now)
    print(f"{path}: read it before you send it.")
    return 0


async def _gather(data: Path | None, now: datetime) -> dict[str, str]:
    """Everything, as texts by their names, with no secret of the settings in it."""
    found: dict[str, object] = {"README.txt": ABOUT.format(at=now.isoformat(timespec="seconds"))}
    found["versions.json"] = _versions()
    secrets: list[str] = []
    async with AsyncExitStack() as stack:
        try:
            become_owner(data)
            if data is not None:
                found |= _logs(data / "log")
            config = await _settings(data, stack)
            secrets = support.secrets_of(config)
            found["settings.json"] = support.settings(config)
            findings = await doctor.examine_service(config)
            found["doctor.json"] = [asdict(finding) for finding in findings]
            async with open_deps(config) as deps:
                found |= await support.summaries(deps)
        except RecorderError as error:
            found["error.json"] = {"code": error.code, "detail": support.tidy(str(error))}
    return {name: support.without(_text(part), secrets) for name, part in found.items()}


async def _settings(data: Path | None, stack: AsyncExitStack) -> Config:
    """Without the refusal of other schemas: a bundle is wanted most when things do not fit."""
    if data is None:
        return read_config()
    from recorder.embedded.stack import addresses_of, service_environment

    addresses = await stack.enter_async_context(addresses_of(data))
    return read_config(service_environment(data.absolute(), addresses, base=dict(os.environ)))


def _versions() -> dict[str, object]:
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "recorder": recorder.__version__,
        "python": sys.version,
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "packages": packages,
    }


def _logs(folder: Path) -> dict[str, object]:
    logs: dict[str, object] = {}
    for path in sorted(folder.glob("*.log")):
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_BYTES))
            whole = file.read().decode(errors="replace")
        # The first line may have lost its beginning, and with it what it is.
        logs[f"logs/{path.name}"] = support.log_lines(
            whole if len(whole) < _LOG_BYTES else whole.partition("\n")[2]
        )
    return logs


def _text(part: object) -> str:
    if isinstance(part, str):
        return part
    return json.dumps(part, ensure_ascii=False, indent=1, default=str) + "\n"


def _pack(file: BinaryIO, texts: dict[str, str], now: datetime) -> None:
    with tarfile.open(fileobj=file, mode="w:gz") as bundle:
        for name, text in sorted(texts.items()):
            content = text.encode()
            member = tarfile.TarInfo(f"recorder-support/{name}")
            member.size, member.mode, member.mtime = len(content), 0o600, int(now.timestamp())
            bundle.addfile(member, io.BytesIO(content))
