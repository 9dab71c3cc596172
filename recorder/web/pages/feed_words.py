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
WORDS = {
    "scheme": SCHEMES,
    "feed_problem": FEED_PROBLEMS,
    "mapped_act_type": ACT_TYPES,
}
