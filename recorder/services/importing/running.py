"""One file from bytes to a decision: taken whole, shown only, or refused with every fault."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from recorder.adapters import tables
from recorder.domain.events import RegistryImported
from recorder.domain.ids import AgencyId, new_uuid
from recorder.domain.instant import CHINA
from recorder.domain.people import Actor
from recorder.domain.registry_columns import (
    COLUMNS,
    Header,
    RegistryKind,
    RegistryRow,
    RowError,
    match_header,
    read_row,
)
from recorder.domain.validity import Fate
from recorder.errors import Forbidden, InvalidInput
from recorder.runtime import Deps
from recorder.services import names, organs
from recorder.services.importing import fleet, kinds, organisations, rosters
from recorder.services.importing.kinds import NAMING, Take, Work
from recorder.services.importing.settling import BATCH, Account, Effect
from recorder.services.paging import Page, page_of, page_size, read_cursor
from recorder.store.change import Change
from recorder.store.registry import imports
from recorder.store.registry import organisations as trees
from recorder.store.registry.imports import RegistryFile

_TAKES: Mapping[RegistryKind, Take] = {
    RegistryKind.ORGANISATIONS: organisations.take_organisations,
    RegistryKind.OFFICERS: kinds.take_officers,
    RegistryKind.DEVICES: fleet.take_devices,
    RegistryKind.HANDOVERS: fleet.take_handovers,
    RegistryKind.ROSTERS: rosters.take_rosters,
    RegistryKind.MATTERS: kinds.take_matters,
    RegistryKind.SUBJECTS: kinds.take_subjects,
    RegistryKind.ENTRUSTMENTS: kinds.take_entrustments,
    RegistryKind.HOLIDAYS: kinds.take_holidays,
}
#: They concern every agency.
OF_ALL = frozenset({RegistryKind.ORGANISATIONS, RegistryKind.HOLIDAYS})
#: Faults that are told one by one; the first ones say what to mend.
_MOST_TOLD = 1_000
_LONGEST_FILE_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a file does, or would do, and what is wrong with it."""

    kind: RegistryKind
    digest: str
    rows: int
    added: int
    changed: int
    ended: int
    unchanged: int
    #: The first lines that do something.
    effects: tuple[Effect, ...]
    errors: tuple[RowError, ...]
    #: How many there are, also beyond those told.
    faults: int
    notices: tuple[RowError, ...]
    #: Words of the header that no column has.
    ignored: tuple[str, ...]
    #: Whether it has been written; never with errors, in a dry run, or without an effect.
    taken: bool


class _Shown(Exception):
    """Leaves a Change of which nothing is to be written."""


async def import_file(
    deps: Deps,
    actor: Actor,
    *,
    kind: RegistryKind | str,
    content: bytes,
    file_name: str,
    agency: str | None = None,
    dry_run: bool = False,
) -> Outcome:
    """Take the file whole, or nothing of it: every line counts or none does.

    The same file again has no effect and leaves no trace. ``agency`` is the code for lines that
    name none. A dry run does everything and takes it back.

    Raises InvalidInput ``import-kind-unknown``, ``import-unreadable``, ``import-columns`` or
    ``import-empty``, TooLarge ``import-too-large``, NotFound ``agency-not-found``, Forbidden
    ``agency-scope`` for what concerns every agency.
    """
    if kind not in list(RegistryKind):
        raise InvalidInput("import-kind-unknown", f"The kind is one of: {', '.join(RegistryKind)}.")
    wanted = RegistryKind(kind)
    if wanted in OF_ALL and actor.scope.agency is not None:
        raise Forbidden("agency-scope", "Only somebody who sees every agency imports this.")
    digest = hashlib.sha256(content).digest()
    header, rows, errors = await asyncio.to_thread(_read, wanted, content)
    account = Account(errors=errors)
    taken = False
    try:
        async with deps.change(actor) as change:
            file = await _take(deps, change, wanted, rows, account, agency)
            effect = sum(account.count(f) for f in Fate if f is not Fate.UNCHANGED)
            if account.errors or dry_run or not effect:
                raise _Shown
            await _note(change, file, wanted, digest, len(content), file_name, len(rows), account)
            taken = True
    except _Shown:
        pass
    spelling = {column.name: written for _, column, written in header.places}
    return Outcome(
        kind=wanted,
        digest=digest.hex(),
        rows=len(rows) + len({error.line for error in errors}),
        added=account.count(Fate.ADDED),
        changed=account.count(Fate.CHANGED),
        ended=account.count(Fate.ENDED),
        unchanged=account.count(Fate.UNCHANGED),
        effects=tuple(account.effects),
        errors=_told(account.errors, spelling),
        faults=len(account.errors),
        notices=_told(account.notices, spelling),
        ignored=header.ignored,
        taken=taken,
    )


