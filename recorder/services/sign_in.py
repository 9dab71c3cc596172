"""Signing in and out, and the limit on guessing.

An attempt is written as failed before it is checked and forgotten when it succeeds, so a thousand
at once count each other. Unknown logins take the same steps and the same time as known ones.
"""

from __future__ import annotations

import math
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.adapters import passwords
from recorder.domain.events import SignedIn, SignedOut, SignInRefused
from recorder.domain.ids import PersonId
from recorder.domain.people import EVERYTHING, NOBODY, Actor, ActorKind
from recorder.errors import RateLimited, Unauthenticated
from recorder.runtime import Deps
from recorder.services import codes, names, secrecy
from recorder.store import people, sessions
from recorder.store.connection import Connection
from recorder.store.people import Attempts, Person

WINDOW = timedelta(minutes=15)
#: So long a code is waited for behind the right password.
CODE_LIFE = timedelta(minutes=5)
#: Times ``sign_in_tries`` for one login from everywhere; see ``_limit``.
_EVERYWHERE = 10
#: Attempts with links are counted as if for this login. Logins are folded: nobody can type it.
_LINK = "LINK "
_NOBODY_ID = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in. The secret is the cookie's content and is not kept."""

    secret: str
    csrf_token: str
    person: Person
    expires_at: datetime
    #: The password was right; the session opens nothing until ``give_code`` has been called.
    awaits_code: bool = False


async def sign_in(deps: Deps, *, login: str, password: str, address: str) -> Session:
    """A session for whoever knows the password; with a second factor, one that ``awaits_code``.

    Raises Unauthenticated ``sign-in-refused``, the same for unknown logins, wrong passwords and
    suspended people; RateLimited ``sign-in-limited`` with ``retry_after_s``.
    """
    folded, place = names.fold_login(login), names.place_of(address)
    await take_attempt(deps, folded, place)
    async with deps.database.acquire() as connection:
        person = await people.by_login(connection, folded, EVERYTHING)
        kept = await people.password_hash_of(connection, person.id if person else _nobody())
    fits = await passwords.fits(kept, normal_password(password))
    reason = _refusal(person, fits)
    if person is None or reason:
        async with deps.change(NOBODY) as change:
            change.record(
                SignInRefused(
                    subject=person.id if person else _NOBODY_ID,
                    agency=person.agency if person else None,
                    login=person.login if person else "",
                    reason=reason,
                    address=place,
                )
            )
        raise Unauthenticated("sign-in-refused", "Login or password is wrong.")
    async with deps.database.acquire() as connection:
        if await codes.is_set(connection, person.id):
            return await _half_open(deps, connection, person, place)
    return await _open(deps, person, place, "password")


async def give_code(deps: Deps, *, secret: str, code: str, address: str) -> Session:
    """A session for whoever has the code as well; the secret is that of ``sign_in``.

    Raises Unauthenticated ``sign-in-code-refused``, and ``sign-in-stale`` after CODE_LIFE;
    RateLimited ``sign-in-limited``: codes and passwords are counted together.
    """
    waiting, place = secrecy.hash_of(secret), names.place_of(address)
    async with deps.database.acquire() as connection:
        person = await sessions.find_waiting(connection, waiting, deps.clock.now())
    if person is None:
        raise Unauthenticated("sign-in-stale", "Too much time has passed; sign in again.")
    await take_attempt(deps, person.login, place)
    async with deps.database.acquire() as connection:
        used = await codes.spend(deps, connection, person.id, code)
    if used is None:
        async with deps.change(NOBODY) as change:
            change.record(codes.refused(person, place))
        raise Unauthenticated("sign-in-code-refused", "This code is wrong, or was used already.")
    async with deps.database.acquire() as connection:
        await sessions.end_session(connection, waiting, person.id, deps.clock.now())
    return await _open(deps, person, place, f"password_and_{used}")


async def sign_in_by_link(deps: Deps, *, secret: str, address: str) -> Session:
    """A session for whoever has the one-time secret first.

    Raises Unauthenticated ``login-link-refused``, the same for unknown, used and old ones;
    RateLimited ``sign-in-limited`` for an address that tries too many.
    """
    link, place = secrecy.hash_of(secret), names.place_of(address)
    attempt = f"{_LINK}{place}"
    await take_attempt(deps, attempt, place)
    async with deps.database.acquire() as connection:
        person = await people.by_login_link(connection, link, deps.clock.now())
    if person is None:
        raise _link_refused()
    session = await _open(deps, person, place, "login_link", link)
    async with deps.database.acquire() as connection:
        await people.forget_attempts(connection, attempt, place)
    return session


