"""What each kind of file means: from lines as read to statements about keys, and their books."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from recorder.domain.case_event import ActType
from recorder.domain.ids import AgencyId
from recorder.domain.matter import MatterTerm
from recorder.domain.officer import is_gb28181
from recorder.domain.organisation import acting_for
from recorder.domain.registry_columns import RegistryKind, RegistryRow, RowError
from recorder.domain.registry_facts import (
    CertificateFacts,
    EntrustmentFacts,
    HolidayFacts,
    MatterFacts,
    OfficerFacts,
    SubjectFacts,
)
from recorder.services.importing.settling import Account, Book, Statement, settle_all
from recorder.store import coverage_due
from recorder.store.change import Change
from recorder.store.coverage import facts as coverage_facts
from recorder.store.coverage import scenes
from recorder.store.registry import (
    entrustments,
    holidays,
    matters,
    officers,
    organisations,
    subjects,
)
from recorder.store.registry.officers import OfficerEntry


@dataclass
class Work:
    """One file on its way into the registries, inside one transaction."""

    change: Change
    account: Account
    #: The import that the rows will name.
    source: uuid.UUID
    today: date
    #: The agency of lines that name none.
    home: AgencyId | None
    #: Code, or unified social credit code → agency, of those that the actor sees.
    agencies: Mapping[str, AgencyId]

    def wrong(self, line: int, column: str, code: str, detail: str) -> None:
        self.account.errors.append(RowError(line, column, code, detail))

    def odd(self, line: int, column: str, code: str, detail: str) -> None:
        self.account.notices.append(RowError(line, column, code, detail))

    def agency(self, row: RegistryRow, column: str) -> AgencyId | None:
        """The agency in a column, for which the actor must act; None and an error if not."""
        code = row[column]
        if not code and self.home is not None and column == "organisation":
            return self.home
        if not code:
            self.wrong(row.line, column, "cell-missing", "There must be an agency here.")
            return None
        found = self.agencies.get(code)
        if found is None:
            self.wrong(row.line, column, "agency-unknown", f"There is no agency {code}.")
            return None
        if not self.acts(row, column, found):
            return None
        return found

    def acts(self, row: RegistryRow, column: str, agency: AgencyId) -> bool:
        """Whether the actor acts for the agency; an error if not."""
        if self.change.actor.acts_for(agency):
            return True
        self.wrong(row.line, column, "agency-foreign", "Its own people import this.")
        return False


#: Before any event.
EVER = date(1900, 1, 1)
Take = Callable[[Work, Sequence[RegistryRow]], Awaitable[None]]
#: The columns of each kind that name agencies.
NAMING: Mapping[RegistryKind, tuple[str, ...]] = {
    RegistryKind.ORGANISATIONS: ("code", "parent", "on_behalf_of"),
    RegistryKind.OFFICERS: ("organisation",),
    RegistryKind.DEVICES: ("organisation",),
    RegistryKind.HANDOVERS: (),
    RegistryKind.ROSTERS: ("organisation",),
    RegistryKind.MATTERS: ("organisation",),
    RegistryKind.SUBJECTS: ("organisation",),
    RegistryKind.ENTRUSTMENTS: ("principal", "agent"),
    RegistryKind.HOLIDAYS: (),
}


async def take_officers(work: Work, rows: Sequence[RegistryRow]) -> None:
    """Officers, and the certificates on their lines."""
    people: list[Statement[str, OfficerFacts]] = []
    papers: list[Statement[officers.CertificateKey, CertificateFacts]] = []
    for row in rows:
        agency = work.agency(row, "organisation")
        if agency is None:
            continue
        if row["user_number"]:
            _length(work, row, "user_number", 6)
        facts = OfficerFacts(agency=agency, name=row["name"], user_number=row["user_number"])
        people.append(Statement(row.line, row["number"], facts, row["valid_from"], row["valid_to"]))
        if row["certificate"]:
            papers.append(
                Statement(
                    row.line,
                    (row["number"], row["certificate"]),
                    CertificateFacts(),
                    row["certificate_from"],
                    row["certificate_to"],
                )
            )

    def elsewhere(
        said: Statement[str, OfficerFacts], known: Sequence[OfficerEntry]
    ) -> RowError | None:
        if not known:
            return None
        last = known[-1].term.facts
        moved = last.agency != said.facts.agency
        if not moved or (last.name == said.facts.name and work.change.actor.acts_for(last.agency)):
            return None
        return RowError(
            said.line, "number", "officer-elsewhere", "An officer of another agency has it."
        )

    book = Book(
        officers.by_numbers, officers.supersede, officers.insert, lambda key: key, elsewhere
    )
    connection = work.change.connection
    agencies = {said.facts.agency for said in people}
    keepers = await coverage_facts.agencies_with_officers(connection, agencies)
    named = await settle_all(work.change, book, people, work.account, work.source, work.today)
    proofs = Book(
        officers.certificate_entries,
        officers.supersede_certificates,
        officers.insert_certificates,
        lambda key: f"{key[0]} {key[1]}",
    )
    changed = await settle_all(work.change, proofs, papers, work.account, work.source, work.today)
    # Events may name either.
    either = {each for key in changed for each in key}
    await coverage_due.touch_officers(connection, named | either)
    # Who is not among them was nobody to miss before.
    new = await coverage_facts.agencies_with_officers(connection, agencies) - keepers
    if new:
        await coverage_due.touch_agencies(connection, new)


async def take_matters(work: Work, rows: Sequence[RegistryRow]) -> None:
    """Rows of the list of powers."""
    said = []
    for row in rows:
        agency = work.agency(row, "organisation")
        if agency is None:
            continue
        facts = MatterFacts(
            name=row["name"],
            act_type=ActType(row["act_type"]) if row["act_type"] else None,
            legal_basis=row["legal_basis"],
        )
        said.append(
            Statement(row.line, (row["code"], agency), facts, row["valid_from"], row["valid_to"])
        )
    book = Book(matters.entries, matters.supersede, matters.insert, lambda key: key[0])
    codes = {each.key[0] for each in said}
    before = await matters.handed_over(work.change.connection, codes)
    await settle_all(work.change, book, said, work.account, work.source, work.today)
    after = await matters.handed_over(work.change.connection, codes)
    other = {code for code in codes if before.get(code) != after.get(code)}
    await judge_matters_again(work, other, (before, after))


async def take_subjects(work: Work, rows: Sequence[RegistryRow]) -> None:
    """Published subjects of enforcement."""
    said = []
    for row in rows:
        agency = work.agency(row, "organisation")
        if agency is None:
            continue
        facts = SubjectFacts(kind=row["kind"], announced_at=row["announced_at"])
        said.append(
            Statement(row.line, (agency, row["name"]), facts, row["valid_from"], row["valid_to"])
        )
    book = Book(subjects.entries, subjects.supersede, subjects.insert, lambda key: key[1])
    changed = await settle_all(work.change, book, said, work.account, work.source, work.today)
    await judge_again(work, {agency for agency, _ in changed})


async def take_entrustments(work: Work, rows: Sequence[RegistryRow]) -> None:
    """Who acts in whose name; the principal's own people say so."""
    said = []
    for row in rows:
        principal = work.agency(row, "principal")
        agent = work.agencies.get(row["agent"])
        if agent is None:
            work.wrong(row.line, "agent", "agency-unknown", f"There is no agency {row['agent']}.")
        if principal is None or agent is None:
            continue
        if principal == agent:
            work.wrong(row.line, "agent", "entrustment-own", "Nobody entrusts oneself.")
            continue
        facts = EntrustmentFacts(document=row["document"])
        key = (principal, agent, row["matter"])
        said.append(Statement(row.line, key, facts, row["valid_from"], row["valid_to"]))
    names = {agency: code for code, agency in work.agencies.items()}
    book = Book(
        entrustments.entries,
        entrustments.supersede,
        entrustments.insert,
        lambda key: f"{names[key[0]]} → {names[key[1]]} {key[2]}".strip(),
    )
    changed = await settle_all(work.change, book, said, work.account, work.source, work.today)
    await judge_again(work, {agent for _, agent, _ in changed})


