"""A backup comes back as it was, or not at all; what is younger comes back from the store."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from recorder.adapters.media import FfmpegTool
from recorder.domain.people import OPERATOR
from recorder.domain.pipeline import WorkQueue
from recorder.errors import Conflict, IntegrityError, InvalidInput, RecorderError, Unavailable
from recorder.ledger import receipt
from recorder.ledger.note import NoteSigner
from recorder.runtime import open_deps
from recorder.services import audit, guard, ingest
from recorder.services.backup import MANIFEST, backup, restore
from recorder.services.rebuild import rebuild
from recorder.store import table_copy
from recorder.store.table_copy import LEFT_OUT, TABLES
from tests.support import footage as footage_set
from tests.support import postgres as databases
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import opened, send
from tests.support.senders import Body, content
from tests.support.workshop import camera, deliver, work_off

NewDatabase = Callable[[], AbstractAsyncContextManager[Bureau]]


@pytest.fixture
def tool() -> FfmpegTool:
    return FfmpegTool(Path(footage_set.ffmpeg()))


@pytest.fixture
async def bureau(
    database_url: str, owner_database_url: str, tmp_path: Path
) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path, owner_database_url=owner_database_url) as bureau:
        ingest.begin(bureau.deps)
        yield bureau
        await ingest.shutdown(bureau.deps)


@pytest.fixture
def new_database(bureau: Bureau, postgres: databases.Cluster) -> NewDatabase:
    """The same installation with a freshly migrated database."""

    @asynccontextmanager
    async def made() -> AsyncIterator[Bureau]:
        async with databases.clone(postgres) as name:
            addresses = {
                "database_url": SecretStr(postgres.url(name, databases.SERVICE)),
                "owner_database_url": SecretStr(postgres.url(name, databases.OWNER)),
            }
            config = bureau.deps.config.model_copy(update=addresses)
            async with open_deps(config, clock=bureau.clock) as deps:
                ingest.begin(deps)
                yield replace(bureau, deps=deps)
                await ingest.shutdown(deps)

    return made


async def rows(bureau: Bureau, table: str) -> list[tuple[object, ...]]:
    """All rows of a table but what belongs to one server only."""
    url = bureau.deps.config.database_url.get_secret_value()
    async with table_copy.snapshot(url) as copy:
        columns = ", ".join(await copy.columns(table))
        found = await copy.raw.fetch(
            f"SELECT {columns} FROM {table} ORDER BY 1, 2"  # noqa: S608 - names of the schema
        )
    return [tuple(row) for row in found]


async def test_a_backup_holds_every_table_that_is_no_sign_in(owner_database_url: str) -> None:
    connection = await asyncpg.connect(owner_database_url)
    try:
        found = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname='public'")
    finally:
        await connection.close()
    assert {row["tablename"] for row in found} == {*TABLES, *LEFT_OUT}


async def test_a_restored_database_is_equal_and_its_receipts_verify(
    bureau: Bureau, new_database: NewDatabase, tool: FfmpegTool, tmp_path: Path
) -> None:
    actor = await camera(bureau)
    sealed = await deliver(bureau, actor, content(90_000), case_number="沪〔2026〕第1号")
    await deliver(bureau, actor, content(90_000), "again.mp4")
    await work_off(bureau.deps, tool, WorkQueue.IO)
    manifest = await backup(bureau.deps, tmp_path / "backup")
    assert not (tmp_path / "backup.tmp").exists()
    async with new_database() as new:
        await restore(new.deps, tmp_path / "backup")
        for table in TABLES:
            assert await rows(new, table) == await rows(bureau, table), table
        leaf = await new.value(
            "SELECT leaf FROM custody_event WHERE name = 'RecordingSealed' AND subject_id = $1",
            sealed,
        )
        assert isinstance(leaf, bytes)
        note = receipt.issue(leaf, bureau.deps.signer)
        assert receipt.verify(note, [bureau.deps.signer.verifier]).recording == str(sealed)
        # Positions go on behind the restored ones, and readers see restored events at once.
        await rebuild(new.deps, OPERATOR)
        assert await new.value("SELECT max(position) FROM custody_event") == manifest.position + 1
        assert (await new.event_names())[:-1] == await bureau.event_names()


async def test_what_came_in_after_the_backup_is_adopted_and_only_then_uploads_go_on(
    bureau: Bureau, new_database: NewDatabase, tool: FfmpegTool, tmp_path: Path
) -> None:
    actor = await camera(bureau)
    early = await deliver(bureau, actor, content(30_000))
    sent = content(50_000)
    half = await opened(bureau, actor, len(sent), case_number="沪〔2026〕第2号")
    await send(bureau.deps, actor, half.id, 0, Body(sent[:20_000]))
    await backup(bureau.deps, tmp_path / "backup")
    finished = await send(bureau.deps, actor, half.id, 20_000, Body(sent[20_000:]))
    late = await deliver(bureau, actor, content(10_000))
    bureau.clock.forward(hours=1)
    async with new_database() as new:
        await restore(new.deps, tmp_path / "backup")
        assert await guard.is_younger(new.deps)
        with pytest.raises(Unavailable, match="store holds footage"):
            await deliver(new, actor, b"footage")
        bureau.clock.forward(days=30)
        assert await ingest.expire_overdue(new.deps) == 0
        # What protects goes on all the same.
        assert await ingest.extend_locks(new.deps) == 1
        report = await rebuild(new.deps, OPERATOR)
        assert (report.recordings, report.known, report.findings) == (2, 1, 0)
        await work_off(new.deps, tool, WorkQueue.IO)
        states = dict(await _states(new))
        assert states == dict.fromkeys((early, finished.recording, late), "sealed")
        assert (await audit.run(new.deps, OPERATOR, level=audit.Level.DIGEST)).findings == []
        status = await ingest.upload_status(new.deps, actor, half.id)
        assert status.recording == finished.recording
        await deliver(new, actor, b"footage")


async def _states(bureau: Bureau) -> list[tuple[object, object]]:
    async with bureau.deps.database.acquire() as connection:
        found = await connection.fetch("SELECT id, integrity FROM recording")
    return [(row["id"], row["integrity"]) for row in found]


async def test_a_backup_is_not_written_over_another_and_ends_what_an_earlier_try_left(
    bureau: Bureau, tmp_path: Path
) -> None:
    (tmp_path / "backup.tmp").mkdir()
    (tmp_path / "backup.tmp" / "agency.copy").write_bytes(b"half")
    await backup(bureau.deps, tmp_path / "backup")
    with pytest.raises(Conflict, match="there already"):
        await backup(bureau.deps, tmp_path / "backup")
    letter = tmp_path / "other.tmp" / "letter"
    letter.parent.mkdir()
    letter.write_text("dear")
    with pytest.raises(Conflict, match="something else"):
        await backup(bureau.deps, tmp_path / "other")
    assert letter.read_text() == "dear"


def _damage(folder: Path) -> None:
    (folder / "agency.copy").write_bytes((folder / "agency.copy").read_bytes() + b"x")


def _forge(folder: Path) -> None:
    note = (folder / MANIFEST).read_bytes()
    (folder / MANIFEST).write_bytes(note.replace(b'"position":', b'"position":1', 1))


def _lose(folder: Path) -> None:
    (folder / "token.copy").unlink()


@pytest.mark.parametrize(
    ("harm", "code"),
    [(_damage, "backup-damaged"), (_forge, "note-signature-bad"), (_lose, "backup-damaged")],
)
async def test_a_harmed_backup_is_refused_before_a_row_is_written(
    bureau: Bureau,
    new_database: NewDatabase,
    tmp_path: Path,
    harm: Callable[[Path], None],
    code: str,
) -> None:
    await backup(bureau.deps, tmp_path / "backup")
    await asyncio.to_thread(harm, tmp_path / "backup")
    async with new_database() as new:
        with pytest.raises(IntegrityError) as refused:
            await restore(new.deps, tmp_path / "backup")
        assert refused.value.code == code
        assert await new.value("SELECT count(*) FROM agency") == 0


async def _refused(restoring: Awaitable[object]) -> str:
    with pytest.raises(RecorderError) as refused:
        await restoring
    return refused.value.code


async def test_a_backup_goes_into_an_empty_database_and_is_believed_by_its_signature_only(
    bureau: Bureau, new_database: NewDatabase, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    await backup(bureau.deps, folder)
    assert await _refused(restore(bureau.deps, folder)) == "database-not-empty"
    async with new_database() as new:
        stranger = NoteSigner.generate("recorder").verifier
        assert await _refused(restore(new.deps, folder, verifier=stranger)) == "backup-not-ours"
        assert await _refused(restore(new.deps, tmp_path)) == "backup-unreadable"
        await restore(new.deps, folder, verifier=bureau.deps.signer.verifier)
        assert await new.value("SELECT count(*) FROM agency") == 2


async def test_footage_of_a_folder_store_is_linked_into_the_backup(
    bureau: Bureau, tmp_path: Path
) -> None:
    sent = content(40_000)
    await deliver(bureau, await camera(bureau), sent)
    await backup(bureau.deps, tmp_path / "backup", with_footage=True)
    copies = sorted((tmp_path / "backup" / "footage").rglob("*/original/=*"))
    assert [p.read_bytes() for p in copies if "~" not in p.name] == [sent]
    assert copies[0].stat().st_nlink > 1
    elsewhere = bureau.deps.config.model_copy(update={"objects": "s3"})
    with pytest.raises(InvalidInput, match="replicate"):
        await backup(replace(bureau.deps, config=elsewhere), tmp_path / "other", with_footage=True)


async def _command(bureau: Bureau, *words: str | Path) -> tuple[int, str]:
    """Exit code and output of a command on this installation."""
    config = bureau.deps.config
    assert config.owner_database_url is not None
    settings = {
        "RECORDER_DATABASE_URL": config.database_url.get_secret_value(),
        "RECORDER_OWNER_DATABASE_URL": config.owner_database_url.get_secret_value(),
        "RECORDER_OBJECTS_FOLDER": str(config.objects_folder),
        "RECORDER_SIGNING_KEY_FILE": str(config.signing_key_file),
    }
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "recorder", *map(str, words)),
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await child.communicate()
    return child.returncode or 0, said.decode()


async def test_the_commands_say_what_they_did_and_what_comes_next(
    bureau: Bureau, new_database: NewDatabase, tmp_path: Path
) -> None:
    actor = await camera(bureau)
    await deliver(bureau, actor, content(10_000))
    folder = tmp_path / "backup"
    code, said = await _command(bureau, "backup", folder)
    assert (code, bureau.deps.signer.verifier.to_text() in said) == (0, True)
    assert (await _command(bureau, "backup", folder))[0] == 1
    await deliver(bureau, actor, content(20_000))
    async with new_database() as new:
        code, said = await _command(new, "restore", folder)
        assert code == 0
        # The wall clock counts for commands: the upload of the test's clock is long over.
        assert "The store holds 1 recordings" in said
        code, said = await _command(new, "restore", folder)
        assert (code, "holds rows already" in said) == (1, True)
        code, said = await _command(new, "rebuild")
        assert (code, said.splitlines()[0]) == (0, "1 recordings written anew, 0 duplicates")
        assert await new.value("SELECT count(*) FROM recording") == 2
        assert (await _command(new, "rebuild", "--dry-run", "--accept"))[0] == 2
        assert (await _command(new, "rebuild", "--accept"))[0] == 0