async def sign_out(deps: Deps, actor: Actor, secret: str) -> None:
    """The session has ended; ending it again is harmless."""
    if actor.kind is not ActorKind.PERSON:
        return
    person = PersonId(uuid.UUID(actor.id))
    try:
        async with deps.change(actor) as change:
            if not await sessions.end_session(
                change.connection, secrecy.hash_of(secret), person, change.now
            ):
                raise _Ended
            found = await people.find(change.connection, person)
            change.record(
                SignedOut(subject=person, agency=actor.agency, login=found.login if found else "")
            )
    except _Ended:
        return


class _Ended(Exception):
    """Leaves a Change in which there was no session to end."""


async def take_attempt(deps: Deps, login: str, place: str) -> None:
    """Count an attempt; raises RateLimited when there were too many.

    A refused attempt is not counted, so that waiting helps however much is tried meanwhile.
    """
    config, now = deps.config, deps.clock.now()
    async with deps.database.acquire() as connection:
        number = await people.note_attempt(connection, login, place, now)
        made = await people.count_attempts(connection, login, place, now - WINDOW, now + WINDOW)
        oldest = _limit(made, config.sign_in_tries, config.sign_in_tries_per_address)
        if oldest is None:
            return
        await people.forget_attempt(connection, number)
    wait = max(1, math.ceil((oldest + WINDOW - now).total_seconds()))
    raise RateLimited(
        "sign-in-limited", "Too many attempts; wait before the next one.", retry_after_s=wait
    )


def _limit(made: Attempts, tries: int, tries_per_address: int) -> datetime | None:
    """Since when the limit that is reached has been counting; None while another try is free.

    Somebody else's failures shut nobody out for long: a login is limited from the address that
    fails. Only when it is tried from everywhere, every address is limited that this person has
    not signed in from in the last month.
    """
    if made.of_pair > tries:
        return made.oldest_of_pair
    if made.of_address > tries_per_address:
        return made.oldest_of_address
    if made.of_login > tries * _EVERYWHERE and not made.address_known:
        return made.oldest_of_login
    return None


def normal_password(password: str) -> str:
    """One form for all keyboards (NFKC, as NIST SP 800-63B advises); nothing is cut off."""
    return unicodedata.normalize("NFKC", password)


def _refusal(person: Person | None, fits: bool) -> str:
    if person is None:
        return "unknown"
    if not fits:
        return "password"
    return "suspended" if person.suspended_at else ""


async def _half_open(deps: Deps, connection: Connection, person: Person, place: str) -> Session:
    """A session that waits for a code; the attempts stay counted until it has come."""
    now = deps.clock.now()
    session = Session(
        secrecy.new_secret(), secrecy.new_secret(), person, now + CODE_LIFE, awaits_code=True
    )
    await sessions.insert_session(
        connection, secrecy.hash_of(session.secret), person.id, csrf_token=session.csrf_token,
        address=place, now=now, expires_at=session.expires_at, awaits_code=True,
    )  # fmt: skip
    return session


async def _open(
    deps: Deps, person: Person, place: str, means: str, link: bytes | None = None
) -> Session:
    session = Session(
        secrecy.new_secret(),
        secrecy.new_secret(),
        person,
        deps.clock.now() + timedelta(seconds=deps.config.session_ttl_s),
    )
    async with deps.change(person.actor) as change:
        connection = change.connection
        if link is not None and not await people.use_login_link(connection, link, change.now):
            raise _link_refused()
        await sessions.insert_session(
            connection,
            secrecy.hash_of(session.secret),
            person.id,
            csrf_token=session.csrf_token,
            address=place,
            now=change.now,
            expires_at=session.expires_at,
        )
        await people.forget_attempts(connection, person.login, place)
        change.record(
            SignedIn(
                subject=person.id,
                agency=person.agency,
                login=person.login,
                means=means,
                address=place,
            )
        )
    return session


def _link_refused() -> Unauthenticated:
    return Unauthenticated(
        "login-link-refused", "This address has been used or is too old; ask for a new one."
    )


def _nobody() -> PersonId:
    return PersonId(_NOBODY_ID)
