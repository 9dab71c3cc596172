"""What is planted, how often, and the label that says so.

A label is written by whoever plants the violation, from what was done and not from a rule.
"""

from __future__ import annotations

import enum
from datetime import date

from recorder.domain.case_event import EventKind
from recorder.simulation.calendar import Calendar
from recorder.simulation.dice import Dice

#: Kinds that the provincial measures want recorded from arrival to leaving (art. 14, 19).
WHOLE = frozenset({EventKind.SEIZURE, EventKind.DEMOLITION})
#: Kinds that must be recorded (art. 14).
MUST = WHOLE | {
    EventKind.ONSITE_INSPECTION,
    EventKind.EVIDENCE_TAKING,
    EventKind.HEARING,
    EventKind.SERVICE_BY_LEAVING,
    EventKind.SERVICE_BY_ANNOUNCEMENT,
}


class Planted(enum.StrEnum):
    """One thing that is wrong, or that looks wrong and is not."""

    MISSING_RECORDING = "missing_recording"
    UNEXPLAINED_GAP = "unexplained_gap"
    LATE_UPLOAD = "late_upload"
    ONE_OFFICER = "one_officer"
    EXPIRED_CERTIFICATE = "expired_certificate"
    TWO_PLACES = "two_places"
    SCAN_WITHOUT_RECORDING = "scan_without_recording"
    RECORDING_WITHOUT_SCAN = "recording_without_scan"
    DOCUMENT_MISMATCH = "document_mismatch"
    MISSING_ANNOUNCEMENT = "missing_announcement"
    WRONG_DEVICE_USER = "wrong_device_user"
    OFF_DUTY = "off_duty"
    LATE_START = "late_start"
    EARLY_END = "early_end"
    MISSING_STATEMENT = "missing_statement"
    #: The case system never tells when they left.
    LEAVING_UNTOLD = "leaving_untold"
    CLOCK_ERROR = "clock_error"
    #: As before, and nobody compared the clocks: the footage cannot be put in its place.
    CLOCK_UNKNOWN = "clock_unknown"
    # Not wrong.
    EXPLAINED_GAP = "explained_gap"
    EXEMPT = "exempt"


INNOCENT = frozenset({Planted.EXPLAINED_GAP, Planted.EXEMPT})

_OF_ANY = (
    (Planted.MISSING_RECORDING, 0.010),
    (Planted.LATE_UPLOAD, 0.008),
    (Planted.ONE_OFFICER, 0.006),
    (Planted.DOCUMENT_MISMATCH, 0.008),
    (Planted.MISSING_ANNOUNCEMENT, 0.010),
    (Planted.WRONG_DEVICE_USER, 0.008),
    (Planted.CLOCK_ERROR, 0.010),
    (Planted.CLOCK_UNKNOWN, 0.005),
    (Planted.EXEMPT, 0.003),
)
_OF_WHOLE = ((Planted.UNEXPLAINED_GAP, 0.10), (Planted.EXPLAINED_GAP, 0.06))
_OF_SCANNED = ((Planted.RECORDING_WITHOUT_SCAN, 0.010),)
#: The late shift begins after the first scene of the day and before the second one.
_OF_FIRST = ((Planted.OFF_DUTY, 0.012),)
#: Of any scene as well; behind all others, so that what was planted of these stays where it was.
_OF_ANY_TOO = (
    (Planted.LATE_START, 0.006),
    (Planted.EARLY_END, 0.006),
    (Planted.MISSING_STATEMENT, 0.006),
    (Planted.LEAVING_UNTOLD, 0.004),
)
#: They need somebody whom all teams of an agency share, so each team has days of its own for them.
_OF_OWN_DAY = (Planted.EXPIRED_CERTIFICATE, Planted.TWO_PLACES)
_SHARE_OF_OWN_DAY, _MOST_OF_OWN_DAY = 0.005, 0.15
#: Around holidays and make-up days footage is late more often.
_LATE_NEAR_HOLIDAY = 0.04


def choose(
    dice: Dice,
    kind: EventKind,
    day: date,
    calendar: Calendar,
    *,
    scanned: bool,
    own_day_of: int,
    is_first: bool,
) -> Planted | None:
    """What goes wrong in a scene that must be recorded; mostly nothing.

    ``own_day_of``: among how many teams the shared people go round, 0 on days of other teams.
    ``is_first``: it has the first place of the day.
    """
    throw = dice.between(0, 1)
    of_own_day = min(_MOST_OF_OWN_DAY, _SHARE_OF_OWN_DAY * own_day_of)
    table = [*_OF_ANY, *((one, of_own_day) for one in _OF_OWN_DAY)]
    table += _OF_WHOLE if kind in WHOLE else ()
    table += _OF_SCANNED if scanned else ()
    table += _OF_FIRST if is_first else ()
    table += _OF_ANY_TOO
    for planted, share in table:
        throw -= share
        if throw < 0:
            return planted if _can_be(planted, kind) else None
    if calendar.is_near_holiday(day) and dice.chance(_LATE_NEAR_HOLIDAY):
        return Planted.LATE_UPLOAD
    return None


def _can_be(planted: Planted, kind: EventKind) -> bool:
    """At a service by announcement nobody is there who could be told."""
    by_announcement = kind is EventKind.SERVICE_BY_ANNOUNCEMENT
    return not (by_announcement and planted is Planted.MISSING_ANNOUNCEMENT)
