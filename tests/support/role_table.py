"""What is asked of each row of the route table, and which answers are right for whom.

Computed from ROUTES, so that a new row is tried without being written down here. Shared by the
tests (role_world.py) and by the command that asks a running deployment (tests/tryall.py).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from recorder.domain.people import GRANTS, Permission, Role
from recorder.web.route import Route

PATCH_HEADERS = {
    "Tus-Resumable": "1.0.0",
    "Content-Type": "application/offset+octet-stream",
    "Upload-Length": "5",
    "Upload-Offset": "0",
}
REASON = {"reason": "because"}
#: A body that the handler takes, where it needs one.
BODIES: dict[str, object] = {
    "POST /api/v1/recordings/{id}/admit": REASON,
    "PUT /api/v1/recordings/{id}/copies/{recording}": {**REASON, "state": "rejected"},
    "PUT /api/v1/recordings/{id}/release": REASON,
    "DELETE /api/v1/recordings/{id}/release": REASON,
    "POST /api/v1/recordings/{id}/proposals/{case}": {"decision": "rejected"},
    "PATCH /api/v1/cases/{id}": {"title": "a"},
    "POST /api/v1/cases/{id}/merge": {"into": str(uuid.uuid4()), **REASON},
    "PUT /api/v1/cases/{id}/recordings/{recording}": REASON,
    "DELETE /api/v1/cases/{id}/recordings/{recording}": REASON,
    "POST /api/v1/cases/{id}/mentions": {"kind": "party", "text": "a"},
    "DELETE /api/v1/cases/{id}/mentions/{mention}": REASON,
    "POST /api/v1/findings/{id}/reply": {"text": "a"},
    "POST /api/v1/findings/{id}/appeal": {"text": "a"},
    "POST /api/v1/findings/{id}/assign": {"owner": "a"},
    "POST /api/v1/findings/{id}/close": {"text": "a"},
    "POST /api/v1/duty-lists/{id}/approve": {"digest": "0" * 64},
    "POST /api/v1/duty-lists/{id}/refuse": REASON,
    "POST /api/v1/approvals/{id}/approve": {"digest": "0" * 64},
    "POST /api/v1/approvals/{id}/refuse": REASON,
    "POST /api/v1/alarms/{id}/acknowledge": {},
    "POST /api/v1/livestreams/{id}/marks": {
        "kind": "other",
        "shown_at": "2026-03-05T08:15:30Z",
    },
    "POST /api/v1/recordings/{id}/marks": {"kind": "announcement", "media_ms": 0},
    "DELETE /api/v1/recordings/{id}/marks/{mark}": REASON,
    # Without a basis none is imposed: what follows is asked of footage that is for everybody.
    "POST /api/v1/recordings/{id}/restrictions": {"ground": "minor", "basis": " "},
    "DELETE /api/v1/recordings/{id}/restrictions/{restriction}": REASON,
    "POST /api/v1/livestreams/{id}/restrictions": {"ground": "minor", "basis": " "},
    "DELETE /api/v1/livestreams/{id}/restrictions/{restriction}": REASON,
    "PUT /api/v1/recordings/{id}/provenance": {"kind": "card", **REASON},
    "PUT /api/v1/recordings/{id}/review": {"outcome": "passed", **REASON},
    "PUT /api/v1/recordings/{id}/classes": {"classes": ["major"], **REASON},
    "POST /api/v1/recordings/{id}/gap-reasons": {"place": "end", "reason": "battery"},
    "POST /api/v1/alarms/{id}/clear": {},
    "PUT /api/v1/devices/{id}/state": {"state": "suspended", **REASON},
    "POST /api/v1/devices/{id}/hand-overs": {"officer": "P1"},
    "POST /api/v1/tokens/{id}/revoke": REASON,
    "POST /api/v1/gateways/{id}/secret": REASON,
    "POST /api/v1/gateways/{id}/revoke": REASON,
    "POST /api/v1/webhooks/{id}/replay": {},
    "POST /api/v1/webhooks/{id}/stop": REASON,
    "POST /api/v1/embeds": {"number": "1", "on_behalf_of": "a"},
    "POST /api/v1/feeds/{source}/mappings": {"field": "event", "code": "x", "value": None},
    "POST /api/v1/merge-proposals/{id}": {"decision": "rejected", **REASON},
    "PUT /api/v1/feeds/{source}/state": {"state": "suspended", **REASON},
    "PUT /api/v1/people/{login}/password": {"password": "long enough to count"},
    "PUT /api/v1/people/{login}/state": {"state": "suspended", **REASON},
}


def name(row: Route) -> str:
    """The row as people say it."""
    return f"{row.method} {row.path}"


@dataclass(frozen=True)
class Question:
    """One request, without who asks."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    json: object | None = None
    #: The answer does not end, or is long: its head says enough.
    is_long: bool = False


def sort_of(row: Route) -> str:
    """What sort of thing ``{id}`` stands for in the row."""
    words = row.path.removeprefix("/api/v1").strip("/").split("/")
    return words[1] if words[0] == "administration" and len(words) > 1 else words[0]


def address(row: Route, things: Mapping[str, str]) -> str:
    """The path of the row, with these things in it and a made-up one where there is none."""
    path = row.path.replace("{id}", things.get(sort_of(row), str(uuid.uuid4())))
    path = path.replace("{recording}", things.get("recordings", str(uuid.uuid4())))
    path = path.replace("{mark}", str(uuid.uuid4()))
    path = path.replace("{restriction}", str(uuid.uuid4()))
    path = path.replace("{mention}", str(uuid.uuid4()))
    path = path.replace("{case}", things.get("cases", str(uuid.uuid4())))
    path = path.replace("{source}", things.get("feeds", "nobodys"))
    path = path.replace("{period}", "1").replace("{number}", "1")
    path = path.replace("{login}", "somebody").replace("{secret}", "x" * 43)
    path = path.replace("{embed}", "x" * 43)
    return (
        path.replace("{kind}", "officers")
        .replace("{version}", "0")
        .replace("{name}", "base.css")
        .replace("{hook}", "on_publish")
    )


def question(row: Route, things: Mapping[str, str]) -> Question:
    """What is asked of the row about these things."""
    headers = dict(PATCH_HEADERS) if row.is_upload else {}
    if row.is_upload and row.method == "POST" and "{id}" in row.path:
        headers["X-HTTP-Method-Override"] = "HEAD"
    is_long = row.path.endswith(("/stream", "/original")) and row.method == "GET"
    body = None if is_long else BODIES.get(name(row), {} if row.request else None)
    where = address(row, things)
    if row.path.endswith("/comparison"):
        where = f"{where}?old={things.get(sort_of(row), uuid.uuid4())}"
    return Question(row.method, where, headers, body, is_long)


def may(row: Route, role: Role | None) -> bool:
    """Whether the role may ask the row; None is nobody."""
    if row.permission is Permission.PUBLIC:
        return True
    if role is None:
        return False
    return row.permission is Permission.SIGNED_IN or row.permission in GRANTS[role]


def is_wrong(row: Route, role: Role | None, status: int) -> bool:
    """Whether somebody got in who may not, or was turned away who may; None is nobody."""
    if role is None:
        return (status == 401) == may(row, None)
    return (status == 403) == may(row, role) or status == 401 or status >= 500
