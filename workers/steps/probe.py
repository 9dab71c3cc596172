"""probe and examine: say what is in the original and how it can be shown.

The first is quick, so that a clip can be watched early; where it had to leave something out, the
second decodes it. Odd footage is an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from recorder.domain.events import CustodyEvent, MediaProbed
from recorder.domain.media import MediaFacts, joined, plan
from recorder.domain.recording import OriginalObject, Recording
from recorder.services import live
from recorder.store import sealed_segments
from workers.context import StepContext

#: Of a livestream that broke off again and again, so many periods are read at first, and later.
MOST_PERIODS_AT_A_GLANCE = 20
MOST_PERIODS = 500


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
    facts = await _facts_by_period(context, recording, objects, quick=quick)
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


async def _facts_of(
    context: StepContext, recording: Recording, objects: list[OriginalObject], *, quick: bool
) -> MediaFacts:
    async with context.source(objects) as source:
        return await context.media.probe(source, recording.original_name, quick=quick)


async def _facts_by_period(
    context: StepContext, recording: Recording, objects: list[OriginalObject], *, quick: bool
) -> MediaFacts:
    """What the periods of a livestream hold, each read for itself: joined, only one is read right.

    Where it is not played from its segments, what matters is what a tool makes of the joined file.
    """
    if recording.livestream is None:
        return await _facts_of(context, recording, objects, quick=quick)
    async with context.deps.database.acquire() as connection:
        streamed = await live.is_streamed(
            connection, recording, is_converted=context.deps.config.live_proxies > 0
        )
        stream = await live.recorded_stream(connection, recording)
        places = await sealed_segments.objects_by_period(connection, recording.id)
        # What came after the closing has no init segments of its own.
        inits = await sealed_segments.inits_before(connection, recording.livestream, recording.id)
    if not streamed or stream is None or not places:
        return await _facts_of(context, recording, objects, quick=quick)
    numbers = [number for number in places if number in {each.number for each in stream.periods}]
    looked_at = numbers[: MOST_PERIODS_AT_A_GLANCE if quick else MOST_PERIODS]
    found = []
    for number in looked_at:
        own = [*inits.get(number, ()), *places[number]]
        found.append(await _facts_of(context, recording, own, quick=quick))
    if not found:
        return await _facts_of(context, recording, objects, quick=quick)
    facts = replace(joined(found, stream.media_ms), streamed=True)
    if len(looked_at) < len(numbers):
        note = f"{len(looked_at)} of {len(numbers)} periods were looked at."
        facts = replace(facts, note=facts.note or note, first_look=quick)
    return facts
