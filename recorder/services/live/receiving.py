"""put_init and put_segment: where every way in ends, whatever the protocol (docs/design/live.md).

Steps for one segment, each safe to repeat: 1 digests, 2 the row that claims its key, 3 the
object, locked, 4 the row that makes it count, in one transaction with the livestream's counters
and state. A crash between steps leaves an object that a row claims; the sender comes again with
the same bytes and the same steps end it. Steps 2 to 4 are in ``arriving``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from recorder import metrics
from recorder.adapters.objects import StoredObject
from recorder.domain import fragments
from recorder.domain.events import LivestreamPeriodBegan
from recorder.domain.fragments import FragmentFacts, Track
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import (
    LONGEST_INIT_BYTES,
    LONGEST_SEGMENT_BYTES,
    Form,
    Livestream,
    PeriodCause,
    Segment,
    check_number,
    check_period,
    segment_key,
)
from recorder.domain.people import Actor
from recorder.errors import Conflict, InvalidInput, TooLarge
from recorder.runtime import Deps
from recorder.services import guard
from recorder.services.live import arriving
from recorder.services.live.opening import deliverable, described, lock_end
from recorder.store import livestream_segments
from recorder.store.change import Change


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
    found = await arriving.stored(deps, segment, arrival.body)
    cause = PeriodCause.START if arrival.period == 1 else arrival.cause
    if cause is PeriodCause.START and arrival.period > 1:
        cause = PeriodCause.UNKNOWN

    async def begin(
        change: Change, livestream: Livestream, segment: Segment, found: StoredObject
    ) -> None:
        await _begin_period(change, livestream, segment, found, cause, tracks)

    return counted(await arriving.counted(deps, actor, segment, found, arrival.fence, begin))


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
    return await _taken(deps, actor, livestream, tracks, arrival)


class Receiver:
    """Puts one received livestream under one lease, and asks for what never changes only once.

    The fence is compared where a segment begins to count, so a lease that was lost still ends it.
    """

    def __init__(self, deps: Deps, actor: Actor, livestream: LivestreamId, fence: int) -> None:
        self._deps = deps
        self._actor = actor
        self._id = livestream
        self._fence = fence
        self._livestream: Livestream | None = None
        self._tracks: dict[int, tuple[Track, ...]] = {}

    async def put_init(self, arrival: InitArrival) -> Receipt:
        """See ``put_init``."""
        arrival = replace(arrival, fence=self._fence)
        receipt = await put_init(self._deps, self._actor, self._id, arrival)
        if self._livestream is None:
            self._livestream = await taking(self._deps, self._actor, self._id, self._fence)
        if not receipt.conflicting:
            self._tracks = {arrival.period: fragments.read_init(arrival.body)}
        return receipt

    async def put_segment(self, arrival: SegmentArrival) -> Receipt:
        """See ``put_segment``; its number is this receiver's own affair."""
        arrival = replace(arrival, fence=self._fence)
        tracks = self._tracks.get(arrival.period)
        if self._livestream is None or tracks is None:
            return await put_segment(self._deps, self._actor, self._id, arrival)
        check_body(arrival.body, LONGEST_SEGMENT_BYTES)
        await guard.require_whole(self._deps)
        return await _taken(self._deps, self._actor, self._livestream, tracks, arrival)


async def _taken(
    deps: Deps,
    actor: Actor,
    livestream: Livestream,
    tracks: Sequence[Track],
    arrival: SegmentArrival,
) -> Receipt:
    with metrics.timed(metrics.SEGMENT_SECONDS):
        facts = fragments.read_fragment(arrival.body, tracks)
        segment = await claimed(deps, livestream, arrival, arrival.number, facts)
        if segment.state != "intended":
            return Receipt(segment, fresh=False)
        found = await arriving.stored(deps, segment, arrival.body)
        return counted(await arriving.placed(deps, actor, segment, found, arrival.fence))


def counted(segment: Segment) -> Receipt:
    """The receipt of what counts, or conflicts, from now on."""
    metrics.SEGMENTS_STORED.inc()
    metrics.SEGMENTS_STORED_BYTES.inc(segment.length)
    return Receipt(segment, fresh=True)


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
    arriving.check_fence(livestream, fence)
    return livestream


def _refuse_chunked(livestream: Livestream) -> None:
    if livestream.form is Form.CHUNKED:
        raise Conflict("livestream-form-differs", "This livestream is delivered in chunks.")


async def claimed(
    deps: Deps,
    livestream: Livestream,
    arrival: InitArrival | SegmentArrival,
    number: int,
    facts: FragmentFacts,
) -> Segment:
    """The row that claims the key of these bytes: a fresh one, or that of an earlier try.

    Raises Unprocessable when they are not what was declared.
    """
    arrived = arrival.arrived_at or deps.clock.now()

    def filled(sha256: bytes, sm3: bytes) -> Segment:
        return Segment(
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

    claim = arriving.Claim(
        deps, livestream.id, number, arrival.body, arrival.declared_sha256, filled
    )
    return await arriving.claimed(claim)


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
