"""What became of many links at once."""

from __future__ import annotations

import uuid

from recorder.services.casework import LinkOutcome
from recorder.web.shapes import LinkShape, Shape


class LinkOutcomeShape(Shape):
    """What became of one of many links: the link, or why there is none."""

    recording: uuid.UUID
    link: LinkShape | None
    code: str | None
    detail: str | None

    @classmethod
    def of(cls, outcome: LinkOutcome) -> LinkOutcomeShape:
        return cls(
            recording=outcome.recording,
            link=LinkShape.of(outcome.link) if outcome.link else None,
            code=outcome.error.code if outcome.error else None,
            detail=outcome.error.detail if outcome.error else None,
        )


class LinkOutcomesShape(Shape):
    """One outcome for each line that was sent, in its order."""

    items: tuple[LinkOutcomeShape, ...]
