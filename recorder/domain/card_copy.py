"""The rule by which a device's own file is known as the card copy of its livestream.

Both come from one device, so its clock is the natural measure; but clocks are set between a
livestream and the dock. Each side is therefore put on our clock first: by the offset that was
measured when it was opened, or, for a livestream whose segments name no time, by their arrival.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.ids import RecordingId

#: Of the shorter one, so much must lie in the other for a match without a person.
SURE_PERMILLE = 800
#: Less than this is a coincidence of two recordings that follow each other.
LEAST = timedelta(seconds=5)
#: What a clock of which no offset is known may be off without the pair being missed.
SLACK = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Side:
    """When one of the two was recorded, as its clock said."""

    recording: RecordingId
    begins_at: datetime
    ends_at: datetime
    #: Device minus ours; zero for times of our own clock, None where it was never measured.
    offset_ms: int | None

    @property
    def length(self) -> timedelta:
        return self.ends_at - self.begins_at

    @property
    def ours(self) -> tuple[datetime, datetime]:
        """Beginning and end on our clock; as said where no offset is known."""
        shift = timedelta(milliseconds=self.offset_ms or 0)
        return self.begins_at - shift, self.ends_at - shift


@dataclass(frozen=True, slots=True)
class Overlap:
    """How well a card copy fits a livestream."""

    live: RecordingId
    card: RecordingId
    overlap_ms: int
    #: Of the shorter one.
    share_permille: int
    #: How much further ahead the device's clock was for the card copy; None where unknown.
    clock_shift_ms: int | None
    sure: bool


def overlap(live: Side, card: Side) -> Overlap | None:
    """How the two fit; None where they are no pair.

    Sure when both offsets are known and 80 % of the shorter one lie in the other. Where an offset
    is missing, times are compared as said with a quarter of an hour to spare, and never sure.
    """
    known = live.offset_ms is not None and card.offset_ms is not None
    shorter = min(live.length, card.length)
    if shorter <= timedelta(0):
        return None
    common = _common(live.ours, card.ours)
    if common < min(LEAST, shorter) and (
        known or _common(live.ours, (card.ours[0] - SLACK, card.ours[1] + SLACK)) < LEAST
    ):
        return None
    common = max(common, timedelta(0))
    share = min(1000, int(1000 * (common / shorter)))
    shift = None
    if live.offset_ms is not None and card.offset_ms is not None:
        shift = card.offset_ms - live.offset_ms
    return Overlap(
        live.recording,
        card.recording,
        int(common / timedelta(milliseconds=1)),
        share,
        shift,
        known and share >= SURE_PERMILLE,
    )


def pairs(lives: Sequence[Side], cards: Sequence[Side]) -> list[Overlap]:
    """Every pair that fits, those among them sure that nothing contradicts.

    A card copy of two livestreams is no contradiction, an officer may go live twice; two
    livestreams of one device at one time are: a person has to say which of them it was.
    """
    found = []
    for card in cards:
        fitting = [(live, fit) for live in lives if (fit := overlap(live, card))]
        for live, fit in fitting:
            rival = any(
                other is not live and _common(other.ours, live.ours) > LEAST for other, _ in fitting
            )
            found.append(Overlap(fit.live, fit.card, fit.overlap_ms, fit.share_permille,
                                 fit.clock_shift_ms, fit.sure and not rival))  # fmt: skip
    return found


def _common(one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> timedelta:
    return min(one[1], other[1]) - max(one[0], other[0])
