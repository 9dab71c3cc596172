"""deploy/compose.yaml is one that compose takes: read by the library that docker compose uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support import operator_tools
from tests.support.deployment import DEPLOY

COMPOSE = DEPLOY / "compose.yaml"


def taken(file: Path) -> dict[str, Any]:
    """The model: anchors resolved, checked by the specification; variables stay as they are."""
    done = operator_tools.run("compose-spec", "-no-interpolation", "-format", "json", str(file))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_compose_takes_the_file_and_every_process_of_ours_has_its_limits() -> None:
    services = taken(COMPOSE)["services"]
    ours = {name: service for name, service in services.items() if service["image"] == "recorder"}
    assert set(ours) == {"web1", "web2", "worker", "live", "migrate"}
    for name, service in ours.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert name == "migrate" or service["mem_limit"], name
        assert ("ports" in service) == (name == "live"), name


def test_without_an_address_for_people_compose_says_what_is_missing() -> None:
    done = operator_tools.run("compose-spec", str(COMPOSE))
    assert done.returncode != 0
    assert "the address that people type" in done.stderr


def test_a_word_that_compose_does_not_know_is_found(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE.read_text().replace("mem_limit: 6g", "memory_limit: 6g"))
    done = operator_tools.run("compose-spec", "-no-interpolation", str(file))
    assert done.returncode != 0
    assert "memory_limit" in done.stderr
