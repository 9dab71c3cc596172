"""Problems of requests as such: HTTP, JSON, parameters."""

from __future__ import annotations

from recorder.errors import Kind
from recorder.web.problem_catalogue.entry import Entry, of_kind

PROBLEMS: dict[str, Entry] = {
    **of_kind(
        Kind.INVALID,
        text_not_storable=(
            "Text cannot be kept",
            "Leave out null characters and numbers beyond 64 bits.",
        ),
        form_invalid=("Invalid form", "Load the page again and mend what it marks."),
        body_invalid=("Invalid body", "`errors` lists the places in the JSON that are wrong."),
        cursor_invalid=("Invalid cursor", "Take `next` of an earlier answer, unchanged."),
        expectation_failed=("Expectation failed", "Only `Expect: 100-continue` is known."),
        headers_too_large=(
            "Header fields too large",
            "Shorten the header fields, Upload-Metadata above all.",
        ),
        http_error=("Request refused", "The status code says why."),
        limit_invalid=("Invalid limit", "Ask for 1 to 200 lines."),
        method_not_allowed=("Method not allowed", "The Allow header lists what is."),
        method_override_invalid=(
            "Invalid method override",
            "X-HTTP-Method-Override takes PATCH, DELETE or HEAD here.",
        ),
        query_invalid=("Invalid query", "`errors` lists the parameters that are unknown or wrong."),
        range_not_satisfiable=(
            "Range not satisfiable",
            "Content-Range says how long the content is.",
        ),
        request_malformed=("Malformed request", "The HTTP message cannot be read; mend it."),
        time_malformed=("Malformed time", "Write times as RFC 3339 does."),
    ),
    **of_kind(
        Kind.FORBIDDEN,
        csrf_token_invalid=(
            "Request not from our pages",
            "Load the page again and repeat what you did.",
        ),
    ),
    **of_kind(
        Kind.NOT_FOUND,
        id_malformed=("No such thing", "The identifier in the address is no UUID."),
        route_not_found=("No such address", "See /docs for the addresses of this service."),
    ),
    **of_kind(
        Kind.TOO_LARGE,
        body_too_large=("Body too large", "JSON bodies and forms may have 1 MiB at most."),
    ),
    **of_kind(
        Kind.UNSUPPORTED,
        body_not_json=("Body is no JSON", "Send `Content-Type: application/json`."),
    ),
    **of_kind(
        Kind.RATE_LIMITED,
        connections_limited=(
            "Too many connections",
            "Close some, or use one for several requests; uploads go on.",
        ),
    ),
}
