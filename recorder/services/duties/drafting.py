"""Making a version of a list from a profile, a table or another version, and comparing two."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from recorder.adapters import tables
from recorder.domain import duty_table
from recorder.domain.approval import ApprovalState
from recorder.domain.duty import DutyRule
from recorder.domain.duty_table import Mistake, RuleChange
from recorder.domain.events import DutyListDrafted
from recorder.domain.ids import new_uuid
from recorder.domain.marking_term import LONGEST
from recorder.domain.people import Actor
from recorder.errors import Conflict, InvalidInput, NotFound
from recorder.runtime import Deps
from recorder.services import names, organs
from recorder.services.duties import shipped
from recorder.services.paging import LONGEST_PAGE, Page, page_of, page_size, read_cursor
from recorder.store import approvals
from recorder.store.change import Change
from recorder.store.duties import lists as rows
from recorder.store.duties.lists import ListHeader

_LONGEST_NOTE = 4_000


@dataclass(frozen=True, slots=True)
class ListView:
    """A version with its rules."""

    header: ListHeader
    rules: tuple[DutyRule, ...]

    @property
    def digest(self) -> bytes:
        return digest_of(self.header, self.rules)


def digest_of(header: ListHeader, rules: Sequence[DutyRule]) -> bytes:
    """SHA-256 of everything that takes effect: whoever approves has seen just this."""
    said = [
        header.title,
        header.valid_from.isoformat(),
        header.valid_to.isoformat() if header.valid_to else "",
        *(f"{kind}={text}" for kind, text in sorted(header.bases.items())),
        duty_table.write(rules),
        # Lists of before have neither, and their proposals named a digest without them.
        *([f"marking_days={header.marking_days}"] if header.marking_days else ()),
        *([f"wording={header.wording}"] if header.wording else ()),
    ]
    return hashlib.sha256("\x1f".join(said).encode("utf-8")).digest()


async def draft(
    deps: Deps,
    actor: Actor,
    *,
    title: str,
    valid_from: date,
    valid_to: date | None = None,
    profile: str | None = None,
    text: str | None = None,
    read: Sequence[DutyRule] | None = None,
    agency: str | None = None,
    note: str | None = None,
    wording: str | None = None,
    marking_days: int | None = None,
) -> ListView:
    """A new version for an agency, as a draft: by a table, else as a shipped profile has it.

    ``read`` are the rules of a table that was read already. ``marking_days`` is the term for marks,
    0 none, None that of the profile.

    Raises InvalidInput ``duty-list-malformed``, ``duty-profile-unknown`` or ``name-invalid``,
    NotFound ``agency-not-found``.
    """
    begun = shipped.profile(profile or deps.config.duty_profile)
    rules = duty_table.read(text) if text is not None else tuple(read or begun.rules)
    _check_days(valid_from, valid_to)
    async with deps.change(actor) as change:
        organ = await organs.named(deps, change, agency)
        made = ListHeader(
            id=new_uuid(change.now),
            agency=organ.id,
            agency_code=organ.code,
            version=0,
            profile=begun.profile,
            title=names.checked(title, "title"),
            note=names.bounded(note, _LONGEST_NOTE, "title") or "",
            valid_from=valid_from,
            valid_to=valid_to,
            state="draft",
            bases=dict(begun.bases),
            wording=_wording(wording) if wording is not None else begun.wording,
            marking_days=_marking_days(marking_days, begun.marking_days),
            drafted_at=change.now,
            drafted_by=actor.name,
            approval=None,
            approved_at=None,
            approved_by=None,
        )
        version = await rows.insert(change, made)
        await rows.insert_rules(change, made.id, rules)
        change.record(_drafted(made, version, rules))
    return await list_view(deps, actor, made.id)


def read_file(content: bytes) -> tuple[tuple[DutyRule, ...], list[Mistake]]:
    """The rules of a table as an office has it, and its mistakes; with one there are no rules.

    It is XLSX, or CSV in UTF-8, UTF-16 or GB 18030. Raises InvalidInput ``import-unreadable``,
    TooLarge ``import-too-large``.
    """
    return duty_table.read_lines(tables.read_table(content))


async def redraft(
    deps: Deps,
    actor: Actor,
    list_id: uuid.UUID,
    *,
    title: str | None = None,
    note: str | None = None,
    valid_from: date | None = None,
    valid_to: date | None = None,
    text: str | None = None,
    wording: str | None = None,
    marking_days: int | None = None,
) -> ListView:
    """Other words, days or rules of a draft; what is None stays, and the last day is set anew.

    ``marking_days`` 0 takes the term for marks away.

    Raises NotFound ``duty-list-not-found``, Conflict ``duty-list-state``, InvalidInput.
    """
    rules = duty_table.read(text) if text is not None else None
    async with deps.change(actor) as change:
        found = await locked(change, actor, list_id)
        await need_draft(change, found)
        first = valid_from or found.valid_from
        _check_days(first, valid_to)
        await rows.set_proposed(change, list_id, None)
        await rows.amend(
            change,
            list_id,
            title=names.checked(title, "title") if title is not None else found.title,
            note=(names.bounded(note, _LONGEST_NOTE, "title") or "")
            if note is not None
            else found.note,
            valid_from=first,
            valid_to=valid_to,
            wording=_wording(wording) if wording is not None else found.wording,
            marking_days=_marking_days(marking_days, found.marking_days),
        )
        if rules is not None:
            await rows.remove_rules(change, list_id)
            await rows.insert_rules(change, list_id, rules)
        now = await read(change, list_id, found)
        change.record(_drafted(now.header, found.version, now.rules))
    return await list_view(deps, actor, list_id)


async def list_view(deps: Deps, actor: Actor, list_id: uuid.UUID) -> ListView:
    """A version in the actor's scope. Raises NotFound ``duty-list-not-found``."""
    async with deps.database.acquire() as connection:
        found = await rows.find(connection, list_id, actor.scope)
        if found is None:
            raise not_found()
        rules = await rows.rules_of(connection, [list_id])
    return ListView(found, tuple(rules[list_id]))


