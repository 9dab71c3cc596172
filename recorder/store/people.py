"""People, login links, and refused sign-ins. Their sessions are in ``sessions``.

Login links and refused sign-ins are no evidence and take a plain Connection, as does a
person's choice of language; a person's existence, password and suspension take a Change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, PersonId
from recorder.domain.people import Actor, ActorKind, Role, Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

#: For ``from_row``; the tables are named p (person) and a (agency).
COLUMNS = (
    "p.id, p.agency_id, a.code AS agency_code, p.login, p.name, p.role, p.city, p.officer,"
    " p.locale, p.suspended_at,"
    " ARRAY(SELECT seen_id FROM agency_reach WHERE agency_id = p.agency_id ORDER BY seen_id)"
    " AS below,"
    " ARRAY(SELECT seen_id FROM agency_reach WHERE agency_id = p.agency_id AND acts) AS branches"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may sign in."""

    id: PersonId
    agency: AgencyId
    agency_code: str
    login: str
    name: str
    role: Role
    #: Sees every agency.
    city: bool
    #: The officer's number, for people who wear cameras.
    officer: str | None
    locale: str | None
    suspended_at: datetime | None
    #: Which agencies the person sees beside the own one, and in which of them acts.
    below: tuple[AgencyId, ...] = ()
    branches: tuple[AgencyId, ...] = ()

    @property
    def actor(self) -> Actor:
        """The person as custody events name them."""
        return Actor(
            ActorKind.PERSON,
            str(self.id),
            self.name,
            role=self.role,
            agency=self.agency,
            city=self.city,
            below=self.below,
            branches=self.branches,
            officer=self.officer,
        )


def from_row(row: Row) -> Person:
    """The person in a row of COLUMNS."""
    return Person(
        id=row["id"],
        agency=row["agency_id"],
        agency_code=row["agency_code"],
        login=row["login"],
        name=row["name"],
        role=Role(row["role"]),
        city=row["city"],
        officer=row["officer"],
        locale=row["locale"],
        suspended_at=row["suspended_at"],
        below=tuple(row["below"]),
        branches=tuple(row["branches"]),
    )


async def insert(change: Change, person: Person, password_hash: str) -> bool:
    """Write the person; False when the login is taken."""
    touched = await change.connection.execute(
        "INSERT INTO person (id, agency_id, login, name, role, city, officer, password_hash,"
        " created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (login) DO NOTHING",
        person.id,
        person.agency,
        person.login,
        person.name,
        person.role.value,
        person.city,
        person.officer,
        password_hash,
        change.now,
    )
    return touched == 1


async def by_login(connection: Connection, login: str, scope: Scope) -> Person | None:
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM person p JOIN agency a ON a.id = p.agency_id"  # noqa: S608 - constant text
        " WHERE p.login = $1 AND in_scope(p.agency_id, $2)",
        login,
        scope.agencies,
    )
    return from_row(row) if row else None


async def find(connection: Connection, person: PersonId) -> Person | None:
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM person p JOIN agency a ON a.id = p.agency_id"  # noqa: S608 - constant text
        " WHERE p.id = $1",
        person,
    )
    return from_row(row) if row else None


async def password_hash_of(connection: Connection, person: PersonId) -> str | None:
    """The argon2id string of the person; None when there is no such person."""
    text: str | None = await connection.fetchval(
        "SELECT password_hash FROM person WHERE id = $1", person
    )
    return text


async def set_password(change: Change, person: PersonId, password_hash: str) -> None:
    await change.connection.execute(
        "UPDATE person SET password_hash = $2 WHERE id = $1", person, password_hash
    )


async def set_suspended(change: Change, person: PersonId, at: datetime | None) -> bool:
    """Suspend or reinstate; False when the person was in that state already."""
    touched = await change.connection.execute(
        "UPDATE person SET suspended_at = $2"
        " WHERE id = $1 AND (suspended_at IS NULL) <> ($2::timestamptz IS NULL)",
        person,
        at,
    )
    return touched == 1


