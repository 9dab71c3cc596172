"""put_init and put_segment: where every way in ends, whatever the protocol (docs/design/live.md).

Steps for one segment, each safe to repeat: 1 digests, 2 the row that claims its key, 3 the
object, locked, 4 the row that makes it count, in one transaction with the livestream's counters
and state. A crash between steps leaves an object that a row claims; the sender comes again with
the same bytes and the same steps end it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from recorder import metrics
from recorder.adapters.digests import both_digests
from recorder.adapters.objects import Bucket, StoredObject
from recorder.domain import fragments
from recorder.domain.events import (
    LivestreamBegan,
    LivestreamPeriodBegan,
    LivestreamResumed,
    LivestreamSegmentConflicted,
)
from recorder.domain.fragments import FragmentFacts, Track
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import (
    LONGEST_INIT_BYTES,
    LONGEST_SEGMENT_BYTES,
    Form,
    Livestream,
    LivestreamState,
    PeriodCause,
    Segment,
    check_number,
    check_period,
    segment_key,
)
from recorder.domain.people import Actor
from recorder.errors import Conflict, InternalError, InvalidInput, TooLarge, Unprocessable
from recorder.runtime import Deps
from recorder.services import guard
from recorder.services.live.opening import deliverable, described, lock_end
from recorder.store import livestream_segments, livestreams
from recorder.store.change import Change

MEDIA_TYPE = "video/mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitArrival:
    """The init segment of a period, as it came."""

    period: int
    body: bytes
    #: Why the period begins; the first one of a livestream always has START.
    cause: PeriodCause = PeriodCause.UNKNOWN
    #: What the sender says the body's SHA-256 is.
    declared_sha256: bytes | None = None
    #: When it came, if not just now (from a spool).
    arrived_at: datetime | None = None
    #: The lease under which it was received; None for what is pushed.
    fence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentArrival:
    """A media segment, as it came."""

    period: int
    #: From 1 on, over all periods of the livestream.
    number: int
    body: bytes
    declared_sha256: bytes | None = None
    #: The device's or the stream's clock at the first frame, if it says one.
    device_at: datetime | None = None
    arrived_at: datetime | None = None
    fence: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an arrival."""

    segment: Segment
    #: False when these very bytes were there already.
    fresh: bool

    @property
    def conflicting(self) -> bool:
        """Whether another body has this number; this one is kept beside it."""
        return self.segment.state == "conflicting"


async def put_init(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, arrival: InitArrival
) -> Receipt:
    """Begin a period with its init segment; durable, locked and told when this returns.

    Idempotent by period and digest; another body for the same period is kept, flagged and told,
    and counts for nothing: a new description of the tracks is a new period. Raises what
    ``put_segment`` raises.
    """
    check_period(arrival.period)
    check_body(arrival.body, LONGEST_INIT_BYTES)
    livestream = await taking(deps, actor, livestream_id, arrival.fence)
    _refuse_chunked(livestream)
    await described(deps, livestream)
    tracks = fragments.read_init(arrival.body)
    segment = await claimed(deps, livestream, arrival, -arrival.period, fragments.NOTHING)
    if segment.state != "intended":
        return Receipt(segment, fresh=False)
    stored = await store_body(deps, segment, arrival.body)
    cause = PeriodCause.START if arrival.period == 1 else arrival.cause
    if cause is PeriodCause.START and arrival.period > 1:
        cause = PeriodCause.UNKNOWN
    async with deps.change(actor, told_later=True) as change:
        state = await adopt(deps, change, livestream, segment, stored, arrival.fence)
        if state == "stored":
            await _begin_period(change, livestream, segment, stored, cause, tracks)
    return await receipt_of(deps, segment)


async def put_segment(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, arrival: SegmentArrival
) -> Receipt:
    """Take one media segment; durable, locked and listed when this returns.

    Idempotent by number and digest, from any process, in any order within SEGMENT_WINDOW. A
    second body for a number is kept beside the first, flagged and told, and counts for nothing.
    What comes after the closing is kept as well, for a supplementary recording.

    Raises Conflict ``period-not-begun`` before the init segment, ``livestream-taken-over`` under
    an old fence; Unprocessable ``segment-digest-mismatch``, ``segment-number-…``; TooLarge
    ``segment-too-large``; NotFound; Unavailable and StorageFull when it should come again.
    """
    check_period(arrival.period)
    check_body(arrival.body, LONGEST_SEGMENT_BYTES)
    livestream = await taking(deps, actor, livestream_id, arrival.fence)
    _refuse_chunked(livestream)
    check_number(arrival.number, livestream.highest_number)
    async with deps.database.acquire() as connection:
        tracks = await livestream_segments.tracks_of(connection, livestream.id, arrival.period)
    if tracks is None:
        raise Conflict(
            "period-not-begun",
            "Send the init segment of this period first.",
            period=arrival.period,
        )
    facts = fragments.read_fragment(arrival.body, tracks)
    with metrics.timed(metrics.SEGMENT_SECONDS):
        segment = await claimed(deps, livestream, arrival, arrival.number, facts)
        if segment.state != "intended":
            return Receipt(segment, fresh=False)
        stored = await store_body(deps, segment, arrival.body)
        async with deps.change(actor, told_later=True) as change:
            state = await adopt(deps, change, livestream, segment, stored, arrival.fence)
            if state == "stored":
                await livestream_segments.chain_successor(change, segment)
    return await receipt_of(deps, segment)


def check_body(body: bytes, longest: int) -> None:
    if not body:
        raise InvalidInput("segment-empty", "A segment has at least one byte.")
    if len(body) > longest:
        raise TooLarge("segment-too-large", f"It may have {longest} bytes at most.", limit=longest)


