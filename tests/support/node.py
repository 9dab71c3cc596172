"""Node.js out of the wheel, and the locked npm packages, installed once into the cache folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support import cache, servers

_FILES = ("package.json", "package-lock.json")


def executable() -> Path:
    """The node of this virtual environment."""
    return Path(sys.executable).parent / "node"


def modules() -> Path:
    """The folder node_modules with exactly the locked packages; pass it as NODE_PATH."""
    digest = hashlib.sha256(b"".join((servers.REPOSITORY / f).read_bytes() for f in _FILES))
    return cache.once(f"node-{digest.hexdigest()[:16]}", _install) / "node_modules"


def _install(place: Path) -> None:
    for name in _FILES:
        shutil.copy(servers.REPOSITORY / name, place / name)
    npm = [str(executable().with_name("npm")), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    own = place / "npm-cache"
    done = subprocess.run(
        [*npm, "--cache", str(own), "--loglevel=error"],
        cwd=place,
        env={**os.environ, "PATH": f"{executable().parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(own, ignore_errors=True)
    if done.returncode != 0:
        raise servers.ServerFailed(f"npm ci failed:\n{done.stderr[-3000:]}")
