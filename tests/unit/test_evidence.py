"""The pages about security name their evidence; what they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = (
    "docs/design/limits.md",
    "docs/design/threat-model.md",
    "docs/design/fuzzing.md",
    "docs/security/asvs.md",
    "docs/security/tryall.md",
)
FILES = {file.name: file.read_text() for file in (REPOSITORY / "tests").rglob("test_*.py")}
TESTS = {name for text in FILES.values() for name in re.findall(r"def (test_\w+)\(", text)}


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_as_evidence_exists(page: str) -> None:
    named = set(re.findall(r"\b(test_\w+(?:\.py)?)", (REPOSITORY / page).read_text()))
    assert len(named) > 1
    assert named - TESTS - FILES.keys() == set()
