"""Finished objects of the folder store: one folder for a key, one file for a version.

    originals/<key>/=<version>                      the bytes, mode 0440
    originals/<key>/=<version>~20270101T000000.000000Z    an empty file: locked until then

A lock is a file name: it appears whole or not at all, the latest one counts, and a longer one
is durable before the shorter one goes. Everything here blocks. Nothing here overwrites, and
nothing removes a version whose lock has not ended.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from recorder.adapters import files_disk as disk
from recorder.adapters.clock import Clock
from recorder.adapters.objects import Bucket, StoredObject
from recorder.domain.ids import new_uuid
from recorder.errors import Conflict, Forbidden, NotFound

_VERSION = re.compile(r"[0-9a-f]{32}")
_LOCK_FORMAT = "%Y%m%dT%H%M%S.%fZ"
_LOCK_FILES = 256


class VersionFolder:
    """The versions below one root folder, shared with other processes on this machine."""

    def __init__(self, root: Path, clock: Clock, sync: disk.Sync) -> None:
        self._root = root
        self._clock = clock
        self._sync = sync
        self.directories = disk.Directories(root, sync)

    def open(self) -> None:
        """After return the folders that everything stands on exist."""
        for name in (*(bucket.value for bucket in Bucket), "locks"):
            self.directories.make(self._root / name)

    def _folder(self, bucket: Bucket, key: str) -> Path:
        return self._root / bucket.value / disk.key_path(key)

    def _held(self, bucket: Bucket, key: str) -> AbstractContextManager[None]:
        number = zlib.crc32(f"{bucket.value}/{key}".encode()) % _LOCK_FILES
        return disk.held(self._root / "locks" / f"{number:02x}")

    def path(self, bucket: Bucket, key: str, version: str) -> Path:
        """The file of one version; NotFound when it is not there."""
        path = self.find(bucket, key, version)
        if path is None:
            raise _not_found(bucket, key, version)
        return path

    def find(self, bucket: Bucket, key: str, version: str) -> Path | None:
        """The file of one version, or None when it is not there."""
        if not _VERSION.fullmatch(version):
            return None
        path = self._folder(bucket, key) / f"={version}"
        return path if path.is_file() else None

    def versions(self, bucket: Bucket, key: str) -> list[StoredObject]:
        """The version of this key, or nothing: a key never has two."""
        found: list[StoredObject] = []
        try:
            names = os.listdir(self._folder(bucket, key))
        except (FileNotFoundError, NotADirectoryError):
            return found
        for name in sorted(names, reverse=True):
            if name.startswith("=") and _VERSION.fullmatch(name[1:]):
                try:
                    found.append(self.stat(bucket, key, name[1:], names))
                except NotFound:
                    continue
        return found

    def stat(
        self, bucket: Bucket, key: str, version: str, names: list[str] | None = None
    ) -> StoredObject:
        """Length and lock of one version; ``names`` saves listing its folder again."""
        path = self.path(bucket, key, version)
        try:
            length = path.stat().st_size
            names = os.listdir(path.parent) if names is None else names
        except FileNotFoundError as error:
            raise _not_found(bucket, key, version) from error
        locks = [_lock_end(name) for name in names if name.startswith(f"={version}~")]
        return StoredObject(bucket, key, version, length, max(locks, default=None))

    def below(self, bucket: Bucket, prefix: str) -> Iterator[StoredObject]:
        """Every version whose key begins with ``prefix``, in no order."""
        top = self._root / bucket.value
        start = top
        if "/" in prefix:
            start = top / disk.key_path(prefix.rpartition("/")[0])
        for folder, _, names in os.walk(start):
            if not any(name.startswith("=") for name in names):
                continue
            key = disk.path_key(Path(folder).relative_to(top))
            if key.startswith(prefix):
                yield from self.versions(bucket, key)

    def publish(
        self, bucket: Bucket, key: str, source: Path, lock_until: datetime | None
    ) -> StoredObject:
        """Give the synced file ``source`` its place; it is locked before it can be seen.

        The file keeps its old name too. Folders, lock and name become durable together, when all
        of them are there: what a power cut before that leaves was told to nobody, and whoever does
        this again sees to them.
        Raises Conflict ``object-exists`` when the key is taken; what has it is durable then.
        """
        version = new_uuid().hex
        folder = self._folder(bucket, key)
        target = folder / f"={version}"
        with self._held(bucket, key):
            was_there, names = self.directories.begin(folder)
            if was_there:
                if present := self.versions(bucket, key):
                    # By somebody who may have died before his sync.
                    self.settle(present[0])
                    raise Conflict(
                        "object-exists", "There is an object of this key already.", key=key
                    )
                self._remove_stray_locks(folder)
            if lock_until is not None:
                self._write_lock(target, lock_until, sync=False)
            os.link(source, target)
            target.chmod(0o440)
            self.directories.settle(names)
            disk.sync_directory(folder, self._sync)
            length = target.stat().st_size
        return StoredObject(bucket, key, version, length, lock_until)

    def settle(self, stored: StoredObject) -> None:
        """After return the version cannot be written to, and its name is durable."""
        path = self.path(stored.bucket, stored.key, stored.version)
        path.chmod(0o440)
        _, names = self.directories.begin(path.parent)
        self.directories.settle(names)
        disk.sync_directory(path.parent, self._sync)

    def extend_lock(self, bucket: Bucket, key: str, version: str, until: datetime) -> StoredObject:
        """After return the version is locked until then; raises Forbidden for an earlier end."""
        with self._held(bucket, key):
            found = self.stat(bucket, key, version)
            if found.lock_until == until:
                return found
            if found.lock_until is not None and until < found.lock_until:
                raise Forbidden(
                    "object-locked", "A lock can only be made longer.", key=key, version=version
                )
            target = self.path(bucket, key, version)
            self._write_lock(target, until)
            if found.lock_until is not None:
                self._lock_path(target, found.lock_until).unlink(missing_ok=True)
            return self.stat(bucket, key, version)

    def delete(self, bucket: Bucket, key: str, version: str) -> None:
        """Remove one version for good; Forbidden ``object-locked`` while its lock lasts."""
        with self._held(bucket, key):
            try:
                found = self.stat(bucket, key, version)
            except NotFound:
                return
            if found.lock_until is not None and found.lock_until > self._clock.now():
                raise Forbidden(
                    "object-locked",
                    f"The object is locked until {found.lock_until.isoformat()}.",
                    key=key,
                    version=version,
                )
            path = self.path(bucket, key, version)
            path.unlink()
            disk.sync_directory(path.parent, self._sync)
            self._remove_stray_locks(path.parent)
            self.directories.prune(path.parent, self._root / bucket.value)

    def _write_lock(self, target: Path, until: datetime, *, sync: bool = True) -> None:
        descriptor = os.open(
            self._lock_path(target, until), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o440
        )
        os.close(descriptor)
        if sync:
            disk.sync_directory(target.parent, self._sync)

    @staticmethod
    def _lock_path(target: Path, until: datetime) -> Path:
        return target.with_name(f"{target.name}~{until.astimezone(UTC).strftime(_LOCK_FORMAT)}")

    @staticmethod
    def _remove_stray_locks(folder: Path) -> None:
        """Remove locks without a version: what a crash between lock and link leaves."""
        names = set(os.listdir(folder))
        for name in names:
            if name.startswith("=") and "~" in name and name.partition("~")[0] not in names:
                (folder / name).unlink(missing_ok=True)


def _lock_end(name: str) -> datetime:
    return datetime.strptime(name.partition("~")[2], _LOCK_FORMAT).replace(tzinfo=UTC)


def _not_found(bucket: Bucket, key: str, version: str) -> NotFound:
    return NotFound(
        "object-not-found",
        f"The store has no such object in {bucket.value}.",
        key=key,
        version=version,
    )
