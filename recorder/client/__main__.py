"""``python -m recorder.client``: the upload command alone, for docks that carry nothing else."""

from __future__ import annotations

import argparse
import sys

from recorder.client.command import add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="recorder upload")
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))
