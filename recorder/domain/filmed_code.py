"""What a QR code that was filmed may say: the number of a case or inspection, or a scan's id.

Anybody can hold a code before a camera, so nothing else is taken: no address, no sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from recorder.domain import case_number
from recorder.domain.case_number import CaseNumber
from recorder.errors import InvalidInput

#: As systems for scanning before inspections write their registrations: letters, digits, hyphens.
_SCAN_ID = re.compile(r"(?=(?:[A-Za-z-]*[0-9]){4})[A-Za-z0-9][A-Za-z0-9-]{6,62}[A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class FilmedCode:
    """A code as it was read, where in the media it is first seen, and the key it is found by."""

    text: str
    key: str
    media_ms: int


def keys_within(text: str) -> frozenset[str]:
    """The keys of what a roster names as a duty: numbers within the words, or one id of a scan."""
    keys = set(case_number.numbers_within(text))
    if _SCAN_ID.fullmatch(text):
        keys.add(CaseNumber.parse(text).key)
    return frozenset(keys)


def accept(text: str, media_ms: int) -> FilmedCode | None:
    """The code, if its whole text is one number with a year in brackets, or an id of a scan."""
    try:
        number = CaseNumber.parse(text)
    except InvalidInput:
        return None
    if not number.raw.isprintable() or number.raw != text:
        return None
    is_number = case_number.numbers_within(number.norm) == (number.key,)
    if not is_number and not _SCAN_ID.fullmatch(text):
        return None
    return FilmedCode(text, number.key, media_ms)
