"""Watching livestreams: tickets, playlists, segments. One custody event for each ticket.

Bytes leave only under a ticket, and its event is committed before it is given.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.adapters.objects import Bucket
from recorder.domain.events import LivestreamWatched, PlaybackGranted
from recorder.domain.ids import LivestreamId, RecordingId
from recorder.domain.livestream import Form, Livestream, LivestreamState, Segment
from recorder.domain.people import Actor
from recorder.errors import Conflict, NotFound
from recorder.runtime import Deps
from recorder.services.live import chunks, listing, playlist, volumes
from recorder.services.live.opening import watchable
from recorder.services.live.playlist_shelf import shelf_of
from recorder.services.secrecy import hash_of, new_secret
from recorder.store import livestream_segments, livestream_tickets
from recorder.store.livestream_tickets import LivestreamTicket

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
SEGMENT_TYPE = "video/mp4"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Some minutes with one livestream, for the one who asked."""

    livestream: LivestreamId
    secret: str
    expires_at: datetime
    #: Whether no player can take it as it comes: only its proxies are shown.
    only_proxies: bool = False


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """Bytes of a segment or an init segment to give out."""

    length: int
    etag: str
    read: Callable[[int, int], AsyncIterator[bytes]]


async def grant(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, recording: RecordingId | None = None
) -> Ticket:
    """Let the asker watch for a while; the custody event is written now.

    With ``recording``: only what that recording consists of, and the event is about it. Raises
    Conflict ``playback-not-ready`` before the first segment, ``playback-impossible`` when no
    player can know what its segments are.
    """
    livestream = await watchable(deps, actor, livestream_id)
    async with deps.database.acquire() as connection:
        kinds = await livestream_segments.codecs_of(connection, livestream.id)
    if not livestream.segments:
        raise Conflict("playback-not-ready", "Nothing of it has come yet.")
    if not kinds:
        raise Conflict(
            "playback-impossible",
            "Nothing of it can be shown; once it is closed, the original can be downloaded.",
            flags=list(livestream.flags),
        )
    secret = new_secret()
    async with deps.change(actor) as change:
        expires_at = change.now + timedelta(seconds=deps.config.playback_ttl_s)
        await livestream_tickets.insert(
            change.connection,
            hash_of(secret),
            LivestreamTicket(livestream.id, recording, actor.id, expires_at),
        )
        change.record(
            LivestreamWatched(
                subject=livestream.id, agency=livestream.agency, expires_at=expires_at
            )
            if recording is None
            else PlaybackGranted(
                subject=recording, agency=livestream.agency, profile="hls", expires_at=expires_at
            )
        )
    return Ticket(livestream.id, secret, expires_at, only_proxies=livestream.is_webm)


async def _ticket(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, secret: str
) -> tuple[LivestreamTicket, Livestream]:
    async with deps.database.acquire() as connection:
        ticket = await livestream_tickets.find(connection, hash_of(secret), deps.clock.now())
    if ticket is None or ticket.livestream != livestream_id or ticket.actor_id != actor.id:
        raise NotFound("playback-grant-ended", "This playback address has ended; ask for another.")
    return ticket, await watchable(deps, actor, livestream_id)


async def livestream_under(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, secret: str, number: int = 0
) -> Livestream:
    """The livestream that the asker may watch under this ticket. Raises NotFound.

    ``number``: a segment of it, which must be of the ticket's recording, if that has one.
    """
    ticket, livestream = await _ticket(deps, actor, livestream_id, secret)
    if ticket.recording is not None and number > 0:
        async with deps.database.acquire() as connection:
            found = await livestream_segments.stored(connection, livestream_id, number)
        if not _is_under(ticket, found, number):
            raise _no_segment()
    return livestream


def _is_under(ticket: LivestreamTicket, found: Segment | None, number: int) -> bool:
    """Whether a segment is what the ticket is for; init segments hold no pictures."""
    return number < 0 or ticket.recording in (None, found.recording if found else None)


def _no_segment() -> NotFound:
    return NotFound("segment-not-found", "There is no such segment here.")


async def index(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, secret: str, *, skip: bool = False
) -> str:
    """The playlist, back to the beginning; it goes on while the livestream runs.

    ``skip``: the player has had it within the last seconds and wants what is new.
    """
    ticket, livestream = await _ticket(deps, actor, livestream_id, secret)
    if ticket.recording is None and livestream.state is not LivestreamState.CLOSED:
        return await listing.running_playlist(deps, livestream, skip)
    shelf = shelf_of(deps)
    text = shelf.text(ticket.recording) if ticket.recording else None
    if text is None:
        async with deps.database.acquire() as connection:
            rows = await livestream_segments.entries(connection, livestream.id, ticket.recording)
        ran = ticket.recording is None
        text = await asyncio.to_thread(_closed_index, livestream, rows, ran)
        if ticket.recording:
            shelf.keep_text(ticket.recording, text)
    return text


def _closed_index(
    livestream: Livestream, rows: Sequence[livestream_segments.EntryRow], ran: bool
) -> str:
    entries = list(map(playlist.Entry._make, rows))
    return playlist.media_playlist(listing.shown(livestream, entries), running=False, ran=ran)


async def open_segment(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, secret: str, number: int
) -> OpenSegment:
    """The bytes of a stored segment (negative: an init segment), under a ticket that lasts."""
    ticket, livestream = await _ticket(deps, actor, livestream_id, secret)
    asked = number
    if livestream.is_webm:
        raise NotFound("segment-not-found", "What is shown of WebM stands under proxy/.")
    async with deps.database.acquire() as connection:
        if livestream.form is Form.CHUNKED:
            number, skip, length = await chunks.shown_range(connection, livestream, number)
        else:
            skip, length = 0, None
        found = await livestream_segments.stored(connection, livestream.id, number)
        where = await volumes.located(connection, found) if found else None
    if found is None or where is None or not _is_under(ticket, found, asked):
        raise _no_segment()
    key, version, begins = where
    length = found.length - skip if length is None else length

    def read(offset: int, length: int) -> AsyncIterator[bytes]:
        return deps.objects.read(
            Bucket.ORIGINALS, key, version, offset=begins + skip + offset, length=length
        )

    return OpenSegment(length, f"{found.sha256.hex()}-{skip}", read)
