"""poster: one still picture that stands for the recording."""

from __future__ import annotations

from collections.abc import Sequence

from recorder.domain.events import CustodyEvent
from recorder.domain.recording import OriginalObject, Recording
from recorder.store import sealed_segments
from workers.context import StepContext
from workers.steps.renditions import facts_of, keep


async def poster(context: StepContext) -> Sequence[CustodyEvent]:
    """RenditionMade of the profile ``poster``."""
    recording, objects, arrival = await context.recording()
    started_at = context.deps.clock.now()
    with context.folder() as folder:
        async with context.source(await first_shown(context, recording, objects)) as source:
            outcome = await context.media.poster(source, facts_of(recording), folder / "poster.jpg")
            return [await keep(context, recording, arrival, "poster", outcome, started_at)]


async def first_shown(
    context: StepContext, recording: Recording, objects: list[OriginalObject]
) -> list[OriginalObject]:
    """The beginning as a tool can read it.

    Of what came after a closing the first period, with its init segment, which the recording before
    it holds; anything else as it is.
    """
    if recording.livestream is None or recording.continues is None:
        return objects
    async with context.deps.database.acquire() as connection:
        places = await sealed_segments.objects_by_period(connection, recording.id)
        inits = await sealed_segments.inits_before(connection, recording.livestream, recording.id)
    if not places:
        return objects
    first = min(places)
    return [*inits.get(first, ()), *places[first]]
