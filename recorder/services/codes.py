"""Codes of a second factor at the moment they are given: asked for, used up, refused."""

from __future__ import annotations

from recorder.adapters import one_time_codes
from recorder.domain.events import SignInRefused
from recorder.domain.ids import PersonId
from recorder.errors import InvalidInput
from recorder.runtime import Deps
from recorder.services import secrecy
from recorder.store import second_factors
from recorder.store.connection import Connection
from recorder.store.people import Person


async def is_set(connection: Connection, person: PersonId) -> bool:
    """Whether a code is asked for."""
    found = await second_factors.find(connection, person)
    return found is not None and found.confirmed_at is not None


async def spend(deps: Deps, connection: Connection, person: PersonId, code: str) -> str | None:
    """Use a code up: ``code``, ``recovery_code``, or None for one that does not count.

    Of two at once with one code, one gets it.
    """
    plain, now = typed(code), deps.clock.now()
    found = await second_factors.find(connection, person)
    if found is None or found.confirmed_at is None:
        return None
    step = one_time_codes.step_of(found.secret, plain, now, found.last_step)
    if step is not None and await second_factors.use_step(connection, person, step):
        return "code"
    if await second_factors.use_code(connection, person, secrecy.hash_of(plain), now):
        return "recovery_code"
    return None


def refused(person: Person, place: str) -> SignInRefused:
    """The event of a wrong code."""
    return SignInRefused(
        subject=person.id, agency=person.agency, login=person.login, reason="code", address=place
    )


def typed(code: str) -> str:
    """Codes are read with blanks and dashes in them, and typed in small letters."""
    return "".join(c for c in code.upper() if c.isalnum())


def wrong() -> InvalidInput:
    """A code that does not count, told to who is signed in."""
    return InvalidInput("code-wrong", "This code is wrong, or was used already.")
