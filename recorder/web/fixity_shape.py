"""What a recording tells of the last readings of its original."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from recorder.services.review import RecordingView
from recorder.web.shape import Shape


class FixityShape(Shape):
    """When a sealed original was last read back, and whether it was what was sealed."""

    looked_at: datetime
    agreed_at: datetime = Field(description="the last time that it was what was sealed")
    failing: bool
    failed_at: datetime | None = Field(description="kept when a later look agrees again")
    failure: str | None = Field(description="digest, length, missing or unreadable")

    @classmethod
    def of(cls, view: RecordingView) -> FixityShape | None:
        """The worst of its objects; None before it is sealed."""
        stored = view.stored
        if stored is None or stored.looked_at is None or stored.first_agreed_at is None:
            return None
        # Those that failed come first, the worst of them before the others.
        worst = view.objects[0]
        return cls(
            looked_at=stored.looked_at,
            agreed_at=stored.first_agreed_at,
            failing=stored.failing > 0,
            failed_at=worst.failed_at,
            failure=worst.failure,
        )
