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
from recorder.store.livestream_wall import Recent

#: More than anybody can look at; the list of the API has all.
MOST = 200
#: A keyframe each one to four seconds is usual; players that join must wait for the next one.
KEYFRAME_WITHIN = timedelta(seconds=8)
#: A store that is well takes a segment in less.
STORE_WITHIN = timedelta(seconds=5)


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
    #: How old the newest durable picture is.
    age_ms: int | None
    clock_offset_ms: int | None
    #: Segments that wait for the store.
    waiting: int
    video: Track | None
    has_sound: bool
    cautions: tuple[Caution, ...]


async def wall(deps: Deps, actor: Actor) -> list[Sight]:
    """The running livestreams in the asker's scope, newest first, MOST at most."""
    async with deps.database.acquire() as connection:
        found = await livestreams.listed(connection, actor.scope, True, None, MOST)
        recent = await livestream_wall.recent(connection, [each.id for each in found])
    known = {each.livestream: each for each in recent}
    return [_sight(deps, each, known.get(each.id)) for each in found]


async def sight(deps: Deps, actor: Actor, livestream_id: LivestreamId) -> Sight:
    """One livestream in scope as it stands now, running or not. Raises NotFound."""
    found = await find_livestream(deps, actor, livestream_id)
    async with deps.database.acquire() as connection:
        recent = await livestream_wall.recent(connection, [found.id])
    return _sight(deps, found, recent[0] if recent else None)


def _sight(deps: Deps, found: Livestream, recent: Recent | None) -> Sight:
    now = deps.clock.now()
    livestream = as_of_now(deps, found)
    if recent is None:
        return Sight(livestream, now, None, None, livestream.clock_offset_ms, 0, None, False, ())
    newest = recent.newest_arrived_at or now
    offset = livestream.clock_offset_ms
    if recent.newest_device_at is not None:
        offset = _ms(recent.newest_device_at - newest)
    rate = recent.length * 8_000_000 // recent.duration_us if recent.duration_us else None
    return Sight(
        livestream=livestream,
        at=now,
        bit_rate=rate if livestream.state is LivestreamState.LIVE else None,
        age_ms=max(0, _ms(now - newest)),
        clock_offset_ms=offset,
        waiting=recent.waiting,
        video=next((track for track in recent.tracks if track.kind == "vide"), None),
        has_sound=any(track.kind == "soun" for track in recent.tracks),
        cautions=tuple(_cautions(deps, found, recent, offset, now)),
    )


def _cautions(
    deps: Deps, livestream: Livestream, recent: Recent, offset_ms: int | None, now: datetime
) -> Iterable[Caution]:
    keyless = timedelta(microseconds=recent.since_keyframe_us or 0)
    if keyless >= KEYFRAME_WITHIN:
        yield Caution("no_keyframe", round(keyless.total_seconds()))
    if is_too_long(recent.longest_us, target_s(recent.first_us)):
        yield Caution("long_segments", round(recent.longest_us / 1_000_000))
    if offset_ms is not None and abs(offset_ms) > 1000 * deps.config.clock_offset_limit_s:
        yield Caution("clock_off", round(offset_ms / 1000))
    if recent.waiting_since is not None and now - recent.waiting_since > STORE_WITHIN:
        yield Caution("store_slow", recent.waiting)
    if Flag.SOUND_MISSING in livestream.flags:
        yield Caution("sound_missing", 0)
    if livestream.left_out:
        yield Caution("tracks_left_out", len(livestream.left_out))


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
