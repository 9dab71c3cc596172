"""One segment on its way to counting: the row that claims its key, its object, its place.

Claims and places of segments that arrive at the same time are written together, one commit for
many livestreams; objects go each for itself, so a slow one holds up nobody. Who may deliver what
is not asked here (``receiving``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, cast
from weakref import WeakKeyDictionary

from recorder.adapters.digests import both_digests, both_digests_of
from recorder.adapters.objects import Bucket, StoredObject
from recorder.domain.events import (
    LivestreamBegan,
    LivestreamResumed,
    LivestreamSegmentConflicted,
)
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Form, Livestream, LivestreamState, Segment
from recorder.domain.people import SERVICE, Actor
from recorder.errors import Conflict, InternalError, RecorderError, Unprocessable
from recorder.runtime import Deps
from recorder.services.live.gathering import Gathering
from recorder.services.live.opening import lock_end
from recorder.store import livestream_arrivals, livestream_segments, livestreams
from recorder.store.change import Change
from recorder.store.connection import Connection
from recorder.store.livestream_arrivals import Adoption, Turn

MEDIA_TYPE = "video/mp4"

#: Claims and places in one commit, and how far apart commits begin under load.
_MOST_ROWS = 200
_PACE_S = 0.1
#: Digests of longer ones are made before: they would make all the others wait.
_LARGE_BYTES = 4 << 20
#: Where a segment counts without an event of its own.
_QUIET = (LivestreamState.LIVE, LivestreamState.CLOSING, LivestreamState.CLOSED)

#: What else is written when a segment begins to count, under the row lock of its livestream.
OnCount = Callable[[Change, Livestream, Segment, StoredObject], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Claim:
    """Bytes that want a row; ``filled`` makes the segment once their SHA-256 and SM3 are known."""

    deps: Deps
    livestream: LivestreamId
    number: int
    body: bytes
    #: What the sender says the body's SHA-256 is.
    declared_sha256: bytes | None
    filled: Callable[[bytes, bytes], Segment]
    #: SHA-256 and SM3, made before where nobody is to wait for them.
    digests: tuple[bytes, bytes] | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    deps: Deps
    adoption: Adoption
    fence: int | None


_Asked: TypeAlias = Claim | _Place
#: What the segments of one process wait in together. Claims are answered by the row of these bytes,
#: places by the segment as it counts, or None for what is looked at alone.
_LINES: WeakKeyDictionary[Deps, Gathering[_Asked, Segment | None]] = WeakKeyDictionary()


def _line(deps: Deps) -> Gathering[_Asked, Segment | None]:
    found = _LINES.get(deps)
    if found is None:
        found = _LINES[deps] = Gathering(_written, most=_MOST_ROWS, pace_s=_PACE_S)
    return found


async def _written(asked: Sequence[_Asked]) -> list[Segment | RecorderError | None]:
    """Claims and places in one commit; claims with their digests, which are made together too."""
    deps = asked[0].deps
    filled = await _filled([each for each in asked if isinstance(each, Claim)])
    segments = [each for each in filled if isinstance(each, Segment)]
    places = [each for each in asked if isinstance(each, _Place)]
    if places:
        async with deps.change(SERVICE, told_later=True) as change:
            # All of them at once: whoever locks many livestreams does it in one order.
            wanted = [each.adoption.segment.livestream for each in places]
            wanted += [each.livestream for each in segments]
            turns = await livestream_arrivals.lock_turns(change, wanted)
            placed = iter(await _place_together(change, turns, places))
            claimed = iter(await _claim_together(change.connection, segments))
    else:
        async with deps.database.acquire() as connection:
            placed = iter(())
            claimed = iter(await _claim_together(connection, segments))
    made = iter([next(claimed) if isinstance(each, Segment) else each for each in filled])
    return [next(made) if isinstance(each, Claim) else next(placed) for each in asked]


async def _claim_together(connection: Connection, segments: Sequence[Segment]) -> list[Segment]:
    """The rows of these bytes: fresh ones, or those of earlier tries."""
    rows = []
    fresh = await livestream_arrivals.intend(connection, segments) if segments else []
    for row, is_fresh in zip(segments, fresh, strict=True):
        key = row.livestream, row.number, row.sha256
        found = None if is_fresh else await livestream_segments.find(connection, *key)
        rows.append(found or row)
    return rows


async def _filled(claims: Sequence[Claim]) -> list[Segment | RecorderError]:
    """Each claim's segment; an error for bytes that are not what was declared."""
    filled: list[Segment | RecorderError] = []
    made = iter(await both_digests_of([each.body for each in claims if each.digests is None]))
    for claim in claims:
        sha256, sm3 = claim.digests or next(made)
        if claim.declared_sha256 in (None, sha256):
            filled.append(claim.filled(sha256, sm3))
        else:
            filled.append(
                Unprocessable(
                    "segment-digest-mismatch",
                    "The body is not what Content-Digest says; nothing of it is kept,"
                    " send it again.",
                )
            )
    return filled


