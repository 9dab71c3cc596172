"""Showing one case in a page of another system: for a while, to one person, and nothing else.

Whoever holds the address sees what the program that asked for it may see of that case; each look
is a custody event in the program's name with the person's beside it (docs/design/embeds.md).
"""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.events import EmbedGranted
from recorder.domain.ids import CaseId, TokenId
from recorder.domain.people import Actor, ActorKind, Permission
from recorder.errors import Conflict, Forbidden, NotFound
from recorder.runtime import Deps
from recorder.services import casework, names
from recorder.services.secrecy import hash_of, new_secret
from recorder.store import case_embeds, tokens
from recorder.store.case_embeds import EmbedRow


@dataclass(frozen=True, slots=True)
class GrantedEmbed:
    """A new address's secret, which is said once, and until when it counts."""

    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Embed:
    """An address that counts, and who looks through it."""

    case: CaseId
    #: The program, named with the person for whom it asked.
    actor: Actor
    number: str
    on_behalf_of: str
    expires_at: datetime


async def grant(
    deps: Deps, actor: Actor, *, number: str, on_behalf_of: str, organ: str | None = None
) -> GrantedEmbed:
    """Let a page show the case of this number to this person for a while; the event is written.

    Raises Conflict ``embed-off``, ``case-number-ambiguous``, Forbidden ``embed-program``, NotFound
    ``case-not-found``, InvalidInput ``name-invalid``, and what ``find_cases`` raises.
    """
    if not deps.config.embed_origins:
        raise Conflict("embed-off", "No origin may show footage: RECORDER_EMBED_ORIGINS is empty.")
    if actor.kind is not ActorKind.PROGRAM:
        raise Forbidden("embed-program", "People look at our own pages; programs embed them.")
    person = names.checked(on_behalf_of, "on_behalf_of")
    found = [
        case
        for case in (await casework.find_cases(deps, actor, number=number)).items
        if organ in (None, case.agency_code)
    ]
    if not found:
        raise NotFound("case-not-found", "There is no such case.")
    if len(found) > 1:
        raise Conflict("case-number-ambiguous", "Several organs have this number: name the organ.")
    (case,) = found
    secret = new_secret()
    async with deps.change(actor) as change:
        expires_at = change.now + timedelta(seconds=deps.config.embed_ttl_s)
        await case_embeds.insert(
            change.connection,
            hash_of(secret),
            EmbedRow(case.id, TokenId(uuid.UUID(actor.id)), number.strip(), person, expires_at),
        )
        change.record(
            EmbedGranted(
                subject=case.id,
                agency=case.agency,
                number=number.strip(),
                on_behalf_of=person,
                expires_at=expires_at,
            )
        )
    return GrantedEmbed(secret, expires_at)


async def opened(deps: Deps, secret: str, footage: uuid.UUID | None = None) -> Embed:
    """What the address of this secret shows; ``footage``: a recording or livestream of it.

    Asked again for every piece, so a token that is revoked and footage that is unlinked end at
    once. Raises NotFound ``embed-ended``.
    """
    async with deps.database.acquire() as connection:
        row = await case_embeds.find(connection, hash_of(secret), deps.clock.now())
        actor = await tokens.actor_of(connection, row.token) if row else None
        if row is None or actor is None or not actor.may(Permission.EMBED):
            raise _ended()
        if footage is not None and not await case_embeds.is_of_case(connection, row.case, footage):
            raise _ended()
    name = f"{actor.name} ({row.on_behalf_of})"
    return Embed(
        row.case,
        dataclasses.replace(actor, name=name),
        row.number,
        row.on_behalf_of,
        row.expires_at,
    )


def _ended() -> NotFound:
    return NotFound("embed-ended", "This address has ended, or shows something else.")
