"""What a device says to be let in by SRT: its number, and a passphrase that is derived.

The passphrase follows from the service's key and the oldest token of the device that still
counts, so nothing is stored for it, and revoking the tokens of a device ends it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from recorder.adapters import sealed_words
from recorder.domain.ids import TokenId
from recorder.domain.people import Actor
from recorder.errors import NotFound
from recorder.runtime import Deps
from recorder.store import tokens


@dataclass(frozen=True, slots=True)
class SrtWords:
    """A device with its passphrase."""

    actor: Actor
    passphrase: str = field(repr=False)

    @property
    def stream_id(self) -> str:
        return f"#!::u={self.actor.name}"


async def all_srt_words(deps: Deps) -> dict[str, SrtWords]:
    """Every device that has a token, by its number."""
    async with deps.database.acquire() as connection:
        found = await tokens.devices(connection)
    return {actor.name: _words(deps, actor, token) for actor, token in found}


async def srt_words(deps: Deps, number: str) -> SrtWords:
    """Raises NotFound ``device-not-found``: unknown, or without a token that counts."""
    found = (await all_srt_words(deps)).get(number)
    if found is None:
        raise NotFound("device-not-found", f"There is no device {number} with a token.")
    return found


def _words(deps: Deps, actor: Actor, token: TokenId) -> SrtWords:
    return SrtWords(actor, sealed_words.derived(deps.signer, f"srt/{actor.id}/{token}"))
