"""Style sheets, scripts and icons: read once, served under an address that names their content.

The address holds a digest over all files, so browsers may keep them for a year and modules that
import each other by relative names always fit together. Nothing outside this list is served.
Scripts of others (package.json) lie in the folder where requirements/scripts.py put them; pages do
without one that is not there.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from aiohttp import hdrs, web

from recorder.errors import NotFound

_MEDIA_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "mjs": "text/javascript",
    "png": "image/png",
    "svg": "image/svg+xml",
}
_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Assets:
    """Every file by its name, and the digest over them all."""

    files: dict[str, bytes]
    version: str

    def address(self, name: str) -> str:
        """Where the file is served; KeyError for a name that does not exist."""
        return f"/static/{self.version}/{name}" if self.files[name] is not None else ""


@functools.cache
def assets() -> Assets:
    """The files of the package, and the scripts of others."""
    folder = resources.files("recorder.web") / "static"
    others = Path(sys.prefix, "share", "recorder", "scripts")
    entries = [*folder.iterdir(), *(others.iterdir() if others.is_dir() else ())]
    files = {
        entry.name: entry.read_bytes()
        for entry in sorted(entries, key=lambda one: one.name)
        if entry.name.rpartition(".")[2] in _MEDIA_TYPES
    }
    running = hashlib.sha256()
    for name, content in files.items():
        running.update(f"{name} {len(content)}\n".encode() + content)
    return Assets(files, running.hexdigest()[:12])


async def serve(request: web.Request) -> web.StreamResponse:
    """One file. An address of another version gets the present content, not to be kept."""
    known = assets()
    name = request.match_info["name"]
    if name not in known.files:
        raise NotFound("route-not-found", "There is no such file.")
    fits = request.match_info["version"] == known.version
    return _answer(name, _YEAR if fits else "no-cache")


def stand_in(name: str) -> web.Response:
    """The file in place of something that may come later: nobody may keep it."""
    return _answer(name, "no-store")


def _answer(name: str, keep: str) -> web.Response:
    return web.Response(
        body=assets().files[name],
        content_type=(kind := _MEDIA_TYPES[name.rpartition(".")[2]]),
        charset=None if kind == "image/png" else "utf-8",
        headers={hdrs.CACHE_CONTROL: keep},
    )
