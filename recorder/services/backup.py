"""Backup and restore: one signed folder that holds the rows of one moment.

A folder is whole or not there: it is written beside its place and renamed at the end. Footage
stays in the store, replicated by the store's own means; secrets (the signing key, passwords of
servers) are never in a backup.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from recorder.domain.instant import format_utc
from recorder.errors import Conflict, IntegrityError, InvalidInput, RecorderError, StorageFull
from recorder.ledger import canonical
from recorder.ledger.note import NoteVerifier, open_note, sign_note
from recorder.runtime import Deps
from recorder.services import guard
from recorder.store import table_copy
from recorder.store.table_copy import TABLES, TableCopy

MANIFEST = "manifest.note"
FOOTAGE = "footage"
#: What a backup holds beside its tables.
_BESIDE = (MANIFEST, FOOTAGE)
_HEAD = "recorder backup v1\n"
_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TableFile:
    """One table of a backup."""

    name: str
    columns: tuple[str, ...]
    rows: int
    length: int
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.name}.copy"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says about itself, under the service's signature."""

    taken_at: str
    #: Number, name and digest of each migration of the database.
    migrations: tuple[tuple[int, str, str], ...]
    #: The highest position of a custody event in it.
    position: int
    tables: tuple[TableFile, ...]
    #: The public key that signed it: a hint, never the reason to believe it.
    verifier: str

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


# --- backup -----------------------------------------------------------------------------------


async def backup(deps: Deps, folder: Path, *, with_footage: bool = False) -> Manifest:
    """After return ``folder`` is a durable, signed copy of the database at one moment.

    Works beside a running service. ``with_footage`` adds the originals of the folder store as
    hard links, or as copies on another disk. Raises Conflict ``backup-exists``, InvalidInput
    ``backup-footage-elsewhere`` for a store that is no folder, StorageFull ``backup-no-room``.
    """
    draft = folder.with_name(folder.name + ".tmp")
    originals = deps.config.objects_folder if deps.config.objects == "folder" else None
    if with_footage and originals is None:
        raise InvalidInput(
            "backup-footage-elsewhere",
            "The footage lies in an S3 store: replicate its buckets by the store's own means.",
        )
    try:
        await asyncio.to_thread(_begin, folder, draft)
        manifest = await _copy_tables(deps, draft)
        if with_footage and originals is not None:
            # After the snapshot: every object that a row names is there by now.
            await asyncio.to_thread(_copy_footage, originals / "originals", draft / FOOTAGE)
        note = sign_note(_HEAD + canonical.encode(_said(manifest)).decode() + "\n", deps.signer)
        await asyncio.to_thread(_finish, draft, folder, note)
    except OSError as error:
        raise StorageFull(
            "backup-not-written", f"The backup cannot be written to {folder}: {error}."
        ) from error
    return manifest


def _begin(folder: Path, draft: Path) -> None:
    if folder.exists():
        raise Conflict("backup-exists", f"{folder} is there already; name a new folder.")
    if draft.exists():
        # Left by a backup that was cut off: never whole, never renamed. Anything else is not ours.
        if any(each.suffix != ".copy" and each.name not in _BESIDE for each in draft.iterdir()):
            raise Conflict("backup-exists", f"{draft} holds something else; name a new folder.")
        shutil.rmtree(draft)
    draft.mkdir(parents=True, mode=0o700)


async def _copy_tables(deps: Deps, draft: Path) -> Manifest:
    url = deps.config.database_url.get_secret_value()
    async with table_copy.snapshot(url) as copy:
        migrations = await copy.migrations()
        position = await copy.newest_position()
        tables = [await _copy_table(copy, table, draft) for table in TABLES]
    return Manifest(
        taken_at=format_utc(deps.clock.now()),
        migrations=tuple(migrations),
        position=position,
        tables=tuple(tables),
        verifier=deps.signer.verifier.to_text(),
    )


async def _copy_table(copy: TableCopy, table: str, draft: Path) -> TableFile:
    columns = await copy.columns(table)
    digest, length = hashlib.sha256(), 0
    file = await asyncio.to_thread(_create, draft / f"{table}.copy")

    async def write(block: bytes) -> None:
        nonlocal length
        digest.update(block)
        length += len(block)
        await asyncio.to_thread(file.write, block)

    try:
        rows = await copy.copy_out(table, columns, write)
        await asyncio.to_thread(_sync_and_close, file)
    finally:
        file.close()
    return TableFile(table, tuple(columns), rows, length, digest.hexdigest())


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", _BLOCK)


