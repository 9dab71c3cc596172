"""make fuzz: the tests that generate their input, for longer than in make test.

    python -m tests.fuzz MINUTES SEED

Each file gets an equal share of the time and runs alone. A failure prints its round's seed; SEED=
with that number begins there. What broke something is kept in fuzz-findings/, if a file did. The
closing lines say how much of what was tried.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support import fuzzing, servers

#: The files that take their seeds from tests/support/fuzzing.
FILES = (
    "tests/integration/web/test_api_fuzz.py",
    "tests/integration/web/test_upload_header_fuzz.py",
    "tests/integration/adapters/test_media_mutations.py",
)
_LONGEST_MIN = 24 * 60


def main(minutes: float, seed: int) -> int:
    """Run every file for its share of the minutes; 1 if one of them failed."""
    share = min(minutes, _LONGEST_MIN) * 60 / len(FILES)
    environment = {
        **os.environ,
        fuzzing.SECONDS: str(share),
        fuzzing.SEED: str(seed),
        fuzzing.FINDINGS: str(servers.REPOSITORY / "fuzz-findings"),
    }
    lines, codes = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, file in enumerate(FILES):
            counts = Path(folder) / str(number)
            done = subprocess.run(
                [sys.executable, "-m", "pytest", file, "-q"],
                cwd=servers.REPOSITORY,
                env={**environment, fuzzing.COUNTS: str(counts)},
                stdin=subprocess.DEVNULL,
                check=False,
            )
            codes.append(done.returncode)
            lines.append(f"{file}: {_told(counts)}, {'FAILED' if done.returncode else 'clean'}\n")
    sys.stdout.writelines(lines)
    return int(any(codes))


def _told(counts: Path) -> str:
    """What a file has tried, as it counted it itself."""
    found = json.loads(counts.read_text()) if counts.exists() else {}
    return ", ".join(f"{number} {what}" for what, number in sorted(found.items())) or "nothing"


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2])))
