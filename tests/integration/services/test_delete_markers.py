"""Somebody with the store's keys deletes: it is found, told, and harms no reading."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from minio import Minio
from minio.error import S3Error
from typing_extensions import override

from recorder.adapters.objects import Bucket, DeleteMarker, MarkerPage, ObjectStore
from recorder.domain.ids import RecordingId
from recorder.domain.people import OPERATOR, Actor, ActorKind, Role
from recorder.errors import Unavailable
from recorder.services import audit, delete_markers, figures, ingest, review
from recorder.services.audit import Level
from recorder.services.pace import Pace
from tests.support import s3
from tests.support.bureau import Bureau, open_bureau
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.senders import content
from tests.support.workshop import deliver, look_up, open_alarms

SENT = content(6 * 1024 * 1024)


@dataclass(frozen=True)
class Office:
    """A bureau on a real S3 server, and the server for whoever stole its keys."""

    bureau: Bureau
    server: s3.S3Server

    def bucket(self, bucket: Bucket) -> str:
        return f"{self.server.bucket_prefix}{bucket.value}"

    async def delete(self, bucket: Bucket, key: str) -> None:
        """Delete without a version, as tools and thieves do."""
        await asyncio.to_thread(self.thief().remove_object, self.bucket(bucket), key)

    def thief(self) -> Minio:
        return Minio(
            self.server.host,
            self.server.access_key,
            self.server.secret_key,
            region=self.server.region,
            secure=False,
        )

    async def deliver(self, sent: bytes = SENT) -> RecordingId:
        sender = Actor(ActorKind.PROGRAM, "p", "p", role=Role.OFFICER, agency=self.bureau.ours)
        return await deliver(self.bureau, sender, sent)

    async def key(self, recording: RecordingId) -> str:
        return (await look_up(self.bureau, recording))[1].key

    async def markers(self, bucket: Bucket = Bucket.ORIGINALS) -> list[DeleteMarker]:
        return list((await self.bureau.deps.objects.delete_markers(bucket)).markers)

    async def figure(self, name: str) -> float | None:
        lines = (await figures.text(self.bureau.deps)).splitlines()
        values = [line.split()[1] for line in lines if line.startswith(f"{name} ")]
        return float(values[0]) if values else None


@pytest.fixture(params=["versitygw", "minio_server"])
async def office(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> AsyncIterator[Office]:
    server: s3.S3Server = request.getfixturevalue(request.param)
    settings = {
        "objects": "s3",
        "s3_endpoint": server.host,
        "s3_secure": "false",
        "s3_access_key": server.access_key,
        "s3_secret_key": server.secret_key,
        "s3_make_buckets": "true",
        **{f"s3_bucket_{b.value}": f"{server.bucket_prefix}{b.value}" for b in Bucket},
    }
    async with open_bureau(database_url, tmp_path, **settings) as bureau:
        # Locks are kept by the server, whose clock is the real one.
        bureau.clock.at = datetime.now(UTC)
        yield Office(bureau, server)
        await ingest.shutdown(bureau.deps)


async def test_a_marker_is_found_on_whatever_page_it_is_and_its_version_is_read_all_the_same(
    office: Office,
) -> None:
    store = office.bureau.deps.objects
    keys = ["2026/01/a", "2026/01/a b+c%2Fd", "2026/02/深"]
    laid = {key: await store.put(Bucket.RENDITIONS, key, [key.encode()]) for key in keys}
    for key in (*keys[1:], keys[2]):
        await office.delete(Bucket.RENDITIONS, key)
    assert (await store.delete_markers(Bucket.RENDITIONS, None, 2)).cursor is not None
    walk = delete_markers.of_bucket(store, Bucket.RENDITIONS, Pace(), 2)
    found = [marker async for marker in walk]
    assert sorted({marker.key for marker in found}) == sorted(keys[1:])
    # Whatever the second delete of a key did: pages of two say what one page says.
    whole = await office.markers(Bucket.RENDITIONS)
    assert len(found) == len(whole)
    assert set(found) == set(whole)
    below = [one.key async for one in store.versions_below(Bucket.RENDITIONS, "2026/01/")]
    assert below == keys[:2]
    assert all(abs(marker.made_at - datetime.now(UTC)) < timedelta(hours=1) for marker in found)
    for key in keys:
        blocks = [b async for b in store.read(Bucket.RENDITIONS, key, laid[key].version)]
        assert b"".join(blocks) == key.encode()
        versions = await store.versions(Bucket.RENDITIONS, key)
        assert [one.version for one in versions] == [laid[key].version]
    for marker in found:
        await store.delete(Bucket.RENDITIONS, marker.key, marker.version)
    assert (await store.delete_markers(Bucket.RENDITIONS)).markers == ()


async def test_a_marked_original_is_told_and_goes_on_being_read(office: Office) -> None:
    bureau = office.bureau
    recording, other = await office.deliver(), await office.deliver(content(9))
    await delete_markers.look(bureau.deps)
    assert await open_alarms(bureau) == []
    assert await office.figure("recorder_delete_markers") == 0
    key = await office.key(recording)
    await office.delete(Bucket.ORIGINALS, key)
    with pytest.raises(S3Error):
        await asyncio.to_thread(office.thief().stat_object, office.bucket(Bucket.ORIGINALS), key)
    bureau.clock.forward(hours=1)
    await delete_markers.look(bureau.deps)
    ((code, severity, detail),) = await open_alarms(bureau)
    assert (code, severity) == ("delete_markers", "critical")
    assert key in detail
    assert await office.figure("recorder_delete_markers") == 1
    opened = await review.open_original(bureau.deps, bureau.actor(), recording, 0, None)
    assert b"".join([block async for block in opened.read(0, len(SENT))]) == SENT
    for level in Level:
        report = await audit.run(bureau.deps, OPERATOR, level=level)
        assert dict(report.counts) == {"delete-marker": 1}
        assert report.findings[0].about == key
    # The other one is nobody's business.
    assert await office.key(other) not in detail
    bureau.clock.forward(days=20)
    assert await ingest.extend_locks(bureau.deps) == 2
    for marker in await office.markers():
        await bureau.deps.objects.delete(Bucket.ORIGINALS, marker.key, marker.version)
    bureau.clock.forward(hours=1)
    await delete_markers.look(bureau.deps)
    assert [code for code, _, _ in await open_alarms(bureau)] == ["audit_findings"] * 3
    assert await office.figure("recorder_delete_markers") == 0


async def test_neither_the_canary_nor_the_product_itself_leaves_a_marker(office: Office) -> None:
    bureau = office.bureau
    assert (await bureau.deps.objects.self_test(bureau.clock.now())).problems == ()
    await office.deliver()
    # What is locked cannot go; what is not, goes without a trace.
    made = await bureau.deps.objects.put(Bucket.RENDITIONS, "made", [b"made"])
    await bureau.deps.objects.delete(Bucket.RENDITIONS, "made", made.version)
    for bucket in (Bucket.ORIGINALS, Bucket.RENDITIONS):
        assert await office.markers(bucket) == []
    await delete_markers.look(bureau.deps)
    assert await open_alarms(bureau) == []
    assert (await audit.run(bureau.deps, OPERATOR)).findings == []


class Marked(FaultyObjects):
    """A store of two pages, the second with a marker."""

    def __init__(self, inner: ObjectStore, marker: DeleteMarker, faults: Sequence[Fault] = ()):
        super().__init__(inner, faults)
        self.marker = marker
        self.pages = 0

    @override
    async def delete_markers(
        self, bucket: Bucket, cursor: str | None = None, limit: int = 1000
    ) -> MarkerPage:
        await super().delete_markers(bucket, cursor, limit)
        self.pages += 1
        return MarkerPage((self.marker,), None) if cursor else MarkerPage((), "more")


async def test_a_look_is_noted_at_its_end_and_not_repeated_before_its_time(
    database_url: str, tmp_path: Path
) -> None:
    async with open_bureau(database_url, tmp_path) as bureau:
        marker = DeleteMarker("2026/03/02/x/original", "m", bureau.clock.now())
        broken = Marked(bureau.deps.objects, marker, [Fault("delete_markers", When.BEFORE, nth=4)])
        with pytest.raises(Unavailable):
            await delete_markers.look(dataclasses.replace(bureau.deps, objects=broken))
        assert broken.pages == 3
        assert await delete_markers.last_look(bureau.deps) is None
        assert await open_alarms(bureau) == []
        store = Marked(bureau.deps.objects, marker)
        deps = dataclasses.replace(bureau.deps, objects=store)
        for _ in range(3):
            await delete_markers.look(deps)
        assert store.pages == 4
        ((code, _, detail),) = await open_alarms(bureau)
        assert (code, "hide 2 objects" in detail) == ("delete_markers", True)
        bureau.clock.forward(minutes=51)
        await delete_markers.look(deps)
        assert store.pages == 8
        # A clock that was wrong and is right again does not stop the looks for years.
        bureau.clock.forward(days=-400)
        await delete_markers.look(deps)
        assert store.pages == 12
        # A folder keeps no versions and has no markers.
        bureau.clock.forward(days=1)
        await delete_markers.look(bureau.deps)
        assert await open_alarms(bureau) == []
