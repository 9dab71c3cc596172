"""Change: a transaction that must record an event.

"No evidence changes without a custody event" and "no job is lost" are properties of this one
class: leaving the block writes the events and, from PIPELINE, the task runs they start, and only
then commits. A Change without an event is refused and rolled back. So is one whose actor does not
act for the agency that an event is about: above it one sees, and does not do its work.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from recorder.domain.events import CustodyEvent
from recorder.domain.ids import TaskRunId
from recorder.domain.people import Actor
from recorder.domain.pipeline import WorkQueue, started_by
from recorder.errors import InternalError
from recorder.store import custody_events, task_runs, webhook_messages
from recorder.store.connection import Connection, Database


class Change:
    """An open transaction with its actor and moment. Writes in ``store`` take one of these."""

    def __init__(
        self, connection: Connection, actor: Actor, now: datetime, *, told_later: bool = False
    ):
        self._told_later = told_later
        self.connection = connection
        self.actor = actor
        self.now = now
        self.events: list[CustodyEvent] = []
        #: Runs that the commit made due, for waking workers.
        self.started: list[tuple[WorkQueue, TaskRunId]] = []

    def record(self, event: CustodyEvent) -> None:
        """Have the event written when the block is left.

        Raises Forbidden ``agency-scope`` where the actor does not act for its agency.
        """
        if not event.IS_LOOK and event.agency is not None:
            self.actor.need_charge_of(event.agency)
        self.events.append(event)

    async def finish(self) -> None:
        """Write events and task runs; called once, by ``open_change``."""
        if not self.events and self._told_later:
            return
        if not self.events:
            raise InternalError(
                "change-without-event", "A change of evidence must record a custody event."
            )
        wanted = [(task, event) for event in self.events for task in started_by(event)]
        self.started += await task_runs.start(self.connection, wanted, self.now)
        await webhook_messages.tell(self.connection, self.events, self.now)
        # Last, since it makes other changes of these subjects wait until we have committed.
        await custody_events.append(self.connection, self.actor, self.now, self.events)


@asynccontextmanager
async def open_change(
    database: Database,
    actor: Actor,
    now: datetime,
    *,
    told_later: bool = False,
    patient: bool = False,
) -> AsyncIterator[Change]:
    """A Change on a connection of its own; committed when the block ends without an exception.

    ``told_later``: its rows say themselves that no event tells of them yet, and a later event
    does so for many at once (segments of livestreams): it may be without one. ``patient``: see
    Database.
    """
    async with database.transaction(patient=patient) as connection:
        change = Change(connection, actor, now, told_later=told_later)
        yield change
        await change.finish()