async def set_locale(connection: Connection, person: PersonId, locale: str) -> None:
    await connection.execute("UPDATE person SET locale = $2 WHERE id = $1", person, locale)


# --- login links -----------------------------------------------------------------------------


async def insert_login_link(
    connection: Connection, secret_hash: bytes, person: PersonId, expires_at: datetime
) -> None:
    await connection.execute(
        "INSERT INTO login_link (secret_hash, person_id, expires_at) VALUES ($1, $2, $3)",
        secret_hash,
        person,
        expires_at,
    )


async def by_login_link(connection: Connection, secret_hash: bytes, now: datetime) -> Person | None:
    """Whom an unused link would sign in; nobody who is suspended."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM login_link k JOIN person p ON p.id = k.person_id"  # noqa: S608 - constant text
        " JOIN agency a ON a.id = p.agency_id WHERE k.secret_hash = $1 AND k.used_at IS NULL"
        " AND k.expires_at > $2 AND p.suspended_at IS NULL",
        secret_hash,
        now,
    )
    return from_row(row) if row else None


async def use_login_link(
    connection: Connection, secret_hash: bytes, now: datetime
) -> PersonId | None:
    """Use up the link; None when it is unknown, used or too old. Of two at once, one gets it."""
    person: PersonId | None = await connection.fetchval(
        "UPDATE login_link SET used_at = $2"
        " WHERE secret_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING person_id",
        secret_hash,
        now,
    )
    return person


async def remove_old_login_links(connection: Connection, before: datetime) -> int:
    return await connection.execute("DELETE FROM login_link WHERE expires_at < $1", before)


# --- refused sign-ins ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempts:
    """Attempts that failed or still run, since the beginning of the window."""

    #: Of this login from this address, of the address, of the login from anywhere.
    of_pair: int
    of_address: int
    of_login: int
    #: When the oldest of each began.
    oldest_of_pair: datetime | None
    oldest_of_address: datetime | None
    oldest_of_login: datetime | None
    #: The person with this login has signed in from this address before.
    address_known: bool


async def note_attempt(connection: Connection, login: str, address: str, now: datetime) -> int:
    """Write the attempt as failed before it is checked, so that many at once count each other."""
    number: int = await connection.fetchval(
        "INSERT INTO sign_in_failure (login, address, at) VALUES ($1, $2, $3) RETURNING id",
        login,
        address,
        now,
    )
    return number


async def count_attempts(
    connection: Connection, login: str, address: str, since: datetime, until: datetime
) -> Attempts:
    """The attempts between these moments, not later: a clock that went back shuts nobody out."""
    row = await connection.fetchrow(
        "SELECT count(*) FILTER (WHERE login = $1 AND address = $2) AS of_pair,"
        " count(*) FILTER (WHERE address = $2) AS of_address,"
        " count(*) FILTER (WHERE login = $1) AS of_login,"
        " min(at) FILTER (WHERE login = $1 AND address = $2) AS oldest_of_pair,"
        " min(at) FILTER (WHERE address = $2) AS oldest_of_address,"
        " min(at) FILTER (WHERE login = $1) AS oldest_of_login,"
        " EXISTS (SELECT FROM session s JOIN person p ON p.id = s.person_id"
        "         WHERE p.login = $1 AND s.address = $2) AS address_known"
        " FROM sign_in_failure WHERE (login = $1 OR address = $2) AND at > $3"
        " AND at < $4",
        login,
        address,
        since,
        until,
    )
    return Attempts(**dict(row or {}))


async def forget_attempt(connection: Connection, number: int) -> None:
    """Remove one attempt: it was not made after all, since the limit refused it."""
    await connection.execute("DELETE FROM sign_in_failure WHERE id = $1", number)


async def forget_attempts(connection: Connection, login: str, address: str) -> None:
    """Remove the attempts of this login from this address: it has signed in."""
    await connection.execute(
        "DELETE FROM sign_in_failure WHERE login = $1 AND address = $2", login, address
    )


async def remove_old_attempts(connection: Connection, before: datetime) -> int:
    return await connection.execute("DELETE FROM sign_in_failure WHERE at < $1", before)
