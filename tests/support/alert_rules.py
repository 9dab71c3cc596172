"""The alert rules of deploy/prometheus, read strictly: a line of another form is a failure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.support.servers import REPOSITORY

RULES = REPOSITORY / "deploy" / "prometheus" / "alerts.yaml"
#: The file is written in one form only; whatever is not in it fails ``alerts``.
_RULE = re.compile(
    r"      - alert: (\w+)\n        expr: '([^'\n]+)'\n        for: (\d+[smh])\n"
    r"        labels:\n          severity: (\w+)\n"
    r"        annotations:\n          summary: '([^'\n]+)'\n          runbook: (\S+)\n"
)


@dataclass(frozen=True)
class Alert:
    """One rule of alerts.yaml."""

    name: str
    expr: str
    wait: str
    severity: str
    summary: str
    runbook: str


def alerts() -> list[Alert]:
    """Every rule, in the order of the file."""
    text = RULES.read_text("utf-8")
    found = [Alert(*match) for match in _RULE.findall(text)]
    rest = re.sub(r"^#.*\n|^groups:\n|^  - name: recorder-\w+\n    rules:\n", "", text, flags=re.M)
    assert _RULE.sub("", rest) == ""
    return found


def used(expression: str) -> set[str]:
    """The figures in an expression: words of ours outside of quoted values."""
    return set(re.findall(r"\b(?:recorder|process)_\w+", re.sub(r'"[^"]*"', "", expression)))
