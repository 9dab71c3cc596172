"""Whether what should have been recorded was: evaluating cases, and answering findings."""

from recorder.services.coverage.answering import appeal, assign, close, reply
from recorder.services.coverage.asking import (
    CaseCoverage,
    FindingView,
    case_coverage,
    finding,
    findings,
)
from recorder.services.coverage.evaluating import evaluate_due, evaluate_many

__all__ = [
    "CaseCoverage",
    "FindingView",
    "appeal",
    "assign",
    "case_coverage",
    "close",
    "evaluate_due",
    "evaluate_many",
    "finding",
    "findings",
    "reply",
]
