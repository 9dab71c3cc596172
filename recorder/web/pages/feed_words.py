"""Words of cases and their feed, in English; the catalogue of a language has the others."""

from __future__ import annotations

FEED_PROBLEMS = {
    "key-missing": "A row without a key",
    "revision-missing": "A row without a revision",
    "kind-unknown": "An unknown kind of row",
    "field-missing": "A member is missing",
    "field-malformed": "A member cannot be read",
    "numbers-missing": "A row without a case number",
    "organ-missing": "A row without its organ",
    "organ-foreign": "Another agency's row",
    "organ-unknown": "An unknown organ",
    "code-unmapped": "A code without a meaning",
    "case-unknown": "Its case has not been told of",
}
ACT_TYPES = {
    "penalty": "Penalty",
    "inspection": "Inspection",
    "coercion": "Coercion",
    "licence": "Licence",
    "levy": "Levy",
    "requisition": "Requisition",
}
SCHEMES = {
    "case": "Case number",
    "clue": "Clue",
    "inspection": "Inspection task",
    "filing": "Filing",
    "notice": "Notice",
    "decision": "Decision document",
    "coercion": "Coercive measure",
    "archive": "Archive number",
    "scan": "Scanned code",
    "hotline": "Hotline 12345",
    "court": "Court number",
}
PULL_KINDS = {
    "sql": "Fetched by a query",
    "folder": "Fetched from a folder",
    "bucket": "Fetched from a bucket",
}
PULL_TROUBLES = {
    "pull-unreachable": "Where rows are fetched does not answer; it is tried again.",
    "pull-query-invalid": "The other database refuses the query.",
    "pull-unreadable": "Its address cannot be read with this server's key; add the pull anew.",
    "pull-address-invalid": "Its address is none; add the pull anew.",
    "pull-address-forbidden": "Its address lies in a network from which nothing is fetched.",
    "pull-object-refused": "An object was left alone; the others are taken.",
    "pull-failed": "Fetching failed by our own mistake; it is tried again.",
    "storage-full": "There is no room for a file of rows; it is tried again.",
    "database-unavailable": "Rows could not be written; they are fetched again.",
}
WORDS = {
    "pull_trouble": PULL_TROUBLES,
    "pull_kind": PULL_KINDS,
    "scheme": SCHEMES,
    "feed_problem": FEED_PROBLEMS,
    "mapped_act_type": ACT_TYPES,
}
