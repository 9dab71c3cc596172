"""Run benchmarks by name, or all of them: ``python -m tests.bench [--list] [NAME…] [options]``.

Options go to the one benchmark that is named: ``python -m tests.bench objects --rounds 3``.
"""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

from tests.support import servers

_FOLDER = Path(__file__).parent
_PREFIX = "bench_"


def names() -> list[str]:
    """Every benchmark there is."""
    return sorted(file.stem.removeprefix(_PREFIX) for file in _FOLDER.glob(f"{_PREFIX}*.py"))


def purpose(name: str) -> str:
    """The first line of its docstring, read without running it."""
    text = (_FOLDER / f"{_PREFIX}{name}.py").read_text()
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def main(argv: list[str]) -> int:
    """Run what is named, one after the other; 2 for a name that is none."""
    if "--list" in argv:
        for name in names():
            print(f"{name:<12} {purpose(name)}")
        return 0
    split = next((i for i, word in enumerate(argv) if word.startswith("-")), len(argv))
    wanted, options = argv[:split], argv[split:]
    unknown = sorted(set(wanted) - set(names()))
    if unknown or (options and len(wanted) != 1):
        wrong = f"no such benchmark: {', '.join(unknown)}" if unknown else "options need one name"
        print(f"{wrong}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    for name in wanted or names():
        importlib.import_module(f"{__package__}.{_PREFIX}{name}").main(options)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except servers.ServerFailed as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
