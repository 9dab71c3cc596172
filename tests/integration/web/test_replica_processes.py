"""Two web services on one database and store: one dies or sleeps, the other goes on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.compacting import s3_settings
from tests.support.replica_processes import Site, open_site
from tests.support.senders import content
from tests.support.waiting import eventually

MIB = 1024 * 1024


@pytest.fixture(params=["folder", "versitygw"])
async def site(
    request: pytest.FixtureRequest, database_url: str, owner_database_url: str, tmp_path: Path
) -> AsyncIterator[Site]:
    more = {}
    if request.param == "versitygw":
        # Where fencing does not reach: a zombie's part is taken by the store.
        more = s3_settings(request.getfixturevalue("versitygw"))
    async with open_site(database_url, owner_database_url, tmp_path, more) as opened:
        yield opened


async def test_an_upload_goes_on_at_another_replica_when_its_holder_is_killed_in_mid_body(
    site: Site,
) -> None:
    first, second = site.replicas
    sent = content(40 * MIB)
    path = await site.create(first, len(sent))
    async with site.patching(first, path, 0, len(sent)) as body:
        await body.send(sent[: 20 * MIB])
        answered = await site.offset(second, path)
        await body.send(sent[20 * MIB : 30 * MIB])
        await first.killed()
        resumed = await site.offset(second, path)
        assert resumed >= answered
        done = await site.patch(second, path, resumed, sent[resumed:])
    assert done.status == 204, done.content
    assert await site.original(done.headers["Recorder-Recording"]) == sent
    assert resumed > 0, "a whole part had arrived, and somebody had asked for it"


async def test_a_holder_that_wakes_up_after_the_take_over_changes_nothing(site: Site) -> None:
    sleeper, second = site.replicas
    sent, others = content(24 * MIB), content(24 * MIB, seed=2)
    path = await site.create(sleeper, len(sent))
    async with site.patching(sleeper, path, 0, len(sent)) as body:
        await body.send(sent[: 9 * MIB])
        sleeper.stop()
        try:
            # It cannot be asked to flush: what is not durable is sent again, here.
            resumed = await site.offset(second, path)
            half = await site.patch(second, path, resumed, sent[resumed : 20 * MIB])
            assert half.status == 204, half.content
            assert half.headers["Upload-Offset"] == str(20 * MIB)
            # Its sender goes on meanwhile with other bytes; they wait in the socket.
            body.writer.write(others[9 * MIB : 12 * MIB])
        finally:
            sleeper.go_on()
        assert await body.status() in (0, 409)
    done = await site.patch(second, path, 20 * MIB, sent[20 * MIB :])
    assert done.status == 204, done.content
    assert await site.original(done.headers["Recorder-Recording"]) == sent
    # The one that slept serves again, and knows what happened meanwhile.
    assert await site.offset(sleeper, path) == len(sent)
    assert json.loads(await site.command("audit", "--json"))["clean"]


async def test_a_holder_that_sleeps_until_the_upload_is_finished_cannot_touch_the_original(
    site: Site,
) -> None:
    sleeper, second = site.replicas
    sent, others = content(20 * MIB), content(20 * MIB, seed=2)
    path = await site.create(sleeper, len(sent))
    async with site.patching(sleeper, path, 0, len(sent)) as body:
        await body.send(others[: 15 * MIB])
        sleeper.stop()
        try:
            resumed = await site.offset(second, path)
            done = await site.patch(
                second, path, resumed, others[resumed : 15 * MIB] + sent[15 * MIB :]
            )
            assert done.status == 204, done.content
            body.writer.write(others[15 * MIB :])
        finally:
            sleeper.go_on()
        assert await body.status() in (0, 403, 409)
    stored = await site.original(done.headers["Recorder-Recording"])
    assert stored == others[: 15 * MIB] + sent[15 * MIB :]
    assert await site.offset(sleeper, path) == len(sent)


#: Seeds of what the two send: the same bytes, and different ones.
BOTH = pytest.mark.parametrize("seeds", [(1, 1), (2, 3)], ids=["same bytes", "different bytes"])


@BOTH
async def test_of_two_writers_in_mid_body_the_one_that_came_last_wins_with_his_bytes_alone(
    site: Site, seeds: tuple[int, int]
) -> None:
    first, second = site.replicas
    bodies = [content(18 * MIB, seed=seed) for seed in seeds]
    path = await site.create(first, 18 * MIB)
    async with site.patching(first, path, 0, 18 * MIB) as one:
        await one.send(bodies[0][: 9 * MIB])
        # Returns when this replica holds the upload: both are in mid-body now.
        async with site.patching(second, path, 0, 18 * MIB) as other:
            await other.send(bodies[1][: 9 * MIB])
            one.writer.write(bodies[0][9 * MIB :])
            assert await one.status() in (0, 409)
            await other.send(bodies[1][9 * MIB :])
            assert await other.status() == 204
    await holds_only(site, path, bodies[1])


@BOTH
async def test_a_second_writer_who_begins_anew_does_not_disturb_one_whose_bytes_are_durable(
    site: Site, seeds: tuple[int, int]
) -> None:
    first, second = site.replicas
    bodies = [content(18 * MIB, seed=seed) for seed in seeds]
    path = await site.create(first, 18 * MIB)
    async with site.patching(first, path, 0, 18 * MIB) as one:
        await one.send(bodies[0][: 17 * MIB])

        async def durable() -> bool:
            return await offset_of(site, path) >= 16 * MIB

        is_durable: bool = await eventually(durable, within=60, what="the first part")
        assert is_durable
        late = await site.patch(second, path, 0, bodies[1])
        assert late.status == 409, late.content
        await one.send(bodies[0][17 * MIB :])
        assert await one.status() == 204
    await holds_only(site, path, bodies[0])


async def offset_of(site: Site, path: str) -> int:
    """What the database says, without asking anybody to make more durable."""
    offset = await site.value(
        "SELECT offset_bytes FROM upload WHERE id = $1", path.rpartition("/")[2]
    )
    return int(str(offset))


async def holds_only(site: Site, path: str, sent: bytes) -> None:
    """The upload is one recording with just these bytes, and nothing is left beside it."""
    told = await site.ask(site.replicas[1], "HEAD", path)
    assert await site.original(told.headers["Recorder-Recording"]) == sent
    assert await site.value("SELECT count(*) FROM recording") == 1
    assert json.loads(await site.command("audit", "--json"))["clean"]