async def taking(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, fence: int | None
) -> Livestream:
    """The livestream, if this actor may deliver it under this fence."""
    await guard.require_whole(deps)
    livestream = await deliverable(deps, actor, livestream_id)
    _check_fence(livestream, fence)
    return livestream


def _refuse_chunked(livestream: Livestream) -> None:
    if livestream.form is Form.CHUNKED:
        raise Conflict("livestream-form-differs", "This livestream is delivered in chunks.")


def _check_fence(livestream: Livestream, fence: int | None) -> None:
    if livestream.form is Form.RECEIVED and fence != livestream.fence:
        raise Conflict("livestream-taken-over", "Another process receives this livestream now.")


async def claimed(
    deps: Deps,
    livestream: Livestream,
    arrival: InitArrival | SegmentArrival,
    number: int,
    facts: FragmentFacts,
) -> Segment:
    """The row that claims the key of these bytes: a fresh one, or that of an earlier try."""
    sha256, sm3 = await both_digests(arrival.body)
    if arrival.declared_sha256 not in (None, sha256):
        raise Unprocessable(
            "segment-digest-mismatch",
            "The body is not what Content-Digest says; nothing of it is kept, send it again.",
        )
    arrived = arrival.arrived_at or deps.clock.now()
    segment = Segment(
        livestream=livestream.id,
        number=number,
        period=arrival.period,
        state="intended",
        key=segment_key(livestream.key_prefix, arrival.period, number, arrived, sha256),
        version=None,
        length=len(arrival.body),
        sha256=sha256,
        sm3=sm3,
        lock_until=lock_end(deps),
        previous_sha256=None,
        media_time_us=facts.media_time_us,
        duration_us=facts.duration_us,
        device_at=arrival.device_at if isinstance(arrival, SegmentArrival) else None,
        arrived_at=arrived,
        keyframe=facts.keyframe,
        recording=None,
    )
    async with deps.database.acquire() as connection:
        return await livestream_segments.intend(connection, segment)


async def store_body(
    deps: Deps, segment: Segment, body: bytes, media_type: str = MEDIA_TYPE
) -> StoredObject:
    """The object under the claimed key, by this try or an earlier one."""
    lock_until = lock_end(deps)
    try:
        stored = await deps.objects.put(
            Bucket.ORIGINALS,
            segment.key,
            [body],
            sha256=segment.sha256,
            lock_until=lock_until,
            media_type=media_type,
        )
        return replace(stored, lock_until=lock_until)
    except Conflict:
        # The key holds the digest, so whoever wrote it wrote these bytes; the oldest version is
        # ours, others could be added behind it.
        stored = (await deps.objects.versions(Bucket.ORIGINALS, segment.key))[-1]
        return await deps.objects.stat(Bucket.ORIGINALS, stored.key, stored.version)


async def adopt(
    deps: Deps,
    change: Change,
    before: Livestream,
    segment: Segment,
    stored: StoredObject,
    fence: int | None,
) -> str | None:
    """Make the segment count, or stand beside the one that has its number; says which."""
    livestream = await livestreams.locked(change, before.id)
    if livestream is None:
        raise InternalError("livestream-vanished", "A livestream has no row any more.")
    _check_fence(livestream, fence)
    lock_until = stored.lock_until or segment.lock_until
    state = await livestream_segments.adopt(change, segment, stored.version, lock_until)
    if state == "conflicting":
        change.record(_conflicted(livestream, segment, stored))
    elif state == "stored":
        await livestreams.add_arrival(
            change, livestream.id, segment.number, segment.length, segment.arrived_at
        )
        if segment.number > 0:
            await _go_live(change, livestream, segment)
    return state


async def _go_live(change: Change, livestream: Livestream, segment: Segment) -> None:
    if livestream.state is LivestreamState.OPEN:
        change.record(
            LivestreamBegan(subject=livestream.id, agency=livestream.agency, number=segment.number)
        )
    elif livestream.state is LivestreamState.INTERRUPTED:
        change.record(
            LivestreamResumed(
                subject=livestream.id,
                agency=livestream.agency,
                number=segment.number,
                interrupted_at=livestream.interrupted_at,
            )
        )
    else:
        return
    await livestreams.go_live(change, livestream.id)


async def _begin_period(
    change: Change,
    livestream: Livestream,
    segment: Segment,
    stored: StoredObject,
    cause: PeriodCause,
    tracks: Sequence[Track],
) -> None:
    await livestream_segments.insert_period(
        change, livestream.id, segment.period, cause, tracks, segment.arrived_at
    )
    await livestream_segments.mark_told(change, livestream.id, [segment.number])
    change.record(
        LivestreamPeriodBegan(
            subject=livestream.id,
            agency=livestream.agency,
            period=segment.period,
            cause=cause.value,
            key=stored.key,
            version=stored.version,
            length=segment.length,
            sha256=segment.sha256.hex(),
            sm3=segment.sm3.hex(),
            arrived_at=segment.arrived_at,
        )
    )


def _conflicted(
    livestream: Livestream, segment: Segment, stored: StoredObject
) -> LivestreamSegmentConflicted:
    return LivestreamSegmentConflicted(
        subject=livestream.id,
        agency=livestream.agency,
        number=segment.number,
        period=segment.period,
        key=stored.key,
        version=stored.version,
        length=segment.length,
        sha256=segment.sha256.hex(),
        sm3=segment.sm3.hex(),
        arrived_at=segment.arrived_at,
    )


async def receipt_of(deps: Deps, segment: Segment) -> Receipt:
    metrics.SEGMENTS_STORED.inc()
    metrics.SEGMENTS_STORED_BYTES.inc(segment.length)
    async with deps.database.acquire() as connection:
        found = await livestream_segments.find(
            connection, segment.livestream, segment.number, segment.sha256
        )
    return Receipt(found or segment, fresh=True)
