"""``recorder restore DIR``: a backup into a new, empty database; footage is not touched."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from recorder.domain.people import OPERATOR
from recorder.embedded.installation import add_folder_argument, become_owner, settings_of
from recorder.errors import RecorderError
from recorder.ledger.note import NoteVerifier
from recorder.runtime import open_deps
from recorder.services.backup import Manifest, restore
from recorder.services.rebuild import RebuildReport, rebuild


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder restore``."""
    parser.description = (
        "Check a backup and load it into the empty, migrated database of this installation."
        " Uploads are refused until `recorder rebuild` has looked at the store."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="what `recorder backup` made")
    parser.add_argument(
        "--verifier-key",
        metavar="TEXT",
        help="public key that must have signed it; else the one of this installation",
    )
    add_folder_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0 when every row is back, 1 with a sentence on standard error when none is."""
    try:
        folder = args.folder.absolute()
        become_owner(args.data)
        manifest, ahead = asyncio.run(_run(args, folder))
    except RecorderError as error:
        _say(error.detail or error.code)
        return 1
    print(f"{manifest.rows} rows of {manifest.taken_at} are back.")
    print(
        f"The store holds {ahead.recordings} recordings and {ahead.duplicates} duplicates that"
        " are younger than the backup. `recorder rebuild` adopts them and lets uploads in again."
    )
    return 0


async def _run(args: argparse.Namespace, folder: Path) -> tuple[Manifest, RebuildReport]:
    key = NoteVerifier.from_text(args.verifier_key) if args.verifier_key else None
    async with settings_of(args.data, _say) as config, open_deps(config) as deps:
        manifest = await restore(deps, folder, verifier=key)
        return manifest, await rebuild(deps, OPERATOR, dry_run=True)


def _say(sentence: str) -> None:
    print(f"recorder restore: {sentence}", file=sys.stderr)
