"""``recorder migrate``: bring the database to the newest schema. Safe to run again."""

from __future__ import annotations

import argparse
import asyncio
import sys

from recorder.config import read_config
from recorder.errors import InvalidInput, RecorderError
from recorder.store import migrate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder migrate``."""
    parser.description = "Bring the database to the newest schema. Safe to run again."
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if something is pending"
    )
    parser.add_argument(
        "--statement-limit",
        type=float,
        default=migrate.USUAL.statement_s,
        metavar="SECONDS",
        help="how long one statement may keep writers waiting (%(default)g)",
    )


def run(args: argparse.Namespace) -> int:
    """Exit 0 when the schema is the newest, 1 when it is not."""
    try:
        config = read_config()
        if args.check:
            pending = asyncio.run(migrate.pending(config.database_url.get_secret_value()))
            print("\n".join(f"pending: {name}" for name in pending) or "The schema is up to date.")
            return 1 if pending else 0
        if config.owner_database_url is None:
            raise InvalidInput(
                "configuration-invalid",
                "RECORDER_OWNER_DATABASE_URL must name the owner of the schema.",
            )
        limits = migrate.Limits(statement_s=args.statement_limit)
        owner = config.owner_database_url.get_secret_value()
        done = asyncio.run(migrate.migrate(owner, limits=limits))
    except RecorderError as error:
        print(f"recorder migrate: {error}", file=sys.stderr)
        return 1
    print("\n".join(f"applied: {name}" for name in done) or "The schema is up to date.")
    return 0
