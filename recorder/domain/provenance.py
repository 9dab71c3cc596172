"""Where footage comes from that no device of ours brought, and with what footage was made."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, RecordingId
from recorder.errors import Unprocessable

#: ``recording.provenance`` of what a person brought without saying from where.
UNSAID = "unsaid"


class ProvenanceKind(enum.StrEnum):
    """From whom or what somebody has footage that he brings (R12, R25)."""

    #: Handed over by the party, who may film what officers do (GD 21).
    PARTY = "party"
    WITNESS = "witness"
    #: Taken over from video surveillance of others.
    SURVEILLANCE = "surveillance"
    #: Handed on by another organ.
    ORGAN = "organ"
    #: Copied by hand from a card or a device.
    CARD = "card"
    OTHER = "other"


#: Somebody handed it over: who, and when.
HANDED_OVER = frozenset(
    {
        ProvenanceKind.PARTY,
        ProvenanceKind.WITNESS,
        ProvenanceKind.SURVEILLANCE,
        ProvenanceKind.ORGAN,
    }
)


class ContentReview(enum.StrEnum):
    """What became of the review without which fixed monitoring is no evidence (行政处罚法 41)."""

    AWAITED = "awaited"
    #: True, clear, complete, accurate.
    PASSED = "passed"
    REFUSED = "refused"


class Camera(enum.StrEnum):
    """With what footage was made (R13: any camera counts, photographs and sound too)."""

    BODY = "body"
    VEHICLE = "vehicle"
    ROOM = "room"
    SURVEILLANCE = "surveillance"
    DRONE = "drone"
    PHONE = "phone"
    HAND = "hand"
    SOUND = "sound"
    OTHER = "other"


def review_of(camera: str | None, provenance: str | None, said: str | None) -> str | None:
    """Of fixed monitoring, by what its sender or people say: awaited, or what was said of it.

    None of all other footage, which needs no review.
    """
    if camera == Camera.SURVEILLANCE or provenance == ProvenanceKind.SURVEILLANCE:
        return said or ContentReview.AWAITED.value
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What somebody says of where a recording comes from; the newest word counts."""

    recording: RecordingId
    agency: AgencyId
    kind: ProvenanceKind
    #: Why it was brought by hand.
    reason: str | None
    #: Who handed it over, when, and the number of the receipt they got.
    provider: str | None
    handed_over_at: datetime | None
    receipt: str | None
    stated_at: datetime
    stated_by: str


def need_whole(
    kind: ProvenanceKind,
    *,
    reason: str | None,
    provider: str | None,
    handed_over_at: datetime | None,
    now: datetime,
) -> None:
    """Raise Unprocessable ``provenance-incomplete`` where something is missing or impossible."""
    if kind in HANDED_OVER and (not provider or handed_over_at is None):
        raise Unprocessable("provenance-incomplete", "Say who handed it over, and when.")
    if kind not in HANDED_OVER and not reason:
        raise Unprocessable("provenance-incomplete", "Say why it was brought by hand.")
    if handed_over_at is not None and handed_over_at > now:
        raise Unprocessable("provenance-incomplete", "Nothing is handed over in the future.")
