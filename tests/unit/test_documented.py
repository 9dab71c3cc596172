"""The reference says what the code says: settings, events, tasks, alarms, reasons of failure."""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from recorder import errors
from recorder.config import PREFIX, Config
from recorder.domain.alarm import AlarmCode
from recorder.domain.events import CustodyEvent
from recorder.domain.pipeline import PIPELINE

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"


def reference(name: str) -> str:
    return (DOCS / "reference" / name).read_text("utf-8")


def settings() -> dict[str, str]:
    """Setting → its row's default, as the page says."""
    rows = re.findall(
        r"^\| `(RECORDER_\w+)`( 🔒)? \| ([^|]*) \|", reference("configuration.md"), re.M
    )
    assert len(rows) == len({name for name, _, _ in rows})
    return {name: default.strip() for name, _, default in rows}


def test_every_setting_has_its_row_and_no_row_is_left_over() -> None:
    assert set(settings()) == {PREFIX + name.upper() for name in Config.model_fields}


def test_every_default_is_said_as_it_is() -> None:
    said = settings()
    for name, field in Config.model_fields.items():
        row = said[PREFIX + name.upper()]
        if field.default is PydanticUndefined:
            assert row == "required", name
        elif field.default not in (None, ""):
            shown = str(field.default)
            assert row == (shown.lower() if isinstance(field.default, bool) else shown), name


def test_every_secret_is_marked_as_one() -> None:
    marked = set(re.findall(r"`(RECORDER_\w+)` 🔒", reference("configuration.md")))
    secret = {
        PREFIX + name.upper()
        for name, field in Config.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    assert marked == secret


def sections(page: str) -> dict[str, str]:
    parts = re.split(r"^#+ (.+)$", page, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_event_has_its_section_with_every_field() -> None:
    page = reference("events.md")
    found = sections(page)
    headings = set(re.findall(r"^### (\w+)$", page, re.M))
    assert headings == {kind.__name__ for kind in CustodyEvent.__subclasses__()}
    for kind in CustodyEvent.__subclasses__():
        words = set(re.findall(r"`(\w+)`", found[kind.__name__]))
        own = {field.name for field in dataclasses.fields(kind)} - {"subject", "agency"}
        assert own <= words, kind.__name__


@pytest.mark.parametrize("kind", CustodyEvent.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_event_names_the_kind_of_its_subject(kind: type[CustodyEvent]) -> None:
    page = reference("events.md")
    section = sections(page)[kind.__name__]
    before = page[: page.index(f"### {kind.__name__}\n")]
    group = re.findall(r"^# (.+)$", before, re.M)[-1]
    assert f"({kind.SUBJECT.value})" in section.partition(".")[0] + group


def test_every_task_has_its_section() -> None:
    assert {task.name for task in PIPELINE} <= set(sections(reference("pipeline.md")))


def test_every_alarm_has_its_row_with_its_severity() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", reference("alarms.md"), re.M)
    assert dict(rows) == {code.value: code.severity.value for code in AlarmCode}


def test_every_reason_that_a_worker_gives_is_explained() -> None:
    classes = {name for name in vars(errors) if isinstance(vars(errors)[name], type)}
    codes = set()
    for file in (REPOSITORY / "workers").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            place = {"_fail": 2}.get(called, 0 if called in classes else None)
            if place is not None and isinstance(code := node.args[place], ast.Constant):
                codes.add(str(code.value))
    assert {"original-missing", "worker-lost", "task-timeout", "internal-error"} <= codes
    explained = set(re.findall(r"^\| `([a-z-]+)` \|", reference("pipeline.md"), re.M))
    # Reasons why a worker does not start are for the terminal.
    assert codes - {"migrations-pending"} <= explained


def test_links_between_the_pages_lead_somewhere() -> None:
    links = [
        (page, target)
        for page in DOCS.rglob("*.md")
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    ]
    assert links != []
    dead = [(str(page), target) for page, target in links if not (page.parent / target).exists()]
    assert dead == []


def test_the_map_of_the_documents_names_every_page() -> None:
    named = set(re.findall(r"\]\(([^)#:\s]+\.md)\)", (DOCS / "README.md").read_text("utf-8")))
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert pages - {"README.md"} == named
