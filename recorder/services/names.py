"""Names, reasons and other words as people type them, in the form that is kept."""

from __future__ import annotations

import ipaddress
import unicodedata

from recorder.errors import InvalidInput

LONGEST_NAME = 100
LONGEST_REASON = 1000


def fold_login(text: str) -> str:
    """One form for all spellings of a login (NFKC, case folded), whatever was typed."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return visible(folded)[:LONGEST_NAME]


def checked(text: str, what: str) -> str:
    """The name without blanks around it; InvalidInput ``name-invalid`` if that is none.

    Control characters and halves of characters are refused, since names stand in logs, lists and
    file names that people read.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(name) <= LONGEST_NAME or name != visible(name):
        raise InvalidInput(
            "name-invalid",
            f"The {what} has 1 to {LONGEST_NAME} characters, all of them visible.",
            what=what,
        )
    return name


def place_of(address: str) -> str:
    """What counts as one address: IPv6 by its /64, since whoever has one has all of it."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return visible(address)[:LONGEST_NAME]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((found, 64), strict=False))
    return str(found)


def reason(given: str | None) -> str | None:
    """The reason without blanks around it; an empty one is none."""
    return bounded(given, LONGEST_REASON, "reason")


def needed_reason(given: str | None) -> str:
    """A reason that must be there; InvalidInput ``reason-missing``."""
    text = reason(given)
    if text is None:
        raise InvalidInput("reason-missing", "Say the reason; it stays with the history.")
    return text


def bounded(given: str | None, longest: int, what: str) -> str | None:
    """Free text that a database can hold, without blanks around it; an empty one is none."""
    text = "".join(" " if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in given or "")
    text = text.strip()
    if len(text) > longest:
        raise InvalidInput(
            f"{what}-too-long", f"The {what} has at most {longest} characters.", limit=longest
        )
    return text or None


def visible(text: str) -> str:
    """The text without what nobody sees and no database holds, nor blanks around it."""
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs")).strip()
