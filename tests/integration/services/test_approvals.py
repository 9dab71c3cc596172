"""Acts of two persons on a real database: of two at once one decides, and time closes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.approval import Approval, ApprovalState
from recorder.domain.people import Actor
from recorder.errors import Conflict, NotFound, RecorderError
from recorder.services import approvals
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
    listed = await approvals.list_approvals(bureau.deps, stranger, open_only=True)
    ours = await approvals.list_approvals(bureau.deps, bureau.actor(), open_only=True)
    assert (listed.items, ours.items) == ((), (proposal,))


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
