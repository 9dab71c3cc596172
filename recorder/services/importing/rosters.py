"""Rosters: who is on duty from when to when, and for what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from recorder.domain.coverage.rules_of_footage import ON_ROSTER
from recorder.domain.instant import CHINA
from recorder.domain.registry_columns import RegistryRow, RowError
from recorder.domain.registry_facts import RosterFacts
from recorder.services.importing.kinds import Work
from recorder.services.importing.settling import Book, Statement, settle_all
from recorder.store import attribution, coverage_due
from recorder.store.registry import rosters

#: A shift is hours; a line of months is a mistake.
_LONGEST = timedelta(days=7)
#: Footage is placed by clocks that may be wrong.
_AROUND = ON_ROSTER + timedelta(days=1)


async def take_rosters(work: Work, rows: Sequence[RegistryRow]) -> None:
    """Shifts; a line with the same officer and beginning corrects, or cancels, what is known."""
    said: list[Statement[rosters.RosterKey, RosterFacts]] = []
    for row in rows:
        agency = work.agency(row, "organisation")
        if agency is None or not _times_fit(work, row):
            continue
        facts = RosterFacts(
            agency=agency,
            ends_at=row["to"],
            duty=row["duty"],
            cancelled=row["state"] == "cancelled",
        )
        day = row["from"].astimezone(CHINA).date()
        said.append(Statement(row.line, (row["officer"], row["from"]), facts, day, day))

    def foreign(
        stated: Statement[rosters.RosterKey, RosterFacts], known: Sequence[rosters.RosterEntry]
    ) -> RowError | None:
        if not known or work.change.actor.acts_for(known[-1].term.facts.agency):
            return None
        return RowError(
            stated.line, "officer", "officer-elsewhere", "Another agency rosters this officer then."
        )

    book = Book(rosters.entries, rosters.supersede, rosters.insert, _title, foreign)
    changed = await settle_all(work.change, book, said, work.account, work.source, work.today)
    if not changed:
        return
    officers = {officer for officer, _ in changed}
    first = min(at for _, at in changed) - _AROUND
    last = max(at for _, at in changed) + _AROUND
    # Recordings before what is due, as whoever links one keeps them.
    await attribution.look_again(work.change.connection, officers, first, last)
    await coverage_due.touch_rosters(work.change.connection, officers, first, last)


def _title(key: rosters.RosterKey) -> str:
    officer, begins_at = key
    return f"{officer} {begins_at.astimezone(CHINA):%Y-%m-%d %H:%M}"


def _times_fit(work: Work, row: RegistryRow) -> bool:
    begins_at: datetime = row["from"]
    ends_at: datetime = row["to"]
    if ends_at <= begins_at:
        work.wrong(row.line, "to", "term-reversed", "It would end before it begins.")
        return False
    if ends_at - begins_at > _LONGEST:
        work.wrong(row.line, "to", "shift-long", "A shift is not longer than seven days.")
        return False
    return True
