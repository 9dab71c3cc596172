"""What gateways ask and say: who may publish, who may look, what began and ended.

Who may publish is decided as at our own ports (recorder/live/door.py): a device under its own
number with its own token, or a livestream that was opened to be received with its push key or the
token of somebody who may see it. Nothing that is evidence follows from a hook.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass

from recorder import metrics, telemetry
from recorder.domain.gateway import Refusal, Said, Word
from recorder.domain.ids import LivestreamId
from recorder.domain.limit import Limit
from recorder.domain.livestream import Form
from recorder.domain.people import Actor, ActorKind, Role
from recorder.errors import NotFound, Unauthenticated
from recorder.runtime import Deps
from recorder.services import accounts, limits, live, secrecy
from recorder.store import devices, gateway_files, gateways
from recorder.store.gateways import Gateway

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether somebody comes in; ``refusal`` is None then."""

    refusal: Refusal | None

    @property
    def accepted(self) -> bool:
        return self.refusal is None


async def gateway_of(deps: Deps, secret: str) -> Gateway:
    """Whose hook this is; counts it.

    Raises NotFound ``gateway-not-found``, RateLimited ``gateway-limited``.
    """
    async with deps.database.acquire() as connection:
        found = await gateways.by_secret(connection, secrecy.hash_of(secret))
    if found is None:
        raise NotFound("gateway-not-found", "There is no such gateway.")
    await limits.take(deps, actor_of(found), Limit.HOOK)
    return found


async def ask(deps: Deps, gateway: Gateway, said: Said) -> Verdict:
    """Whether the publisher or player comes in; a publisher who does not is noted."""
    if said.word is Word.WATCH:
        return Verdict(await _why_not_watch(deps, gateway, said))
    refusal = await _why_not(deps, gateway, said)
    now = deps.clock.now()
    async with deps.database.acquire() as connection:
        await gateways.heard(connection, gateway.id, now)
        if refusal is None:
            await gateways.note_accepted(connection, gateway.id, said, now)
        else:
            await gateways.note_refused(connection, gateway.id, said, refusal, now)
    metrics.GATEWAY_PUBLISHERS.labels(refusal.value if refusal else "accepted").inc()
    telemetry.log(
        _log,
        logging.INFO if refusal is None else logging.WARNING,
        "a gateway asked about a publisher",
        gateway=str(gateway.id),
        stream=said.stream,
        address=said.address,
        refused=refusal.value if refusal else None,
    )
    return Verdict(refusal)


async def hear(deps: Deps, gateway: Gateway, said: Said) -> None:
    """Note a hint; whether it comes once, twice, late or never changes nothing that counts."""
    now = deps.clock.now()
    async with deps.database.acquire() as connection:
        await gateways.heard(connection, gateway.id, now)
        if said.word in (Word.BEGAN, Word.ENDED) and said.name:
            began = said.word is Word.BEGAN
            await gateways.note_hint(connection, gateway.id, said, now, began=began)
        if said.word is Word.FILE and said.path:
            await gateway_files.announce(connection, gateway.id, said.path, now)


def actor_of(gateway: Gateway) -> Actor:
    """The gateway as its dock."""
    return Actor(
        ActorKind.DOCK,
        str(gateway.id),
        gateway.name,
        role=Role.DOCK,
        agency=gateway.agency,
        dock=gateway.id,
    )


async def _why_not(deps: Deps, gateway: Gateway, said: Said) -> Refusal | None:
    if said.key_in_name:
        # The media server would write it into the names of files.
        return Refusal.KEY_IN_NAME
    if said.app in gateway.trusted_apps:
        return await _why_not_trusted(deps, gateway, said.name)
    if said.key is None:
        return Refusal.KEY_MISSING
    try:
        actor = await accounts.actor_of_token(deps, said.key)
    except Unauthenticated:
        return Refusal.KEY_UNKNOWN
    if actor.agency != gateway.agency and not actor.city:
        return Refusal.AGENCY_CONTRADICTED
    wished = _livestream_in(said.name)
    if wished is not None:
        return await _why_not_livestream(deps, actor, wished)
    own = actor.kind is ActorKind.DEVICE and actor.name == said.name and actor.livestream is None
    return None if own else Refusal.STREAM_UNKNOWN


async def _why_not_trusted(deps: Deps, gateway: Gateway, name: str) -> Refusal | None:
    """Publishers whom the gateway knows by other means name a device of its agency."""
    async with deps.database.acquire() as connection:
        device = await devices.find_by_number(connection, name)
    if device is None:
        return Refusal.STREAM_UNKNOWN
    return None if device.agency == gateway.agency else Refusal.AGENCY_CONTRADICTED


async def _why_not_livestream(deps: Deps, actor: Actor, livestream: LivestreamId) -> Refusal | None:
    if actor.livestream not in (None, livestream):
        return Refusal.STREAM_UNKNOWN
    try:
        found = await live.find_livestream(deps, actor, livestream)
    except NotFound:
        return Refusal.STREAM_UNKNOWN
    # Also when it is over: the file of the gateway is kept, with what was said at its opening.
    return None if found.form is Form.RECEIVED else Refusal.STREAM_UNKNOWN


async def _why_not_watch(deps: Deps, gateway: Gateway, said: Said) -> Refusal | None:
    """Only we pull, with the gateway's own token: people watch where it is written down."""
    if said.key is None:
        return Refusal.KEY_MISSING
    try:
        actor = await accounts.actor_of_token(deps, said.key)
    except Unauthenticated:
        return Refusal.KEY_UNKNOWN
    return None if actor.dock == gateway.id else Refusal.STREAM_UNKNOWN


def _livestream_in(name: str) -> LivestreamId | None:
    try:
        return LivestreamId(uuid.UUID(name))
    except ValueError:
        return None
