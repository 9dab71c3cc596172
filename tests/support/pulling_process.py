"""A worker that does nothing but fetch rows, until it is killed. Configured as a worker is."""

from __future__ import annotations

import asyncio

from recorder.config import read_config
from recorder.runtime import open_deps
from recorder.services.feeding import pulling


async def main() -> None:
    async with open_deps(read_config()) as deps:
        while True:
            await pulling.pull_due(deps)


if __name__ == "__main__":
    asyncio.run(main())
