"""A real client as a process to be killed: ``python -m tests.torture.camera URL FOLDER``.

FOLDER holds ``token``, ``card`` and ``state``; seconds that it was asked to wait go to ``waits``, a
line each. It waits shorter than that: nothing here is far, and more tries find more.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from recorder.client import Metadata, RetryPolicy, Uploader

_LONGEST_WAIT_S = 1.0


async def main(url: str, folder: Path) -> int:
    """Send everything; 0 when each file is sealed."""
    waits = folder / "waits"

    async def wait(seconds: float) -> None:
        with waits.open("a") as file:
            file.write(f"{seconds}\n")
        await asyncio.sleep(min(seconds, _LONGEST_WAIT_S))

    uploader = Uploader(
        url,
        (folder / "token").read_text(),
        state_dir=folder / "state",
        retry=RetryPolicy(0.1, 1.0, give_up_after_seconds=240, sleep=wait),
    )
    async with uploader:
        results = await uploader.upload(
            sorted((folder / "card").iterdir()), metadata=Metadata(case_numbers=("T-1",))
        )
    for result in results:
        print(
            json.dumps({"path": result.path.name, "done": result.done, "detail": str(result)}),
            flush=True,
        )
    return 0 if all(result.done for result in results) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], Path(sys.argv[2]))))
