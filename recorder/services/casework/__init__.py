"""Cases: finding them, opening and amending them, tying recordings to them.

    finding   by number, prefix or fragment; one case; its timeline
    files     open, amend, merge
    links     link and unlink, by people
    arrival   links made by uploads, inside the transaction that receives the footage

docs/design/cases.md tells the invariants and what happens at once with what.
"""

from recorder.services.casework.arrival import link_on_arrival
from recorder.services.casework.files import amend_case, merge_cases, open_case
from recorder.services.casework.finding import (
    CaseView,
    case,
    case_recordings,
    find_cases,
    view_case,
)
from recorder.services.casework.links import (
    LinkOutcome,
    LinkWanted,
    link,
    link_many,
    unlink,
)
from recorder.store.case_links import CaseRecording, LinkedCase

__all__ = [
    "CaseRecording",
    "CaseView",
    "LinkOutcome",
    "LinkWanted",
    "LinkedCase",
    "amend_case",
    "case",
    "case_recordings",
    "find_cases",
    "link",
    "link_many",
    "link_on_arrival",
    "merge_cases",
    "open_case",
    "unlink",
    "view_case",
]
