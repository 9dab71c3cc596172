"""Who may watch is narrowed while a livestream runs, and what it becomes inherits that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from recorder.domain.ids import LivestreamId, RecordingId, RestrictionId, new_uuid
from recorder.domain.livestream import Livestream
from recorder.domain.people import OPERATOR, Actor, Role
from recorder.domain.restriction import LivestreamRestriction, RestrictionGround
from recorder.errors import RecorderError
from recorder.services import live, review
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.streams import opened, put, put_init, take

BASIS = "行政强制法第二十五条；当事人书面同意（2026-03-02）"


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened_bureau:
        yield opened_bureau


async def running(bureau: Bureau) -> tuple[Actor, Livestream]:
    """A livestream with one segment, and its device."""
    device, sent = await camera(bureau), take()
    livestream = await opened(bureau.deps, device, officer="JX0227")
    await put_init(bureau.deps, device, livestream.id, sent.init)
    await put(bureau.deps, device, livestream.id, 1, sent.segments[0])
    return device, livestream


async def restricted(
    bureau: Bureau, actor: Actor, livestream: LivestreamId
) -> LivestreamRestriction:
    return await live.restrict_livestream(
        bureau.deps, actor, livestream, ground=RestrictionGround.PRIVATE_SPACE, basis=f" {BASIS} "
    )


async def grounds(bureau: Bureau, recording: RecordingId | None) -> tuple[str, ...]:
    assert recording is not None
    return (await review.recording(bureau.deps, OPERATOR, recording)).recording.restrictions


async def refused(what: Awaitable[object]) -> str:
    with pytest.raises(RecorderError) as raised:
        await what
    return raised.value.code


async def test_a_running_livestream_is_withheld_at_once_also_under_a_ticket_given_before(
    bureau: Bureau,
) -> None:
    deps, (_, livestream) = bureau.deps, await running(bureau)
    other, supervisor = bureau.actor(Role.OFFICER), bureau.actor()
    city = bureau.actor(agency=bureau.theirs, city=True)
    ticket = await live.grant(deps, other, livestream.id)
    await live.index(deps, other, livestream.id, ticket.secret)
    imposed = await restricted(bureau, supervisor, livestream.id)
    assert (imposed.basis, imposed.imposed_by) == (BASIS, supervisor.name)
    for stranger in (other, city):
        asked: list[Callable[[Actor], Awaitable[object]]] = [
            lambda who: live.grant(deps, who, livestream.id),
            lambda who: live.picture(deps, who, livestream.id),
            lambda who: live.lift_livestream_restriction(
                deps, who, livestream.id, imposed.id, reason="想看"
            ),
        ]
        assert [await refused(ask(stranger)) for ask in asked] == ["footage-restricted"] * 3
        (seen,) = await live.wall(deps, stranger)
        assert seen.livestream.is_restricted
        told = await live.livestream_restrictions_of(deps, stranger, livestream.id)
        assert told == [imposed]
    for ask in (
        live.index(deps, other, livestream.id, ticket.secret),
        live.open_segment(deps, other, livestream.id, ticket.secret, 1),
        live.proxy_index(deps, other, livestream.id, ticket.secret),
    ):
        assert await refused(ask) == "footage-restricted"
    for watcher in (supervisor, bureau.actor(Role.OFFICER, officer="JX0227")):
        own = await live.grant(deps, watcher, livestream.id)
        await live.open_segment(deps, watcher, livestream.id, own.secret, 1)


async def test_what_a_restricted_livestream_becomes_is_restricted_from_its_first_moment(
    bureau: Bureau,
) -> None:
    deps, (device, livestream) = bureau.deps, await running(bureau)
    supervisor = bureau.actor()
    imposed = await restricted(bureau, supervisor, livestream.id)
    closed = await live.request_close(deps, device, livestream.id, last=1)
    assert await grounds(bureau, closed.recording) == ("private_space",)
    assert (await bureau.event_names()).count("RecordingRestricted") == 1
    # A second one, said when it is over, holds for what it has become.
    second = await live.restrict_livestream(
        deps, supervisor, livestream.id, ground=RestrictionGround.MINOR, basis="未成年人保护法"
    )
    assert await grounds(bureau, closed.recording) == ("minor", "private_space")
    lifted = await live.lift_livestream_restriction(
        deps, supervisor, livestream.id, second.id, reason="误设"
    )
    assert (lifted.lifted_by, lifted.lift_reason) == (supervisor.name, "误设")
    assert await grounds(bureau, closed.recording) == ("private_space",)
    # Lifted on the recording's page, it is lifted from the livestream as well.
    assert closed.recording is not None
    (own,) = [
        each
        for each in await review.recording_restrictions(deps, supervisor, closed.recording)
        if each.act == imposed.act
    ]
    await review.lift_restriction(deps, supervisor, closed.recording, own.id, reason="已取得同意")
    await live.grant(deps, bureau.actor(Role.OFFICER), livestream.id)
    names = await bureau.event_names()
    assert names.count("LivestreamRestricted") == names.count("LivestreamRestrictionLifted") == 2


async def test_a_gateways_copy_of_a_restricted_livestream_and_the_livestream_of_such_a_copy(
    bureau: Bureau,
) -> None:
    deps, (_, livestream) = bureau.deps, await running(bureau)
    supervisor = bureau.actor()
    copy = await bureau.recording(officer="JX0227")
    # As the completion of a gateway's file writes it.
    await bureau.value("UPDATE recording SET copy_of = $2 WHERE id = $1", copy, livestream.id)
    imposed = await review.restrict(
        deps, supervisor, copy, ground=RestrictionGround.MINOR, basis="未成年人保护法"
    )
    assert await refused(live.grant(deps, bureau.actor(Role.OFFICER), livestream.id)) == (
        "footage-restricted"
    )
    await review.lift_restriction(deps, supervisor, copy, imposed.id, reason="误设")
    await restricted(bureau, supervisor, livestream.id)
    assert await grounds(bureau, copy) == ("private_space",)


async def test_a_restriction_of_a_livestream_needs_a_basis_a_reason_and_its_own_agency(
    bureau: Bureau,
) -> None:
    deps, (_, livestream) = bureau.deps, await running(bureau)
    supervisor, stranger = bureau.actor(), bureau.actor(agency=bureau.theirs)
    assert await refused(restricted(bureau, stranger, livestream.id)) == "livestream-not-found"
    assert (
        await refused(
            live.restrict_livestream(
                deps, supervisor, livestream.id, ground=RestrictionGround.MINOR, basis=" "
            )
        )
        == "reason-missing"
    )
    imposed = await restricted(bureau, supervisor, livestream.id)
    unknown = RestrictionId(new_uuid())
    for restriction, reason, code in (
        (imposed.id, " ", "reason-missing"),
        (unknown, "误设", "restriction-not-found"),
    ):
        lifting = live.lift_livestream_restriction(
            deps, supervisor, livestream.id, restriction, reason=reason
        )
        assert await refused(lifting) == code
    await live.lift_livestream_restriction(
        deps, supervisor, livestream.id, imposed.id, reason="误设"
    )
    again = live.lift_livestream_restriction(
        deps, supervisor, livestream.id, imposed.id, reason="再次"
    )
    assert await refused(again) == "restriction-not-found"
