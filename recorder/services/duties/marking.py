"""Which footage is to be marked by now, by the lists in force (R49)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from recorder.domain import marking_term
from recorder.domain.marking_term import MarkingDue
from recorder.domain.organisation import organs_of
from recorder.domain.organisation_tree import Holding
from recorder.domain.people import Scope
from recorder.services.duties import shipped
from recorder.store import agencies
from recorder.store.connection import Connection
from recorder.store.duties import lists as rows
from recorder.store.registry import organisations


async def due_for_marking(
    connection: Connection, usual: str, holdings: Sequence[Holding], today: date
) -> list[MarkingDue]:
    """What of these days is beyond its term today; empty where no list names a term.

    ``usual`` is the profile of agencies that have no list.
    """
    names = await organisations.in_name_of(connection)
    held = {one.agency for one in holdings}
    asked = {organ for each in held for organ in (each, *organs_of(names, each))}
    approved = await rows.approved(connection, asked)
    lists = [*(each.with_rules(()) for each in approved), shipped.profile(usual)]
    return marking_term.due(holdings, lists, names, today)


async def due_in_scope(
    connection: Connection, usual: str, scope: Scope, today: date
) -> list[MarkingDue]:
    """The same of all days of every agency in scope."""
    seen = await agencies.listed(connection, scope)
    always = [Holding(one.id, one.id, date.min, today) for one in seen]
    return await due_for_marking(connection, usual, always, today)
