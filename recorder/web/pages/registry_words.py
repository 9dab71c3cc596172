"""What pages call kinds, effects and faults of registries and their imports."""

from __future__ import annotations

ORGANISATION_KINDS = {
    "city": "City",
    "district": "District",
    "street": "Street",
    "bureau": "Bureau",
    "branch": "Branch",
    "entrusted": "Entrusted body",
}
ACT_TYPES = {
    "penalty": "Penalty",
    "inspection": "Inspection",
    "coercion": "Coercion",
    "licence": "Licence",
    "levy": "Levy",
    "requisition": "Requisition",
}
REGISTRIES = {
    "organisations": "Organisations",
    "officers": "Officers",
    "devices": "Devices",
    "handovers": "Hand-overs",
    "rosters": "Rosters",
    "matters": "Powers",
    "subjects": "Subjects of enforcement",
    "entrustments": "Entrustments",
    "holidays": "Holidays",
}
FATES = {
    "added": "added",
    "changed": "changed",
    "ended": "ended",
    "unchanged": "as before",
}
#: Faults, and what is merely odd.
IMPORT_FAULTS = {
    "cell-missing": "There must be something here.",
    "cell-day": "A day is written like 2026-01-05 or 2026/1/5.",
    "cell-moment": "A moment is written like 2026-01-05 08:30.",
    "cell-choice": "None of the words that this column knows.",
    "cell-bytes": "Bytes are written as hexadecimal digits.",
    "cell-formula": "A formula is never computed; put its value here.",
    "cell-number": "The spreadsheet has rounded this number; format the column as text.",
    "cell-characters": "It holds characters that nobody sees.",
    "cell-too-long": "The text is too long.",
    "row-repeated": "Another line says something else of the same.",
    "term-reversed": "It would end before it begins.",
    "agency-unknown": "There is no such agency, or you do not see it.",
    "agency-foreign": "Its own people import this.",
    "tree-circle": "An organisation would stand above itself.",
    "officer-elsewhere": "An officer of another agency has this number.",
    "device-unknown": "There is no such device.",
    "handover-conflict": "Another officer is named for the same moment.",
    "shift-long": "A shift is not longer than seven days.",
    "handover-time": "A hand-over cannot be later than tomorrow.",
    "entrustment-own": "Nobody entrusts oneself.",
    "uscc-check": "The check digit of the credit code is wrong.",
    "region-form": "A region has 6, 9 or 12 digits.",
    "code-length": "Its length is not that of GA/T 947.",
    "gb28181-form": "An id by GB/T 28181 has 20 digits.",
}
SUBJECT_KINDS = {"statutory": "Statutory", "authorised": "Authorised"}
DAY_KINDS = {"holiday": "Day off", "workday": "Made-up working day"}
WEEKDAYS = {
    "1": "Monday",
    "2": "Tuesday",
    "3": "Wednesday",
    "4": "Thursday",
    "5": "Friday",
    "6": "Saturday",
    "7": "Sunday",
}
#: Columns of the history of a row.
FACTS = {
    "agency": "Agency",
    "name": "Name",
    "subject_kind": "Kind",
    "announced_at": "Announced on",
    "principal": "In the name of",
    "agent": "Done by",
    "matter": "Power",
    "document": "Document",
    "day": "Day",
    "day_kind": "Kind",
    "number": "Number",
    "user_number": "Device user number",
    "certificate": "Certificate",
    "code": "Code",
    "act_type": "Act type",
    "legal_basis": "Legal basis",
    "short_name": "Short name",
    "organisation_kind": "Kind",
    "parent": "Stands below",
    "uscc": "Credit code",
    "region": "Region",
    "predecessors": "Took the place of",
    "on_behalf_of": "In the name of",
}
WORDS = {
    "subject_kind": SUBJECT_KINDS,
    "day_kind": DAY_KINDS,
    "weekday": WEEKDAYS,
    "registry_fact": FACTS,
    "organisation_kind": ORGANISATION_KINDS,
    "registry_act_type": ACT_TYPES,
    "registry": REGISTRIES,
    "fate": FATES,
    "import_fault": IMPORT_FAULTS,
}
