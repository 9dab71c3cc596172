"""A person's second factor: set up, used up, renewed, ended (docs/design/second-factor.md).

Nothing here opens a session: ``sign_in`` asks ``codes``.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from recorder.adapters import one_time_codes
from recorder.domain.events import (
    RecoveryCodesMade,
    SecondFactorEnded,
    SecondFactorSet,
)
from recorder.domain.people import Actor
from recorder.errors import Conflict, NotFound
from recorder.runtime import Deps
from recorder.services import codes, names, own_account, secrecy
from recorder.store import people, second_factors
from recorder.store.change import Change
from recorder.store.people import Person

#: Recovery codes of one person at a time; each holds 50 bits.
CODES = 10
_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_HALF = 5


@dataclass(frozen=True, slots=True)
class State:
    """What a person is shown of the own second factor."""

    #: Since when codes are asked for; None: they are not.
    since: datetime | None
    codes_left: int
    #: Whether the role must have one.
    required: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """A secret that the person is about to give to an app."""

    secret: str
    picture: bytes


async def state_of(deps: Deps, actor: Actor) -> State:
    """Raises NotFound ``person-not-found`` for who is no person."""
    person = await own_account.person_of(deps, actor)
    async with deps.database.acquire() as connection:
        found = await second_factors.find(connection, person.id)
        left = await second_factors.codes_left(connection, person.id)
    return State(
        found.confirmed_at if found else None,
        left,
        deps.config.needs_second_factor(person.role.value),
    )


async def begin(deps: Deps, actor: Actor) -> None:
    """There is a secret to be confirmed, another one than before.

    Raises Conflict ``second-factor-set`` where one counts already: it is ended first.
    """
    person = await own_account.person_of(deps, actor)
    async with deps.database.acquire() as connection:
        secret = one_time_codes.new_secret()
        if not await second_factors.begin(connection, person.id, secret, deps.clock.now()):
            raise _is_set()


async def draft_of(deps: Deps, actor: Actor) -> Draft:
    """What is to be confirmed. Raises NotFound ``second-factor-not-begun``."""
    person = await own_account.person_of(deps, actor)
    async with deps.database.acquire() as connection:
        found = await second_factors.find(connection, person.id)
    if found is None or found.confirmed_at is not None:
        raise NotFound("second-factor-not-begun", "Begin to set up a second factor first.")
    address = one_time_codes.address_of(found.secret, person.login, deps.config.service_name)
    return Draft(found.secret, one_time_codes.picture_of(address))


async def confirm(deps: Deps, actor: Actor, *, present: str, code: str, address: str) -> list[str]:
    """Signing in by password asks for a code from now on; gives the recovery codes, once.

    Raises InvalidInput ``password-wrong`` or ``code-wrong``, RateLimited, NotFound as
    ``draft_of``, Conflict ``second-factor-set``.
    """
    person = await own_account.prove(deps, actor, present=present, address=address)
    draft = await draft_of(deps, actor)
    step = one_time_codes.step_of(draft.secret, codes.typed(code), deps.clock.now(), 0)
    if step is None:
        raise codes.wrong()
    async with deps.change(actor) as change:
        if not await second_factors.confirm(change, person.id, draft.secret, step):
            raise _is_set()
        change.record(SecondFactorSet(subject=person.id, agency=person.agency, login=person.login))
        return await _new_codes(change, person)


async def renew_codes(
    deps: Deps, actor: Actor, *, present: str, code: str, address: str
) -> list[str]:
    """New recovery codes, shown once; older ones no longer count. Raises as ``end``."""
    person = await own_account.prove(deps, actor, present=present, address=address)
    await _require_code(deps, actor, person, code, address)
    async with deps.change(actor) as change:
        return await _new_codes(change, person)


async def end(deps: Deps, actor: Actor, *, present: str, code: str, address: str) -> None:
    """No code is asked for any more.

    Raises InvalidInput ``password-wrong`` or ``code-wrong``, RateLimited, Conflict
    ``second-factor-required`` where the role needs one.
    """
    person = await own_account.prove(deps, actor, present=present, address=address)
    if deps.config.needs_second_factor(person.role.value):
        raise Conflict("second-factor-required", "Your role must have a second factor.")
    await _require_code(deps, actor, person, code, address)
    async with deps.change(actor) as change:
        await second_factors.end(change, person.id)
        change.record(_ended(person, "own wish"))


async def end_of(deps: Deps, actor: Actor, *, login: str, reason: str) -> None:
    """The person signs in without a code, for who has lost app and recovery codes.

    Raises NotFound ``person-not-found``, Conflict ``second-factor-not-set``, InvalidInput
    ``reason-missing``.
    """
    why = names.needed_reason(reason)
    async with deps.change(actor) as change:
        person = await people.by_login(
            change.connection, names.fold_login(login), change.actor.scope
        )
        if person is None:
            raise NotFound("person-not-found", f"There is no person with the login {login}.")
        if not await second_factors.end(change, person.id):
            raise Conflict("second-factor-not-set", f"{person.login} has no second factor.")
        change.record(_ended(person, why))


async def _require_code(deps: Deps, actor: Actor, person: Person, code: str, address: str) -> None:
    async with deps.database.acquire() as connection:
        used = await codes.spend(deps, connection, person.id, code)
    if used is None:
        async with deps.change(actor) as change:
            change.record(codes.refused(person, names.place_of(address)))
        raise codes.wrong()


async def _new_codes(change: Change, person: Person) -> list[str]:
    made = ["".join(secrets.choice(_LETTERS) for _ in range(2 * _HALF)) for _ in range(CODES)]
    await second_factors.replace_codes(change, person.id, [secrecy.hash_of(c) for c in made])
    change.record(
        RecoveryCodesMade(
            subject=person.id, agency=person.agency, login=person.login, codes=len(made)
        )
    )
    return [f"{code[:_HALF]}-{code[_HALF:]}" for code in made]


def _ended(person: Person, reason: str) -> SecondFactorEnded:
    return SecondFactorEnded(
        subject=person.id, agency=person.agency, login=person.login, reason=reason
    )


def _is_set() -> Conflict:
    return Conflict("second-factor-set", "A second factor is set already; end it first.")
