"""probe and examine: say what is in the original and how it can be shown.

The first is quick, so that a clip can be watched early; where it had to leave something out, the
second decodes it. Odd footage is an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from recorder.domain.events import CustodyEvent, MediaProbed
from recorder.domain.media import plan
from workers.context import StepContext


async def probe(context: StepContext) -> Sequence[CustodyEvent]:
    """MediaProbed by a quick look, whatever the file holds.

    Unavailable only when the store fails.
    """
    return await _look(context, quick=True)


async def examine(context: StepContext) -> Sequence[CustodyEvent]:
    """MediaProbed again, by a thorough look: it may find damage that the quick one missed."""
    return await _look(context, quick=False)


async def _look(context: StepContext, *, quick: bool) -> Sequence[CustodyEvent]:
    recording, objects, _ = await context.recording()
    async with context.source(objects) as source:
        facts = await context.media.probe(source, recording.original_name, quick=quick)
    versions = await context.media.versions()
    wanted = plan(facts)
    return [
        MediaProbed(
            subject=recording.id,
            agency=recording.agency,
            showable=wanted.showable.value,
            needs_proxy=wanted.needs_proxy,
            flags=facts.flags,
            tool="pyav",
            tool_version=versions.get("pyav", ""),
            media=facts.to_json(),
        )
    ]
