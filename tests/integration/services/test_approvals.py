"""Acts of two persons on a real database: of two at once one decides, and time closes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from recorder.domain.approval import Approval, ApprovalState
from recorder.domain.people import Actor, ActorKind
from recorder.errors import Conflict, Forbidden, NotFound, RecorderError
from recorder.services import approvals, deciding, duties
from recorder.services.approvals import Show
from recorder.store import approvals as rows
from tests.support.bureau import Bureau, open_bureau

SEEN = bytes(range(32))
THING = uuid.UUID(int=7)


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def propose(bureau: Bureau, actor: Actor) -> Approval:
    async with bureau.deps.change(actor) as change:
        return await approvals.propose(
            change,
            agency=bureau.ours,
            kind="duty_list",
            subject=THING,
            title="2026 年版",
            digest=SEEN,
        )


async def approve(bureau: Bureau, actor: Actor, proposal: Approval) -> Approval:
    async with bureau.deps.change(actor) as change:
        return await approvals.approve(change, proposal.id, SEEN)


async def test_of_two_who_decide_at_once_one_does_and_both_are_named(bureau: Bureau) -> None:
    first = bureau.actor()
    proposal = await propose(bureau, first)
    with pytest.raises(Conflict) as twice:
        await propose(bureau, bureau.actor())
    results = await asyncio.gather(
        *(approve(bureau, bureau.actor(), proposal) for _ in range(2)), return_exceptions=True
    )
    done = [r for r in results if isinstance(r, Approval)]
    late = [r.code for r in results if isinstance(r, RecorderError)]
    assert (len(done), late, twice.value.code) == (1, ["approval-closed"], "approval-open")
    async with bureau.deps.database.acquire() as connection:
        (kept,) = await rows.of_subject(connection, "duty_list", THING)
    assert kept == done[0]
    assert (await bureau.event_names())[-2:] == ["ApprovalProposed", "ApprovalGranted"]
    # Decided once, the thing may be proposed anew.
    again = await propose(bureau, first)
    async with bureau.deps.change(bureau.actor()) as change:
        await approvals.refuse(change, again.id, "缺条款")
    third = await propose(bureau, first)
    async with bureau.deps.change(first) as change:
        await approvals.withdraw(change, third.id)


async def test_another_agency_neither_sees_nor_decides(bureau: Bureau) -> None:
    proposal = await propose(bureau, bureau.actor())
    stranger = bureau.actor(agency=bureau.theirs)
    with pytest.raises(NotFound):
        await approve(bureau, stranger, proposal)
    listed = await approvals.list_approvals(bureau.deps, stranger)
    ours = await approvals.list_approvals(bureau.deps, bureau.actor())
    assert (listed.items, [one.approval for one in ours.items]) == ((), [proposal])


async def test_each_is_shown_what_waits_for_them_and_what_became_of_it(bureau: Bureau) -> None:
    """Waits, own, open and closed; before, after a decision and when time has run out."""
    first, second = bureau.actor(officer="P7"), bureau.actor()
    # The same person by another account, and whoever stands above and only looks.
    same = bureau.actor(officer="P7")
    above = replace(bureau.actor(agency=bureau.theirs), below=(bureau.ours,))
    city = replace(above, below=(), city=True)
    program = replace(second, kind=ActorKind.PROGRAM)
    deps = bureau.deps

    async def shown(
        actor: Actor, kind: str | None = None, agency: str | None = None
    ) -> dict[str, int]:
        found = {}
        for show in Show:
            page = await approvals.list_approvals(deps, actor, show, kind=kind, agency=agency)
            found[show.value] = len(page.items)
        return {show: many for show, many in found.items() if many}

    proposal = await propose(bureau, first)
    everything = {"open": 1, "all": 1}
    assert await shown(first) == {"own": 1} | everything
    assert await shown(same) == {"own": 1} | everything
    assert await shown(second) == {"waiting": 1} | everything
    assert await shown(city) == {"waiting": 1} | everything
    assert await shown(above) == everything
    assert await shown(second, kind="disposal") == await shown(second, agency="nobody") == {}
    asked = (first, same, above, program, second, city)
    assert [await approvals.waiting_for(deps, who, 9) for who in asked] == [0, 0, 0, 0, 1, 1]
    assert [proposal.waits_for(who, bureau.clock.now()) for who in asked] == [
        *(False,) * 4,
        *(True,) * 2,
    ]
    bureau.clock.forward(days=31)
    assert await shown(second) == {"closed": 1, "all": 1}
    assert not proposal.waits_for(second, bureau.clock.now())


async def test_a_decision_by_the_proposals_own_id_takes_effect_and_closes_it(
    bureau: Bureau,
) -> None:
    first, second, deps = bureau.actor(), bureau.actor(), bureau.deps
    drafted = await duties.draft(deps, first, title="清单", valid_from=date(2026, 1, 1))
    list_id = drafted.header.id
    old = await duties.propose(deps, first, list_id)
    assert (await deciding.withdraw(deps, first, old.id)).approval.state == "withdrawn"
    bureau.clock.forward(seconds=1)
    turned_down = await duties.propose(deps, first, list_id)
    refused = await deciding.refuse(deps, second, turned_down.id, "缺条款")
    assert (refused.approval.reason, refused.agency_code) == ("缺条款", "local")
    bureau.clock.forward(seconds=1)
    open_one = await duties.propose(deps, first, list_id)
    for closed in (old, turned_down):
        with pytest.raises(Conflict) as late:
            await deciding.refuse(deps, second, closed.id, "nein")
        assert late.value.code == "approval-closed"
        with pytest.raises(Conflict) as mistaken:
            await duties.refuse(deps, second, list_id, "nein", closed.id)
        assert mistaken.value.code == "approval-closed"
    with pytest.raises(Forbidden) as own:
        await deciding.approve(deps, first, open_one.id, drafted.digest)
    with pytest.raises(Conflict) as unseen:
        await deciding.approve(deps, second, open_one.id, SEEN)
    granted = await deciding.approve(deps, second, open_one.id, drafted.digest)
    assert (own.value.code, unseen.value.code) == ("approval-own", "approval-stale")
    assert granted.approval.state is ApprovalState.APPROVED
    assert (await duties.list_view(deps, first, list_id)).header.state == "approved"
    states = [one.state.value for one in await approvals.history(deps, duties.KIND, list_id)]
    assert states == ["approved", "refused", "withdrawn"]
    with pytest.raises(NotFound):
        await deciding.withdraw(deps, bureau.actor(agency=bureau.theirs), open_one.id)


async def test_a_proposal_that_nobody_decides_about_expires_by_its_own_time(
    bureau: Bureau,
) -> None:
    first = bureau.actor()
    old = await propose(bureau, first)
    bureau.clock.forward(days=31)
    with pytest.raises(Conflict) as late:
        await approve(bureau, bureau.actor(), old)
    # The clock of the workers has not come by: a new proposal does not wait for it.
    new = await propose(bureau, first)
    bureau.clock.forward(days=31)
    assert await approvals.expire_overdue(bureau.deps) is False
    assert await approvals.expire_overdue(bureau.deps) is False
    async with bureau.deps.database.acquire() as connection:
        kept = await rows.of_subject(connection, "duty_list", THING)
    assert late.value.code == "approval-closed"
    assert [(one.id, one.state, one.decided_at) for one in kept] == [
        (old.id, ApprovalState.EXPIRED, old.expires_at),
        (new.id, ApprovalState.EXPIRED, new.expires_at),
    ]
    assert (await bureau.event_names()).count("ApprovalExpired") == 2


async def test_the_database_itself_refuses_one_who_approves_the_own_proposal(
    bureau: Bureau,
) -> None:
    proposal = await propose(bureau, bureau.actor())
    async with bureau.deps.database.acquire() as connection:
        with pytest.raises(RecorderError) as refused:
            await connection.execute(
                "UPDATE approval SET state = 'approved', decided_at = now(),"
                " decided_by_kind = 'person', decided_by_id = proposed_by_id,"
                " decided_by_name = 'x' WHERE id = $1",
                proposal.id,
            )
    assert refused.value.code == "database-refused"
