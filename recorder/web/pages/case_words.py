"""Words of cases: states, the six stages, how a recording came to be linked."""

from __future__ import annotations

CASE_STATES = {
    "provisional": "Provisional",
    "confirmed": "Confirmed",
    "merged": "Merged",
}
CLASSES = {
    "evidence": "Evidence in a case",
    "obstruction": "Obstruction of duty",
    "mass_incident": "Mass incident",
    "major": "Major or difficult case",
    "first_breach": "First breach, not punished",
    "slight_breach": "Slight breach, not punished",
}
MENTIONS = {"plan": "Joint check", "party": "Party"}
SOUGHT_BY = {"company": "Company", "plan": "Joint check", "place": "Place of the act"}
STAGES = {
    "initiation": "Initiation",
    "investigation": "Investigation",
    "review": "Review",
    "decision": "Decision",
    "service": "Service",
    "enforcement": "Enforcement",
}
ORIGINS = {
    "upload": "With the upload",
    "person": "By a person",
    "merge": "By merging",
    "rule": "By rule, automatically",
    "device": "By the device",
    "metadata": "By a program",
}
WORDS = {
    "case_state": CASE_STATES,
    "case_class": CLASSES,
    "mention": MENTIONS,
    "sought_by": SOUGHT_BY,
    "stage": STAGES,
    "mapped_stage": STAGES,
    "origin": ORIGINS,
}
