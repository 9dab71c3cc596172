"""What a recording tells of the last readings of its original."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from recorder.services.fixity import SealedObject
from recorder.web.shape import Shape


class FixityShape(Shape):
    """When a sealed original was last read back, and whether it was what was sealed."""

    looked_at: datetime
    agreed_at: datetime = Field(description="the last time that it was what was sealed")
    failing: bool
    failed_at: datetime | None = Field(description="kept when a later look agrees again")
    failure: str | None = Field(description="digest, length, missing or unreadable")

    @classmethod
    def of(cls, looks: Sequence[SealedObject]) -> FixityShape | None:
        """The worst of its objects; None before it is sealed."""
        if not looks:
            return None
        worst = max(looks, key=lambda look: (look.failing, look.failed_at is not None))
        return cls(
            looked_at=min(look.looked_at for look in looks),
            agreed_at=min(look.agreed_at for look in looks),
            failing=worst.failing,
            failed_at=worst.failed_at,
            failure=worst.failure,
        )
