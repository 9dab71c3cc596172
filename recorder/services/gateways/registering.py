"""Which gateways there are: added, given another secret, revoked, looked at.

A gateway is a dock, which uploads what the media server wrote, with a secret of its own for hooks:
what is written into the media server's configuration can do nothing but ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recorder.domain.events import GatewayAdded, GatewayRevoked, GatewaySecretChanged
from recorder.domain.gateway import GatewayKind
from recorder.domain.ids import DockId
from recorder.domain.people import Actor
from recorder.errors import Conflict, InvalidInput, NotFound
from recorder.runtime import Deps
from recorder.services import names, registry, secrecy
from recorder.store import gateway_files, gateways
from recorder.store.change import Change
from recorder.store.gateway_files import AwaitedFile
from recorder.store.gateways import Gateway, GatewayStream

#: Streams that one view shows.
_MOST_SHOWN = 500
_MOST_APPS = 20


@dataclass(frozen=True, slots=True)
class AddedGateway:
    """A new gateway with its two credentials, which are shown once."""

    gateway: Gateway
    #: For the media server's hooks: asks, and nothing else.
    secret: str
    #: For ``recorder live gateway``: uploads files.
    token: str


@dataclass(frozen=True, slots=True)
class GatewayView:
    """A gateway with what it said of streams, newest first."""

    gateway: Gateway
    streams: tuple[GatewayStream, ...]
    #: Files that it said are finished and that have not come, the oldest first.
    awaited: tuple[AwaitedFile, ...]


async def add_gateway(
    deps: Deps,
    actor: Actor,
    *,
    name: str,
    kind: GatewayKind,
    trusted_apps: Sequence[str] = (),
    agency: str | None = None,
) -> AddedGateway:
    """A media server whose hooks are answered from now on, and its dock.

    Raises what ``registry.add_dock`` raises, InvalidInput ``name-invalid`` for an application.
    """
    apps = tuple(dict.fromkeys(names.checked(app, "application") for app in trusted_apps))
    if len(apps) > _MOST_APPS:
        raise InvalidInput("name-invalid", f"At most {_MOST_APPS} applications are trusted.")
    secret = secrecy.new_secret()
    async with deps.change(actor) as change:
        added = await registry.insert_dock(deps, change, name=name, agency=agency)
        dock = added.dock
        await gateways.insert(change, dock.id, kind, apps, secrecy.hash_of(secret))
        change.record(
            GatewayAdded(
                subject=dock.id,
                agency=dock.agency,
                title=dock.name,
                kind=kind.value,
                trusted_apps=apps,
            )
        )
        gateway = await _found(change, dock.id)
    return AddedGateway(gateway, secret, added.token)


async def renew_secret(deps: Deps, actor: Actor, gateway: DockId, *, reason: str) -> str:
    """Another secret; hooks with the former one count for nothing from now on.

    Raises NotFound ``gateway-not-found``, Conflict ``gateway-revoked``.
    """
    why, secret = names.needed_reason(reason), secrecy.new_secret()
    async with deps.change(actor) as change:
        found = await _found(change, gateway)
        if not await gateways.set_secret(change, gateway, secrecy.hash_of(secret)):
            raise _revoked(found)
        change.record(
            GatewaySecretChanged(
                subject=found.id, agency=found.agency, title=found.name, reason=why
            )
        )
    return secret


async def revoke(deps: Deps, actor: Actor, gateway: DockId, *, reason: str) -> None:
    """Its hooks are unknown from now on, so it lets nobody in; its dock may still upload.

    Raises NotFound ``gateway-not-found``, Conflict ``gateway-revoked``.
    """
    why = names.needed_reason(reason)
    async with deps.change(actor) as change:
        found = await _found(change, gateway)
        if not await gateways.revoke(change, gateway):
            raise _revoked(found)
        change.record(
            GatewayRevoked(subject=found.id, agency=found.agency, title=found.name, reason=why)
        )


async def list_gateways(deps: Deps, actor: Actor) -> list[Gateway]:
    """The gateways of the agencies that the actor sees."""
    async with deps.database.acquire() as connection:
        return await gateways.listed(connection, actor.scope)


async def gateway_named(deps: Deps, actor: Actor, name: str) -> Gateway:
    """The gateway of that name. Raises NotFound, and Conflict when several agencies have one."""
    found = [each for each in await list_gateways(deps, actor) if each.name == name]
    if not found:
        raise NotFound("gateway-not-found", f"There is no gateway {name}.")
    if len(found) > 1:
        raise Conflict("gateway-ambiguous", f"Several agencies have a gateway {name}.")
    return found[0]


async def view_gateway(deps: Deps, actor: Actor, gateway: DockId) -> GatewayView:
    """The gateway with what it said. Raises NotFound ``gateway-not-found``."""
    async with deps.database.acquire() as connection:
        found = await gateways.find(connection, gateway, actor.scope)
        if found is None:
            raise _none()
        streams = await gateways.streams_of(connection, gateway, _MOST_SHOWN)
        awaited = await gateway_files.awaited(connection, gateway, _MOST_SHOWN)
    return GatewayView(found, tuple(streams), tuple(awaited))


async def _found(change: Change, gateway: DockId) -> Gateway:
    found = await gateways.find(change.connection, gateway, change.actor.scope)
    if found is None:
        raise _none()
    return found


def _none() -> NotFound:
    return NotFound("gateway-not-found", "There is no such gateway.")


def _revoked(gateway: Gateway) -> Conflict:
    return Conflict("gateway-revoked", f"The gateway {gateway.name} is revoked.")
