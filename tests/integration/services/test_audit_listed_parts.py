"""Parts of open multipart uploads in a real S3 server: what is wrong with them is found, and
nothing else; and what the audit asks for multipart uploads does not grow with their square.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.domain.people import OPERATOR
from recorder.domain.upload import MIB
from recorder.services import audit, ingest
from recorder.services.audit import Level
from tests.support import s3
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera, opened, send
from tests.support.compacting import s3_settings
from tests.support.faulty_objects import FaultyObjects
from tests.support.senders import Body, content

_PART = 16 * MIB


@pytest.fixture
async def bureau(
    database_url: str, versitygw: s3.S3Server, tmp_path: Path
) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path, **s3_settings(versitygw)) as opened_bureau:
        # Locks are kept by the server, whose clock is the real one.
        opened_bureau.clock.at = datetime.now(UTC)
        yield opened_bureau
        await ingest.shutdown(opened_bureau.deps)


class Open:
    """An open upload with one part and a tail, in the store."""

    def __init__(self, bureau: Bureau, key: str, multipart_id: str) -> None:
        self._bureau = bureau
        self._key = key
        self._multipart_id = multipart_id

    async def put(self, number: int, sent: bytes) -> None:
        await self._bureau.deps.objects.upload_part(
            self._key, self._multipart_id, number=number, offset=0, writer=1, blocks=[sent]
        )

    async def others(self) -> None:
        await self.put(1, content(_PART, seed=9))

    async def fewer(self) -> None:
        await self.put(1, content(_PART - 1))

    async def one_more(self) -> None:
        await self.put(4000, b"x")

    async def give_numbers(self) -> None:
        # As if the commits of five thousand parts had been lost.
        await self._bureau.value("UPDATE upload SET next_part = next_part + 5000")

    async def number_anew(self) -> None:
        await self._bureau.value("UPDATE upload_part SET part_number = 4500")

    async def let_go(self) -> None:
        await self._bureau.deps.objects.abort_multipart(self._key, self._multipart_id)


#: What is done to the store or to the rows, one after the other, and what is found at which level.
_DAMAGE: list[tuple[Callable[[Open], Awaitable[None]], Level, dict[str, int]]] = [
    (Open.others, Level.PRESENCE, {}),
    (Open.others, Level.SIZE, {"part-digest-differs": 1}),
    (Open.fewer, Level.DIGEST, {"part-digest-differs": 1}),
    (Open.one_more, Level.PRESENCE, {"part-unclaimed": 1}),
    (Open.give_numbers, Level.DIGEST, {}),
    (Open.number_anew, Level.PRESENCE, {"part-missing": 1}),
    (Open.let_go, Level.PRESENCE, {"part-missing": 1}),
]


async def test_each_damage_to_parts_of_an_open_upload_is_found_and_nothing_else(
    bureau: Bureau,
) -> None:
    actor = await camera(bureau)
    sent = content(_PART + MIB)
    upload = await opened(bureau, actor, 40 * MIB)
    await send(bureau.deps, actor, upload.id, 0, Body(sent))
    there = Open(bureau, upload.key, str(await bureau.value("SELECT multipart_id FROM upload")))
    for damage, level, wanted in _DAMAGE:
        await damage(there)
        report = await audit.run(bureau.deps, OPERATOR, level=level)
        assert dict(report.counts) == wanted, damage
        assert {finding.about for finding in report.findings} <= {str(upload.id)}
        assert report.looked_at["parts"] == 1
        if damage in (Open.others, Open.fewer):
            await there.put(1, sent[:_PART])


async def test_an_audit_beside_uploads_and_completions_finds_nothing(bureau: Bureau) -> None:
    actor = await camera(bureau)
    seen = asyncio.Event()

    async def come(seed: int) -> None:
        sent = content(2 * _PART + seed, seed=seed)
        upload = await opened(bureau, actor, len(sent))
        half = len(sent) // 2
        await send(bureau.deps, actor, upload.id, 0, Body(sent[:half]))
        if seed == 1:
            await seen.wait()
        await send(bureau.deps, actor, upload.id, half, Body(sent[half:]))

    coming = [asyncio.create_task(come(seed)) for seed in range(1, 4)]
    while not all(task.done() for task in coming):
        report = await audit.run(bureau.deps, OPERATOR, level=Level.SIZE)
        assert report.findings == []
        if report.looked_at["parts"]:
            seen.set()
    await asyncio.gather(*coming)
    assert (await audit.run(bureau.deps, OPERATOR)).looked_at["recordings"] == 3


@pytest.mark.parametrize("planted", [0, 7])
async def test_a_folder_is_asked_for_multipart_uploads_once_and_once_more_for_strange_ones(
    database_url: str, tmp_path: Path, planted: int
) -> None:
    async with open_bureau(database_url, tmp_path) as bureau:
        actor = await camera(bureau)
        for number in range(6):
            upload = await opened(bureau, actor, 2000)
            if number % 2:
                await send(bureau.deps, actor, upload.id, 0, Body(b"some"))
        for number in range(planted):
            await bureau.deps.objects.create_multipart(
                f"2026/01/01/{number}/original", lock_until=bureau.clock.at, media_type="video/mp4"
            )
        counted = FaultyObjects(bureau.deps.objects)
        deps = dataclasses.replace(bureau.deps, objects=counted)
        report = await audit.run(deps, OPERATOR, level=Level.PRESENCE)
        assert report.counts["multipart-unclaimed"] == report.counts.total() == planted
        assert report.looked_at["multiparts"] == 3 + planted
        assert counted.calls.count("open_multiparts") == (2 if planted else 1)
        await ingest.shutdown(bureau.deps)
