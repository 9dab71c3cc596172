"""Cases: finding them, opening and amending them, tying recordings to them.

    finding   by number, prefix or fragment; one case; its timeline
    files     open, amend, merge
    links     link and unlink, by people
    arrival   links made by uploads, inside the transaction that receives the footage
    attributing  links made by rule, and proposals for people

docs/design/cases.md tells the invariants and what happens at once with what.
"""

from recorder.services.casework.arrival import link_on_arrival
from recorder.services.casework.attributing import (
    Decision,
    attribute_footage,
    decide,
    find_proposals,
    proposals_of,
)
from recorder.services.casework.files import amend_case, merge_cases, open_case
from recorder.services.casework.finding import (
    CaseView,
    case,
    case_footage,
    case_marks,
    case_recordings,
    find_cases,
    just_before,
    view_case,
)
from recorder.services.casework.links import (
    LinkOutcome,
    LinkWanted,
    link,
    link_many,
    unlink,
)
from recorder.services.casework.mentions import (
    JointCheck,
    SoughtBy,
    cases_mentioning,
    joint_check,
    mention,
    mentions_of,
    withdraw_mention,
)
from recorder.services.casework.targets import TargetCase, target
from recorder.store.case_links import CaseRecording, LinkedCase

__all__ = [
    "CaseRecording",
    "CaseView",
    "Decision",
    "JointCheck",
    "LinkOutcome",
    "LinkWanted",
    "LinkedCase",
    "SoughtBy",
    "TargetCase",
    "amend_case",
    "attribute_footage",
    "case",
    "case_footage",
    "case_marks",
    "case_recordings",
    "cases_mentioning",
    "decide",
    "find_cases",
    "find_proposals",
    "joint_check",
    "just_before",
    "link",
    "link_many",
    "link_on_arrival",
    "mention",
    "mentions_of",
    "merge_cases",
    "open_case",
    "proposals_of",
    "target",
    "unlink",
    "view_case",
    "withdraw_mention",
]
