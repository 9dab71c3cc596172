"""JSON of the objects that an original consists of, of codes that are filmed in it,
and of the files beside it."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from pydantic import Field

from recorder.domain.continuation import Continuation
from recorder.store.original_objects import StoredObject
from recorder.web.shape import Shape


class ObjectShape(Shape):
    """One object of an original, pinned to its version, and how its last readings were."""

    n: int = Field(description="its place in the original, from 0")
    key: str
    version: str
    length: int
    lock_until: datetime
    agreed_at: datetime | None = Field(description="when it last read back as it was sealed")
    failed_at: datetime | None = Field(description="since when it did not, if it ever did not")
    failure: str | None
    failing: bool = Field(description="whether the last reading back did not agree")

    @classmethod
    def of(cls, stored: StoredObject) -> ObjectShape:
        return cls(
            n=stored.n,
            key=stored.key,
            version=stored.version,
            length=stored.length,
            lock_until=stored.lock_until,
            agreed_at=stored.agreed_at,
            failed_at=stored.failed_at,
            failure=stored.failure,
            failing=stored.failing,
        )


class ObjectsShape(Shape):
    """Objects in their order; `next` is the place to ask behind, null at the end."""

    items: tuple[ObjectShape, ...]
    next: int | None


class FilmedCodeShape(Shape):
    """A QR code that is seen at the beginning, read as a number or a scan."""

    text: str = Field(description="as it was read")
    media_ms: int = Field(description="where in the media it is first seen")


class PieceShape(Shape):
    """One file of a shift that a device cut into several."""

    recording: uuid.UUID
    name: str
    began_at: datetime
    ended_at: datetime
    missing_ms: int = Field(description="behind the file before; negative: they overlap")


class ContinuationShape(Shape):
    """The files around one without a break, in their order; empty where it stands alone."""

    items: tuple[PieceShape, ...]

    @classmethod
    def of(cls, found: Continuation | None) -> ContinuationShape:
        if found is None:
            return cls(items=())
        return cls(
            items=tuple(
                PieceShape(
                    recording=piece.recording,
                    name=piece.name,
                    began_at=piece.began_at,
                    ended_at=piece.ended_at,
                    missing_ms=missing // timedelta(milliseconds=1),
                )
                for piece, missing in zip(found.pieces, found.missing, strict=True)
            )
        )
