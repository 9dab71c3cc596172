"""Every alarm has a page and an alert; alerts and dashboard name figures and pages that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from recorder import metrics
from recorder.config import PREFIX, Config
from recorder.domain.alarm import AlarmCode
from recorder.errors import Kind
from recorder.web import problem_runbook, reference
from recorder.web.problem_catalogue import CATALOGUE
from tests.support.alert_rules import alerts, used
from tests.support.raised_codes import raised

REPOSITORY = Path(__file__).resolve().parents[2]
RUNBOOK = REPOSITORY / "docs" / "runbook"
PAGES = sorted(p for p in RUNBOOK.glob("*.md") if p.name not in ("README.md", "problems.md"))
SECTIONS = ("What it means", "What to look at", "What to do", "When it is over")


def figures() -> dict[str, str]:
    """Every figure by the name it is told under, with its type."""
    told = dict.fromkeys(metrics.INSTALLATION, "gauge")
    for family in metrics.REGISTRY.collect():
        end = "_total" if family.type == "counter" else ""
        told[family.name + end] = family.type
    return told


def samples() -> set[str]:
    """Every name that an expression may use."""
    names = set(figures())
    for name, kind in figures().items():
        if kind == "histogram":
            names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return names


def test_every_figure_has_its_row_with_its_type_and_meaning() -> None:
    page = (REPOSITORY / "docs" / "reference" / "metrics.md").read_text("utf-8")
    rows = re.findall(r"^\| `(recorder_\w+)` \| (\w+) \| ([^|]*) \| ([^|]+) \|$", page, re.M)
    said = {name: (kind, labels, about) for name, kind, labels, about in rows}
    assert len(said) == len(rows)
    ours = {name: kind for name, kind in figures().items() if name.startswith("recorder_")}
    assert {name: kind for name, (kind, _, _) in said.items()} == ours
    for family in metrics.REGISTRY.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        if name in said:
            assert said[name][2] == family.documentation
    for name, figure in metrics.INSTALLATION.items():
        labels = ", ".join(f"`{label}`" for label in figure.labels) or "–"
        assert said[name][1:] == (labels, figure.about)
    programs = {name for name in figures() if name.startswith("process_")}
    assert programs != set()
    assert programs == set(re.findall(r"`(process_\w+)`", page))


def test_names_end_in_their_unit_and_counters_in_total() -> None:
    for name, kind in figures().items():
        assert name.endswith("_total") == (kind == "counter"), name
        if kind == "histogram":
            assert name.endswith("_seconds"), name


@pytest.mark.parametrize("code", AlarmCode)
def test_every_alarm_has_its_page_and_its_alert(code: AlarmCode) -> None:
    page = (RUNBOOK / f"{code.value}.md").read_text("utf-8")
    assert page.startswith(f"# `{code.value}`\n")
    wanted = f'max(recorder_alarms_open{{code="{code.value}"}}) > 0'
    (alert,) = [alert for alert in alerts() if alert.expr == wanted]
    assert alert.severity == code.severity.value
    assert alert.runbook == f"docs/runbook/{code.value}.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_says_what_it_means_where_to_look_what_to_do_and_when_it_is_over(
    page: Path,
) -> None:
    parts = re.split(r"^## (.+)\n", page.read_text("utf-8"), flags=re.M)
    assert tuple(parts[1::2]) == SECTIONS
    assert all(len(text.split()) >= 8 for text in parts[2::2])
    unknown = used("".join(parts)) - samples()
    assert unknown == set()


def test_every_page_is_in_the_table_with_the_alerts_that_lead_to_it() -> None:
    rows = re.findall(
        r"^\| \[(\w+)\]\((\w+)\.md\) \| (?:warning|critical) \| [^|]+ \| ([^|]*) \|$",
        (RUNBOOK / "README.md").read_text("utf-8"),
        re.M,
    )
    assert all(title == page for title, page, _ in rows)
    assert sorted(page for _, page, _ in rows) == [page.stem for page in PAGES]
    for _, page, named in rows:
        leading = {a.name for a in alerts() if a.runbook == f"docs/runbook/{page}.md"}
        assert set(re.findall(r"`(\w+)`", named)) == leading, page
        assert leading != set(), page


def test_every_alert_names_figures_that_are_told_and_a_page_that_is_there() -> None:
    found = alerts()
    assert len({alert.name for alert in found}) == len(found)
    for alert in found:
        assert (REPOSITORY / alert.runbook).is_file(), alert.name
        assert alert.severity in ("warning", "critical")
        assert alert.expr.count("(") == alert.expr.count(")")
        assert used(alert.expr) or alert.expr.startswith("up{"), alert.name
        assert used(alert.expr) <= samples(), alert.name


def test_the_dashboard_shows_only_figures_that_are_told() -> None:
    board = json.loads((REPOSITORY / "deploy" / "grafana" / "dashboard.json").read_text("utf-8"))
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        for target in panel["targets"]:
            assert used(target["expr"]), panel["title"]
            assert used(target["expr"]) <= samples(), panel["title"]


def test_the_dashboard_shows_what_is_asked_for_first_when_evidence_is_in_danger() -> None:
    board = json.loads((REPOSITORY / "deploy" / "grafana" / "dashboard.json").read_text("utf-8"))
    shown = {name for p in board["panels"] for t in p["targets"] for name in used(t["expr"])}
    assert {
        "recorder_fixity_oldest_age_seconds",
        "recorder_fixity_failing",
        "recorder_originals_lock_expiring",
        "recorder_soonest_lock_end_seconds",
        "recorder_delete_markers",
        "recorder_delete_markers_looked_age_seconds",
        "recorder_queue_age_seconds",
        "recorder_oldest_unsealed_age_seconds",
    } <= shown


def test_every_problem_code_has_its_section_and_no_section_is_without_a_code() -> None:
    found = [section.code for area in problem_runbook.areas() for section in area.sections]
    assert len(found) == len(set(found))
    assert set(found) == set(CATALOGUE)


def test_sections_of_codes_say_something_under_every_label() -> None:
    sections = [section for area in problem_runbook.areas() for section in area.sections]
    said = [text for section in sections for text in section.said.values()]
    assert [text for text in said if not text.endswith(".")] == []
    # Words that would fit any code say nothing about this one.
    for label in ("Means", "Do", "Do not"):
        texts = [section.said[label] for section in sections]
        assert max(texts.count(text) for text in texts) <= 3, label
    for section in sections:
        assert len(" ".join(section.said.values()).split()) >= 18, section.code


def test_sections_of_codes_lead_to_codes_and_name_settings_figures_and_alarms_that_exist() -> None:
    settings = {PREFIX + name.upper() for name in Config.model_fields}
    pages = {page.stem for page in PAGES}
    for area in problem_runbook.areas():
        for section in area.sections:
            text = " ".join(section.said.values())
            assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= set(CATALOGUE), section.code
            assert set(re.findall(r"RECORDER_[A-Z0-9_]+", text)) <= settings, section.code
            assert used(text) <= samples(), section.code
            named = re.findall(r"(?:alarms? |runbook's page )`?([a-z]+_[a-z_]+)`?", text)
            assert set(named) <= pages, section.code
            rung = re.findall(r"alert (Recorder\w+)", text)
            assert set(rung) <= {alert.name for alert in alerts()}, section.code


def test_what_the_answer_hides_is_explained_where_the_answer_leads() -> None:
    hidden = {code for code, kind, _ in raised() if kind is Kind.INTEGRITY}
    (section,) = [s for a in problem_runbook.areas() for s in a.sections if s.code == "internal"]
    assert hidden != set()
    assert hidden <= set(re.findall(r"`([a-z-]+)`", section.said["Do"]))


def test_a_section_of_another_form_is_refused() -> None:
    wrong = "# Area\n\nAbout.\n\n## some-code\nMeans: It.\nDo: That.\nSeen by: All.\nDo not: X.\n"
    with pytest.raises(ValueError, match="some-code"):
        problem_runbook.parse_area(wrong)


def test_the_page_of_codes_is_printed_from_the_sections() -> None:
    assert (RUNBOOK / "problems.md").read_text("utf-8") == reference.runbook_page(), (
        "run python -m recorder.web.reference docs/reference"
    )
