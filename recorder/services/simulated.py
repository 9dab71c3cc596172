"""Footage of an invented city: facts without a byte, for demonstrations. It is never evidence.

Its recordings have the integrity ``simulated`` from beginning to end: nothing seals them, nothing
plays them, and they stand only in agencies that have no other footage.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from recorder.domain.events import FootageSimulated
from recorder.domain.people import EVERYTHING, Actor
from recorder.errors import Conflict
from recorder.runtime import Deps
from recorder.store import cases, coverage_due, simulated
from recorder.store.simulated import SimulatedFootage, SimulatedReason

__all__ = ["SimulatedFootage", "SimulatedReason", "take"]


async def take(deps: Deps, actor: Actor, footage: Sequence[SimulatedFootage]) -> None:
    """Write the facts, with links, marks and reasons, in one transaction; cases become due.

    What is there already is passed over.
    Raises Conflict ``simulated-beside-footage`` where an agency has footage that was not invented.
    """
    async with deps.database.acquire() as connection:
        there = await simulated.there(connection, [one.id for one in footage])
    footage = [one for one in footage if one.id not in there]
    if not footage:
        return
    async with deps.change(actor) as change:
        devices = {one.device for one in footage}
        if beside := await simulated.real_footage_beside(change.connection, devices):
            raise Conflict(
                "simulated-beside-footage",
                "Invented footage is not put beside real one.",
                agencies=beside,
            )
        linked = sorted({one.case for one in footage if one.case is not None})
        await cases.share(change, linked, EVERYTHING)
        written = await simulated.insert(change, footage)
        await simulated.insert_links(change, footage)
        await simulated.insert_marks(change, footage)
        await simulated.insert_reasons(change, footage)
        await coverage_due.touch(change.connection, linked, "link")
        for agency, recordings in written.items():
            digest = hashlib.sha256(b"".join(one.bytes for one in sorted(recordings))).digest()
            change.record(
                FootageSimulated(
                    subject=agency, agency=agency, recordings=len(recordings), digest=digest
                )
            )
