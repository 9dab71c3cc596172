"""People who sign in with ``PASSWORD``, without the price of a password.

Making and checking one takes a seventh of a second of a processor on purpose; the tests of
accounts pay it. Their hash is argon2id as well, of the least work: it says so itself, and the
product checks it as any other.
"""

from __future__ import annotations

from argon2 import PasswordHasher

from recorder.domain.events import PersonAdded
from recorder.domain.ids import PersonId, new_uuid
from recorder.domain.people import OPERATOR, Role
from recorder.runtime import Deps
from recorder.services import organs
from recorder.store import people
from recorder.store.people import Person
from tests.support.bureau import PASSWORD as PASSWORD

_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


async def add_person(
    deps: Deps,
    login: str,
    role: Role,
    *,
    name: str | None = None,
    agency: str | None = None,
    city: bool = False,
    officer: str | None = None,
) -> Person:
    """A person as the service of accounts writes one, our agency's unless another is named."""
    async with deps.change(OPERATOR) as change:
        home = await organs.named(deps, change, agency)
        person = Person(
            id=PersonId(new_uuid(change.now)),
            agency=home.id,
            agency_code=home.code,
            login=login,
            name=name or login,
            role=role,
            city=city,
            officer=officer,
            locale=None,
            suspended_at=None,
        )
        assert await people.insert(change, person, _HASH)
        change.record(
            PersonAdded(subject=person.id, agency=home.id, login=login, role=role.value, city=city)
        )
    return person
