"""What is installed: pinned by hash, under licences we allow, of versions we meant."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.support import licences
from tests.support.licences import Package

REPOSITORY = Path(__file__).resolve().parents[2]
LISTS = ("client", "runtime", "test")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def pinned(name: str) -> list[str]:
    """Each requirement of a locked list with everything that belongs to it."""
    text = (REPOSITORY / f"requirements/{name}.txt").read_text()
    joined = text.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def wanted() -> list[str]:
    """What pyproject.toml asks for by itself."""
    project = PROJECT["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    groups += PROJECT["dependency-groups"].values()
    return [line for group in groups for line in group if isinstance(line, str)]


@pytest.mark.parametrize("name", LISTS)
def test_every_locked_package_is_one_version_with_its_hashes_and_no_address(name: str) -> None:
    lines = pinned(name)
    assert len(lines) > 10
    for line in lines:
        assert re.match(r"[A-Za-z0-9_.-]+==[^ ]+ ", line), line[:80]
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}(?: |$)", line), line[:80]
        assert "://" not in line, line[:80]


def test_every_npm_package_is_one_version_with_its_hash() -> None:
    locked = json.loads((REPOSITORY / "package-lock.json").read_text())["packages"]
    entries = [entry for place, entry in locked.items() if place]
    assert entries
    assert all(re.match(r"sha(256|512)-", entry["integrity"]) for entry in entries)


def test_what_we_ask_for_is_locked_in_the_major_version_that_we_asked_for() -> None:
    versions = {p.name: p.version for p in licences.packages()}
    old = []
    for line in wanted():
        match = re.match(r"([A-Za-z0-9_.-]+)(?:\[[a-z,]+\])?>=([0-9]+)", line)
        if match is None:
            assert line.startswith("recorder["), line
            continue
        if match[1] == "setuptools":
            # A floor for whoever builds with their own; the format it reads has not changed.
            continue
        locked = versions[match[1].replace("_", "-").lower()]
        if locked.partition(".")[0] != match[2]:
            old.append(f"{line} is locked at {locked}")
    assert old == []


def test_every_licence_is_known_and_allowed() -> None:
    refused = [package for package in licences.packages() if not package.allowed]
    assert refused == [], "read the licence; allow it in tests/support/licences.py or drop it"


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("Proprietary", False),
        (None, False),
    ],
)
def test_a_licence_is_allowed_if_each_part_leaves_an_allowed_choice(
    licence: str | None, allowed: bool
) -> None:
    assert Package("x", "1", "runtime", licence).allowed is allowed


def test_the_list_of_licences_is_true() -> None:
    printed = (REPOSITORY / "docs/reference/licences.md").read_text()
    assert printed == licences.page(), (
        "run python -m tests.support.licences docs/reference/licences.md"
    )
