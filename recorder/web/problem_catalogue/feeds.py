"""Problems of systems of others: case feed, webhooks, gateways."""

from __future__ import annotations

from recorder.errors import Kind
from recorder.web.problem_catalogue.entry import Entry, of_kind

PROBLEMS: dict[str, Entry] = {
    **of_kind(
        Kind.INVALID,
        feed_malformed=("Malformed rows", "Send a JSON array, or JSON lines as x-ndjson."),
        webhook_address_invalid=("Invalid address", "Give an https:// address that is reachable."),
        webhook_topics_missing=("No topic", "Name linked, late, gap or sealed."),
        webhook_secret_malformed=("Malformed secret", "It is whsec_ and base64; report it."),
        feed_mapping_invalid=("Invalid mapping", "Map a code to one of `words`, or to null."),
        feed_name_invalid=("Invalid name", "Use small letters, digits, - and _."),
        feed_quota_invalid=("Invalid quota", "Give rows a minute, at least one."),
        pull_pace_invalid=("Invalid pace", "Give 10 to 86400 seconds."),
        pull_query_invalid=("Query refused", "Mend the query; see the guide."),
        pull_address_invalid=("Invalid address", "Give https://host/bucket/prefix, and the keys."),
        pull_place_lost=("Place in a list lost", "Nothing: the list is begun anew."),
        pull_unreadable=("Place unreadable", "Add the pull anew."),
    ),
    **of_kind(
        Kind.UNAVAILABLE,
        pull_unreachable=("Source away", "Look at the database, folder or bucket."),
    ),
    **of_kind(
        Kind.CONFLICT,
        pull_object_refused=("Object left alone", "Look at the object; see the runbook."),
        pull_none=("Nothing to stop", "Look at the source's name."),
        webhook_stopped=("Webhook stopped", "Add it anew."),
        merge_proposal_decided=("Decided already", "Look at the case; somebody was first."),
        feed_exists=("Source exists", "Give it another name."),
        gateway_ambiguous=("Several gateways", "Name it by its identifier."),
        gateway_revoked=("Gateway revoked", "Add another one."),
    ),
    **of_kind(
        Kind.FORBIDDEN,
        pull_address_forbidden=(
            "Address not allowed",
            "The operator may name its network in RECORDER_FEED_PULL_NETWORKS.",
        ),
        feed_suspended=("Source suspended", "Ask whoever looks after the service why."),
    ),
    **of_kind(
        Kind.NOT_FOUND,
        webhook_not_found=("No such webhook", "It is not there, or not yours to see."),
        merge_proposal_not_found=("No such proposal", "It is not there, or not yours to see."),
        feed_not_found=("No such source", "Look at its name and at whose token it is."),
        gateway_not_found=("No such gateway", "It is not there, or its secret is another."),
    ),
    **of_kind(
        Kind.TOO_LARGE,
        feed_too_large=("Too many rows at once", "Send several bodies."),
    ),
    **of_kind(
        Kind.UNSUPPORTED,
        feed_media_type=("Unknown form of rows", "Send application/json or x-ndjson."),
    ),
    **of_kind(
        Kind.RATE_LIMITED,
        feed_limited=("Too many rows", "Wait as `Retry-After` says, then send on."),
        gateway_limited=("Too many hooks", "Publishers come again; see the gateway."),
    ),
}
