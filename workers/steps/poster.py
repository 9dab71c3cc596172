"""poster: one still picture that stands for the recording."""

from __future__ import annotations

from collections.abc import Sequence

from recorder.domain.events import CustodyEvent
from workers.context import StepContext
from workers.steps.renditions import facts_of, keep


async def poster(context: StepContext) -> Sequence[CustodyEvent]:
    """RenditionMade of the profile ``poster``."""
    recording, objects, arrival = await context.recording()
    started_at = context.deps.clock.now()
    with context.folder() as folder:
        async with context.source(objects) as source:
            outcome = await context.media.poster(source, facts_of(recording), folder / "poster.jpg")
            return [await keep(context, recording, arrival, "poster", outcome, started_at)]
