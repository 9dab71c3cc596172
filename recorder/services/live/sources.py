"""Livestreams that we fetch: whose address is kept sealed, and which process fetches them.

The lease of a livestream says who fetches it, as it says who receives one. It is kept while the
camera is away, and lost with the process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from recorder.adapters import sealed_words
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import RUNNING, Form, Livestream
from recorder.domain.people import Actor
from recorder.domain.recording import Flag
from recorder.domain.source_address import Reach, SourceAddress
from recorder.errors import Conflict, Forbidden, NotFound
from recorder.runtime import Deps
from recorder.services.live import leases
from recorder.services.live.opening import Opening, open_livestream
from recorder.store import livestream_sources, livestreams


@dataclass(frozen=True, slots=True)
class PulledFrom:
    """What people are told of a source."""

    protocol: str
    #: Host and port.
    host: str
    #: Why nothing comes from it at the moment, and since when.
    trouble: str | None
    trouble_at: datetime | None
    #: Whether its address is still kept.
    is_kept: bool


async def open_pulled(deps: Deps, actor: Actor, opening: Opening, address: str) -> Livestream:
    """A livestream that `recorder live serve` fetches from an address until it is closed.

    A number that may not be reached is refused at once; a name is looked at when it is connected
    to. Raises InvalidInput ``source-malformed``, Forbidden ``source-forbidden``.
    """
    parsed = SourceAddress.parse(address)
    reach = Reach.parse(deps.config.live_pull_networks)
    if parsed.is_number and not reach.may(parsed.name):
        raise Forbidden(
            "source-forbidden",
            "This address lies in a network that the service may not fetch from.",
        )

    def sealed(livestream: LivestreamId) -> livestream_sources.LivestreamSource:
        return livestream_sources.LivestreamSource(
            livestream=livestream,
            protocol=parsed.protocol.value,
            host=parsed.host,
            sealed_address=sealed_words.seal(deps.signer, _label(livestream), address),
        )

    return await open_livestream(deps, actor, replace(opening, form=Form.RECEIVED), source=sealed)


async def free_sources(deps: Deps, limit: int) -> list[LivestreamId]:
    """Some livestreams that wait for somebody to fetch them; forgets what nobody needs."""
    async with deps.database.acquire() as connection:
        await livestream_sources.forget(connection)
        return await livestream_sources.free(connection, deps.clock.now(), limit)


@dataclass(frozen=True, slots=True)
class Errand:
    """Where to fetch from, and behind what."""

    address: SourceAddress
    bookmark: str | None


async def source_errand(deps: Deps, livestream: LivestreamId) -> Errand | None:
    """Where to fetch from; None under another key than it was sealed with.

    Raises NotFound ``livestream-not-found`` when it is forgotten.
    """
    async with deps.database.acquire() as connection:
        source = await livestream_sources.find(connection, livestream)
    if source is None or source.sealed_address is None:
        raise NotFound("livestream-not-found", "It is fetched from nowhere.")
    words = sealed_words.unseal(deps.signer, _label(livestream), source.sealed_address)
    return Errand(SourceAddress.parse(words), source.bookmark) if words is not None else None


async def told_source(deps: Deps, livestream: LivestreamId) -> PulledFrom | None:
    async with deps.database.acquire() as connection:
        found = await livestream_sources.find(connection, livestream)
    if found is None:
        return None
    kept = found.sealed_address is not None
    return PulledFrom(found.protocol, found.host, found.trouble, found.trouble_at, kept)


async def mark_source(deps: Deps, livestream: LivestreamId, fence: int, bookmark: str) -> None:
    """Write down how far it was taken. Raises Conflict ``livestream-taken-over``."""
    async with deps.database.acquire() as connection:
        if not await livestream_sources.mark(connection, livestream, fence, bookmark):
            raise Conflict("livestream-taken-over", "Another process fetches it by now.")


async def keep_source(
    deps: Deps, livestream: LivestreamId, fence: int, *, has_waiting: bool
) -> bool:
    """Extend the lease; False when another process has it, or nothing more is wanted.

    ``has_waiting``: see ``leases.keep``.
    """
    return await leases.keep(deps, livestream, fence, has_waiting=has_waiting) in RUNNING


async def tell_source(
    deps: Deps, livestream: LivestreamId, fence: int, trouble: str | None
) -> None:
    """Let people see why nothing comes, or that it comes again; only its holder is heard."""
    async with deps.database.acquire() as connection:
        await livestream_sources.tell(connection, livestream, fence, trouble, deps.clock.now())


async def miss_sound(deps: Deps, livestream: LivestreamId, fence: int) -> None:
    """Flag a livestream, and what it becomes: sound that its source lists is not taken."""
    async with deps.database.acquire() as connection:
        await livestreams.add_flag(connection, livestream, fence, Flag.SOUND_MISSING.value)


async def tell_clock(deps: Deps, livestream: LivestreamId, fence: int, offset_ms: int) -> None:
    """Note by how much the clock of its source is ahead of ours; nothing under an old fence."""
    async with deps.database.acquire() as connection:
        await livestreams.set_clock_offset(connection, livestream, fence, offset_ms)


def _label(livestream: LivestreamId) -> str:
    return f"livestream_source/{livestream}"
