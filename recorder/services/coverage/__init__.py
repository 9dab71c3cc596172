"""Whether what should have been recorded was: evaluating cases, and answering findings."""

from recorder.services.coverage.answering import appeal, assign, close, reply
from recorder.services.coverage.asking import (
    CaseCoverage,
    FindingView,
    case_coverage,
    finding,
    findings,
    first_findings,
)
from recorder.services.coverage.evaluating import evaluate_due, evaluate_many
from recorder.services.coverage.many import (
    MOST_AT_ONCE,
    Many,
    all_wanted,
    answer_many,
    assign_many,
    how_many,
)
from recorder.services.coverage.telling import FactsAhead, facts_ahead, read_facts

__all__ = [
    "MOST_AT_ONCE",
    "CaseCoverage",
    "FactsAhead",
    "FindingView",
    "Many",
    "all_wanted",
    "answer_many",
    "appeal",
    "assign",
    "assign_many",
    "case_coverage",
    "close",
    "evaluate_due",
    "evaluate_many",
    "facts_ahead",
    "finding",
    "findings",
    "first_findings",
    "how_many",
    "read_facts",
    "reply",
]