async def claimed(claim: Claim) -> Segment:
    """The row that claims the key of these bytes: this one, or that of an earlier try.

    Raises Unprocessable when they are not what was declared.
    """
    if len(claim.body) > _LARGE_BYTES:
        claim = replace(claim, digests=await both_digests(claim.body))
    key = claim.livestream, claim.number
    row = await _line(claim.deps).join(key, claim, claim.livestream)
    return cast("Segment", row)


async def stored(
    deps: Deps, segment: Segment, body: bytes, media_type: str = MEDIA_TYPE
) -> StoredObject:
    """The object under the claimed key, by this try or an earlier one."""
    lock_until = lock_end(deps)
    try:
        put = await deps.objects.put(
            Bucket.ORIGINALS,
            segment.key,
            [body],
            sha256=segment.sha256,
            just_made=True,
            lock_until=lock_until,
            media_type=media_type,
        )
        return replace(put, lock_until=lock_until)
    except Conflict:
        # The key holds the digest, so whoever wrote it wrote these bytes; the oldest version is
        # ours, others could be added behind it.
        found = (await deps.objects.versions(Bucket.ORIGINALS, segment.key))[-1]
        return await deps.objects.stat(Bucket.ORIGINALS, found.key, found.version)


async def placed(
    deps: Deps, actor: Actor, segment: Segment, found: StoredObject, fence: int | None
) -> Segment:
    """The segment as it counts, or stands beside the one that has its number."""
    adoption = Adoption(segment, found.version, found.lock_until or segment.lock_until)
    place = _Place(deps, adoption, fence)
    placed = await _line(deps).join(segment.livestream, place)
    if placed is not None:
        return placed
    return await counted(deps, actor, segment, found, fence, chain)


async def _place_together(
    change: Change, turns: dict[LivestreamId, Turn], places: Sequence[_Place]
) -> list[Segment | None]:
    """None for those that need an event of their own, or are refused: each is looked at alone."""
    quiet = [each for each in places if _is_quiet(turns, each)]
    digests = await livestream_arrivals.adopt_each(change, [each.adoption for each in quiet])
    found: list[Segment | None] = []
    for adoption in (place.adoption for place in places):
        segment = adoption.segment
        key = segment.livestream, segment.number
        found.append(_counting(adoption, digests[key]) if key in digests else None)
    return found


def _is_quiet(turns: dict[LivestreamId, Turn], place: _Place) -> bool:
    turn = turns.get(place.adoption.segment.livestream)
    if turn is None or turn.state not in _QUIET:
        return False
    return turn.form is not Form.RECEIVED or turn.fence == place.fence


def _counting(adoption: Adoption, previous: bytes | None) -> Segment:
    return replace(
        adoption.segment,
        state="stored",
        version=adoption.version,
        lock_until=adoption.lock_until,
        previous_sha256=previous,
    )


async def finish_claimed(deps: Deps, actor: Actor, livestream: LivestreamId, fence: int) -> int:
    """Make count what an earlier receiver stored and did not live to count; says how many.

    To be asked by whoever has just taken the lease, before it gives a number away.
    """
    async with deps.database.acquire() as connection:
        claims = await livestream_arrivals.claimed(connection, livestream)
    finished = 0
    for segment in claims:
        versions = await deps.objects.versions(Bucket.ORIGINALS, segment.key)
        if versions:
            oldest = versions[-1]
            found = await deps.objects.stat(Bucket.ORIGINALS, oldest.key, oldest.version)
            placing = await placed(deps, actor, segment, found, fence)
            finished += placing.state == "stored"
    return finished


async def counted(
    deps: Deps,
    actor: Actor,
    segment: Segment,
    found: StoredObject,
    fence: int | None,
    on_count: OnCount,
) -> Segment:
    """The same for one alone, with the events that it causes.

    Raises Conflict ``livestream-taken-over`` under an old fence.
    """
    async with deps.change(actor, told_later=True) as change:
        livestream = await livestreams.locked(change, segment.livestream)
        if livestream is None:
            raise InternalError("livestream-vanished", "A livestream has no row any more.")
        check_fence(livestream, fence)
        until = found.lock_until or segment.lock_until
        state = await livestream_segments.adopt(change, segment, found.version, until)
        if state == "conflicting":
            change.record(_conflicted(livestream, segment, found))
        elif state == "stored":
            await livestreams.add_arrival(
                change, livestream.id, segment.number, segment.length, segment.arrived_at
            )
            if segment.number > 0:
                await _go_live(change, livestream, segment)
            await on_count(change, livestream, segment, found)
    async with deps.database.acquire() as connection:
        row = await livestream_segments.find(
            connection, segment.livestream, segment.number, segment.sha256
        )
    return row or segment


async def chain(
    change: Change, _livestream: Livestream, segment: Segment, _found: StoredObject
) -> None:
    """Tell the successor, if that came before, what its predecessor is."""
    await livestream_segments.chain_successor(change, segment)


def check_fence(livestream: Livestream, fence: int | None) -> None:
    """Raise Conflict unless this is the lease under which it is received."""
    if livestream.form is Form.RECEIVED and fence != livestream.fence:
        raise Conflict("livestream-taken-over", "Another process receives this livestream now.")


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
