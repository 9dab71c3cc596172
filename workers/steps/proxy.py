"""proxy: a form that every browser plays, made only where the original is not one itself."""

from __future__ import annotations

from collections.abc import Sequence

from recorder.adapters.media_progress import Progress
from recorder.domain.events import CustodyEvent
from recorder.domain.media import plan
from recorder.errors import Unprocessable
from workers.context import StepContext
from workers.steps.renditions import facts_of, keep


async def proxy(context: StepContext) -> Sequence[CustodyEvent]:
    """RenditionMade of the profile ``proxy``; progress is shown while it is made.

    Where it does not succeed after a quick look only, a thorough one says how to try once more.
    """
    recording, objects, arrival = await context.recording()
    facts = facts_of(recording)
    started_at = context.deps.clock.now()

    async def show(progress: Progress) -> None:
        context.progress["percent"] = progress.percent
        context.progress["speed_percent"] = progress.speed_percent
        if progress.eta_s is not None:
            context.progress["left_s"] = progress.eta_s

    with context.folder() as folder:
        async with context.source(objects) as source:
            out = folder / "proxy.mp4"
            try:
                outcome = await context.media.proxy(source, facts, plan(facts), out, show)
            except Unprocessable:
                # Damage between the samples shows when the result is read back.
                if not facts.first_look:
                    raise
                facts = await context.media.probe(source, recording.original_name)
                if not plan(facts).needs_proxy:
                    raise
                outcome = await context.media.proxy(source, facts, plan(facts), out, show)
            return [await keep(context, recording, arrival, "proxy", outcome, started_at)]
