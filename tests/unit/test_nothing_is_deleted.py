"""Nothing is deleted because it is unknown: the few places that take something from a store."""

from __future__ import annotations

import ast
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
#: Function → what it removes from the store; another one needs a reason here and a test.
REMOVE = {
    # Staged pieces whose bytes a part holds, or whose writer died before confirming.
    "recorder/services/ingest/upkeep.py sweep_pieces",
    # A second copy past its lock whose recording is sealed and never failed a reading back.
    "recorder/services/ingest/upkeep.py release_duplicates",
    # A small object past its lock whose bytes lie in a volume that was read back and is there.
    "recorder/services/live/superseding.py _is_gone",
    # What no upload names, a day after it was intended; what this very append has made and, having
    # lost its turn, named nowhere; what an upload without an acknowledged byte had begun; a volume
    # that an earlier attempt did not end, of members that are all there.
    "recorder/services/ingest/orphans.py _abort_unnamed",
    "recorder/services/ingest/appender.py _multipart",
    "recorder/services/ingest/finishing.py _removed_empty",
    "workers/steps/compact.py _write",
    # A rendition that no row adopted and whose writer is gone; it can be made again.
    "recorder/services/ingest/orphans.py _remove_rendition",
    # What the canary itself laid.
    "recorder/adapters/store_canary.py",
}
#: An abort takes the bytes of all parts, some of which may have been answered for.
LET_GO = ("delete", "abort_multipart")


def _removals(file: Path) -> set[str]:
    """Functions of services, workers and canary that have an object store let go of something."""
    found = set()
    for function in ast.walk(ast.parse(file.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    owner = ast.unparse(node.func.value)
                    if node.func.attr in LET_GO and owner.split(".")[-1] in ("objects", "store"):
                        found.add(f"{file.relative_to(REPOSITORY)} {function.name}")
    return found


def test_only_these_functions_remove_objects_or_parts_from_a_store() -> None:
    files = [*(REPOSITORY / "recorder").rglob("*.py"), *(REPOSITORY / "workers").rglob("*.py")]
    found = set().union(*(_removals(file) for file in files))
    canary = {each for each in found if each.startswith("recorder/adapters/store_canary.py")}
    assert canary != set()
    assert {each.partition(" ")[0] if each in canary else each for each in found} == REMOVE
