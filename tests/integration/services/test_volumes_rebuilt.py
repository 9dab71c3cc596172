"""The database is gone: volumes, their index and the manifest give the same recording again."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.adapters.objects import Bucket
from recorder.domain.people import OPERATOR, SERVICE
from recorder.domain.pipeline import WorkQueue
from recorder.domain.recording import Integrity
from recorder.services import live
from recorder.services.rebuild import rebuild
from tests.support import postgres as databases
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.compacting import (
    MEDIA,
    findings,
    one_task,
    original_of,
    sealed_livestream,
    stored_keys,
    watched,
)
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.lost_database import new_database
from tests.support.workshop import runs, work_off

MIB = 1024 * 1024


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path, compact_object_bytes=str(MIB)) as opened:
        yield opened


async def let_go(bureau: Bureau) -> int:
    """The locks of small objects end, those of originals are kept ahead; they are let go."""
    bureau.clock.forward(days=38)
    released = 0
    while (more := await live.release_superseded(bureau.deps)) > 0:
        released += more
    return released


@pytest.mark.parametrize("small_gone", [False, True], ids=["small there", "small gone"])
async def test_volumes_are_the_original_again(
    bureau: Bureau, postgres: databases.Cluster, small_gone: bool
) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    livestream, recording = await sealed_livestream(bureau, actor)
    await one_task(deps, "compact")
    row, objects, content = await original_of(deps, recording)
    ticket = await live.grant(deps, SERVICE, livestream)
    listed = await live.index(deps, SERVICE, livestream, ticket.secret)
    shown = [await watched(deps, SERVICE, ticket, n) for n in (-1, 1, 40)]
    if small_gone:
        await let_go(bureau)
    async with new_database(bureau, postgres) as again:
        report = await rebuild(again.deps, OPERATOR)
        assert (report.recordings, report.findings) == (1, 0)
        assert (await rebuild(again.deps, OPERATOR)).recordings == 0
        now, found, same = await original_of(again.deps, recording)
        assert (found, same, now.flags) == (objects, content, ("rebuilt",))
        ticket = await live.grant(again.deps, SERVICE, livestream)
        # Which segments begin with a keyframe stands in no manifest.
        assert listed.replace("#EXT-X-INDEPENDENT-SEGMENTS\n", "") == await live.index(
            again.deps, SERVICE, livestream, ticket.secret
        )
        assert [await watched(again.deps, SERVICE, ticket, n) for n in (-1, 1, 40)] == shown
        await work_off(again.deps, MEDIA, WorkQueue.IO)
        now, found, _ = await original_of(again.deps, recording)
        assert (now.integrity, now.sha256, now.sm3) == (Integrity.SEALED, row.sha256, row.sm3)
        assert (found, (await runs(again, recording))["compact"].state) == (objects, "done")
        left = await again.value("SELECT count(*) FROM superseded_object")
        assert left == (0 if small_gone else 41)
        assert await findings(again.deps) == []


async def test_a_volume_with_another_byte_is_a_mismatch_after_a_rebuild(
    bureau: Bureau, postgres: databases.Cluster
) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, recording = await sealed_livestream(bureau, actor)
    await one_task(deps, "compact")
    _, objects, _ = await original_of(deps, recording)
    path = deps.objects.local_path(Bucket.ORIGINALS, objects[1].key, objects[1].version)
    assert path is not None
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
    async with new_database(bureau, postgres) as again:
        await rebuild(again.deps, OPERATOR)
        await work_off(again.deps, MEDIA, WorkQueue.IO)
        row, _, _ = await original_of(again.deps, recording)
        assert row.integrity is Integrity.MISMATCHED
        told = await again.value("SELECT facts FROM custody_event WHERE name='RecordingMismatched'")
        assert [each["n"] for each in told["objects"]] == [1]  # type: ignore[index]


async def test_volumes_that_were_being_written_are_known_and_used_again(
    bureau: Bureau, postgres: databases.Cluster
) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, recording = await sealed_livestream(bureau, actor)
    faulty = FaultyObjects(deps.objects, [Fault("complete_multipart", When.AFTER, nth=2)])
    await one_task(dataclasses.replace(deps, objects=faulty), "compact")
    before = await stored_keys(deps)
    assert sum("/volumes-" in key for key in before) == 2
    async with new_database(bureau, postgres) as again:
        assert (await rebuild(again.deps, OPERATOR)).findings == 0
        assert await findings(again.deps) == []
        await work_off(again.deps, MEDIA, WorkQueue.IO)
        _, objects, _ = await original_of(again.deps, recording)
        assert {key for key in before if "/volumes-" in key} < {each.key for each in objects}
        assert await findings(again.deps) == []


async def test_a_database_from_before_the_switch_makes_it(
    bureau: Bureau, postgres: databases.Cluster, tmp_path: Path
) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, recording = await sealed_livestream(bureau, actor)
    async with new_database(bureau, postgres) as again:
        assert (await rebuild(again.deps, OPERATOR)).recordings == 1
        await one_task(again.deps, "verify")
        await one_task(deps, "compact")
        _, objects, content = await original_of(deps, recording)
        assert (await rebuild(again.deps, OPERATOR)).findings == 0
        _, found, same = await original_of(again.deps, recording)
        assert (found, same) == (objects, content)
        await one_task(again.deps, "compact")
        assert await findings(again.deps) == []
