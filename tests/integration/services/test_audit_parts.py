"""Bytes of unfinished uploads in a folder store: damage is found, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from recorder.domain.people import OPERATOR
from recorder.domain.upload import MIB
from recorder.runtime import open_deps
from recorder.services import audit, ingest
from recorder.services.audit import Level, Report
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera, opened, send
from tests.support.senders import Body, content

_PART, _TAIL = 16 * MIB, 2 * MIB


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened
        await ingest.shutdown(opened.deps)


async def _audit(bureau: Bureau, level: Level) -> Report:
    return await audit.run(bureau.deps, OPERATOR, level=level)


async def _folder(bureau: Bureau) -> Path:
    """Where the only open upload has its files."""
    root = bureau.deps.config.objects_folder
    assert root is not None
    return root / "multipart" / str(await bureau.value("SELECT multipart_id FROM upload"))


def _gone(file: Path) -> None:
    file.rename(file.parent.parent / "away")


def _cut(file: Path) -> None:
    with file.open("r+b") as writer:
        writer.truncate(_PART + _TAIL - 1)


def _flip(at: int) -> Callable[[Path], None]:
    def flip(file: Path) -> None:
        with file.open("r+b") as writer:
            writer.seek(at)
            byte = writer.read(1)
            writer.seek(at)
            writer.write(bytes([byte[0] ^ 1]))

    return flip


#: What is damaged in the writer's file, what is found at which level, and how often.
_DAMAGE: list[tuple[Callable[[Path], None], Level, dict[str, int]]] = [
    (_gone, Level.PRESENCE, {"part-missing": 2}),
    (_cut, Level.PRESENCE, {}),
    (_cut, Level.SIZE, {"part-missing": 1}),
    (_flip(5), Level.SIZE, {}),
    (_flip(5), Level.DIGEST, {"part-digest-differs": 1}),
    (_flip(_PART + 5), Level.DIGEST, {"part-digest-differs": 1}),
    (lambda file: (file.parent / "upload").unlink(), Level.PRESENCE, {"part-missing": 2}),
    (lambda file: (file.parent / "w00000000000000000009").touch(), Level.PRESENCE,
     {"part-unclaimed": 1}),
    (lambda file: (file.parent / "notes.txt").touch(), Level.PRESENCE, {"part-unclaimed": 1}),
]  # fmt: skip


async def test_each_damage_to_bytes_of_an_open_upload_is_found_and_nothing_else(
    bureau: Bureau,
) -> None:
    actor = await camera(bureau)
    sent = content(_PART + _TAIL)
    upload = await opened(bureau, actor, 40 * MIB)
    await send(bureau.deps, actor, upload.id, 0, Body(sent))
    folder = await _folder(bureau)
    (file,) = folder.glob("w*")
    marker = (folder / "upload").read_bytes()
    for damage, level, wanted in _DAMAGE:
        damage(file)
        report = await _audit(bureau, level)
        assert dict(report.counts) == wanted
        assert {finding.about for finding in report.findings} <= {str(upload.id)}
        for path in folder.iterdir():
            path.unlink()
        file.write_bytes(sent)
        (folder / "upload").write_bytes(marker)
    report = await _audit(bureau, Level.DIGEST)
    assert report.clean
    assert (report.looked_at["parts"], report.looked_at["bytes"]) == (2, len(sent))


async def test_an_audit_beside_slow_uploads_and_take_overs_finds_nothing(bureau: Bureau) -> None:
    actor = await camera(bureau)

    async def come_slowly(seed: int) -> None:
        """In short visits, each to the other of two processes, and whole in the end."""
        sent = content(400_000, seed=seed)
        upload = await opened(bureau, actor, len(sent))
        for visit, begin in enumerate(range(0, len(sent), 40_000)):
            deps = (bureau.deps, other)[visit % 2]
            await send(deps, actor, upload.id, begin, Body(sent[begin : begin + 40_000]))

    async with open_deps(bureau.deps.config, clock=bureau.clock) as other:
        coming = [asyncio.create_task(come_slowly(seed)) for seed in range(12)]
        looked_at = 0
        while not all(task.done() for task in coming):
            report = await _audit(bureau, Level.DIGEST)
            assert report.findings == []
            looked_at += report.looked_at["parts"]
        await asyncio.gather(*coming)
        await ingest.shutdown(other)
    assert looked_at > 0
    assert (await _audit(bureau, Level.DIGEST)).looked_at["recordings"] == 12
