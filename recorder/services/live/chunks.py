"""put_chunk: slices of a browser's recorder take the steps of segments.

The chunks of a period, by number, are one file as its recorder wrote it. Nothing is cut out of
them or put between them; what can be shown of them while it runs are ranges of these very bytes
(docs/design/live-capture.md).
"""

from __future__ import annotations

from dataclasses import dataclass

from recorder import metrics
from recorder.adapters.objects import StoredObject
from recorder.domain import chunks, fragments, webm
from recorder.domain.events import LivestreamFileBegan
from recorder.domain.fragments import FragmentFacts
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import (
    LONGEST_SEGMENT_BYTES,
    Form,
    Livestream,
    PeriodCause,
    Segment,
    check_number,
    check_period,
)
from recorder.domain.people import Actor
from recorder.domain.webm import Walk
from recorder.errors import Conflict, Unprocessable
from recorder.runtime import Deps
from recorder.services.live import arriving, receiving
from recorder.services.live.opening import described
from recorder.services.live.receiving import Receipt, SegmentArrival
from recorder.store import livestream_chunks, livestream_segments
from recorder.store.change import Change
from recorder.store.connection import Connection
from recorder.store.livestream_chunks import FileBeginning

_MP4 = "video/mp4"


@dataclass(frozen=True, slots=True)
class Look:
    """What a chunk says of itself."""

    #: Where the file of its period begins, if in this chunk.
    found: FileBeginning | None = None
    facts: FragmentFacts = fragments.NOTHING
    #: Of WebM: how far the file has been followed with it.
    walk: Walk | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkArrival(SegmentArrival):
    """A chunk, as it came."""

    #: Why its period begins; said with each, since any of them may be the first to come.
    cause: PeriodCause = PeriodCause.UNKNOWN


async def put_chunk(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, arrival: ChunkArrival
) -> Receipt:
    """Take one chunk; durable and locked when this returns.

    As ``put_segment``, and no init segment is asked for: it stands inside the first chunk of each
    period. Raises what ``put_segment`` raises, Conflict ``livestream-form-differs`` for a
    livestream of segments, Unprocessable ``chunk-period-single`` for a second file of WebM.
    """
    check_period(arrival.period)
    receiving.check_body(arrival.body, LONGEST_SEGMENT_BYTES)
    livestream = await receiving.taking(deps, actor, livestream_id, None)
    _check_form(livestream, arrival.period)
    check_number(arrival.number, livestream.highest_number)
    await described(deps, livestream)
    async with deps.database.acquire() as connection:
        begun = await livestream_chunks.beginning(connection, livestream.id, arrival.period)
    look = look_at(livestream, arrival.number, arrival.body, begun)
    with metrics.timed(metrics.SEGMENT_SECONDS):
        segment = await receiving.claimed(deps, livestream, arrival, arrival.number, look.facts)
        if segment.state != "intended":
            return Receipt(segment, fresh=False)
        media_type = livestream.media_type or _MP4
        stored = await arriving.stored(deps, segment, arrival.body, media_type)

        async def count(
            change: Change, livestream: Livestream, segment: Segment, stored: StoredObject
        ) -> None:
            await begin(change, livestream, segment, arrival.cause, look)
            await arriving.chain(change, livestream, segment, stored)

        return receiving.counted(await arriving.counted(deps, actor, segment, stored, None, count))


def _check_form(livestream: Livestream, period: int) -> None:
    if livestream.form is not Form.CHUNKED:
        raise Conflict("livestream-form-differs", "This livestream is delivered in segments.")
    if livestream.media_type != _MP4 and period > 1:
        # Two such files behind each other are none that any player reads to its end.
        raise Unprocessable(
            "chunk-period-single", "A livestream of this type is one file; open another one."
        )


def look_at(livestream: Livestream, number: int, body: bytes, begun: FileBeginning | None) -> Look:
    """Where the file begins, if in this chunk; and what the chunk says of its own time."""
    if livestream.media_type != _MP4:
        return _look_at_webm(number, body, begun)
    shape = chunks.read_shape(body)
    found = None
    if shape.init_length:
        tracks = fragments.read_init(body[: shape.init_length])
        found = FileBeginning(tracks, number, shape.init_length)
    known = found or begun
    if not shape.whole or known is None:
        return Look(found)
    return Look(found, fragments.read_fragment(body, known.tracks))


def _look_at_webm(number: int, body: bytes, begun: FileBeginning | None) -> Look:
    found = None
    if begun is not None and begun.walk is not None:
        if number <= begun.walk.number:
            return Look()
        walk, span = webm.follow(begun.walk, number, body)
    else:
        header = webm.read_header(body)
        if header is None:
            return Look()
        found = FileBeginning(header.tracks, number, header.length)
        begins, span = webm.slice_of_beginning(header, number, body)
        if begins is None:
            return Look(found)
        walk = begins
    if span is None:
        return Look(found, fragments.NOTHING, walk)
    lasts = span.ends_ms - span.begins_ms
    return Look(found, FragmentFacts(span.begins_ms * 1000, lasts * 1000, span.keyframe), walk)


async def begin(
    change: Change,
    livestream: Livestream,
    segment: Segment,
    cause: PeriodCause,
    look: Look,
) -> None:
    """Write the period, if this is its first chunk to come, and where its file begins."""
    if segment.period == 1:
        cause = PeriodCause.START
    elif cause is PeriodCause.START:
        cause = PeriodCause.UNKNOWN
    if await livestream_chunks.beginning(change.connection, livestream.id, segment.period) is None:
        await livestream_segments.insert_period(
            change, livestream.id, segment.period, cause, (), segment.arrived_at
        )
        change.record(
            LivestreamFileBegan(
                subject=livestream.id,
                agency=livestream.agency,
                period=segment.period,
                cause=cause.value,
                number=segment.number,
                media_type=livestream.media_type or _MP4,
            )
        )
    if look.found is not None:
        await livestream_chunks.note_beginning(change, livestream.id, segment.period, look.found)
    if look.walk is not None:
        await livestream_chunks.note_walk(change, livestream.id, segment.period, look.walk)


async def shown_range(
    connection: Connection, livestream: Livestream, number: int
) -> tuple[int, int, int | None]:
    """Which chunk, behind how many bytes, how many (None: to its end) are shown under a number.

    The init segment of a period stands in its first chunk, before the first pictures.
    """
    found = await livestream_segments.stored(connection, livestream.id, number)
    period = -number if number < 0 else (found.period if found else 0)
    begins = await livestream_chunks.beginning(connection, livestream.id, period)
    if begins is None or begins.number is None:
        return number, 0, None
    if number < 0:
        return begins.number, 0, begins.length
    return number, (begins.length or 0) if number == begins.number else 0, None
