"""While an upgrade rolls, one version ends what the other has begun: uploads, and runs of tasks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest

from tests.support.running_versions import KILL, Running, environment_of, serving, working
from tests.support.senders import content
from tests.support.versions import Version, previous_version, this_version
from tests.support.waiting import eventually
from tests.support.web_service import PATCH
from tests.support.workshop import long_clip

MIB = 1024 * 1024
#: A part, and a tail behind it.
BEGUN = 17 * MIB


@pytest.fixture
def previous(tmp_path: Path) -> Version:
    """The version before this one; this one in a clone without history."""
    place = tmp_path / "previous"
    place.mkdir()
    return previous_version(place)


@contextlib.contextmanager
def sending(
    service: Running, token: str, path: str, length: int, sent: bytes
) -> Iterator[socket.socket]:
    """A PATCH in mid-body: ``sent`` of ``length`` bytes are on their way."""
    lines = {**PATCH, "Host": "x", "Authorization": f"Bearer {token}",
             "Upload-Offset": "0", "Content-Length": str(length)}  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with socket.create_connection(("127.0.0.1", service.port)) as line:
        line.sendall(f"PATCH {path} HTTP/1.1\r\n{head}\r\n".encode() + sent)
        yield line


@pytest.mark.parametrize("begins", ["the version before", "this version"])
async def test_an_upload_that_one_version_has_begun_is_finished_by_the_other(
    previous: Version, begins: str, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    versions = [previous, this_version()]
    one, other = versions if begins == "the version before" else versions[::-1]
    sent = content(20 * MIB)
    with ExitStack() as stack:
        dying = ExitStack()
        stack.enter_context(dying)
        places = [environment_of(each, database_url, redis_url, tmp_path) for each in (one, other)]
        first = dying.enter_context(serving(one, places[0], end=KILL))
        second = stack.enter_context(serving(other, places[1]))
        camera, viewer = first.device(), first.supervisor()
        path = first.create(camera, len(sent))
        with sending(first, camera, path, len(sent), sent[:BEGUN]):

            async def told() -> bool:
                # Asked by the other version, the holder makes its tail durable.
                return await asyncio.to_thread(second.offset, camera, path) == BEGUN

            is_told: bool = await eventually(told, within=60, what="what one version holds")
            assert is_told
            dying.close()
        recording = second.patch(camera, path, BEGUN, sent[BEGUN:])
        assert recording is not None
        stack.enter_context(working(one, places[0]))

        def sealed() -> bool:
            _, said = second.get(f"/api/v1/recordings/{recording}", viewer)
            return bool(json.loads(said)["integrity"] == "sealed")

        is_sealed: bool = await eventually(sealed, within=100, what="a sealed recording")
        assert is_sealed
        status, stored = second.get(f"/api/v1/recordings/{recording}/original", viewer)
        assert (status, stored) == (200, sent)
        newer = second if begins == "the version before" else first
        assert json.loads(newer.command("audit", "--level", "digest", "--json"))["clean"]


async def test_a_run_of_a_killed_worker_of_the_version_before_is_finished_by_this_version(
    previous: Version, database_url: str, redis_url: str, footage: Path, tmp_path: Path
) -> None:
    sent = await long_clip(footage, tmp_path, seconds=60)
    older = environment_of(previous, database_url, redis_url, tmp_path)
    newer = environment_of(this_version(), database_url, redis_url, tmp_path)
    database = await asyncpg.connect(database_url)
    run = "SELECT state, attempt, progress FROM task_run WHERE task = 'proxy'"
    try:
        with serving(previous, older) as service, working(previous, older, end=KILL):
            camera = service.device()
            path = service.create(camera, len(sent))
            assert service.patch(camera, path, 0, sent) is not None

            async def at_it() -> bool:
                found = await database.fetchrow(run)
                return bool(found and found["state"] == "claimed" and found["progress"])

            is_at_it: bool = await eventually(at_it, within=100, what="progress of the proxy")
            assert is_at_it
        left = await database.fetchrow(run)
        assert left is not None
        assert (left["state"], left["attempt"]) == ("claimed", 1), "it died in the middle"
        with serving(this_version(), newer) as service, working(this_version(), newer):

            async def done() -> bool:
                unfinished = "SELECT count(*) FROM task_run WHERE state <> 'done'"
                return bool(await database.fetchval(unfinished) == 0)

            is_done: bool = await eventually(done, within=200, what="every task done")
            assert is_done
            ended = await database.fetchrow(run)
            assert ended is not None
            assert (ended["state"], ended["attempt"]) == ("done", 2)
            made = await database.fetch("SELECT profile FROM rendition ORDER BY profile")
            assert [row["profile"] for row in made] == ["poster", "proxy"]
            assert json.loads(service.command("audit", "--level", "digest", "--json"))["clean"]
    finally:
        await database.close()
