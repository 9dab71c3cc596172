"""Which installation a command works on: an embedded server's data folder, or the environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from recorder.config import Config, read_config
from recorder.store import migrate


def add_folder_argument(parser: argparse.ArgumentParser) -> None:
    """Declare ``--data``."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="data folder of an embedded server, running or not; else the environment counts",
    )


def become_owner(data: Path | None) -> None:
    """Go on as the owner of the data folder, so that its files stay its owner's."""
    if data is None:
        return
    from recorder.embedded import identity, postgres

    os.umask(0o077)
    identity.become_owner(data, postgres.binaries() / "postgres")


@asynccontextmanager
async def settings_of(data: Path | None, report: Callable[[str], None]) -> AsyncIterator[Config]:
    """The settings of the installation; its servers answer for the length of the block.

    Raises Conflict ``schema-older`` when a full deployment's database lacks migrations.
    """
    if data is None:
        config = read_config()
        await migrate.require_newest(config.database_url.get_secret_value())
        yield config
        return
    # The servers' programs are not installed where a full deployment runs.
    from recorder.embedded.stack import addresses_of, service_environment

    async with addresses_of(data, report=report) as addresses:
        yield read_config(service_environment(data.absolute(), addresses, base=dict(os.environ)))
