"""What poster and proxy share: storing a result under its attempt's name, with its lineage."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from recorder.adapters.media import RenditionOutcome
from recorder.adapters.objects import Bucket
from recorder.domain.events import RenditionMade
from recorder.domain.ids import new_uuid
from recorder.domain.media import MediaFacts
from recorder.domain.recording import Recording
from recorder.errors import InternalError
from recorder.services import tasks
from workers.context import StepContext
from workers.steps.digests import DoubleDigest, absorb_file


def facts_of(recording: Recording) -> MediaFacts:
    """What the prober found; this step runs after it."""
    if recording.media is None:
        raise InternalError("not-probed", "A rendition was asked for before the original's probe.")
    return MediaFacts.from_json(recording.media)


async def keep(
    context: StepContext,
    recording: Recording,
    arrival_sha256: bytes,
    profile: str,
    outcome: RenditionOutcome,
    started_at: datetime,
) -> RenditionMade:
    """Write the result to the renditions bucket and say how it was made (R32).

    The name holds the attempt, so that two attempts never write one key; the row that adopts a
    rendition is unique. The name is in an intent before the bytes are anywhere: what nobody
    adopts is swept. Raises Conflict ``run-lost`` when another worker has the run.
    """
    digest = DoubleDigest()
    await absorb_file(outcome.path, [digest])
    suffix = Path(outcome.path).suffix
    key = f"{recording.id}/{profile}-{context.run.id}-{context.run.attempt}{suffix}"
    await tasks.intend_rendition(context.deps, context.run, key)
    stored = await context.deps.objects.put_file(
        Bucket.RENDITIONS,
        key,
        outcome.path,
        sha256=digest.sha256,
        media_type=outcome.media_type,
    )
    return RenditionMade(
        subject=recording.id,
        agency=recording.agency,
        rendition=new_uuid(),
        profile=profile,
        key=stored.key,
        version=stored.version,
        length=stored.length,
        media_type=outcome.media_type,
        sha256=digest.sha256.hex(),
        sm3=digest.sm3.hex(),
        parent_sha256=recording.sha256.hex() if recording.sha256 else None,
        parent_arrival_sha256=arrival_sha256.hex(),
        tool=outcome.tool,
        tool_version=outcome.version,
        arguments=outcome.arguments,
        worker=context.worker,
        started_at=started_at,
        finished_at=context.deps.clock.now(),
        width=outcome.width or None,
        height=outcome.height or None,
    )
