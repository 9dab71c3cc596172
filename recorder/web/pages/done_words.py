"""What a page says after a form was posted, by the code in the address (``forms.go``)."""

from __future__ import annotations

DONE = {
    "finding-answered": "The answer is written down.",
    "findings-done": "Done:",
    "proposal-rejected": "The rule leaves this case alone from now on.",
    "closing": "It is being closed; what has come becomes a recording.",
    "linked": "Linked.",
    "reason-given": "The reason is written down.",
    "classed": "The classes are written down.",
    "content-reviewed": "What the review came to is written down.",
    "provenance-stated": "Where it comes from is written down.",
    "restricted": "From now on only those named below watch it.",
    "restriction-lifted": "The restriction is lifted; the custody events keep it.",
    "unlinked": "The link has ended; the history keeps it.",
    "admitted": "The footage has been admitted.",
    "list-drafted": "The version is drafted.",
    "list-decided": "It is recorded; the list says how it stands.",
    "withdrawn": "The proposal is taken back.",
    "copy-decided": "The decision about the copies has been recorded.",
    "retried": "The task starts again.",
    "acknowledged": "Acknowledged; the alarm stays open until it is cleared.",
    "cleared": "The alarm is cleared.",
    "opened": "The case is open.",
    "confirmed": "The case is confirmed.",
    "amended": "The case is amended.",
    "merged": "The cases are merged; the old address leads here.",
    "added": "Added.",
    "changed": "Changed.",
    "feed-mapped": "The code is mapped; rows that waited for it count, and those taken before are"
    " read anew within minutes.",
    "merge-decided": "Decided.",
    "noted": "Noted in the hand-over log.",
    "revoked": "The token is worthless from now on.",
    "password-changed": "The new password counts from now on; your other sessions have ended.",
    "sessions-ended": "Those sessions have ended.",
    "second-factor-ended": "No code is asked for any more.",
    "signed-out": "You are signed out.",
}
WORDS = {
    "done": DONE,
}
