"""What the source of a livestream offers and is not taken: named, so that nobody takes silence for
absence."""

from __future__ import annotations

from collections.abc import Iterable

from recorder.domain.events import LivestreamTracksLeftOut
from recorder.domain.ids import LivestreamId
from recorder.domain.people import EVERYTHING, SERVICE
from recorder.domain.recording import Flag
from recorder.errors import Conflict, NotFound
from recorder.runtime import Deps
from recorder.store import livestreams

#: Names come from outside: neither many nor long ones are needed to say that something is missing.
MOST_LEFT_OUT, _LONGEST = 20, 60


async def leave_out(deps: Deps, livestream: LivestreamId, fence: int, names: Iterable[str]) -> None:
    """Flag a livestream, and what it becomes; each name is told once, in its custody.

    Raises Conflict ``livestream-taken-over``, NotFound ``livestream-not-found``.
    """
    async with deps.database.acquire() as connection:
        found = await livestreams.find(connection, livestream, EVERYTHING)
    if found is None:
        raise NotFound("livestream-not-found", "There is no such livestream.")
    told = sorted(set(map(_readable, names)) - set(found.left_out))
    fresh = told[: max(0, MOST_LEFT_OUT - len(found.left_out))]
    if not fresh:
        return
    async with deps.change(SERVICE) as change:
        flag = Flag.TRACKS_LEFT_OUT.value
        if not await livestreams.leave_out(change, livestream, fence, fresh, flag):
            raise Conflict("livestream-taken-over", "Another process receives it by now.")
        change.record(
            LivestreamTracksLeftOut(subject=found.id, agency=found.agency, tracks=tuple(fresh))
        )


def _readable(name: str) -> str:
    return "".join(each for each in name if each.isprintable())[:_LONGEST]
