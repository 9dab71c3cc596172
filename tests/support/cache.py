"""The folder outside the repository where expensive things survive between runs.

Everything in it can be made again; deleting it costs time and nothing else.
FOOTAGE_TEST_CACHE moves it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

VARIABLE = "FOOTAGE_TEST_CACHE"


def folder() -> Path:
    """The cache folder; it exists afterwards."""
    given = os.environ.get(VARIABLE)
    if given:
        place = Path(given)
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        place = Path(base) / "footage-tests"
    place.mkdir(parents=True, exist_ok=True)
    return place


def once(name: str, make: Callable[[Path], None]) -> Path:
    """The cached folder of that name, made whole by ``make(empty folder)`` or not there at all.

    Several processes may ask at once: one makes it, the others wait.
    """
    place = folder() / name
    with _locked(folder() / f".{name}.lock"):
        if not place.exists():
            making = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder()))
            try:
                make(making)
                making.chmod(0o755)
                making.rename(place)
            finally:
                shutil.rmtree(making, ignore_errors=True)
    return place


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
