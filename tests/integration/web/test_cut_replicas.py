"""Two web services in network namespaces; one is cut off from database and store for a while."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.cut_replicas import CutReplica, open_cut_site
from tests.support.replica_processes import Site
from tests.support.s3 import S3Server
from tests.support.senders import content
from tests.support.waiting import eventually

MIB = 1024 * 1024


@pytest.fixture
async def site(
    database_url: str, owner_database_url: str, versitygw: S3Server, tmp_path: Path
) -> AsyncIterator[Site]:
    async with open_cut_site(database_url, owner_database_url, versitygw, tmp_path) as opened:
        yield opened


async def test_one_that_is_cut_off_in_mid_body_loses_the_upload_and_changes_nothing_afterwards(
    site: Site,
) -> None:
    cut, other = site.replicas
    assert isinstance(cut, CutReplica)
    sent, others = content(24 * MIB), content(24 * MIB, seed=2)
    path = await site.create(cut, len(sent))
    async with site.patching(cut, path, 0, len(sent)) as body:
        await body.send(sent[: 9 * MIB])
        answered = await site.offset(other, path)
        cut.cut()
        # Its sender still reaches it, and goes on with other bytes.
        await body.send(others[9 * MIB : 12 * MIB])
        resumed = await site.offset(other, path)
        assert resumed >= answered
        half = await site.patch(other, path, resumed, sent[resumed : 20 * MIB])
        assert half.status == 204, half.content
        assert half.headers["Upload-Offset"] == str(20 * MIB)
        body.writer.write(others[12 * MIB :])
        cut.mend()
        assert await body.status() in (0, 409, 503)
    done = await site.patch(other, path, 20 * MIB, sent[20 * MIB :])
    assert done.status == 204, done.content
    assert await site.original(done.headers["Recorder-Recording"]) == sent

    async def serves_again() -> bool:
        told = await site.ask(cut, "HEAD", path)
        return told.status == 200 and told.headers["Upload-Offset"] == str(len(sent))

    serves: bool = await eventually(serves_again, within=120, what="the one that was cut off")
    assert serves
    assert json.loads(await site.command("audit", "--json"))["clean"]
    assert await site.value("SELECT count(*) FROM recording") == 1


async def test_one_that_is_cut_off_answers_that_it_cannot_and_never_that_it_has(
    site: Site,
) -> None:
    cut, other = site.replicas
    assert isinstance(cut, CutReplica)
    sent = content(3 * MIB)
    path = await site.create(cut, len(sent))
    async with site.patching(cut, path, 0, len(sent)) as body:
        await body.send(sent[:MIB])
        cut.cut()
        # All of it has arrived there, and none of it can be made durable.
        await body.send(sent[MIB:])
        resumed = await site.offset(other, path)
        assert resumed < len(sent)
        done = await site.patch(other, path, resumed, sent[resumed:])
        assert done.status == 204, done.content
        cut.mend()
        assert await body.status() != 204
    assert await site.original(done.headers["Recorder-Recording"]) == sent
    assert json.loads(await site.command("audit", "--json"))["clean"]
