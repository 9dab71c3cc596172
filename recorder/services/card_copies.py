"""Card copies: the device's own file beside the recording of its livestream (R52).

The rule is ``domain/card_copy.py``; where it is not sure a person decides. Nothing is deleted
here: a release only ends the keeping ahead of locks, and can be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from recorder.domain import card_copy
from recorder.domain.card_copy import Overlap
from recorder.domain.events import (
    CardCopyMatched,
    CardCopyProposed,
    CardCopyRejected,
    LiveCopyKept,
    LiveCopyReleased,
)
from recorder.domain.ids import AgencyId, RecordingId
from recorder.domain.livestream import Gap
from recorder.domain.people import Actor, Scope
from recorder.domain.recording import Recording
from recorder.errors import Conflict, InvalidInput, NotFound
from recorder.runtime import Deps
from recorder.services import sharing
from recorder.store import card_copies, livestream_segments, recordings
from recorder.store.card_copies import CardCopy, Preferred, Release
from recorder.store.change import Change
from recorder.store.connection import Connection

_LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class Facts:
    """What one side of a pair is, for the comparison."""

    recording: RecordingId
    length_ms: int | None
    bits_per_second: int | None
    #: Width and height of the picture; None where none is known.
    resolution: tuple[int, int] | None
    clock_offset_ms: int | None


@dataclass(frozen=True, slots=True)
class Compared:
    """A pair with what differs between the two."""

    pair: CardCopy
    live: Facts
    card: Facts
    #: Of the livestream, by its gaps; and what the card copy is longer by, where both are known.
    missing_ms: int
    longer_ms: int | None


@dataclass(frozen=True, slots=True)
class Copies:
    """The pairs of a recording, and the one that is to be watched."""

    pairs: tuple[Compared, ...]
    preferred: RecordingId
    release: Release | None


async def match(change: Change, recording: RecordingId, agency: AgencyId | None) -> None:
    """Look for the other side of a recording whose times have just become known.

    Safe to repeat: a pair that stands keeps what was decided.
    """
    lives, cards = await card_copies.sides(change.connection, recording)
    if not lives or not cards:
        return
    # Whether a file fits two livestreams of one moment shows only beside all of them.
    for card in cards:
        near = lives
        if card.recording != recording:
            near = await card_copies.lives_beside(change.connection, card.recording)
        for fit in card_copy.pairs(near, [card]):
            if recording in (fit.live, fit.card) and await card_copies.propose(change, fit):
                _told(change, fit, agency)


def _told(change: Change, fit: Overlap, agency: AgencyId | None) -> None:
    for subject, other, role in ((fit.live, fit.card, "live"), (fit.card, fit.live, "card")):
        if fit.sure:
            change.record(
                CardCopyMatched(
                    subject=subject, agency=agency, other=other, role=role,
                    overlap_ms=fit.overlap_ms, share_permille=fit.share_permille,
                    clock_shift_ms=fit.clock_shift_ms, reason=None,
                )
            )  # fmt: skip
        else:
            change.record(
                CardCopyProposed(
                    subject=subject, agency=agency, other=other, role=role,
                    overlap_ms=fit.overlap_ms, share_permille=fit.share_permille,
                    clock_shift_ms=fit.clock_shift_ms,
                )
            )  # fmt: skip


async def decide(
    deps: Deps, actor: Actor, recording: RecordingId, other: RecordingId, *, state: str, reason: str
) -> None:
    """A person's word about a pair: ``matched`` or ``rejected``; either may follow the other.

    Raises Conflict ``recordings-no-pair`` when the two are no pair,
    ``card-copy-decided`` when it is so already, ``live-copy-released`` when a rejection would
    leave a released live copy without its card copy.
    """
    reason = _checked(reason)
    async with deps.change(actor) as change:
        pair = await _pair(change.connection, actor.scope, recording, other)
        release = await card_copies.release_of(change.connection, pair.live)
        if state == "rejected" and release is not None and release.released:
            raise Conflict("live-copy-released", "Take the release of the live copy back first.")
        if not await card_copies.decide(change, pair.live, pair.card, state, reason):
            raise Conflict("card-copy-decided", "That is decided already.")
        await sharing.inherit(change, pair.live)
        live = await _seen(change.connection, actor.scope, pair.live)
        for subject, against, role in (
            (pair.live, pair.card, "live"),
            (pair.card, pair.live, "card"),
        ):
            change.record(
                CardCopyRejected(
                    subject=subject, agency=live.agency, other=against, role=role, reason=reason
                )
                if state == "rejected"
                else CardCopyMatched(
                    subject=subject, agency=live.agency, other=against, role=role,
                    overlap_ms=pair.overlap_ms, share_permille=pair.share_permille,
                    clock_shift_ms=pair.clock_shift_ms, reason=reason,
                )
            )  # fmt: skip


async def release(
    deps: Deps, actor: Actor, recording: RecordingId, *, released: bool, reason: str
) -> None:
    """Stop keeping the live copy's locks ahead, or keep them again.

    Nothing is deleted: what retention says happens once the locks have ended. Raises Conflict
    ``card-copy-missing`` unless a matched card copy is sealed and admitted, and
    ``live-copy-decided`` when it is so already.
    """
    reason = _checked(reason)
    async with deps.change(actor) as change:
        live = await _seen(change.connection, actor.scope, recording)
        card = await _keeper(change.connection, actor.scope, live)
        if released and card is None:
            raise Conflict(
                "card-copy-missing", "No sealed card copy takes the place of this live copy."
            )
        before = await card_copies.release_of(change.connection, recording)
        as_before = released == (before is not None and before.released)
        if as_before or not await card_copies.set_release(change, recording, released, reason):
            raise Conflict("live-copy-decided", "That is decided already.")
        if released and card is not None:
            change.record(
                LiveCopyReleased(subject=live.id, agency=live.agency, card=card.id, reason=reason)
            )
        else:
            change.record(LiveCopyKept(subject=live.id, agency=live.agency, reason=reason))


async def copies_of(deps: Deps, actor: Actor, recording: RecordingId) -> Copies:
    """What is known beside a recording that the asker may see."""
    async with deps.database.acquire() as connection:
        found = await _seen(connection, actor.scope, recording)
        return await copies(connection, actor.scope, found)


async def copies(connection: Connection, scope: Scope, recording: Recording) -> Copies:
    """What is known beside a recording: its pairs compared, and which copy is to be watched."""
    compared = []
    for pair in await card_copies.of_recording(connection, recording.id):
        live = await recordings.find(connection, pair.live, scope)
        card = await recordings.find(connection, pair.card, scope)
        if live is None or card is None:
            continue
        gaps = await livestream_segments.gaps_of(connection, live.id)
        compared.append(_compared(pair, live, card, gaps))
    release = await card_copies.release_of(connection, recording.id)
    found = (await card_copies.preferred(connection, [recording.id], scope)).get(recording.id)
    return Copies(tuple(compared), found.card if found else recording.id, release)


async def preferred_of(
    deps: Deps, actor: Actor, recordings: Sequence[RecordingId]
) -> dict[RecordingId, Preferred]:
    """Of those that are live copies whose card copy stands: what is watched in their place.

    The recordings must have been found in the asker's scope.
    """
    async with deps.database.acquire() as connection:
        return await card_copies.preferred(connection, recordings, actor.scope)


async def _keeper(connection: Connection, scope: Scope, live: Recording) -> Recording | None:
    preferred = (await copies(connection, scope, live)).preferred
    return await recordings.find(connection, preferred, scope) if preferred != live.id else None


def _compared(pair: CardCopy, live: Recording, card: Recording, gaps: Sequence[Gap]) -> Compared:
    one, other = _facts(live), _facts(card)
    longer = None
    if one.length_ms is not None and other.length_ms is not None:
        longer = other.length_ms - one.length_ms
    missing = sum(
        (gap.ends_at - gap.begins_at for gap in gaps if gap.begins_at and gap.ends_at), timedelta()
    )
    return Compared(pair, one, other, max(0, int(missing / timedelta(milliseconds=1))), longer)


def _facts(recording: Recording) -> Facts:
    media = recording.media or {}
    length = media.get("length_ms")
    known = length if isinstance(length, int) and length > 0 else None
    if known is None and recording.started_at and recording.ended_at:
        known = int((recording.ended_at - recording.started_at) / timedelta(milliseconds=1)) or None
    return Facts(
        recording.id,
        known,
        recording.length * 8000 // known if known else None,
        _resolution(media),
        recording.clock_offset_ms,
    )


def _resolution(media: Mapping[str, object]) -> tuple[int, int] | None:
    streams = media.get("streams")
    for stream in streams if isinstance(streams, list) else ():
        if isinstance(stream, Mapping) and stream.get("kind") == "video" and stream.get("width"):
            return int(stream["width"]), int(stream["height"])
    return None


async def _pair(
    connection: Connection, scope: Scope, recording: RecordingId, other: RecordingId
) -> CardCopy:
    await _seen(connection, scope, recording)
    await _seen(connection, scope, other)
    for pair in await card_copies.of_recording(connection, recording):
        if other in (pair.live, pair.card) and other != recording:
            return pair
    raise Conflict("recordings-no-pair", "These two recordings are no pair.")


async def _seen(connection: Connection, scope: Scope, recording: RecordingId) -> Recording:
    found = await recordings.find(connection, recording, scope)
    if found is None:
        raise NotFound("recording-not-found", "There is no such recording.")
    return found


def _checked(reason: str) -> str:
    reason = reason.strip()
    if not 0 < len(reason) <= _LONGEST_REASON:
        raise InvalidInput("reason-missing", "This decision needs a reason.")
    return reason