async def take_holidays(work: Work, rows: Sequence[RegistryRow]) -> None:
    """Days off work and made-up working days; deadlines that waited for them are counted anew."""
    said = [
        Statement(row.line, row["day"], HolidayFacts(kind=row["kind"], name=row["name"]), date.min)
        for row in rows
    ]
    book = Book(holidays.entries, holidays.supersede, holidays.insert, date.isoformat)
    changed = await settle_all(work.change, book, said, work.account, work.source, work.today)
    if changed:
        await coverage_due.touch_holidays(work.change.connection, changed)


async def judge_again(work: Work, agencies: Collection[AgencyId]) -> None:
    """Cases of these agencies, and of those that act in their names, are evaluated again."""
    if agencies:
        connection = work.change.connection
        judged = acting_for(await organisations.in_name_of(connection), agencies)
        cases = await scenes.cases_of_agencies(connection, judged, EVER)
        await coverage_due.touch(connection, cases, "powers", bulk=True)


async def judge_matters_again(
    work: Work, codes: Collection[str], told: Iterable[Mapping[str, Sequence[MatterTerm]]]
) -> None:
    """Cases in these matters are evaluated again, of those who have or had them."""
    holders = {term.agency for each in told for code in codes for term in each.get(code, ())}
    if holders:
        connection = work.change.connection
        judged = acting_for(await organisations.in_name_of(connection), holders)
        cases = await scenes.cases_of_matters(connection, judged, codes)
        await coverage_due.touch(connection, cases, "powers", bulk=True)


def _length(work: Work, row: RegistryRow, column: str, many: int) -> None:
    if row[column] and len(row[column]) != many:
        work.odd(row.line, column, "code-length", f"By GA/T 947 it has {many} characters.")


def check_device_codes(work: Work, row: RegistryRow) -> None:
    """Note what does not fit the standards; it is kept as it was written."""
    for column, many in (("serial", 7), ("user_number", 6), ("unit_number", 12)):
        _length(work, row, column, many)
    if row["gb28181"] and not is_gb28181(row["gb28181"]):
        work.odd(row.line, "gb28181", "gb28181-form", "An id by GB/T 28181 has 20 digits.")
