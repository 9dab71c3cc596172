"""The version before this one, out of the history, for tests of rolling upgrades.

A clone without history (an archive, a shallow clone) has none; then this version stands in for
it, and the tests that use it say less and still mean something.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import REPOSITORY

_MIGRATIONS = "recorder/store/migrations"
#: Versions without this word refuse each schema but their own: nothing rolls from them.
_ROLLS = ("known_at_least", "recorder/store/migrate.py")


@dataclass(frozen=True)
class Version:
    """Code that can be run."""

    #: A commit, or ``this version``.
    name: str
    root: Path
    migrations: frozenset[str]


def this_version() -> Version:
    """What is being tested."""
    names = frozenset(file.name for file in (REPOSITORY / _MIGRATIONS).glob("*.sql"))
    return Version("this version", REPOSITORY, names)


def previous_version(place: Path) -> Version:
    """The newest commit with fewer migrations, else the last commit, else this version.

    Its code lies in ``place`` afterwards.
    """
    now = this_version()
    earlier = [(commit, _migrations(commit)) for commit in _candidates() if _rolls(commit)]
    fewer = [(commit, names) for commit, names in earlier if names < now.migrations]
    for commit, names in fewer or earlier[-1:]:
        archive = _git("archive", commit, "recorder", "workers")
        if archive is not None:
            with tarfile.open(fileobj=io.BytesIO(archive)) as tree:
                # Python before 3.11.4 knows no filters.
                if hasattr(tarfile, "data_filter"):
                    tree.extraction_filter = tarfile.data_filter
                tree.extractall(place)  # noqa: S202 - git's own archive of this repository
            return Version(commit, place, names)
    return now


def _candidates() -> list[str]:
    """Commits that may have fewer migrations, the newest first, and the last commit."""
    touching = _git("log", "--format=%H", "HEAD", "--", _MIGRATIONS) or b""
    before = [f"{commit}^" for commit in touching.decode().split()]
    return ["HEAD", *before, "HEAD^"]


def _rolls(commit: str) -> bool:
    return _git("grep", "-q", _ROLLS[0], commit, "--", _ROLLS[1]) is not None


def _migrations(commit: str) -> frozenset[str]:
    listed = _git("ls-tree", "--name-only", commit, f"{_MIGRATIONS}/") or b""
    return frozenset(Path(line).name for line in listed.decode().splitlines())


def _git(*words: str) -> bytes | None:
    """What git says; None when it refuses or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(REPOSITORY), *words], capture_output=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