async def lists(
    deps: Deps,
    actor: Actor,
    agency: str | None = None,
    *,
    state: str | None = None,
    cursor: str | None = None,
    limit: int = LONGEST_PAGE,
) -> Page[ListHeader]:
    """Versions in the actor's scope, the newest first day first; of one agency if it is named."""
    key, size = read_cursor(cursor), page_size(limit)
    before = (key[0].date(), key[1]) if key else None
    async with deps.database.acquire() as connection:
        found = await rows.listed(connection, actor.scope, agency, state, before, size + 1)
    return page_of(found, size, lambda each: (_midnight(each.valid_from), each.id))


def _midnight(day: date) -> datetime:
    """A day as cursors keep it."""
    return datetime.combine(day, time.min, UTC)


async def table(deps: Deps, actor: Actor, list_id: uuid.UUID) -> str:
    """The list as CSV in the columns that agencies publish."""
    return duty_table.write((await list_view(deps, actor, list_id)).rules)


async def compare(
    deps: Deps, actor: Actor, old: uuid.UUID, new: uuid.UUID
) -> tuple[ListView, ListView, tuple[RuleChange, ...]]:
    """Both versions, and what is other in the new one."""
    before, after = await list_view(deps, actor, old), await list_view(deps, actor, new)
    return before, after, duty_table.compare(before.rules, after.rules)


async def locked(change: Change, actor: Actor, list_id: uuid.UUID) -> ListHeader:
    found = await rows.lock(change, list_id, actor.scope)
    if found is None:
        raise not_found()
    return found


async def read(change: Change, list_id: uuid.UUID, header: ListHeader) -> ListView:
    """The list as it stands in this transaction, locked."""
    again = await rows.find(change.connection, list_id, change.actor.scope)
    rules = await rows.rules_of(change.connection, [list_id])
    return ListView(again or header, tuple(rules[list_id]))


def need_state(found: ListHeader, state: str) -> None:
    if found.state != state:
        raise Conflict(
            "duty-list-state", f"The list is {found.state}; make a new version.", state=found.state
        )


async def need_draft(change: Change, found: ListHeader) -> None:
    """A draft, or one whose proposal ran out without a decision."""
    if found.state == "proposed":
        proposals = await approvals.of_subject(change.connection, "duty_list", found.id)
        if all(p.state_at(change.now) is not ApprovalState.PROPOSED for p in proposals):
            return
    need_state(found, "draft")


def not_found() -> NotFound:
    return NotFound("duty-list-not-found", "There is no such duty list.")


def _wording(text: str) -> str:
    return names.bounded(text, _LONGEST_NOTE, "title") or ""


def _marking_days(given: int | None, usual: int | None) -> int | None:
    if given is None:
        return usual
    if not 0 <= given <= LONGEST:
        raise InvalidInput(
            "duty-list-malformed", f"The term for marks is 1 to {LONGEST} days, 0 is none."
        )
    return given or None


def _check_days(first: date, last: date | None) -> None:
    if last is not None and last <= first:
        raise InvalidInput("duty-list-malformed", "The list ends before it begins.")


def _drafted(header: ListHeader, version: int, rules: Sequence[DutyRule]) -> DutyListDrafted:
    return DutyListDrafted(
        subject=header.id,
        agency=header.agency,
        version=version,
        title=header.title,
        profile=header.profile,
        valid_from=header.valid_from.isoformat(),
        valid_to=header.valid_to.isoformat() if header.valid_to else None,
        rules=len(rules),
        digest=digest_of(header, rules).hex(),
    )
