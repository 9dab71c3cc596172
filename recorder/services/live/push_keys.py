"""Push keys: each delivers one livestream while whoever opened it may be signed out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.events import LivestreamKeyMade
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import PUSH_KEY_LIFE
from recorder.domain.people import Actor
from recorder.errors import NotFound
from recorder.runtime import Deps
from recorder.services.live.opening import deliverable
from recorder.services.secrecy import hash_of, new_token
from recorder.store import livestream_push_keys


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A push key: its secret is told once."""

    secret: str
    expires_at: datetime


async def make_push_key(deps: Deps, actor: Actor, livestream_id: LivestreamId) -> MadeKey:
    """A key that delivers this livestream in the asker's name for PUSH_KEY_LIFE.

    Only its opener gets one; earlier keys go on. Raises NotFound.
    """
    livestream = await deliverable(deps, actor, livestream_id)
    if livestream.opened_by != actor.sender:
        raise NotFound("livestream-not-found", "There is no such livestream.")
    secret = new_token()
    async with deps.change(actor) as change:
        expires_at = change.now + PUSH_KEY_LIFE
        await livestream_push_keys.insert(change, hash_of(secret), livestream.id, actor, expires_at)
        change.record(
            LivestreamKeyMade(
                subject=livestream.id, agency=livestream.agency, expires_at=expires_at
            )
        )
    return MadeKey(secret, expires_at)
