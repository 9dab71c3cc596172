"""Pictures and bytes: grants for playing, the poster, and downloads of the original.

Bytes leave only through here, and a custody event is committed before the first of them does:
one for each playback grant, one for each download. Posters are part of the lists that show them
and write none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.adapters.objects import Bucket
from recorder.domain.events import OriginalDownloaded, PlaybackGranted
from recorder.domain.ids import RecordingId
from recorder.domain.people import Actor
from recorder.domain.recording import OriginalObject, Recording
from recorder.errors import Conflict, NotFound
from recorder.runtime import Deps
from recorder.services import live, originals
from recorder.services.review.viewing import (
    STREAMED,
    RecordingView,
    find_own,
    need_bytes,
    need_review_of,
    recording,
)
from recorder.services.secrecy import hash_of, new_secret
from recorder.store import playback_grants, recordings, renditions
from recorder.store.renditions import Rendition

#: Media types an original may be given out as, by the prober's container; all else is bytes.
_MEDIA_TYPES = {
    "mov": "video/mp4",
    "matroska": "video/x-matroska",
    "avi": "video/x-msvideo",
    "mpegts": "video/mp2t",
    "mpeg": "video/mp2p",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "jpeg": "image/jpeg",
    "png": "image/png",
}
_BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class PlaybackGrant:
    """Ten minutes with one recording, for the one who asked."""

    secret: str
    media_type: str
    profile: str
    expires_at: datetime
    #: For a recording that was a livestream: the playlist of its segments is under this ticket.
    ticket: live.Ticket | None = None


@dataclass(frozen=True, slots=True)
class OpenObject:
    """Bytes to give out, by ranges."""

    length: int
    media_type: str
    #: A strong validator: the SHA-256 of the whole, where it is known.
    etag: str | None
    read: Callable[[int, int], AsyncIterator[bytes]]
    file_name: str


def original_media_type(recording: Recording) -> str:
    """The type the original is given out as: from the prober's list, never from its name."""
    container = str((recording.media or {}).get("container", ""))
    return _MEDIA_TYPES.get(container, _BYTES)


def _need_pictures(actor: Actor, found: Recording) -> None:
    """Raise Forbidden ``footage-restricted`` unless they are for this actor."""
    actor.need_pictures_of(found.agency, found.officer, restricted=bool(found.restrictions))


async def grant_playback(deps: Deps, actor: Actor, recording_id: RecordingId) -> PlaybackGrant:
    """Let the asker play the recording for a while; the custody event is written now.

    Raises Conflict ``playback-not-ready`` while work is going on, ``playback-impossible`` when
    nothing of it can be shown, ``recording-simulated``, Forbidden ``footage-restricted``.
    """
    view = await recording(deps, actor, recording_id)
    _need_pictures(actor, view.recording)
    need_bytes(view.recording)
    profile = view.playable.profile
    if profile == STREAMED and view.recording.livestream is not None:
        ticket = await live.grant(deps, actor, view.recording.livestream, recording_id)
        return PlaybackGrant(ticket.secret, live.PLAYLIST_TYPE, STREAMED, ticket.expires_at, ticket)
    if view.playable.state != "ready" or profile is None:
        if view.playable.state == "pending":
            raise Conflict("playback-not-ready", "It is still being prepared for viewing.")
        raise Conflict(
            "playback-impossible",
            "Nothing of this recording can be shown; the original can be downloaded.",
            flags=list(view.recording.flags),
        )
    secret = new_secret()
    async with deps.change(actor) as change:
        expires_at = change.now + timedelta(seconds=deps.config.playback_ttl_s)
        await playback_grants.insert(
            change.connection,
            hash_of(secret),
            playback_grants.PlaybackGrantRow(recording_id, profile, actor.id, expires_at),
        )
        change.record(
            PlaybackGranted(
                subject=recording_id,
                agency=view.recording.agency,
                profile=profile,
                expires_at=expires_at,
            )
        )
    return PlaybackGrant(secret, _playback_type(view, profile), profile, expires_at)


