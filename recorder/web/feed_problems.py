"""The part of the catalogue about systems of others: case feed, webhooks, gateways."""

from __future__ import annotations

from recorder.errors import Kind

FEED_PROBLEMS: dict[str, tuple[Kind, str, str]] = {
    "feed-malformed": (
        Kind.INVALID,
        "Malformed rows",
        "Send a JSON array, or JSON lines as x-ndjson.",
    ),
    "webhook-address-invalid": (
        Kind.INVALID,
        "Invalid address",
        "Give an https:// address that is reachable.",
    ),
    "webhook-topics-missing": (Kind.INVALID, "No topic", "Name linked, late, gap or sealed."),
    "webhook-secret-malformed": (
        Kind.INVALID,
        "Malformed secret",
        "It is whsec_ and base64; report it.",
    ),
    "feed-mapping-invalid": (
        Kind.INVALID,
        "Invalid mapping",
        "Map a code to one of `words`, or to null.",
    ),
    "feed-name-invalid": (Kind.INVALID, "Invalid name", "Use small letters, digits, - and _."),
    "feed-quota-invalid": (Kind.INVALID, "Invalid quota", "Give rows a minute, at least one."),
    "pull-pace-invalid": (Kind.INVALID, "Invalid pace", "Give 10 to 86400 seconds."),
    "pull-query-invalid": (Kind.INVALID, "Query refused", "Mend the query; see the guide."),
    "pull-unreadable": (Kind.INVALID, "Place unreadable", "Add the pull anew."),
    "pull-unreachable": (Kind.UNAVAILABLE, "Source away", "Look at the database or folder."),
    "pull-none": (Kind.CONFLICT, "Nothing to stop", "Look at the source's name."),
    "feed-suspended": (
        Kind.FORBIDDEN,
        "Source suspended",
        "Ask whoever looks after the service why.",
    ),
    "webhook-not-found": (
        Kind.NOT_FOUND,
        "No such webhook",
        "It is not there, or not yours to see.",
    ),
    "merge-proposal-not-found": (
        Kind.NOT_FOUND,
        "No such proposal",
        "It is not there, or not yours to see.",
    ),
    "feed-not-found": (
        Kind.NOT_FOUND,
        "No such source",
        "Look at its name and at whose token it is.",
    ),
    "webhook-stopped": (Kind.CONFLICT, "Webhook stopped", "Add it anew."),
    "merge-proposal-decided": (
        Kind.CONFLICT,
        "Decided already",
        "Look at the case; somebody was first.",
    ),
    "feed-exists": (Kind.CONFLICT, "Source exists", "Give it another name."),
    "feed-too-large": (Kind.TOO_LARGE, "Too many rows at once", "Send several bodies."),
    "feed-media-type": (
        Kind.UNSUPPORTED,
        "Unknown form of rows",
        "Send application/json or x-ndjson.",
    ),
    "feed-limited": (
        Kind.RATE_LIMITED,
        "Too many rows",
        "Wait as `Retry-After` says, then send on.",
    ),
    "gateway-not-found": (
        Kind.NOT_FOUND,
        "No such gateway",
        "It is not there, or its secret is another.",
    ),
    "gateway-ambiguous": (Kind.CONFLICT, "Several gateways", "Name it by its identifier."),
    "gateway-revoked": (Kind.CONFLICT, "Gateway revoked", "Add another one."),
    "gateway-limited": (
        Kind.RATE_LIMITED,
        "Too many hooks",
        "Publishers come again; see the gateway.",
    ),
}
