"""Words of acts of two persons."""

from __future__ import annotations

WORDS = {
    "approval_kind": {"duty_list": "Duty list"},
    "approval_state": {
        "proposed": "Waits for a second person",
        "approved": "Approved",
        "refused": "Turned down",
        "expired": "Out of time",
        "withdrawn": "Taken back",
    },
    "approval_show": {
        "waiting": "Waits for me",
        "own": "Proposed by me",
        "open": "All that waits",
        "closed": "History",
    },
}
