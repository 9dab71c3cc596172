"""The wall: every running livestream as it stands now, with what is wrong about it.

Only rows are read, no bytes: a hundred livestreams are one query a second for each scope.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.fragments import Track
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Livestream, LivestreamState
from recorder.domain.people import Actor
from recorder.domain.recording import Flag
from recorder.runtime import Deps
from recorder.services.live.opening import find_livestream
from recorder.services.live.playlist import is_too_long, target_s
from recorder.services.live.viewing import as_of_now
from recorder.store import livestream_wall, livestreams
from recorder.store.livestream_wall import NOTHING, Recent

#: More than anybody can look at; the list of the API has all.
MOST = 200
#: A keyframe each one to four seconds is usual; players that join must wait for the next one.
KEYFRAME_WITHIN = timedelta(seconds=8)
#: A store that is well takes a segment in less.
STORE_WITHIN = timedelta(seconds=5)
#: Whoever compares what is heard by radio with the time in the picture is misled by more.
CLOCK_WITHIN_S = 30


@dataclass(frozen=True, slots=True)
class Caution:
    """What a person should know: no_keyframe, clock_off, long_segments (s), store_slow (number),
    sound_missing, tracks_left_out (number)."""

    code: str
    value: int


@dataclass(frozen=True, slots=True)
class Sight:
    """A running livestream at a moment."""

    livestream: Livestream
    at: datetime
    #: Bits for each second of its media; None while nothing is known.
    bit_rate: int | None
    #: How long ago the newest durable picture was recorded; where only its arrival is known, that.
    age_ms: int | None
    clock_offset_ms: int | None
    #: Segments that wait for the store, on their way or in a spool.
    waiting: int
    video: Track | None
    has_sound: bool
    #: On it; those of a closed one may be withdrawn.
    marks: int
    cautions: tuple[Caution, ...]


async def wall(deps: Deps, actor: Actor, *, only: LivestreamId | None = None) -> list[Sight]:
    """The running livestreams in the asker's scope, newest first, MOST at most.

    ``only``: that one, if it runs.
    """
    async with deps.database.acquire() as connection:
        if only is None:
            found = await livestreams.listed(connection, actor.scope, True, None, MOST)
        else:
            one = await livestreams.find(connection, only, actor.scope)
            found = [one] if one and one.state is not LivestreamState.CLOSED else []
        recent = await livestream_wall.recent(connection, [each.id for each in found])
    return [_sight(deps, each, recent.get(each.id, NOTHING)) for each in found]


async def sight(deps: Deps, actor: Actor, livestream_id: LivestreamId) -> Sight:
    """One livestream in scope as it stands now, running or not. Raises NotFound."""
    found = await find_livestream(deps, actor, livestream_id)
    async with deps.database.acquire() as connection:
        recent = await livestream_wall.recent(connection, [found.id])
    return _sight(deps, found, recent.get(found.id, NOTHING))


def _sight(deps: Deps, found: Livestream, recent: Recent) -> Sight:
    now, livestream = deps.clock.now(), as_of_now(deps, found)
    offset = recent.clock_ahead_ms(livestream.clock_offset_ms)
    rate = recent.length * 8_000_000 // recent.duration_us if recent.duration_us else None
    waiting = recent.waiting + found.in_spool
    return Sight(
        livestream=livestream,
        at=now,
        bit_rate=rate if livestream.state is LivestreamState.LIVE else None,
        age_ms=_age_ms(recent, offset, now),
        clock_offset_ms=offset,
        waiting=waiting,
        video=next((track for track in recent.tracks if track.kind == "vide"), None),
        has_sound=any(track.kind == "soun" for track in recent.tracks),
        marks=recent.marks,
        cautions=tuple(_cautions(deps, found, recent, offset, waiting, now)),
    )


def _age_ms(recent: Recent, offset_ms: int | None, now: datetime) -> int | None:
    if recent.newest_arrived_at is None:
        return None
    recorded = recent.newest_arrived_at
    if recent.newest_recorded_at is not None:
        said = recent.newest_recorded_at - timedelta(milliseconds=offset_ms or 0)
        recorded = min(recorded, said)
    return max(0, _ms(now - recorded))


def _cautions(
    deps: Deps,
    livestream: Livestream,
    recent: Recent,
    offset_ms: int | None,
    waiting: int,
    now: datetime,
) -> Iterable[Caution]:
    keyless = timedelta(microseconds=recent.since_keyframe_us or 0)
    if keyless >= KEYFRAME_WITHIN:
        yield Caution("no_keyframe", round(keyless.total_seconds()))
    if is_too_long(recent.longest_us, target_s(recent.first_us)):
        yield Caution("long_segments", round(recent.longest_us / 1_000_000))
    limit_s = min(CLOCK_WITHIN_S, deps.config.clock_offset_limit_s)
    if offset_ms is not None and abs(offset_ms) > 1000 * limit_s:
        yield Caution("clock_off", round(offset_ms / 1000))
    slow = recent.waiting_since is not None and now - recent.waiting_since > STORE_WITHIN
    if slow or livestream.in_spool or livestream.waits_for_store(now):
        yield Caution("store_slow", max(1, waiting))
    if Flag.SOUND_MISSING in livestream.flags:
        yield Caution("sound_missing", 0)
    if livestream.left_out:
        yield Caution("tracks_left_out", len(livestream.left_out))


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
