"""People: who they are, how they sign in, and their sessions.

Whoever may call what stands in the route table; here is decided what holds. An administrator acts
within the own agency; only somebody who sees every agency makes others who do.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recorder.adapters import passwords
from recorder.domain.events import (
    LoginLinkMade,
    PasswordChanged,
    PersonAdded,
    PersonStateChanged,
)
from recorder.domain.ids import PersonId, new_uuid
from recorder.domain.people import Actor, ActorKind, Role
from recorder.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from recorder.runtime import Deps
from recorder.services import guard, names, organs, secrecy
from recorder.services.organs import add_agency, ensure_own_agency
from recorder.services.sign_in import (
    Session,
    give_code,
    normal_password,
    sign_in,
    sign_in_by_link,
    sign_out,
)
from recorder.store import (
    case_embeds,
    livestream_push_keys,
    livestream_tickets,
    people,
    playback_grants,
    sessions,
    tokens,
)
from recorder.store.change import Change
from recorder.store.people import Person

__all__ = [
    "Person",
    "Session",
    "SessionActor",
    "actor_of_session",
    "actor_of_token",
    "add_agency",
    "add_person",
    "change_password",
    "ensure_own_agency",
    "give_code",
    "make_login_link",
    "set_locale",
    "set_person_suspended",
    "sign_in",
    "sign_in_by_link",
    "sign_out",
    "sweep",
]

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256
LOCALES = ("zh_CN", "en")
PEOPLES_ROLES = (Role.OFFICER, Role.SUPERVISOR, Role.ADMINISTRATOR)
#: What a program may be, by a token that comes with nothing else.
PROGRAMS_ROLES = (*PEOPLES_ROLES, Role.READER, Role.EMBEDDER)
LOGIN_LINK_LIFE = timedelta(hours=1)
#: How exactly it is noted when a session was used last.
_SEEN_TO = timedelta(minutes=1)
#: Ended sessions stay this long: they name the addresses a person is known by.
_KNOWN_FOR = timedelta(days=30)


# --- people ----------------------------------------------------------------------------------


async def add_person(
    deps: Deps,
    actor: Actor,
    *,
    login: str,
    role: Role | str,
    password: str,
    name: str | None = None,
    agency: str | None = None,
    city: bool = False,
    officer: str | None = None,
) -> Person:
    """Somebody who can sign in from now on.

    An officer with a number sees only the footage with that number.

    Raises Conflict ``login-taken``, InvalidInput ``role-unknown``, ``name-invalid``,
    ``password-too-short``, ``password-too-long`` or ``password-common``, NotFound
    ``agency-not-found``, Forbidden ``agency-scope``.
    """
    known = _peoples_role(role)
    folded = names.fold_login(names.checked(login, "login"))
    refuse_city(actor, city)
    password_hash = await passwords.hashed(await checked_password(password))
    async with deps.change(actor) as change:
        home = await organs.named(deps, change, agency)
        person = Person(
            id=PersonId(new_uuid(change.now)),
            agency=home.id,
            agency_code=home.code,
            login=folded,
            name=names.checked(name or login, "name"),
            role=known,
            city=city,
            officer=names.checked(officer, "officer") if officer else None,
            locale=None,
            suspended_at=None,
        )
        if not await people.insert(change, person, password_hash):
            raise Conflict("login-taken", f"There is a person with the login {folded} already.")
        change.record(
            PersonAdded(
                subject=person.id, agency=home.id, login=folded, role=known.value, city=city
            )
        )
    return person


async def change_password(deps: Deps, actor: Actor, *, login: str, password: str) -> None:
    """Only the new password counts, and every session of the person has ended.

    Raises NotFound ``person-not-found``, Forbidden ``agency-scope``, InvalidInput as for
    ``add_person``.
    """
    password_hash = await passwords.hashed(await checked_password(password))
    async with deps.change(actor) as change:
        person = await _person(change, login)
        refuse_city(actor, person.city)
        await people.set_password(change, person.id, password_hash)
        await sessions.end_sessions(change.connection, person.id, change.now)
        change.record(PasswordChanged(subject=person.id, agency=person.agency, login=person.login))


async def set_person_suspended(
    deps: Deps, actor: Actor, *, login: str, suspended: bool, reason: str
) -> None:
    """Suspended, a person cannot sign in and has no session; the person's past stays.

    Raises NotFound ``person-not-found``, Conflict ``person-state``, InvalidInput
    ``reason-missing``, Forbidden ``agency-scope``.
    """
    why = names.needed_reason(reason)
    before, after = ("active", "suspended") if suspended else ("suspended", "active")
    async with deps.change(actor) as change:
        person = await _person(change, login)
        refuse_city(actor, person.city and not suspended)
        at = change.now if suspended else None
        if not await people.set_suspended(change, person.id, at):
            raise Conflict("person-state", f"{person.login} is {after} already.")
        await sessions.end_sessions(change.connection, person.id, change.now)
        change.record(
            PersonStateChanged(
                subject=person.id,
                agency=person.agency,
                login=person.login,
                before=before,
                after=after,
                reason=why,
            )
        )


async def make_login_link(
    deps: Deps, actor: Actor, *, login: str, life: timedelta = LOGIN_LINK_LIFE
) -> str:
    """A secret that signs the person in once, within its life. Raises NotFound, Forbidden."""
    secret = secrecy.new_secret()
    async with deps.change(actor) as change:
        person = await _person(change, login)
        refuse_city(actor, person.city)
        expires_at = change.now + life
        await people.insert_login_link(
            change.connection, secrecy.hash_of(secret), person.id, expires_at
        )
        change.record(
            LoginLinkMade(
                subject=person.id,
                agency=person.agency,
                login=person.login,
                expires_at=expires_at,
            )
        )
    return secret


# --- who is asking ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionActor:
    """The person behind a session's cookie."""

    actor: Actor
    #: Every request that changes something must carry it.
    csrf_token: str
    locale: str | None
    expires_at: datetime


