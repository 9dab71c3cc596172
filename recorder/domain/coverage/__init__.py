"""Was it recorded: a pure function of duties, events and footage (docs/design/coverage.md)."""

from recorder.domain.coverage.engine import Evaluation, evaluate
from recorder.domain.coverage.event_facts import EventFact, event_facts
from recorder.domain.coverage.facts import (
    CaseFacts,
    Certificate,
    Footage,
    FootageMark,
    GapReason,
    Handover,
    Interval,
    Presence,
    Shift,
)
from recorder.domain.coverage.measure import Hole, HolePlace, SceneCoverage, SceneState

__all__ = [
    "CaseFacts",
    "Certificate",
    "Evaluation",
    "EventFact",
    "Footage",
    "FootageMark",
    "GapReason",
    "Handover",
    "Hole",
    "HolePlace",
    "Interval",
    "Presence",
    "SceneCoverage",
    "SceneState",
    "Shift",
    "evaluate",
    "event_facts",
]