def _told(found: list[RowError], spelling: Mapping[str, str]) -> tuple[RowError, ...]:
    """The first of them in order, with columns in the words of the file's own header."""
    first = sorted(found, key=lambda one: one.line)[:_MOST_TOLD]
    return tuple(replace(one, column=spelling.get(one.column, one.column)) for one in first)


def _read(kind: RegistryKind, content: bytes) -> tuple[Header, list[RegistryRow], list[RowError]]:
    table = tables.read_table(content)
    _, words = next(table, (0, ()))
    header = match_header(kind, words)
    missing = [column.name for column in header.absent if column.needed]
    if missing:
        raise InvalidInput(
            "import-columns",
            f"The first line names no {', '.join(missing)}."
            f" It may name: {', '.join(column.name for column in COLUMNS[kind])}.",
            columns=missing,
        )
    rows: list[RegistryRow] = []
    errors: list[RowError] = []
    for line, cells in table:
        found = read_row(header, line, cells)
        if isinstance(found, RegistryRow):
            rows.append(found)
        else:
            errors += found
    if not rows and not errors:
        raise InvalidInput("import-empty", "There is no line below the first one.")
    return header, rows, errors


async def _take(
    deps: Deps,
    change: Change,
    kind: RegistryKind,
    rows: Sequence[RegistryRow],
    account: Account,
    agency: str | None,
) -> Work:
    await imports.take_turn(change.connection)
    home: AgencyId | None = None
    if agency or change.actor.scope.agency is not None:
        home = (await organs.named(deps, change, agency)).id
    work = Work(
        change=change,
        account=account,
        source=new_uuid(change.now),
        today=change.now.astimezone(CHINA).date(),
        home=home,
        agencies=await _agencies(change, kind, rows),
    )
    await _TAKES[kind](work, rows)
    return work


async def _agencies(
    change: Change, kind: RegistryKind, rows: Sequence[RegistryRow]
) -> dict[str, AgencyId]:
    """The agencies that the lines name, as far as the actor sees them."""
    codes = {row[column] for row in rows for column in NAMING[kind]}
    if kind is RegistryKind.ORGANISATIONS:
        codes |= {code for row in rows for code in row["predecessor"]}
    wanted = sorted(codes - {""})
    found: dict[str, AgencyId] = {}
    for start in range(0, len(wanted), BATCH):
        found |= await trees.by_codes(change.connection, wanted[start : start + BATCH])
    seen = change.actor.scope.agencies
    return {code: one for code, one in found.items() if seen is None or one in seen}


async def _note(
    change: Change,
    work: Work,
    kind: RegistryKind,
    digest: bytes,
    length: int,
    file_name: str,
    rows: int,
    account: Account,
) -> None:
    actor = change.actor
    file = RegistryFile(
        id=work.source,
        agency=None if actor.scope.agency is None else actor.agency,
        kind=kind.value,
        file_name=names.visible(file_name)[:_LONGEST_FILE_NAME],
        digest=digest,
        length_bytes=length,
        rows=rows,
        added=account.count(Fate.ADDED),
        changed=account.count(Fate.CHANGED),
        ended=account.count(Fate.ENDED),
        imported_by=actor.name,
        at=change.now,
    )
    await imports.insert(change, file)
    change.record(
        RegistryImported(
            subject=file.id,
            agency=file.agency,
            kind=file.kind,
            file_name=file.file_name,
            digest=digest.hex(),
            length=length,
            rows=rows,
            added=file.added,
            changed=file.changed,
            ended=file.ended,
        )
    )


async def list_files(
    deps: Deps, actor: Actor, cursor: str | None = None, limit: int = 50
) -> Page[RegistryFile]:
    """Files that were taken, of the agencies that the actor sees, newest first."""
    before, size = read_cursor(cursor), page_size(limit)
    async with deps.database.acquire() as connection:
        rows = await imports.newest(connection, actor.scope, before, size + 1)
    return page_of(rows, size, lambda row: (row.at, row.id))
