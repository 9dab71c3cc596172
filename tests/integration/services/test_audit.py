"""The audit: what is planted is found and nothing else, beside uploads and work under way."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from recorder.adapters.objects import Bucket
from recorder.domain.events import RecordingViewed
from recorder.domain.ids import new_uuid
from recorder.domain.people import OPERATOR
from recorder.domain.upload import MIB
from recorder.services import audit, ingest
from recorder.services.audit import Level
from tests.support.archive import SEALED_BYTES, Archive
from tests.support.bureau import open_bureau
from tests.support.senders import content

OTHER_VERSION = "0" * 32


@pytest.fixture
async def archive(
    database_url: str, owner_database_url: str, tmp_path: Path
) -> AsyncIterator[Archive]:
    async with open_bureau(database_url, tmp_path) as bureau:
        made = Archive(bureau, owner_database_url)
        await made.seal()
        await made.render()
        assert await made.upload(SEALED_BYTES, len(SEALED_BYTES)) == made.sealed
        assert await made.upload(content(MIB + 5), 20 * MIB) is None
        assert await made.upload(content(18 * MIB), 40 * MIB) is None
        await bureau.deps.objects.self_test(bureau.clock.now())
        yield made
        await ingest.shutdown(made.deps)


@pytest.mark.parametrize("level", Level)
async def test_an_archive_with_work_under_way_has_no_findings(
    archive: Archive, level: Level
) -> None:
    report = await archive.audit(level)
    assert report.findings == []
    assert report.clean
    assert report.looked_at["recordings"] == 1
    assert report.looked_at["uploads"] == 4
    assert (report.looked_at["bytes"] > 3000) == (level is Level.DIGEST)
    assert (await archive.bureau.event_names())[-1] == "AuditCompleted"
    assert (await archive.audit(level)).clean, "the event of an audit is no finding of the next"


# --- what is planted -------------------------------------------------------------------------


async def _lose_original(archive: Archive) -> None:
    (await archive.path(Bucket.ORIGINALS, *await archive.object())).unlink()


async def _replace_original(archive: Archive) -> None:
    key, version = await archive.object()
    path = await archive.path(Bucket.ORIGINALS, key, version)
    new = "f" * 32
    path.rename(path.with_name(path.name.replace(version, new)))


async def _cut_original(archive: Archive) -> None:
    path = await archive.path(Bucket.ORIGINALS, *await archive.object())
    path.chmod(0o640)
    await asyncio.to_thread(path.write_bytes, SEALED_BYTES[:-1])


async def _alter_original(archive: Archive) -> None:
    path = await archive.path(Bucket.ORIGINALS, *await archive.object())
    path.chmod(0o640)
    await asyncio.to_thread(path.write_bytes, SEALED_BYTES[:-1] + b"!")


async def _stray_original(archive: Archive) -> None:
    await archive.deps.objects.put(
        Bucket.ORIGINALS, f"2026/03/02/{new_uuid()}/original", [b"x"],
        lock_until=archive.deps.clock.now(),
    )  # fmt: skip


async def _lose_sidecar(archive: Archive) -> None:
    (await archive.path(Bucket.ORIGINALS, *await archive.object("sidecar_key"))).unlink()


async def _age_lock(archive: Archive) -> None:
    await archive.sql("UPDATE original_object SET lock_until = $1", archive.deps.clock.now())


async def _lose_duplicate(archive: Archive) -> None:
    found = await archive.bureau.value("SELECT object_key || ' ' || version FROM duplicate_object")
    (await archive.path(Bucket.ORIGINALS, *str(found).split())).unlink()


async def _alter_duplicate(archive: Archive) -> None:
    found = await archive.bureau.value("SELECT object_key || ' ' || version FROM duplicate_object")
    path = await archive.path(Bucket.ORIGINALS, *str(found).split())
    path.chmod(0o640)
    await asyncio.to_thread(path.write_bytes, bytes(len(SEALED_BYTES)))


async def _event_of_nothing(archive: Archive) -> None:
    async with archive.deps.change(OPERATOR) as change:
        change.record(RecordingViewed(subject=new_uuid(), agency=archive.bureau.ours))


async def _rendition(archive: Archive) -> Path:
    found = await archive.bureau.value("SELECT object_key || ' ' || version FROM rendition")
    return await archive.path(Bucket.RENDITIONS, *str(found).split())


async def _lose_rendition(archive: Archive) -> None:
    (await _rendition(archive)).unlink()


async def _alter_rendition(archive: Archive) -> None:
    path = await _rendition(archive)
    path.chmod(0o640)
    await asyncio.to_thread(path.write_bytes, b"PICTURE")


async def _cut_rendition(archive: Archive) -> None:
    path = await _rendition(archive)
    path.chmod(0o640)
    await asyncio.to_thread(path.write_bytes, b"pict")


async def _orphan_rendition(archive: Archive) -> None:
    await archive.sql("UPDATE task_run SET state = 'done' WHERE task = 'poster'")
    await archive.sql("UPDATE task_run SET state = 'done' WHERE queue = 'media'")


async def _piece(archive: Archive) -> Path:
    found = await archive.bureau.value(
        "SELECT object_key || ' ' || version FROM upload_piece WHERE state = 'durable' LIMIT 1"
    )
    return await archive.path(Bucket.STAGING, *str(found).split())


async def _lose_piece(archive: Archive) -> None:
    (await _piece(archive)).unlink()


async def _alter_piece(archive: Archive) -> None:
    path = await _piece(archive)
    path.chmod(0o640)
    size = path.stat().st_size
    await asyncio.to_thread(path.write_bytes, bytes(size))


async def _stray_piece(archive: Archive) -> None:
    await archive.deps.objects.put(Bucket.STAGING, f"{new_uuid()}/{new_uuid()}", [b"x"])


async def _forget_object(archive: Archive) -> None:
    await archive.sql("UPDATE recording SET length_bytes = length_bytes + 1")


async def _forget_seal(archive: Archive) -> None:
    await archive.as_forger("DELETE FROM custody_event WHERE name = 'RecordingSealed'")


async def _forget_origin(archive: Archive) -> None:
    await archive.as_forger("DELETE FROM custody_event WHERE name = 'UploadCompleted'")


async def _alter_digest(archive: Archive) -> None:
    await archive.sql("UPDATE recording SET sm3 = sha256('x')")


async def _unseal(archive: Archive) -> None:
    await archive.sql("UPDATE recording SET integrity = 'received'")


async def _alter_event(archive: Archive) -> None:
    await archive.as_forger(
        "UPDATE custody_event SET actor_name = 'somebody else' WHERE name = 'RenditionMade'"
    )


async def _miscount(archive: Archive) -> None:
    await archive.sql("UPDATE recording SET links = links + 1")


async def _lose_recording(archive: Archive) -> None:
    await archive.sql("UPDATE upload SET recording_id = gen_random_uuid() WHERE state = 'finished'")


async def _lose_bytes(archive: Archive) -> None:
    await archive.sql(
        "UPDATE upload SET offset_bytes = offset_bytes + 1 WHERE length_bytes = $1", 20 * MIB
    )


async def _stray_multipart(archive: Archive) -> None:
    deps = archive.bureau.deps
    await deps.objects.create_multipart(
        "2026/01/01/nobody/original", lock_until=deps.clock.now(), media_type="video/mp4"
    )


Plant = Callable[[Archive], Awaitable[None]]
PLANTED: list[tuple[Plant, Level, set[str]]] = [
    (_lose_original, Level.PRESENCE, {"original-missing"}),
    (_replace_original, Level.SIZE, {"original-version-missing", "original-unclaimed"}),
    (_cut_original, Level.SIZE, {"original-length-differs"}),
    (_alter_original, Level.DIGEST, {"original-digest-differs"}),
    (_stray_original, Level.PRESENCE, {"original-unclaimed"}),
    (_lose_sidecar, Level.PRESENCE, {"sidecar-missing"}),
    (_age_lock, Level.PRESENCE, {"lock-short"}),
    (_lose_duplicate, Level.PRESENCE, {"duplicate-missing"}),
    (_alter_duplicate, Level.DIGEST, {"duplicate-digest-differs"}),
    (_event_of_nothing, Level.PRESENCE, {"event-without-recording"}),
    (_lose_rendition, Level.PRESENCE, {"rendition-missing"}),
    (_cut_rendition, Level.SIZE, {"rendition-length-differs"}),
    (_alter_rendition, Level.DIGEST, {"rendition-digest-differs"}),
    (_orphan_rendition, Level.PRESENCE, {"rendition-unclaimed"}),
    (_lose_piece, Level.PRESENCE, {"piece-missing"}),
    (_alter_piece, Level.DIGEST, {"piece-digest-differs"}),
    (_stray_piece, Level.PRESENCE, {"piece-unclaimed"}),
    (_stray_multipart, Level.PRESENCE, {"multipart-unclaimed"}),
    (_forget_object, Level.PRESENCE, {"recording-without-object", "seal-differs"}),
    (_forget_seal, Level.PRESENCE, {"sealed-without-event"}),
    (_forget_origin, Level.PRESENCE, {"recording-without-event"}),
    (_alter_digest, Level.PRESENCE, {"seal-differs"}),
    (_unseal, Level.PRESENCE, {"seal-differs"}),
    (_alter_event, Level.PRESENCE, {"event-leaf-differs"}),
    (_miscount, Level.PRESENCE, {"links-miscounted"}),
    (_lose_recording, Level.PRESENCE, {"upload-without-recording"}),
    (_lose_bytes, Level.PRESENCE, {"upload-bytes-missing"}),
]


@pytest.mark.parametrize(
    ("plant", "level", "codes"), PLANTED, ids=[plant.__name__[1:] for plant, _, _ in PLANTED]
)
async def test_what_is_planted_is_found_and_nothing_else(
    archive: Archive, plant: Plant, level: Level, codes: set[str]
) -> None:
    await plant(archive)
    report = await archive.audit(level)
    assert set(report.counts) == codes
    assert not report.clean
    names = await archive.bureau.event_names()
    assert names[-2:] == ["AuditCompleted", "AlarmRaised"]
    for finding in report.findings:
        assert finding.sentence.startswith(audit.CODES[finding.code])


def test_every_code_is_planted_and_has_its_row_in_the_guide() -> None:
    planted = set().union(*(codes for _, _, codes in PLANTED))
    # A folder has no delete markers; test_delete_markers.py plants them in real S3 servers,
    # test_live_sealing.py what is wrong with segments, test_compact_step.py with superseded ones.
    elsewhere = {"delete-marker", "segment-missing", "segment-digest-differs"}
    elsewhere |= {"superseded-missing", "superseded-digest-differs"}
    # test_audit_parts.py, in an upload whose parts grow.
    elsewhere |= {"part-missing", "part-digest-differs", "part-unclaimed"}
    # test_simulated.py.
    elsewhere |= {"simulated-with-object"}
    assert planted == set(audit.CODES) - elsewhere
    guide = (Path(__file__).parents[3] / "docs/guide/audit.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)` \|", guide, re.M)) == set(audit.CODES)


async def test_a_clean_audit_ends_the_alarm_of_an_earlier_one(archive: Archive) -> None:
    await _miscount(archive)
    assert not (await archive.audit(Level.SIZE)).clean
    await archive.sql("UPDATE recording SET links = links - 1")
    assert (await archive.audit(Level.SIZE)).clean
    assert (await archive.bureau.event_names())[-1] == "AlarmCleared"


async def test_bytes_are_read_no_faster_than_allowed(archive: Archive) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    report = await audit.run(archive.deps, OPERATOR, level=Level.DIGEST, rates=audit.Rates(8 * MIB))
    least = report.looked_at["bytes"] / (8 * MIB)
    assert least > 0.2
    assert loop.time() - begun >= least * 0.9


async def test_an_audit_beside_uploads_finds_nothing(archive: Archive) -> None:
    async def keep_uploading() -> None:
        for seed in range(25):
            await archive.upload(content(2000, seed=seed + 10), 2000)

    uploading = asyncio.create_task(keep_uploading())
    while not uploading.done():
        assert (await archive.audit(Level.SIZE)).findings == []
    await uploading


async def _recorder(archive: Archive, *words: str) -> tuple[int | None, str]:
    config = archive.deps.config
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "RECORDER_DATABASE_URL": config.database_url.get_secret_value(),
        "RECORDER_OBJECTS_FOLDER": str(config.objects_folder),
        "RECORDER_SIGNING_KEY_FILE": str(config.signing_key_file),
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "recorder", "audit", *words,
        env=environment, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await child.communicate()
    return child.returncode, out.decode()


async def test_the_command_answers_with_its_exit_code_and_one_object(archive: Archive) -> None:
    await archive.keep_locked_until_today()
    code, out = await _recorder(archive, "--json")
    answer: dict[str, Any] = json.loads(out)
    assert (code, answer["clean"], answer["findings"]) == (0, True, [])
    await _miscount(archive)
    code, out = await _recorder(archive, "--json", "--level", "presence")
    answer = json.loads(out)
    assert (code, answer["counts"], answer["level"]) == (1, {"links-miscounted": 1}, "presence")
    code, out = await _recorder(archive)
    assert code == 1
    assert out.startswith("links-miscounted: The counter of a recording's cases is wrong.")
    code, _ = await _recorder(archive, "--level", "none")
    assert code == 2
