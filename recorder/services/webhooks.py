"""Telling other systems of facts: who is told, sending, trying again, replaying.

A message is written with the fact (``store/change.py``); any worker sends it, at least once.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from recorder.adapters import http, sealed_words
from recorder.domain import webhook
from recorder.domain.events import WebhookAdded, WebhookReplayed, WebhookStopped
from recorder.domain.ids import new_uuid
from recorder.domain.people import SERVICE, Actor
from recorder.domain.source_address import Reach, SourceAddress, SourceProtocol
from recorder.domain.webhook import Attempt, Topic
from recorder.errors import Conflict, InvalidInput, NotFound
from recorder.runtime import Deps
from recorder.services import accounts, names, organs
from recorder.services.paging import page_size
from recorder.store import webhooks
from recorder.store.webhooks import Delivery, Due, Endpoint

#: Taken in hand at once; each may take as long as a slow receiver.
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class AddedEndpoint:
    """A new endpoint with its secret, which is shown once."""

    endpoint: Endpoint
    secret: str


async def add_endpoint(
    deps: Deps,
    actor: Actor,
    *,
    url: str,
    topics: Collection[Topic],
    agency: str | None = None,
    city: bool = False,
) -> AddedEndpoint:
    """Facts of these topics are sent there from now on, signed with the secret.

    Raises InvalidInput ``webhook-address-invalid``, ``webhook-topics-missing``, NotFound
    ``agency-not-found``, Forbidden ``agency-scope``.
    """
    if not topics:
        raise InvalidInput("webhook-topics-missing", "Name at least one topic.")
    _check_address(deps, url)
    accounts.refuse_city(actor, city)
    secret = webhook.new_secret()
    async with deps.change(actor) as change:
        home = await organs.named(deps, change, agency)
        endpoint = Endpoint(
            id=new_uuid(change.now),
            agency=home.id,
            agency_code=home.code,
            city=city,
            url=url,
            topics=tuple(sorted(topic.value for topic in topics)),
            created_at=change.now,
            stopped_at=None,
            stopped_why=None,
        )
        sealed = sealed_words.seal(deps.signer, _label(endpoint.id), secret)
        await webhooks.insert(change, endpoint, sealed)
        change.record(
            WebhookAdded(
                subject=endpoint.id,
                agency=home.id,
                host=SourceAddress.parse(url).host,
                topics=endpoint.topics,
                city=city,
            )
        )
    return AddedEndpoint(endpoint, secret)


def _check_address(deps: Deps, url: str) -> None:
    try:
        place = SourceAddress.parse(url)
    except InvalidInput as error:
        raise _no_address() from error
    if place.protocol is not SourceProtocol.HLS or place.user or place.password:
        raise _no_address()
    if place.is_number and not _reach(deps).may(place.name):
        raise InvalidInput(
            "webhook-address-invalid", "The address lies in a network that no webhook reaches."
        )


def _no_address() -> InvalidInput:
    return InvalidInput(
        "webhook-address-invalid", "The address begins with https:// or http:// and has no user."
    )


def _reach(deps: Deps) -> Reach:
    return Reach.parse(deps.config.webhook_networks)


def _label(endpoint: uuid.UUID) -> str:
    return f"webhook {endpoint}"


async def list_endpoints(deps: Deps, actor: Actor) -> list[Endpoint]:
    """The endpoints of the agencies that the actor sees."""
    async with deps.database.acquire() as connection:
        return await webhooks.listed(connection, actor.scope)


async def deliveries(
    deps: Deps, actor: Actor, endpoint: uuid.UUID, *, after: int = 0, limit: int = 50
) -> list[Delivery]:
    """Messages to the endpoint behind a position. Raises NotFound ``webhook-not-found``."""
    await _found(deps, actor, endpoint)
    async with deps.database.acquire() as connection:
        return await webhooks.deliveries(connection, endpoint, after, page_size(limit))


async def stop(deps: Deps, actor: Actor, endpoint: uuid.UUID, *, reason: str) -> None:
    """Send nothing there any more.

    Raises NotFound ``webhook-not-found``, Conflict ``webhook-stopped``.
    """
    why = names.needed_reason(reason)
    found = await _found(deps, actor, endpoint)
    async with deps.change(actor) as change:
        if not await webhooks.stop(change, endpoint, why):
            raise Conflict("webhook-stopped", "The webhook is stopped.")
        change.record(WebhookStopped(subject=endpoint, agency=found.agency, reason=why))


async def replay(
    deps: Deps, actor: Actor, endpoint: uuid.UUID, *, after: int, everything: bool
) -> int:
    """Send messages behind a position again: all of them, or those that failed; how many.

    They keep their ids, by which a receiver knows what it has had. Raises NotFound
    ``webhook-not-found``, Conflict ``webhook-stopped``.
    """
    found = await _found(deps, actor, endpoint)
    if found.stopped_at is not None:
        raise Conflict("webhook-stopped", "The webhook is stopped; add it anew.")
    states = ("failed", "taken") if everything else ("failed",)
    async with deps.change(actor) as change:
        count = await webhooks.replay(change, endpoint, after, states)
        change.record(
            WebhookReplayed(
                subject=endpoint,
                agency=found.agency,
                after=after,
                everything=everything,
                messages=count,
            )
        )
    return count


async def _found(deps: Deps, actor: Actor, endpoint: uuid.UUID) -> Endpoint:
    async with deps.database.acquire() as connection:
        found = await webhooks.find(connection, endpoint, actor.scope)
    if found is None:
        raise NotFound("webhook-not-found", "There is no such webhook.")
    return found


# --- sending -------------------------------------------------------------------------------------


async def send_due(deps: Deps) -> bool:
    """Send what is due; whether there may be more. For the clock.

    A process that dies with messages in its hands leaves them to the next one after a minute:
    receivers may get a message twice, never not at all.
    """
    async with deps.database.acquire() as connection:
        due = await webhooks.claim(connection, deps.clock.now(), _AT_ONCE)
    if not due:
        return False
    async with http.posting(_reach(deps)) as poster:
        await asyncio.gather(*(_send(deps, poster, each) for each in due))
    return len(due) == _AT_ONCE


async def _send(deps: Deps, poster: http.Poster, due: Due) -> None:
    secret = sealed_words.unseal(deps.signer, _label(due.endpoint), due.secret)
    now = deps.clock.now()
    if secret is None:
        attempt = Attempt(None, "secret-unreadable")
    else:
        headers = webhook.signature(secret, due.message, now, due.body)
        attempt = await poster.post(due.url, due.body.encode(), headers)
    again = None if attempt.is_taken or attempt.is_gone else webhook.next_try(due.attempts, now)
    async with deps.database.transaction() as connection:
        await webhooks.settle(connection, due, attempt, again)
        if secret is not None:
            await webhooks.note_receiver(connection, due, now, away=attempt.is_away)
    if attempt.is_gone:
        await _stop_gone(deps, due)


async def _stop_gone(deps: Deps, due: Due) -> None:
    """The receiver said that it wants no more."""
    async with deps.database.acquire() as connection:
        found = await webhooks.find(connection, due.endpoint, SERVICE.scope)
    if found is not None and found.stopped_at is None:
        await stop(deps, SERVICE, due.endpoint, reason="The receiver answered 410 Gone.")
