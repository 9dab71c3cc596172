"""Cells of imported tables: what people write for days, moments, codes and words of a list.

Everything arrives as text or as a value of a spreadsheet; codes are text, and a number that a
spreadsheet has rounded is refused rather than guessed. Failures are CellError with a stable code.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime

from recorder.domain.instant import CHINA

#: What a reader of a table may give for one cell.
Raw = str | int | float | bool | datetime | date | None

LONGEST_TEXT = 500
#: Beyond this a spreadsheet's number has lost digits.
_EXACT = 10**15
_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?:\s*日)?")
_PACKED_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")
_CLOCK = re.compile(
    r"(?:[T ]\s*|(?<=日)\s*)(\d{1,2})[:：时点](\d{1,2})(?:[:：分](\d{2})(?:\.\d+)?)?[分秒]?"
)
_ZONE = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")
#: Control characters, and halves of characters.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: What a formula of a spreadsheet leaves behind that came to nothing.
_FAILED = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!"})
#: Words for an open end.
_OPEN = frozenset({"", "长期", "永久", "无", "-", "至今", "open"})


class CellError(ValueError):
    """Why a cell cannot be taken: a stable code and a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


def text(raw: Raw, longest: int = LONGEST_TEXT) -> str:
    """The cell as text without blanks around it; empty where there is nothing.

    Raises CellError ``cell-formula``, ``cell-number``, ``cell-characters`` or ``cell-too-long``.
    """
    match raw:
        case None:
            return ""
        case bool():
            return "1" if raw else "0"
        case int():
            return _whole(raw)
        case float():
            if not raw.is_integer():
                raise CellError("cell-number", "A code is text; this is a number with a fraction.")
            return _whole(int(raw))
        case datetime():
            return raw.strftime("%Y-%m-%d %H:%M:%S")
        case date():
            return raw.isoformat()
        case str():
            pass
    found = raw.strip() if raw.isascii() else unicodedata.normalize("NFC", raw).strip()
    if found.startswith("=") or found in _FAILED:
        raise CellError("cell-formula", "A formula is never computed; put its value here.")
    if _UNSEEN.search(found):
        raise CellError("cell-characters", "It holds characters that nobody sees.")
    if len(found) > longest:
        raise CellError("cell-too-long", f"It has more than {longest} characters.")
    return found


def _whole(number: int) -> str:
    if abs(number) >= _EXACT:
        raise CellError(
            "cell-number", "The spreadsheet has rounded this number; format the column as text."
        )
    return str(number)


def day(raw: Raw) -> date | None:
    """A day, or None where the cell is empty or says that it is open. Raises ``cell-day``."""
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    written = text(raw)
    if written.casefold() in _OPEN:
        return None
    head, _, tail = written.partition(" ")
    if tail and set(tail) <= set("0: "):
        written = head
    found = _DAY.fullmatch(written) or _PACKED_DAY.fullmatch(written)
    if found is None:
        raise CellError("cell-day", "A day is written like 2026-01-05 or 2026/1/5.")
    return _date(found)


def _date(found: re.Match[str]) -> date:
    try:
        return date(*(int(part) for part in found.groups()[:3]))
    except ValueError as error:
        raise CellError("cell-day", "There is no such day.") from error


def moment(raw: Raw) -> datetime | None:
    """A moment, of China's time where no zone is said; None of an empty cell. ``cell-moment``."""
    if isinstance(raw, datetime):
        return raw if raw.tzinfo else raw.replace(tzinfo=CHINA)
    written = text(raw)
    if not written:
        return None
    zone = _ZONE.search(written)
    plain = written[: zone.start()].strip() if zone else written
    found = _DAY.match(plain)
    clock = _CLOCK.fullmatch(plain, found.end()) if found else None
    if found is None or clock is None:
        raise CellError("cell-moment", "A moment is written like 2026-01-05 08:30.")
    hours, minutes, seconds = (int(part or 0) for part in clock.groups())
    suffix = zone[1].replace("Z", "+00:00") if zone else "+08:00"
    try:
        return datetime.fromisoformat(
            f"{_date(found).isoformat()}T{hours:02}:{minutes:02}:{seconds:02}{suffix}"
        )
    except ValueError as error:
        raise CellError("cell-moment", "There is no such moment.") from error


def choice(raw: Raw, words: Mapping[str, str]) -> str:
    """The word that the cell stands for; empty of an empty cell. Raises ``cell-choice``."""
    written = text(raw)
    if not written:
        return ""
    found = words.get(written.casefold())
    if found is None:
        known = ", ".join(dict.fromkeys(words.values()))
        raise CellError("cell-choice", f"It is one of: {known}.")
    return found


def several(raw: Raw) -> tuple[str, ...]:
    """Codes between commas, semicolons or blanks, each once, in their order."""
    return tuple(dict.fromkeys(part for part in re.split(r"[,;，；、\s]+", text(raw)) if part))


def octets(raw: Raw) -> bytes | None:
    """Bytes written as hexadecimal digits; None of an empty cell. Raises ``cell-bytes``."""
    written = text(raw)
    try:
        return bytes.fromhex(written) if written else None
    except ValueError as error:
        raise CellError("cell-bytes", "Bytes are written as hexadecimal digits.") from error