def _sync_and_close(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()


def _copy_footage(source: Path, target: Path) -> None:
    """Link or copy every version and every lock; objects never change, so links stay true."""
    for folder, _, names in os.walk(source):
        place = target / "originals" / Path(folder).relative_to(source)
        place.mkdir(parents=True, exist_ok=True)
        for name in names:
            _link_or_copy(Path(folder) / name, place / name)
        _sync_directory(place)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
        return
    except FileNotFoundError:
        # A lock that was extended meanwhile: its longer successor is linked or comes later.
        return
    except OSError:
        pass
    with contextlib.suppress(FileNotFoundError):
        shutil.copy2(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())


def _finish(draft: Path, folder: Path, note: bytes) -> None:
    file = _create(draft / MANIFEST)
    try:
        file.write(note)
        _sync_and_close(file)
    finally:
        file.close()
    _sync_directory(draft)
    draft.rename(folder)
    _sync_directory(folder.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _said(manifest: Manifest) -> dict[str, object]:
    return {
        "v": 1,
        "taken_at": manifest.taken_at,
        "migrations": [list(each) for each in manifest.migrations],
        "position": manifest.position,
        "verifier": manifest.verifier,
        "tables": [
            {
                "name": table.name,
                "columns": list(table.columns),
                "rows": table.rows,
                "bytes": table.length,
                "sha256": table.sha256,
            }
            for table in manifest.tables
        ],
    }


# --- restore ----------------------------------------------------------------------------------


async def restore(deps: Deps, folder: Path, *, verifier: NoteVerifier | None = None) -> Manifest:
    """Load a backup into this installation's empty, migrated database, whole or not at all.

    Signature (by ``verifier``, else by this installation's own key) and every digest are checked
    first, and the digests again while loading. Afterwards the guard stays closed until
    ``recorder rebuild``, for the store may hold footage that is younger than the backup.

    Raises Conflict ``database-not-empty`` or ``backup-other-schema``, IntegrityError
    ``backup-damaged`` or one of ``ledger.note.open_note``, InvalidInput ``backup-unreadable``.
    """
    trusted = verifier or deps.signer.verifier
    manifest = await asyncio.to_thread(read_manifest, folder, trusted)
    await asyncio.to_thread(_check_files, folder, manifest.tables)
    owner = deps.config.owner_database_url or deps.config.database_url
    async with table_copy.load(owner.get_secret_value()) as copy:
        if await copy.migrations() != list(manifest.migrations):
            raise Conflict(
                "backup-other-schema",
                "The backup is of another schema: restore it with the version of the service that"
                f" made it (last migration {manifest.migrations[-1][0]:04d}), then migrate.",
            )
        filled = await copy.filled()
        if filled:
            raise Conflict(
                "database-not-empty",
                f"The database holds rows already ({', '.join(filled)}): a backup is only"
                " restored into a new, migrated database.",
            )
        for table in manifest.tables:
            rows = await copy.copy_in(table.name, list(table.columns), _blocks(folder, table))
            if rows != table.rows:
                raise _damaged(table, f"{rows} rows came instead of {table.rows}")
        await copy.go_on_behind()
        # Before the commit: from the first moment on this database counts as younger.
        await guard.mark(deps, closed=True)
    return manifest


def read_manifest(folder: Path, verifier: NoteVerifier) -> Manifest:
    """The manifest of a backup, if this key signed it."""
    try:
        note = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise InvalidInput(
            "backup-unreadable", f"{folder} is no backup that can be read: {error}."
        ) from error
    try:
        text = open_note(note, [verifier])
    except IntegrityError as error:
        if error.code != "note-unsigned":
            raise
        raise IntegrityError(
            "backup-not-ours",
            f"The backup is not signed by {verifier.to_text()}. If this installation has a new"
            " signing key, name the key that you noted at the backup with --verifier-key.",
        ) from error
    try:
        said: Any = canonical.decode(text.removeprefix(_HEAD).removesuffix("\n").encode())
        tables = tuple(
            TableFile(t["name"], tuple(t["columns"]), t["rows"], t["bytes"], t["sha256"])
            for t in said["tables"]
        )
        migrations = tuple((number, name, digest) for number, name, digest in said["migrations"])
        found = Manifest(said["taken_at"], migrations, said["position"], tables, said["verifier"])
    except (RecorderError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput("backup-unreadable", "The manifest is none of ours.") from error
    if not text.startswith(_HEAD) or [table.name for table in tables] != list(TABLES):
        raise InvalidInput("backup-unreadable", "The manifest is none of this version's.")
    return found


def _check_files(folder: Path, tables: Sequence[TableFile]) -> None:
    for table in tables:
        try:
            with (folder / table.file).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _damaged(table, str(error)) from error
        if digest != table.sha256:
            raise _damaged(table, "its digest does not fit")


async def _blocks(folder: Path, table: TableFile) -> AsyncIterator[bytes]:
    """The bytes of a table's file; raises at the end if they are not what was checked."""
    digest = hashlib.sha256()
    file = await asyncio.to_thread((folder / table.file).open, "rb")
    try:
        while block := await asyncio.to_thread(file.read, _BLOCK):
            digest.update(block)
            yield block
    finally:
        file.close()
    if digest.hexdigest() != table.sha256:
        raise _damaged(table, "it changed while it was loaded")


def _damaged(table: TableFile, why: str) -> IntegrityError:
    return IntegrityError("backup-damaged", f"{table.file} is not what was backed up: {why}.")
