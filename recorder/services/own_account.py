"""What people do to their own account: another password, a look at their sessions, ending them."""

from __future__ import annotations

import uuid

from recorder.adapters import passwords
from recorder.domain.events import PasswordChanged, SessionsEnded, SignInRefused
from recorder.domain.ids import PersonId
from recorder.domain.people import Actor, ActorKind
from recorder.errors import InvalidInput, NotFound
from recorder.runtime import Deps
from recorder.services import names, secrecy
from recorder.services.accounts import checked_password, idle_since
from recorder.services.sign_in import normal_password, take_attempt
from recorder.store import people, sessions
from recorder.store.people import Person
from recorder.store.sessions import SessionLine


async def change_password(
    deps: Deps, actor: Actor, *, present: str, new: str, secret: str, address: str
) -> None:
    """Only the new password counts, and every session has ended but the one of this secret.

    Raises as ``prove`` and InvalidInput as ``accounts.add_person``.
    """
    person = await prove(deps, actor, present=present, address=address)
    password_hash = await passwords.hashed(await checked_password(new))
    async with deps.change(actor) as change:
        await people.set_password(change, person.id, password_hash)
        await sessions.end_sessions(
            change.connection, person.id, change.now, secrecy.hash_of(secret)
        )
        change.record(PasswordChanged(subject=person.id, agency=person.agency, login=person.login))


async def prove(deps: Deps, actor: Actor, *, present: str, address: str) -> Person:
    """The person, who has just given the present password again.

    Raises InvalidInput ``password-wrong``; RateLimited ``sign-in-limited``, since guessing here
    is guessing; NotFound for who is no person.
    """
    person, place = await person_of(deps, actor), names.place_of(address)
    await take_attempt(deps, person.login, place)
    async with deps.database.acquire() as connection:
        kept = await people.password_hash_of(connection, person.id)
    if not await passwords.fits(kept, normal_password(present)):
        async with deps.change(actor) as change:
            change.record(
                SignInRefused(
                    subject=person.id, agency=person.agency, login=person.login,
                    reason="password", address=place,
                )
            )  # fmt: skip
        raise InvalidInput("password-wrong", "The present password is another one.")
    async with deps.database.acquire() as connection:
        await people.forget_attempts(connection, person.login, place)
    return person


async def list_sessions(deps: Deps, actor: Actor, secret: str | None) -> list[SessionLine]:
    """The open sessions of the actor, newest first; none for who is no person."""
    if actor.kind is not ActorKind.PERSON:
        return []
    this = secrecy.hash_of(secret) if secret else None
    async with deps.database.acquire() as connection:
        return await sessions.sessions_of(
            connection, PersonId(uuid.UUID(actor.id)), deps.clock.now(), idle_since(deps), this
        )


async def end_session(deps: Deps, actor: Actor, session: uuid.UUID) -> None:
    """That session of the actor is over. Raises NotFound ``session-not-found``."""
    person = await person_of(deps, actor)
    async with deps.change(actor) as change:
        if not await sessions.end_session_of_id(change.connection, session, person.id, change.now):
            raise NotFound("session-not-found", "There is no such session any more.")
        change.record(_ended(person, 1))


async def end_other_sessions(deps: Deps, actor: Actor, secret: str) -> int:
    """Only the session of this secret is left; gives how many others have ended."""
    person = await person_of(deps, actor)
    async with deps.change(actor) as change:
        ended = await sessions.end_sessions(
            change.connection, person.id, change.now, secrecy.hash_of(secret)
        )
        change.record(_ended(person, ended))
    return ended


async def end_sessions_of(deps: Deps, actor: Actor, *, login: str) -> int:
    """Every session of a person in the actor's scope is over. Raises NotFound."""
    async with deps.change(actor) as change:
        person = await people.by_login(
            change.connection, names.fold_login(login), change.actor.scope
        )
        if person is None:
            raise NotFound("person-not-found", f"There is no person with the login {login}.")
        ended = await sessions.end_sessions(change.connection, person.id, change.now)
        change.record(_ended(person, ended))
    return ended


def _ended(person: Person, number: int) -> SessionsEnded:
    return SessionsEnded(
        subject=person.id, agency=person.agency, login=person.login, sessions=number
    )


async def person_of(deps: Deps, actor: Actor) -> Person:
    """The person that the actor is. Raises NotFound ``person-not-found``."""
    found = None
    if actor.kind is ActorKind.PERSON:
        async with deps.database.acquire() as connection:
            found = await people.find(connection, PersonId(uuid.UUID(actor.id)))
    if found is None:
        raise NotFound("person-not-found", "Only a person has a password and sessions.")
    return found
