"""Publications, entrustments, days off as lists of a day and as tables; what was said of one row.

Reading only. Tables have the columns of the import of their kind, in Chinese: taking that of today
back changes nothing where no later term is known.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from recorder.domain.people import Actor, Scope
from recorder.domain.registry_columns import COLUMNS, RegistryKind
from recorder.domain.validity import EVER, FURTHER_NOTICE
from recorder.errors import InvalidInput, NotFound
from recorder.runtime import Deps
from recorder.services.coverage import calendar
from recorder.services.registries import PAGE, today
from recorder.store.connection import Connection
from recorder.store.registry import history, looking
from recorder.store.registry.history import Said
from recorder.store.registry.looking import ListedEntrustment, ListedHoliday, PublishedSubject

#: A city has some hundred subjects; a table of one kind has at most so many lines.
_MOST_LINES = 50_000
_SUBJECT_KINDS = {"statutory": "法定", "authorised": "授权"}
_DAY_KINDS = {"holiday": "休", "workday": "班"}
_YEARS = range(2000, 2200)
Cell = str | date | None


@dataclass(frozen=True, slots=True)
class Year:
    """The days of a year that are other than their weekday says."""

    number: int
    #: Whether anybody announced them; else deadlines in it are provisional.
    is_announced: bool
    #: Whether all of them were imported; else the library knows those without an id.
    is_imported: bool
    days: tuple[ListedHoliday, ...]


_History = Callable[[Connection, uuid.UUID, Scope], Awaitable[list[Said]]]
_HISTORIES: Mapping[RegistryKind, _History] = {
    RegistryKind.ORGANISATIONS: history.of_organisation,
    RegistryKind.OFFICERS: history.of_officer,
    RegistryKind.MATTERS: history.of_matter,
    RegistryKind.SUBJECTS: history.of_subject,
    RegistryKind.ENTRUSTMENTS: history.of_entrustment,
    RegistryKind.HOLIDAYS: history.of_holiday,
}


async def subjects(
    deps: Deps, actor: Actor, day: date | None = None, q: str | None = None
) -> list[PublishedSubject]:
    """The published subjects that the actor sees, of the day or today."""
    async with deps.database.acquire() as connection:
        return await looking.subjects_on(
            connection, actor.scope, day or today(deps), q, _MOST_LINES
        )


async def entrustments(
    deps: Deps,
    actor: Actor,
    day: date | None = None,
    q: str | None = None,
    after: uuid.UUID | None = None,
    most: int = PAGE,
) -> tuple[list[ListedEntrustment], uuid.UUID | None]:
    """Entrustments of the day or today whose principal or agent the actor sees, and the next."""
    async with deps.database.acquire() as connection:
        rows = await looking.entrustments_on(
            connection, actor.scope, day or today(deps), q, after, most + 1
        )
    shown = rows[:most]
    return shown, shown[-1].id if len(rows) > most else None


async def holidays(deps: Deps, number: int) -> Year:
    """The year as deadlines count it. Raises InvalidInput ``query-invalid`` for none."""
    if number not in _YEARS:
        raise InvalidInput("query-invalid", "A year is written like 2026.")
    first, last = date(number, 1, 1), date(number, 12, 31)
    async with deps.database.acquire() as connection:
        imported = await looking.imported_holidays(connection, first, last)
        known = await calendar.known(connection)
    said = {each.day: each for each in imported}
    days = [
        said.get(day) or ListedHoliday(id=None, day=day, kind=kind.value, name="")
        for day, kind in sorted(known.days.items())
        if day.year == number
    ]
    is_imported = all(each.id is not None for each in days)
    return Year(number, number in known.announced, is_imported and bool(days), tuple(days))


async def said_of(
    deps: Deps, actor: Actor, kind: RegistryKind, entry: uuid.UUID
) -> tuple[list[Said], list[Said]]:
    """All that was said of the row, the newest first; behind it that of an officer's certificates.

    ``entry`` is any row under the key, of an organisation its agency. Raises NotFound
    ``registry-row-not-found``.
    """
    async with deps.database.acquire() as connection:
        found = await _HISTORIES[kind](connection, entry, actor.scope)
        if not found:
            raise NotFound("registry-row-not-found", "There is no such row.")
        papers: list[Said] = []
        if kind is RegistryKind.OFFICERS:
            papers = await history.of_certificates(connection, str(found[0].facts["number"]))
    return found, papers


async def table(
    deps: Deps, actor: Actor, kind: RegistryKind, day: date | None = None, q: str | None = None
) -> list[Sequence[Cell]]:
    """The header and the lines of a day as a table of the import; of holidays, of its year."""
    match kind:
        case RegistryKind.SUBJECTS:
            lines = [_subject(one) for one in await subjects(deps, actor, day, q)]
        case RegistryKind.ENTRUSTMENTS:
            found, _ = await entrustments(deps, actor, day, q, most=_MOST_LINES)
            lines = [_entrustment(one) for one in found]
        case _:
            year = await holidays(deps, (day or today(deps)).year)
            lines = [(one.day, _DAY_KINDS[one.kind], one.name) for one in year.days]
    return [tuple(_headings(kind)), *lines]


def _headings(kind: RegistryKind) -> Iterator[str]:
    for column in COLUMNS[kind]:
        yield column.aliases[0]


def _subject(one: PublishedSubject) -> Sequence[Cell]:
    kind = _SUBJECT_KINDS[one.kind]
    return (one.agency_code, one.name, kind, one.announced_at, *_term(one))


def _entrustment(one: ListedEntrustment) -> Sequence[Cell]:
    return (one.principal_code, one.agent_code, one.matter, *_term(one), one.document)


def _term(one: PublishedSubject | ListedEntrustment) -> tuple[Cell, Cell]:
    begins = None if one.valid_from == EVER else one.valid_from
    return begins, None if one.valid_to == FURTHER_NOTICE else one.valid_to


__all__ = ["Year", "entrustments", "holidays", "said_of", "subjects", "table"]
