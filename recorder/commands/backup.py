"""``recorder backup DIR``: a signed copy of the database at one moment, beside a running server."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from recorder.embedded.installation import add_folder_argument, become_owner, settings_of
from recorder.errors import RecorderError
from recorder.runtime import open_deps
from recorder.services.backup import Manifest, backup


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder backup``."""
    parser.description = (
        "Copy the database into a new folder, signed and durable. Footage stays in the store;"
        " keep the signing key apart."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that is not there yet")
    parser.add_argument(
        "--with-footage",
        action="store_true",
        help="add the originals of a folder store, as hard links where the disk is the same",
    )
    add_folder_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0 when the backup is durable, 1 with a sentence on standard error when not."""
    try:
        # Before the user changes, and the folder that paths begin at.
        folder = args.folder.absolute()
        become_owner(args.data)
        manifest = asyncio.run(_run(args, folder))
    except RecorderError as error:
        _say(error.detail or error.code)
        return 1
    print(f"{folder}: {manifest.rows} rows, custody events up to position {manifest.position}")
    print(f"signed by {manifest.verifier}")
    return 0


async def _run(args: argparse.Namespace, folder: Path) -> Manifest:
    async with settings_of(args.data, _say) as config, open_deps(config) as deps:
        return await backup(deps, folder, with_footage=args.with_footage)


def _say(sentence: str) -> None:
    print(f"recorder backup: {sentence}", file=sys.stderr)
