"""Devices, docks, tokens, the hand-over log and enrolment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from recorder.domain.people import OPERATOR, ActorKind, Permission, Role
from recorder.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    RateLimited,
    Unauthenticated,
)
from recorder.ledger.note import NoteVerifier
from recorder.services import accounts, registry
from recorder.store import devices
from tests.support.bureau import Bureau, open_bureau


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path, sign_in_tries=3) as opened:
        yield opened


async def test_the_token_of_a_new_device_speaks_for_it(bureau: Bureau) -> None:
    added = await registry.add_device(bureau.deps, OPERATOR, number="TA00716")
    assert added.token.startswith("rec_")
    actor = await accounts.actor_of_token(bureau.deps, added.token)
    assert (actor.kind, actor.id, actor.name) == (
        ActorKind.DEVICE,
        str(added.device.id),
        "TA00716",
    )
    assert (actor.device, actor.agency, actor.suspended) == (added.device.id, bureau.ours, False)
    with pytest.raises(Unauthenticated):
        await accounts.actor_of_token(bureau.deps, f"{added.token}x")


async def test_a_device_number_exists_once_in_whatever_agency(bureau: Bureau) -> None:
    await registry.add_device(bureau.deps, OPERATOR, number="TA00716")
    with pytest.raises(Conflict) as caught:
        await registry.add_device(bureau.deps, OPERATOR, number=" TA00716 ", agency="foreign")
    assert caught.value.code == "device-exists"


async def test_a_dock_is_named_once_in_an_agency(bureau: Bureau) -> None:
    added = await registry.add_dock(bureau.deps, OPERATOR, name="一楼")
    other = await registry.add_dock(bureau.deps, OPERATOR, name="一楼", agency="foreign")
    with pytest.raises(Conflict):
        await registry.add_dock(bureau.deps, OPERATOR, name="一楼")
    actor = await accounts.actor_of_token(bureau.deps, other.token)
    assert (actor.role, actor.dock, actor.agency) == (Role.DOCK, other.dock.id, bureau.theirs)
    assert added.dock.id != other.dock.id


async def test_a_program_gets_the_role_it_is_given(bureau: Bureau) -> None:
    added = await registry.add_token(bureau.deps, OPERATOR, name="feed", role="supervisor")
    actor = await accounts.actor_of_token(bureau.deps, added.secret)
    assert (actor.kind, actor.role, actor.scope.agency) == (
        ActorKind.PROGRAM,
        Role.SUPERVISOR,
        bureau.ours,
    )
    for role in ("device", "dock", "king"):
        with pytest.raises(InvalidInput):
            await registry.add_token(bureau.deps, OPERATOR, name="x", role=role)
    with pytest.raises(Forbidden):
        await registry.add_token(
            bureau.deps, bureau.actor(Role.ADMINISTRATOR), name="x", role="officer", city=True
        )


@pytest.mark.parametrize("state", ["suspended", "lost"])
async def test_a_device_that_is_not_active_may_upload_and_nothing_else(
    bureau: Bureau, state: str
) -> None:
    added = await registry.add_device(bureau.deps, OPERATOR, number="TA00716")
    await registry.set_device_state(
        bureau.deps, OPERATOR, device=added.device.id, state=state, reason="没有归还"
    )
    actor = await accounts.actor_of_token(bureau.deps, added.token)
    assert [p for p in Permission if actor.may(p)] == [
        Permission.PUBLIC,
        Permission.UPLOAD,
        Permission.DELIVER,
    ]
    with pytest.raises(Conflict):
        await registry.set_device_state(
            bureau.deps, OPERATOR, device=added.device.id, state=state, reason="again"
        )
    with pytest.raises(Conflict):
        await registry.enrolment_code(bureau.deps, OPERATOR, device=added.device.id)


async def test_nobody_touches_a_device_of_another_agency(bureau: Bureau) -> None:
    added = await registry.add_device(bureau.deps, OPERATOR, number="TA00716", agency="foreign")
    chief = bureau.actor(Role.ADMINISTRATOR)
    with pytest.raises(NotFound):
        await registry.device_by_number(bureau.deps, chief, "TA00716")
    with pytest.raises(NotFound):
        await registry.set_device_state(
            bureau.deps, chief, device=added.device.id, state="lost", reason="x"
        )
    with pytest.raises(NotFound):
        await registry.hand_over(bureau.deps, chief, device=added.device.id, officer="1")
    with pytest.raises(NotFound):
        await registry.enrolment_code(bureau.deps, chief, device=added.device.id)
    with pytest.raises(NotFound):
        await registry.revoke_token(bureau.deps, chief, added.token_id, reason="x")


async def test_the_log_tells_who_wore_the_device_at_any_moment(bureau: Bureau) -> None:
    device = (await registry.add_device(bureau.deps, OPERATOR, number="TA00716")).device.id
    noon = bureau.clock.at

    async def note(officer: str | None, at: datetime) -> None:
        await registry.hand_over(bureau.deps, OPERATOR, device=device, officer=officer, at=at)

    await note("100002", noon)
    await note("100001", noon - timedelta(hours=4))
    await note(None, noon + timedelta(hours=4))
    async with bureau.deps.database.acquire() as connection:
        seen = [
            await devices.officer_at(connection, device, noon + timedelta(hours=hours))
            for hours in (-5, -4, -1, 0, 3, 4, 9)
        ]
    assert seen == [None, "100001", "100001", "100002", "100002", None, None]


async def test_the_same_line_twice_is_one_and_another_at_its_moment_is_refused(
    bureau: Bureau,
) -> None:
    device = (await registry.add_device(bureau.deps, OPERATOR, number="TA00716")).device.id
    await registry.hand_over(bureau.deps, OPERATOR, device=device, officer="100001")
    await registry.hand_over(bureau.deps, OPERATOR, device=device, officer="100001")
    with pytest.raises(Conflict):
        await registry.hand_over(bureau.deps, OPERATOR, device=device, officer="100002")
    with pytest.raises(InvalidInput):
        await registry.hand_over(
            bureau.deps,
            OPERATOR,
            device=device,
            officer="100001",
            at=bureau.clock.at + timedelta(days=2),
        )
    assert (await bureau.event_names()).count("DeviceHandedOver") == 1


async def test_a_device_fetches_its_token_once_by_its_code(bureau: Bureau) -> None:
    device = (await registry.add_device(bureau.deps, OPERATOR, number="TA00716")).device
    code = await registry.enrolment_code(bureau.deps, OPERATOR, device=device.id)
    typed = f" {code.lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')}"
    outcomes = await asyncio.gather(
        *(registry.enrol(bureau.deps, typed, address="192.0.2.1") for _ in range(3)),
        return_exceptions=True,
    )
    enrolled = [o for o in outcomes if isinstance(o, registry.EnrolledDevice)]
    assert len(enrolled) == 1
    assert all(isinstance(o, registry.EnrolledDevice | Forbidden) for o in outcomes)
    actor = await accounts.actor_of_token(bureau.deps, enrolled[0].token)
    assert actor.device == device.id
    key = NoteVerifier.from_text(enrolled[0].verifier_key)
    assert key == bureau.deps.signer.verifier
    actors = await bureau.value(
        "SELECT array_agg(DISTINCT actor_kind) FROM custody_event WHERE name = 'DeviceEnrolled'"
    )
    assert actors == ["device"]


async def test_used_old_replaced_and_unknown_codes_are_refused_alike(bureau: Bureau) -> None:
    device = (await registry.add_device(bureau.deps, OPERATOR, number="TA00716")).device.id
    replaced = await registry.enrolment_code(bureau.deps, OPERATOR, device=device)
    used = await registry.enrolment_code(bureau.deps, OPERATOR, device=device)
    await registry.enrol(bureau.deps, used)
    old = await registry.enrolment_code(bureau.deps, OPERATOR, device=device)
    bureau.clock.forward(days=7)
    said = set()
    for number, code in enumerate((replaced, used, old, "00000-00000", "\ud800" * 900)):
        with pytest.raises(Forbidden) as caught:
            await registry.enrol(bureau.deps, code, address=f"192.0.2.{number}")
        said.add((caught.value.code, caught.value.detail))
    assert len(said) == 1


async def test_trying_codes_is_limited_and_enrolling_many_devices_is_not(bureau: Bureau) -> None:
    for number in range(5):
        added = await registry.add_device(bureau.deps, OPERATOR, number=f"TA{number}")
        code = await registry.enrolment_code(bureau.deps, OPERATOR, device=added.device.id)
        await registry.enrol(bureau.deps, code, address="192.0.2.1")
    for _ in range(3):
        with pytest.raises(Forbidden):
            await registry.enrol(bureau.deps, "no", address="192.0.2.1")
    with pytest.raises(RateLimited):
        await registry.enrol(bureau.deps, "no", address="192.0.2.1")


async def test_a_revoked_token_is_worthless(bureau: Bureau) -> None:
    added = await registry.add_device(bureau.deps, OPERATOR, number="TA00716")
    code = await registry.enrolment_code(bureau.deps, OPERATOR, device=added.device.id)
    second = await registry.enrol(bureau.deps, code)
    await registry.revoke_token(bureau.deps, OPERATOR, added.token_id, reason="leaked")
    with pytest.raises(Conflict):
        await registry.revoke_token(bureau.deps, OPERATOR, added.token_id, reason="leaked")
    assert await accounts.actor_of_token(bureau.deps, second.token)
    assert (
        await registry.revoke_device_tokens(
            bureau.deps, OPERATOR, device=added.device.id, reason="lost"
        )
        == 1
    )
    for token in (added.token, second.token):
        with pytest.raises(Unauthenticated):
            await accounts.actor_of_token(bureau.deps, token)