def _playback_type(view: RecordingView, profile: str) -> str:
    for rendition in view.renditions:
        if rendition.profile == profile:
            return rendition.media_type
    kind = original_media_type(view.recording)
    return "audio/mp4" if view.playable.kind == "audio" and kind == "video/mp4" else kind


async def open_playback(
    deps: Deps, actor: Actor, recording_id: RecordingId, secret: str
) -> OpenObject:
    """The bytes a grant is for; it serves only the one it was given to, while it lasts.

    Raises NotFound ``playback-grant-ended`` otherwise.
    """
    async with deps.database.acquire() as connection:
        grant = await playback_grants.find(connection, hash_of(secret), deps.clock.now())
    if grant is None or grant.recording != recording_id or grant.actor_id != actor.id:
        raise NotFound("playback-grant-ended", "This playback address has ended; ask for another.")
    view = await recording(deps, actor, recording_id)
    _need_pictures(actor, view.recording)
    if grant.profile == "original":
        async with deps.database.acquire() as connection:
            objects = await recordings.objects_of(connection, recording_id)
        return _open_original(deps, view, objects)
    found = [r for r in view.renditions if r.profile == grant.profile]
    if not found:
        raise NotFound("playback-grant-ended", "This playback address has ended; ask for another.")
    return _open_rendition(deps, found[0])


def _open_original(
    deps: Deps, view: RecordingView, objects: Sequence[OriginalObject]
) -> OpenObject:
    found = view.recording

    def read(offset: int, length: int) -> AsyncIterator[bytes]:
        return originals.read(deps, objects, offset, length)

    return OpenObject(
        length=found.length,
        media_type=_playback_type(view, "original"),
        etag=found.sha256.hex() if found.sha256 else None,
        read=read,
        file_name=found.original_name,
    )


def _open_rendition(deps: Deps, rendition: Rendition) -> OpenObject:
    def read(offset: int, length: int) -> AsyncIterator[bytes]:
        return deps.objects.read(
            Bucket.RENDITIONS, rendition.key, rendition.version, offset=offset, length=length
        )

    return OpenObject(
        length=rendition.length,
        media_type=rendition.media_type,
        etag=rendition.sha256.hex(),
        read=read,
        file_name=rendition.key.rsplit("/", 1)[-1],
    )


async def poster(deps: Deps, actor: Actor, recording_id: RecordingId) -> OpenObject:
    """The still that stands for the recording; NotFound ``poster-not-found`` without one."""
    async with deps.database.acquire() as connection:
        found = await find_own(connection, actor, recording_id)
        _need_pictures(actor, found)
        still = await renditions.find(connection, found.id, "poster")
    if still is None:
        raise NotFound("poster-not-found", "This recording has no poster.")
    return _open_rendition(deps, still)


async def open_original(
    deps: Deps, actor: Actor, recording_id: RecordingId, first: int, last: int | None
) -> OpenObject:
    """The original's bytes; the event names the range that was asked for.

    Raises Conflict ``recording-simulated`` where there never were any, ``review-awaited`` for
    fixed monitoring that passed no review.
    """
    async with deps.database.acquire() as connection:
        found = await find_own(connection, actor, recording_id)
        _need_pictures(actor, found)
        need_bytes(found)
        need_review_of(actor, found)
        objects = await recordings.objects_of(connection, found.id)
    async with deps.change(actor) as change:
        change.record(
            OriginalDownloaded(
                subject=recording_id,
                agency=found.agency,
                first_byte=first,
                last_byte=found.length - 1 if last is None else last,
                length=found.length,
            )
        )

    def read(offset: int, length: int) -> AsyncIterator[bytes]:
        return originals.read(deps, objects, offset, length)

    return OpenObject(
        length=found.length,
        media_type=original_media_type(found),
        etag=found.sha256.hex() if found.sha256 else None,
        read=read,
        file_name=found.original_name,
    )
