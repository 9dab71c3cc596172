"""Files of one device that follow each other: one shift, cut into segments by the device (R23).

A view and nothing else: each file stays a recording of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.ids import RecordingId

#: Devices lose less than a second where they begin another file; some write whole seconds.
SLACK = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of a device, as its clock tells it."""

    recording: RecordingId
    name: str
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Continuation:
    """Files that follow each other without a break, and by how much each misses the one before."""

    pieces: tuple[Piece, ...]

    @property
    def began_at(self) -> datetime:
        return self.pieces[0].began_at

    @property
    def ended_at(self) -> datetime:
        return max(piece.ended_at for piece in self.pieces)

    @property
    def missing(self) -> tuple[timedelta, ...]:
        """Before each piece, negative where two overlap; nothing before the first."""
        return (
            timedelta(),
            *(b.began_at - a.ended_at for a, b in zip(self.pieces, self.pieces[1:], strict=False)),
        )


def continuation_of(pieces: Iterable[Piece], wanted: RecordingId) -> Continuation | None:
    """The files around one, from break to break; None where it stands alone.

    One that lies wholly within another (a copy, a photograph) neither breaks a shift nor joins it.
    """
    chain: list[Piece] = []
    for piece in sorted(pieces, key=lambda each: (each.began_at, each.ended_at, each.recording)):
        if chain and piece.ended_at <= chain[-1].ended_at:
            continue
        if chain and not -SLACK <= piece.began_at - chain[-1].ended_at <= SLACK:
            if any(each.recording == wanted for each in chain):
                break
            chain = []
        chain.append(piece)
    found = any(each.recording == wanted for each in chain)
    return Continuation(tuple(chain)) if found and len(chain) > 1 else None
