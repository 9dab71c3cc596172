"""Words of duty lists and scenes; English message ids, the catalogue has the Chinese."""

from __future__ import annotations

LIST_STATES = {
    "draft": "Draft",
    "proposed": "Waits for a second person",
    "approved": "Approved",
}
WORDS = {
    "duty_level": {
        "full_uninterrupted": "Whole and uninterrupted",
        "required": "Must be recorded",
        "optional": "May be recorded",
        "exempt": "Exempt",
    },
    "act_type": {
        "penalty": "Penalty",
        "inspection": "Inspection",
        "coercion": "Coercion",
        "licence": "Licence",
        "levy": "Levy",
        "requisition": "Requisition",
    },
    "list_state": LIST_STATES,
    "duty_mistake": {
        "table-empty": "The table is empty.",
        "table-unreadable": "The table breaks off or cannot be split into cells.",
        "column-unknown": "No column is called so, or it stands there twice. Columns:",
        "column-missing": "This column must be there.",
        "too-many-rows": "A list has at most so many rows.",
        "code-repeated": "Another row has this number already.",
        "cell-too-long": "A cell has at most so many characters.",
        "cell-empty": "Something must stand here.",
        "word-unknown": "This word is none of those that may stand here:",
        "number-wanted": "A small whole number is wanted.",
        "term-wanted": "A term is hours (24h) or working days (1wd).",
    },
    "rule_fate": {"added": "Added rule", "removed": "Removed rule", "changed": "Changed rule"},
    "duty_column": {
        "code": "No.",
        "act_type": "Act type",
        "matter": "Matter",
        "stage": "Stage",
        "scene": "Scene",
        "level": "What is asked for",
        "place": "Place of recording",
        "means": "Means of recording",
        "recorder": "Recorded by",
        "starts": "Begins with",
        "content": "Content",
        "ends": "Ends with",
        "announcement": "Told of the recording",
        "voice_statement": "Voice statement",
        "officers": "Number of officers",
        "scan": "Scan before",
        "deadline": "Handed in within",
        "retention": "Kept for",
        "legal_basis": "Legal basis",
    },
}
#: Fields whose values have words of their own.
CODED = {"act_type": "act_type", "stage": "stage", "scene": "scene", "level": "duty_level"}
