"""Having a list take effect: a proposal, a second person, and every case it touches due again."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from recorder.domain.approval import Approval
from recorder.domain.duty import DutyList, list_in_force
from recorder.domain.events import DutyListApproved
from recorder.domain.ids import AgencyId, ApprovalId
from recorder.domain.instant import CHINA
from recorder.domain.organisation import acting_for, organs_of
from recorder.domain.people import Actor
from recorder.errors import Conflict
from recorder.runtime import Deps
from recorder.services import approvals
from recorder.services.duties import shipped
from recorder.services.duties.drafting import (
    ListView,
    list_view,
    locked,
    need_draft,
    need_state,
    read,
)
from recorder.store import coverage_due
from recorder.store.connection import Connection
from recorder.store.coverage import scenes
from recorder.store.duties import lists as rows
from recorder.store.duties.lists import ListHeader
from recorder.store.registry import organisations

KIND = "duty_list"
#: Approved versions never change, so their rules are read once in each process.
_RULES: dict[uuid.UUID, DutyList] = {}
_MOST_KEPT = 5_000


async def propose(deps: Deps, actor: Actor, list_id: uuid.UUID) -> Approval:
    """The draft waits for a second person and changes no more until then.

    Raises NotFound ``duty-list-not-found``, Conflict ``duty-list-state``.
    """
    async with deps.change(actor) as change:
        found = await locked(change, actor, list_id)
        await need_draft(change, found)
        view = await read(change, list_id, found)
        proposal = await approvals.propose(
            change,
            agency=found.agency,
            kind=KIND,
            subject=list_id,
            title=f"{found.title} v{found.version}",
            digest=view.digest,
        )
        await rows.set_proposed(change, list_id, proposal.id)
    return proposal


async def approve(
    deps: Deps,
    actor: Actor,
    list_id: uuid.UUID,
    digest: bytes,
    proposal: ApprovalId | None = None,
) -> ListView:
    """In force from its first day on; all cases of its agency are due to be evaluated again.

    So are those of branches and entrusted bodies that act in its name.

    ``digest`` names the content that the actor saw, ``proposal`` the one that is decided about, if
    that is not simply the open one. Raises NotFound ``duty-list-not-found``,
    Conflict ``duty-list-state``, and as ``approvals.approve``.
    """
    async with deps.change(actor) as change:
        found = await locked(change, actor, list_id)
        granted = await approvals.approve(change, _proposal(found, proposal), digest)
        await rows.set_approved(change, list_id)
        change.record(
            DutyListApproved(
                subject=list_id,
                agency=found.agency,
                version=found.version,
                valid_from=found.valid_from.isoformat(),
                valid_to=found.valid_to.isoformat() if found.valid_to else None,
                digest=digest.hex(),
                approval=granted.id,
            )
        )
        names = await organisations.in_name_of(change.connection)
        judged = acting_for(names, [found.agency])
        cases = await scenes.cases_of_agencies(change.connection, judged, found.valid_from)
        await coverage_due.touch(change.connection, cases, "list", bulk=True)
    return await list_view(deps, actor, list_id)


async def refuse(
    deps: Deps,
    actor: Actor,
    list_id: uuid.UUID,
    reason: str,
    proposal: ApprovalId | None = None,
) -> ListView:
    """The list is a draft again, and the proposal keeps the reason."""
    async with deps.change(actor) as change:
        found = await locked(change, actor, list_id)
        await approvals.refuse(change, _proposal(found, proposal), reason)
        await rows.set_proposed(change, list_id, None)
    return await list_view(deps, actor, list_id)


async def withdraw(
    deps: Deps, actor: Actor, list_id: uuid.UUID, proposal: ApprovalId | None = None
) -> ListView:
    """Whoever proposed it takes it back: it is a draft again."""
    async with deps.change(actor) as change:
        found = await locked(change, actor, list_id)
        await approvals.withdraw(change, _proposal(found, proposal))
        await rows.set_proposed(change, list_id, None)
    return await list_view(deps, actor, list_id)


def _proposal(found: ListHeader, meant: ApprovalId | None) -> ApprovalId:
    need_state(found, "proposed")
    if found.approval is None:
        raise Conflict("duty-list-state", "Nobody has proposed this list.")
    if meant not in (None, found.approval):
        raise Conflict("approval-closed", "This proposal is closed; another one is open.")
    return found.approval


async def in_force(
    deps: Deps,
    connection: Connection,
    agencies: Collection[AgencyId],
    as_of: datetime | None = None,
) -> tuple[DutyList, ...]:
    """Versions approved for these agencies, until a moment if one is named, and the profile."""
    headers = [
        header
        for header in await rows.approved(connection, agencies)
        if as_of is None or (header.approved_at is not None and header.approved_at <= as_of)
    ]
    missing = [header for header in headers if header.id not in _RULES]
    if missing:
        if len(_RULES) + len(missing) > _MOST_KEPT:
            _RULES.clear()
        rules = await rows.rules_of(connection, [header.id for header in missing])
        _RULES.update({each.id: each.with_rules(rules[each.id]) for each in missing})
    return (
        *(_RULES[header.id] for header in headers),
        shipped.profile(deps.config.duty_profile),
    )


async def wording_of(deps: Deps, agency: AgencyId) -> str:
    """What officers of the agency say today at the beginning, by the list in force (R6)."""
    today = deps.clock.now().astimezone(CHINA).date()
    async with deps.database.acquire() as connection:
        organs = organs_of(await organisations.in_name_of(connection), agency, today)
        lists = await in_force(deps, connection, [agency, *organs])
        found = list_in_force(lists, agency, today, organs)
    return found.wording if found else ""
