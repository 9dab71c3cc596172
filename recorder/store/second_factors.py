"""Second factors of people, and their recovery codes.

What is begun and not confirmed is no fact yet and takes a plain Connection; what counts takes a
Change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import PersonId
from recorder.store.change import Change
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """What codes are computed from."""

    secret: str
    begun_at: datetime
    #: None while the person has not shown that an app has it.
    confirmed_at: datetime | None
    #: The newest time step whose code was used.
    last_step: int


async def find(connection: Connection, person: PersonId) -> SecondFactor | None:
    row = await connection.fetchrow(
        "SELECT secret, begun_at, confirmed_at, last_step FROM second_factor WHERE person_id = $1",
        person,
    )
    return SecondFactor(**dict(row)) if row else None


async def begin(connection: Connection, person: PersonId, secret: str, now: datetime) -> bool:
    """Keep a secret that waits to be confirmed; False beside one that counts."""
    touched = await connection.execute(
        "INSERT INTO second_factor (person_id, secret, begun_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (person_id) DO UPDATE SET secret = $2, begun_at = $3, last_step = 0"
        " WHERE second_factor.confirmed_at IS NULL",
        person,
        secret,
        now,
    )
    return touched == 1


async def confirm(change: Change, person: PersonId, secret: str, step: int) -> bool:
    """From now on codes of this secret are asked for; False when it is not the one begun."""
    touched = await change.connection.execute(
        "UPDATE second_factor SET confirmed_at = $3, last_step = $4"
        " WHERE person_id = $1 AND secret = $2 AND confirmed_at IS NULL",
        person,
        secret,
        change.now,
        step,
    )
    return touched == 1


async def use_step(connection: Connection, person: PersonId, step: int) -> bool:
    """The code of this step is used up; of two at once, one gets it."""
    touched = await connection.execute(
        "UPDATE second_factor SET last_step = $2 WHERE person_id = $1 AND last_step < $2",
        person,
        step,
    )
    return touched == 1


async def end(change: Change, person: PersonId) -> bool:
    """No code is asked for any more; False when none was."""
    await _forget_codes(change, person)
    touched = await change.connection.execute(
        "DELETE FROM second_factor WHERE person_id = $1 AND confirmed_at IS NOT NULL", person
    )
    return touched == 1


async def replace_codes(change: Change, person: PersonId, hashes: Sequence[bytes]) -> None:
    """Only these recovery codes count."""
    await _forget_codes(change, person)
    await change.connection.execute(
        "INSERT INTO recovery_code (code_hash, person_id, made_at)"
        " SELECT h, $1, $3 FROM unnest($2::bytea[]) h",
        person,
        list(hashes),
        change.now,
    )


async def _forget_codes(change: Change, person: PersonId) -> None:
    await change.connection.execute("DELETE FROM recovery_code WHERE person_id = $1", person)


async def use_code(
    connection: Connection, person: PersonId, code_hash: bytes, now: datetime
) -> bool:
    """The recovery code is used up; False for one that is not theirs, or was used."""
    touched = await connection.execute(
        "UPDATE recovery_code SET used_at = $3"
        " WHERE code_hash = $2 AND person_id = $1 AND used_at IS NULL",
        person,
        code_hash,
        now,
    )
    return touched == 1


async def codes_left(connection: Connection, person: PersonId) -> int:
    """How many recovery codes the person has not used."""
    left: int = await connection.fetchval(
        "SELECT count(*) FROM recovery_code WHERE person_id = $1 AND used_at IS NULL", person
    )
    return left