async def actor_of_session(deps: Deps, secret: str, *, in_use: bool = True) -> SessionActor:
    """Whose session this is. Raises Unauthenticated ``session-ended``, also after long silence.

    ``in_use``: a person is there, and not a page that asks by itself.
    """
    now, hashed = deps.clock.now(), secrecy.hash_of(secret)
    async with deps.database.acquire() as connection:
        found = await sessions.find_session(connection, hashed, now, idle_since(deps))
        # A clock that was ahead has written a moment that is still to come.
        if found and in_use and not found.seen_at <= now < found.seen_at + _SEEN_TO:
            await sessions.touch_session(connection, hashed, now)
    if found is None:
        raise Unauthenticated("session-ended", "Please sign in.")
    actor = found.person.actor
    if deps.config.needs_second_factor(found.person.role.value) and not found.second_factor:
        actor = replace(actor, unready=True)
    return SessionActor(actor, found.csrf_token, found.person.locale, found.expires_at)


def idle_since(deps: Deps) -> datetime:
    """Sessions that were not used since then have ended."""
    return deps.clock.now() - timedelta(seconds=deps.config.session_idle_s)


async def actor_of_token(deps: Deps, token: str) -> Actor:
    """Whom the bearer token, or push key, speaks for.

    The token of a suspended or lost device is known, and its actor is ``suspended``. Raises
    Unauthenticated ``token-unknown``, ``push-key-expired``.
    """
    hashed = secrecy.hash_of(token)
    async with deps.database.acquire() as connection:
        actor = await tokens.actor_by_hash(connection, hashed)
        key = None if actor else await livestream_push_keys.find(connection, hashed)
    if key is not None:
        if key.expires_at <= deps.clock.now():
            raise Unauthenticated("push-key-expired", "This push key has ended; ask for another.")
        return key.actor
    if actor is None:
        raise Unauthenticated("token-unknown", "This token is unknown or revoked.")
    return actor


async def set_locale(deps: Deps, actor: Actor, locale: str) -> None:
    """The language of the person's pages. Raises InvalidInput ``locale-unknown``."""
    if locale not in LOCALES:
        raise InvalidInput("locale-unknown", f"The language is one of: {', '.join(LOCALES)}.")
    if actor.kind is ActorKind.PERSON:
        async with deps.database.acquire() as connection:
            await people.set_locale(connection, PersonId(uuid.UUID(actor.id)), locale)


async def sweep(deps: Deps) -> None:
    """Remove what no longer counts: old attempts, links, sessions, grants. For the clock."""
    now = await guard.both_clocks(deps)
    async with deps.database.acquire() as connection:
        await people.remove_old_attempts(connection, now - timedelta(days=1))
        await people.remove_old_login_links(connection, now - timedelta(days=1))
        await sessions.remove_old_sessions(connection, now - _KNOWN_FOR)
        await playback_grants.remove_expired(connection, now - timedelta(days=1))
        await case_embeds.remove_expired(connection, now - timedelta(days=1))
        await livestream_tickets.remove_expired(connection, now - timedelta(days=1))
        await livestream_push_keys.remove_expired(connection, now - _KNOWN_FOR)


async def _person(change: Change, login: str) -> Person:
    found = await people.by_login(change.connection, names.fold_login(login), change.actor.scope)
    if found is None:
        raise NotFound("person-not-found", f"There is no person with the login {login}.")
    return found


def _peoples_role(role: Role | str) -> Role:
    if role not in PEOPLES_ROLES:
        raise InvalidInput(
            "role-unknown", f"The role of a person is one of: {', '.join(PEOPLES_ROLES)}."
        )
    return Role(role)


def refuse_city(actor: Actor, city: bool) -> None:
    """Raise Forbidden when somebody would give away more sight than the own."""
    if city and actor.scope.agency is not None:
        raise Forbidden("agency-scope", "Only somebody who sees every agency makes others who do.")


async def checked_password(password: str) -> str:
    """The password in its one form, if it may be one. Raises InvalidInput ``password-…``."""
    normal = normal_password(password)
    if len(normal) < SHORTEST_PASSWORD:
        raise InvalidInput(
            "password-too-short",
            f"A password has at least {SHORTEST_PASSWORD} characters.",
            limit=SHORTEST_PASSWORD,
        )
    if len(normal) > LONGEST_PASSWORD:
        raise InvalidInput(
            "password-too-long",
            f"A password has at most {LONGEST_PASSWORD} characters.",
            limit=LONGEST_PASSWORD,
        )
    if await passwords.is_common(normal):
        raise InvalidInput(
            "password-common", "This password is in the lists that are tried first; take another."
        )
    return normal
