"""Two web services on one database and store: one dies or sleeps, the other goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.replica_processes import Site, open_site
from tests.support.senders import content

MIB = 1024 * 1024


@pytest.fixture
async def site(database_url: str, owner_database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(database_url, owner_database_url, tmp_path) as opened:
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


async def test_of_two_writers_at_once_one_wins_and_the_bytes_are_his_alone(site: Site) -> None:
    for first, second in ((1, 1), (2, 3), (4, 4), (5, 6)):
        bodies = [content(18 * MIB, seed=seed) for seed in (first, second)]
        path = await site.create(site.replicas[0], 18 * MIB)
        answers = await asyncio.gather(
            *(
                site.patch(replica, path, 0, body)
                for replica, body in zip(site.replicas, bodies, strict=True)
            )
        )
        assert sorted(answer.status for answer in answers) in ([204, 403], [204, 409])
        winner = next(n for n, answer in enumerate(answers) if answer.status == 204)
        recording = answers[winner].headers["Recorder-Recording"]
        assert await site.original(recording) == bodies[winner]
