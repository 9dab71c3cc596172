"""``recorder audit``: whether database, object store and custody events agree.

Changes nothing and works beside a running server. Exit 0 when everything agrees, 1 when
something was found, 2 when the audit could not be made.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from recorder.config import Config
from recorder.domain.people import OPERATOR
from recorder.embedded.installation import add_folder_argument, become_owner, settings_of
from recorder.errors import Conflict, RecorderError
from recorder.runtime import open_deps
from recorder.services import audit

_PAUSE_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder audit``."""
    parser.description = "Compare database, object store and custody events, both ways."
    add_folder_argument(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--level",
        choices=[level.value for level in audit.Level],
        default=audit.Level.SIZE.value,
        help="keys only; also versions, lengths and locks (default); also every byte",
    )
    parser.add_argument(
        "--bytes-per-second", type=_rate, metavar="N", help="read no faster than this"
    )
    parser.add_argument(
        "--requests-per-second",
        type=_rate,
        default=int(audit.USUAL.requests_per_second or 0),
        metavar="N",
        help="ask store and database no more often than this (%(default)s)",
    )
    parser.add_argument(
        "--restart",
        action="store_true",
        help="begin anew where an interrupted audit of this level would go on",
    )


def _rate(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError("give a whole number above zero")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Exit 0 when everything agrees, 1 when something was found, 2 when it could not be made."""
    try:
        become_owner(args.data)
        report = asyncio.run(_audit(args))
    except RecorderError as error:
        print(f"recorder audit: {error}", file=sys.stderr)
        return 2
    if sys.stderr.isatty() and not args.json:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    if args.json:
        print(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        _print(report)
    return 0 if report.clean else 1


async def _audit(args: argparse.Namespace) -> audit.Report:
    async with settings_of(args.data, lambda sentence: print(sentence, file=sys.stderr)) as config:
        return await _audit_with(config, args)


async def _audit_with(config: Config, args: argparse.Namespace) -> audit.Report:
    async with open_deps(config) as deps:
        tries = 0
        while True:
            try:
                return await audit.run(
                    deps,
                    OPERATOR,
                    level=audit.Level(args.level),
                    rates=audit.Rates(args.bytes_per_second, args.requests_per_second),
                    restart=args.restart,
                    shown=_show_json if args.json else _show,
                )
            except Conflict:
                # One that was killed is believed to live until its lease has ended.
                tries += 1
                if tries * _PAUSE_S > config.task_lease_s + _PAUSE_S:
                    raise
                await asyncio.sleep(_PAUSE_S)


def _show(progress: audit.Progress) -> None:
    """One line on a terminal that is written over; nothing in a file."""
    if sys.stderr.isatty():
        seen = _seen(progress.report)
        found = progress.report.counts.total()
        line = f"{progress.number}/{len(progress.steps)} {progress.step}: {seen}; {found} findings"
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def _show_json(progress: audit.Progress) -> None:
    """One JSON object a line on standard error; the result alone goes to standard output."""
    place = {
        "step": progress.step,
        "number": progress.number,
        "steps": len(progress.steps),
        "looked_at": dict(sorted(progress.report.looked_at.items())),
        "findings": progress.report.counts.total(),
    }
    print(json.dumps({"progress": place}), file=sys.stderr, flush=True)


def _seen(report: audit.Report) -> str:
    counts = sorted(report.looked_at.items())
    return ", ".join(f"{count} {kind}" for kind, count in counts) or "nothing"


def _print(report: audit.Report) -> None:
    for finding in report.findings:
        print(f"{finding.code}: {finding.sentence}")
    if (left := report.counts.total() - len(report.findings)) > 0:
        print(f"… and {left} more.")
    verdict = "Everything agrees." if report.clean else f"{report.counts.total()} findings."
    print(f"{verdict} Level {report.level.value}; looked at {_seen(report)}.")
