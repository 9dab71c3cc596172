from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from recorder.domain.approval import Approval, ApprovalState, Hand, approved, refused, withdrawn
from recorder.domain.ids import AgencyId, ApprovalId
from recorder.domain.people import OPERATOR, Actor, ActorKind, Role
from recorder.errors import RecorderError

NOW = datetime(2026, 3, 5, 8, tzinfo=UTC)
LATER = NOW + timedelta(days=31)
SEEN = bytes(32)
FIRST = Actor(ActorKind.PERSON, "p-1", "王芳", role=Role.SUPERVISOR, officer="O1")
SECOND = Actor(ActorKind.PERSON, "p-2", "李雷", role=Role.SUPERVISOR)
OTHER_ACCOUNT = replace(FIRST, id="p-3")
PROGRAM = Actor(ActorKind.PROGRAM, "t-1", "办案系统", role=Role.SUPERVISOR)


def proposal(by: Actor = FIRST) -> Approval:
    return Approval(
        id=ApprovalId(uuid.UUID(int=1)),
        agency=AgencyId(uuid.UUID(int=2)),
        kind="duty_list",
        subject=uuid.UUID(int=3),
        title="2026 年版",
        digest=SEEN,
        proposed_by=Hand.of(by),
        proposed_at=NOW,
        expires_at=NOW + timedelta(days=30),
    )


def test_a_second_person_approves_what_was_proposed() -> None:
    done = approved(proposal(), SECOND, SEEN, NOW)
    assert (done.state, done.decided_by, done.decided_at) == (
        ApprovalState.APPROVED,
        Hand.of(SECOND),
        NOW,
    )


@pytest.mark.parametrize(
    ("found", "actor", "digest", "now", "code"),
    [
        (proposal(), FIRST, SEEN, NOW, "approval-own"),
        (proposal(), OTHER_ACCOUNT, SEEN, NOW, "approval-own"),
        (proposal(), PROGRAM, SEEN, NOW, "approval-person-needed"),
        (proposal(), OPERATOR, SEEN, NOW, "approval-person-needed"),
        (proposal(), SECOND, b"x" * 32, NOW, "approval-stale"),
        (proposal(), SECOND, SEEN, LATER, "approval-closed"),
        (replace(proposal(), state=ApprovalState.REFUSED), SECOND, SEEN, NOW, "approval-closed"),
    ],
)
def test_nobody_else_and_nothing_else_is_approved(
    found: Approval, actor: Actor, digest: bytes, now: datetime, code: str
) -> None:
    with pytest.raises(RecorderError) as caught:
        approved(found, actor, digest, now)
    assert caught.value.code == code


def test_the_proposer_takes_back_and_does_not_refuse() -> None:
    assert withdrawn(proposal(), FIRST, None, NOW).state is ApprovalState.WITHDRAWN
    with pytest.raises(RecorderError) as foreign:
        withdrawn(proposal(), SECOND, None, NOW)
    with pytest.raises(RecorderError) as own:
        refused(proposal(), FIRST, "nein", NOW)
    assert (foreign.value.code, own.value.code) == ("approval-foreign", "approval-own")
    done = refused(proposal(PROGRAM), FIRST, "缺条款", NOW)
    assert (done.state, done.reason) == (ApprovalState.REFUSED, "缺条款")
