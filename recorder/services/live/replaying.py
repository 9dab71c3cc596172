"""The recording that a livestream became: whether its own segments are played, and their times."""

from __future__ import annotations

from dataclasses import dataclass

from recorder.domain.gap_reason import GapReason
from recorder.domain.livestream import Livestream
from recorder.domain.people import Actor
from recorder.domain.recorded_stream import RecordedStream
from recorder.domain.recording import Recording
from recorder.runtime import Deps
from recorder.store import (
    gap_reasons,
    livestream_chunks,
    livestream_segments,
    recordings,
    sealed_segments,
)
from recorder.store.connection import Connection

#: H.264, which every browser shows, and H.265, which is converted for those that do not.
_SHOWN = ("avc1.", "hvc1", "hev1")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a livestream that is over."""

    recording: Recording
    stream: RecordedStream
    #: What officers said of its gaps, in that order.
    reasons: tuple[GapReason, ...]


async def is_streamed(connection: Connection, recording: Recording, *, is_converted: bool) -> bool:
    """Whether it is played from the segments of its livestream, and no copy is made for viewing.

    So it is where every browser shows its pictures, whatever a prober says of the periods joined;
    and, if this service converts segments for browsers that cannot (``is_converted``), where H.265
    has several periods, of which a copy of the joined file would show the first. Several files of
    a browser behind each other are shown right in no other way, whatever is in them. What came
    after the closing is played with the init segments of the recording before it.
    """
    if recording.livestream is None:
        return False
    if await livestream_chunks.several_files(connection, recording.livestream):
        return recording.continues is None
    codecs = await livestream_segments.codecs_of(connection, recording.livestream)
    pictures = {codec for codec in codecs if not codec.startswith("mp4a")}
    if not pictures or not all(codec.startswith(_SHOWN) for codec in pictures):
        return False
    if not all(codec.startswith("avc1.") for codec in pictures):
        periods = await livestream_segments.highest_period(connection, recording.livestream)
        if periods == 1 or not is_converted:
            return False
    return await livestream_chunks.shown_whole(connection, recording.livestream)


async def recorded_stream(connection: Connection, recording: Recording) -> RecordedStream | None:
    """Its periods and gaps; None for a recording that was no livestream."""
    if recording.livestream is None:
        return None
    periods = await sealed_segments.periods_of(connection, recording.livestream, recording.id)
    gaps = await livestream_segments.gaps_of(connection, recording.id)
    return RecordedStream(tuple(periods), tuple(gaps))


async def outcome(deps: Deps, actor: Actor, livestream: Livestream) -> Outcome | None:
    """The recording of its closing; None while it runs, when nothing came, or out of scope."""
    if livestream.recording is None:
        return None
    async with deps.database.acquire() as connection:
        recording = await recordings.find(connection, livestream.recording, actor.scope)
        stream = await recorded_stream(connection, recording) if recording else None
        reasons = await gap_reasons.of_recordings(connection, [livestream.recording])
    return Outcome(recording, stream, tuple(reasons)) if recording and stream else None
