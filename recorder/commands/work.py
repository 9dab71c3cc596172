"""``recorder work``: a worker of a full deployment, configured by RECORDER_… variables.

The code of the workers is a package of its own that nothing here may import; this starts it.
"""

from __future__ import annotations

import argparse
import os
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder work``: there are none."""
    parser.description = "A worker: it claims tasks from PostgreSQL until SIGTERM."


def run(args: argparse.Namespace) -> int:
    """Become ``python -m workers``; does not return."""
    os.execv(sys.executable, [sys.executable, "-m", "workers"])  # noqa: S606 - our own program
