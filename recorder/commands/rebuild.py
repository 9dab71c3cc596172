"""``recorder rebuild``: recordings that only the store knows come back into the database."""

from __future__ import annotations

import argparse
import asyncio
import sys

from recorder.domain.people import OPERATOR
from recorder.embedded.installation import add_folder_argument, become_owner, settings_of
from recorder.errors import RecorderError
from recorder.runtime import open_deps
from recorder.services import guard
from recorder.services.rebuild import RebuildReport, rebuild

_MOST_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder rebuild``."""
    parser.description = (
        "Write recordings that the store holds and the database does not know anew, from the"
        " sidecars beside the originals, and let uploads in again. Deletes nothing. May be"
        " stopped and run again."
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument(
        "--accept",
        action="store_true",
        help="write nothing anew: let this database count although the store has seen another",
    )
    add_folder_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0 when all is adopted, 1 when something needs a person, or with a sentence."""
    try:
        if args.dry_run and args.accept:
            _say("--dry-run and --accept exclude each other.")
            return 2
        become_owner(args.data)
        report = asyncio.run(_run(args))
    except RecorderError as error:
        _say(error.detail or error.code)
        return 1
    if report is None:
        print("This database counts from now on.")
        return 0
    _show(report, "would be written anew" if args.dry_run else "written anew")
    return 1 if report.findings else 0


async def _run(args: argparse.Namespace) -> RebuildReport | None:
    async with settings_of(args.data, _say) as config, open_deps(config) as deps:
        if args.accept:
            await guard.accept(deps, OPERATOR, rebuilt=0, agency=None)
            return None
        return await rebuild(deps, OPERATOR, dry_run=args.dry_run)


def _show(report: RebuildReport, done: str) -> None:
    print(f"{report.recordings} recordings {done}, {report.duplicates} duplicates")
    print(f"{report.known} originals known, {report.under_way} left to the service")
    if report.restrictions:
        print(f"{report.restrictions} restrictions of who may watch stand again")
    if report.left_behind:
        print(f"{report.left_behind} viewing copies and staged pieces of the lost database stay")
    for sentence, keys in (
        ("sidecars cannot be used", report.unreadable_sidecars),
        ("sidecars have no original", report.sidecars_without_original),
        ("originals have no sidecar", report.originals_without_sidecar),
    ):
        if keys:
            print(f"{len(keys)} {sentence}; nothing was removed:")
            print("\n".join(f"  {key}" for key in keys[:_MOST_SHOWN]))


def _say(sentence: str) -> None:
    print(f"recorder rebuild: {sentence}", file=sys.stderr)
