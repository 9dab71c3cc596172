"""Files of organisations: agencies are made as they come, and the tree stays a tree."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date

from recorder.domain.events import AgencyAdded
from recorder.domain.ids import AgencyId, new_uuid
from recorder.domain.organisation import (
    Names,
    OrganisationKind,
    acting_for,
    circle,
    is_credit_code,
    is_region,
)
from recorder.domain.registry_columns import RegistryRow
from recorder.domain.registry_facts import OrganisationFacts
from recorder.services.importing.kinds import EVER, Work, judge_matters_again
from recorder.services.importing.settling import Book, Statement, settle_all
from recorder.store import coverage_due
from recorder.store.coverage import lines as tree_lines
from recorder.store.coverage import scenes
from recorder.store.registry import matters, organisations

#: Days on which something of the tree begins, each of which is looked at; a city has some dozens.
_MOST_DAYS = 500


async def take_organisations(work: Work, rows: Sequence[RegistryRow]) -> None:
    """Agencies by their codes, new ones too, and what is said of them.

    Parents may stand behind their children in the file, or be there already.
    """
    known = dict(work.agencies)
    for row in rows:
        if row["code"] not in known:
            known[row["code"]] = AgencyId(new_uuid(work.change.now))
    await _make(work, rows, known)
    codes = {agency: code for code, agency in known.items()}
    said = [statement for row in rows if (statement := _statement(work, row, known)) is not None]
    book = Book(
        organisations.of_agencies,
        organisations.supersede,
        organisations.insert,
        lambda key: codes[key],
    )
    connection = work.change.connection
    before = await organisations.in_name_of(connection)
    stood = set(await tree_lines.standings(connection))
    changed = await settle_all(work.change, book, said, work.account, work.source, work.today)
    await _judge_again(work, before, await organisations.in_name_of(connection))
    if stood != set(await tree_lines.standings(connection)):
        # To whom a matter may have passed is decided by the tree.
        handed = await matters.handed_over(connection)
        await judge_matters_again(work, handed, (handed,))
    lines = {statement.key: statement.line for statement in said}
    await _refuse_circles(work, lines)
    await organisations.take_names(work.change, changed, work.today)
    await organisations.renew_reach(work.change.connection, work.today)


async def _judge_again(work: Work, before: Names, after: Names) -> None:
    """Whoever acts in another organ's name than before may be judged by another list."""
    other = {each for each in {*before, *after} if before.get(each) != after.get(each)}
    if other:
        judged = acting_for(before, other) | acting_for(after, other)
        cases = await scenes.cases_of_agencies(work.change.connection, judged, EVER)
        await coverage_due.touch(work.change.connection, cases, "list", bulk=True)


async def _make(work: Work, rows: Sequence[RegistryRow], known: dict[str, AgencyId]) -> None:
    new = {row["code"]: row["name"] for row in rows if row["code"] not in work.agencies}
    made = await organisations.insert_agencies(
        work.change, [(known[code], code, name) for code, name in new.items()]
    )
    for code, name in new.items():
        agency = known[code]
        if agency in made:
            work.change.record(AgencyAdded(subject=agency, agency=agency, code=code, title=name))


def _statement(
    work: Work, row: RegistryRow, known: dict[str, AgencyId]
) -> Statement[AgencyId, OrganisationFacts] | None:
    named: dict[str, AgencyId | None] = {}
    for column in ("parent", "on_behalf_of"):
        code = row[column]
        named[column] = known.get(code) if code else None
        if code and named[column] is None:
            work.wrong(row.line, column, "agency-unknown", f"There is no agency {code}.")
            return None
    before = [known.get(code) for code in row["predecessor"]]
    if None in before:
        work.wrong(row.line, "predecessor", "agency-unknown", "One of them is no agency.")
        return None
    agency = known[row["code"]]
    if agency == named["parent"] or agency in before:
        work.wrong(row.line, "parent", "tree-circle", "An organisation is not above itself.")
        return None
    if row["uscc"] and not is_credit_code(row["uscc"]):
        work.odd(row.line, "uscc", "uscc-check", "Its check digit does not fit (GB 32100).")
    if row["region"] and not is_region(row["region"]):
        work.odd(row.line, "region", "region-form", "A region has 6, 9 or 12 digits (GB/T 2260).")
    facts = OrganisationFacts(
        name=row["name"],
        short_name=row["short_name"],
        kind=OrganisationKind(row["kind"]),
        parent=named["parent"],
        uscc=row["uscc"],
        uscc_valid=not row["uscc"] or is_credit_code(row["uscc"]),
        region=row["region"],
        predecessors=tuple(sorted(one for one in before if one is not None)),
        on_behalf_of=named["on_behalf_of"],
    )
    return Statement(row.line, agency, facts, row["valid_from"], row["valid_to"])


async def _refuse_circles(work: Work, lines: dict[AgencyId, int]) -> None:
    """Look at the tree of every day on which it changes; a circle is an error of the file."""
    entries = await organisations.all_entries(work.change.connection)
    days = sorted({entry.term.begins for own in entries.values() for entry in own})
    for day in days[-_MOST_DAYS:]:
        parents: dict[uuid.UUID, uuid.UUID | None] = {
            agency: entry.term.facts.parent
            for agency, own in entries.items()
            for entry in own
            if entry.term.holds_on(day)
        }
        if found := circle(parents):
            line = min((lines[AgencyId(one)] for one in found if one in lines), default=0)
            work.wrong(line, "parent", "tree-circle", _sentence(day))
            return


def _sentence(day: date) -> str:
    since = "" if day == date.min else f" since {day.isoformat()}"
    return f"It stands above itself{since}, over others."
