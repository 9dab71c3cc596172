"""The codes that the service raises, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from recorder import errors
from recorder.errors import Kind, RecorderError

REPOSITORY = Path(__file__).resolve().parents[2]
CLASSES = {
    name: found
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, RecorderError)
}
#: What runs inside the web service; commands, client and embedded mode talk to a terminal.
INSIDE = ("web", "services", "store", "adapters", "domain")
#: Migrations, backups and rebuilding are commands' business.
OUTSIDE = ("migrate.py", "backup.py", "rebuild.py", "table_copy.py")


def raised() -> Iterator[tuple[str, Kind, str]]:
    """Code, kind and file of every failure that the service can raise by a literal code."""
    for part in INSIDE:
        for file in sorted((REPOSITORY / "recorder" / part).rglob("*.py")):
            if file.name in OUTSIDE:
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.Call) or not node.args:
                    continue
                called = ast.unparse(node.func).rpartition(".")[2]
                first = node.args[0]
                if called in CLASSES and isinstance(first, ast.Constant):
                    yield str(first.value), CLASSES[called].kind, file.name
