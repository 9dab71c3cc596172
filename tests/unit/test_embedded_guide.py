"""The guide of the embedded server explains every refusal that its code can give."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_RAISED = re.compile(
    r"(?:Conflict|Forbidden|InvalidInput|StorageFull|Unavailable|Unprocessable"
    r"|super\(\)\.__init__)\(\s*\"([a-z-]+)\""
)


def test_every_refusal_of_the_embedded_server_is_in_its_guide() -> None:
    code = "".join(
        file.read_text() for file in sorted((ROOT / "recorder" / "embedded").glob("*.py"))
    )
    guide = (ROOT / "docs" / "guide" / "embedded.md").read_text()
    raised = set(_RAISED.findall(code))
    assert len(raised) >= 12
    assert {name for name in raised if f"`{name}`" not in guide} == set()
    told = set(re.findall(r"\(`([a-z-]+)`\)", guide))
    assert told - raised == set()
