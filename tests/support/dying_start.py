"""A first start of an embedded server that dies by kill -9 at a named step, as a program.

    python -m tests.support.dying_start DIR STEP

The steps of the database are met by an audit hook of Python (PEP 578); behind them this program
does what the product's own services do, one after the other, and dies where it is told.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import asyncpg

from recorder.config import read_config
from recorder.embedded.command import serve_embedded
from recorder.embedded.stack import Setting
from recorder.runtime import open_deps, read_or_make_signer
from recorder.services import organs
from recorder.store import migrate

#: A file that is about to get its name → the step before that, in the order of a first start.
_NAMED = {
    "pg": "roles made, database not named",
    "pg_hba.conf": "database named, access not written",
    "version.json": "access written, version not noted",
    "signing.key": "key drafted",
}
STEPS = (
    "roles made, database not named",
    "database named, access not written",
    "access written, version not noted",
    "no migration",
    "half of the migrations",
    "in the middle of a migration",
    "all migrations, no key",
    "key drafted",
    "key made, no organ",
    "organ made, nothing served",
)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _services(setting: Setting, step: str) -> None:
    """The product's services up to this step; then nothing more."""

    def come_to(name: str) -> None:
        if name == step:
            _die()

    owner, known = setting.addresses.owner_url, migrate.known_migrations()
    come_to("no migration")
    half = next(
        n for n, each in enumerate(known) if n >= len(known) // 2 and not each.is_concurrent
    )
    await migrate.migrate(owner, migrations=known[:half])
    come_to("half of the migrations")
    if step == "in the middle of a migration":
        connection = await asyncpg.connect(owner)
        async with connection.transaction():
            await connection.execute(known[half].sql)
            _die()
    await migrate.migrate(owner)
    come_to("all migrations, no key")
    config = read_config(setting.environment)
    read_or_make_signer(config.signing_key_file, config.service_name)
    come_to("key made, no organ")
    async with open_deps(config) as deps:
        await organs.ensure_own_agency(deps)
        come_to("organ made, nothing served")


def main(folder: Path, step: str) -> int:
    """Never returns where the step is one of ``STEPS``."""

    def hook(event: str, given: tuple[object, ...]) -> None:
        if event in ("os.rename", "os.link"):
            name = Path(os.fsdecode(given[1])).name  # type: ignore[arg-type]
            if _NAMED.get(name) == step:
                _die()

    sys.addaudithook(hook)
    return serve_embedded(
        folder, listen="127.0.0.1:0", services=lambda setting: _services(setting, step)
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
