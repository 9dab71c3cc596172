"""JSON of card copies beside live copies."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import Field

from recorder.services.card_copies import Compared, Copies, Facts
from recorder.web.shape import Shape


class SideShape(Shape):
    """One side of a pair."""

    recording: uuid.UUID
    length_ms: int | None
    bits_per_second: int | None
    width: int | None
    height: int | None
    clock_offset_ms: int | None = Field(description="device minus ours")

    @classmethod
    def of(cls, facts: Facts) -> SideShape:
        width, height = facts.resolution or (None, None)
        return cls(
            recording=facts.recording,
            length_ms=facts.length_ms,
            bits_per_second=facts.bits_per_second,
            width=width,
            height=height,
            clock_offset_ms=facts.clock_offset_ms,
        )


class PairShape(Shape):
    """A livestream's recording and the device's own file, with what differs between them."""

    state: str = Field(description="proposed, matched or rejected")
    origin: str = Field(description="rule or person")
    overlap_ms: int
    share_permille: int = Field(description="of the shorter one that lies in the other")
    clock_shift_ms: int | None = Field(description="card copy's clock offset minus the live one's")
    live: SideShape
    card: SideShape
    missing_ms: int = Field(description="of the livestream, by its gaps")
    longer_ms: int | None = Field(description="what the card copy is longer by")
    decided_at: datetime
    decided_by: str
    reason: str | None

    @classmethod
    def of(cls, compared: Compared) -> PairShape:
        pair = compared.pair
        return cls(
            state=pair.state,
            origin=pair.origin,
            overlap_ms=pair.overlap_ms,
            share_permille=pair.share_permille,
            clock_shift_ms=pair.clock_shift_ms,
            live=SideShape.of(compared.live),
            card=SideShape.of(compared.card),
            missing_ms=compared.missing_ms,
            longer_ms=compared.longer_ms,
            decided_at=pair.decided_at,
            decided_by=pair.decided_by,
            reason=pair.reason,
        )


class ReleaseShape(Shape):
    """What was last decided about letting the live copy's locks end."""

    released: bool
    at: datetime
    by: str
    reason: str


class CopiesShape(Shape):
    """The copies beside a recording."""

    items: tuple[PairShape, ...]
    preferred: uuid.UUID = Field(description="the recording to watch: the card copy, if it stands")
    release: ReleaseShape | None

    @classmethod
    def of(cls, copies: Copies) -> CopiesShape:
        let_go = copies.release
        return cls(
            items=tuple(map(PairShape.of, copies.pairs)),
            preferred=copies.preferred,
            release=ReleaseShape(
                released=let_go.released, at=let_go.at, by=let_go.by, reason=let_go.reason
            )
            if let_go
            else None,
        )
