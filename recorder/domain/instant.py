"""Points in time as they arrive and as they are written down.

Devices and docks often send wall-clock times without a zone. They are read as China time and
said to be assumed, never silently corrected (R21, R47). This module knows no clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from recorder.errors import InvalidInput

#: China has one zone and no summer time since 1991.
CHINA = timezone(timedelta(hours=8))
#: What lies outside is no moment that an act or a camera can have, and arithmetic has ends.
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

# RFC 3339, section 5.6, with the zone made optional and the space of its note allowed for "T".
_RFC3339 = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,18}))?"
    r"(?:([Zz])|([+-])(\d{2}):(\d{2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment, together with the words in which it was given."""

    #: The moment in UTC, cut (not rounded) to microseconds.
    at: datetime
    #: The text exactly as it arrived.
    text: str
    #: True when the text named no zone, so that +08:00 was taken.
    assumed_zone: bool

    @classmethod
    def parse(cls, text: str) -> Instant:
        """Read an RFC 3339 time; without a zone +08:00 is meant and recorded as assumed.

        Raises InvalidInput ``time-malformed`` for anything else, impossible dates, leap seconds
        (no recorder writes them and no database column holds them) and moments outside the years
        1 to 9999 in UTC.
        """
        match = _RFC3339.fullmatch(text)
        if match is None:
            raise _malformed(text)
        *fields, fraction, utc, sign, hours, minutes = match.groups()
        microsecond = int((fraction or "").ljust(6, "0")[:6])
        try:
            if sign is not None:
                offset = _offset(sign, int(hours), int(minutes))
            else:
                offset = UTC if utc is not None else CHINA
            year, month, day, hour, minute, second = (int(field) for field in fields)
            local = datetime(year, month, day, hour, minute, second, microsecond, tzinfo=offset)
            at = local.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise _malformed(text) from error
        return cls(at=at, text=text, assumed_zone=utc is None and sign is None)


def is_plausible(moment: datetime) -> bool:
    """Whether an act or a recording can have happened then: from 1900 on and before 2200."""
    return _EARLIEST <= moment < _LATEST


def format_utc(moment: datetime) -> str:
    """Write a moment in the one form used in canonical bytes: ``2026-03-05T08:15:30.123456Z``.

    Always UTC, always six digits of microseconds, so that equal moments have equal text and text
    order is time order. Raises InvalidInput ``time-malformed`` for a time without a zone.
    """
    if moment.utcoffset() is None:
        raise InvalidInput("time-malformed", "A time without a zone cannot be written as UTC.")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _offset(sign: str, hours: int, minutes: int) -> timezone:
    if hours > 23 or minutes > 59:
        raise ValueError("offset out of range")
    distance = timedelta(hours=hours, minutes=minutes)
    return timezone(-distance if sign == "-" else distance)


def _malformed(text: str) -> InvalidInput:
    return InvalidInput(
        "time-malformed",
        f"Not a time as RFC 3339 writes it, such as 2026-03-05T08:15:30+08:00: {text[:60]!r}.",
    )
