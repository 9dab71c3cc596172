"""Finished objects of the folder store: one folder for a key, one file for a version.

    originals/<key>/=<version>@20270101T000000.000000Z    the bytes, mode 0440, locked from birth
    originals/<key>/=<version>                            the bytes, without such a lock
    originals/<key>/=<version>~20280101T000000.000000Z    an empty file: locked until then

A lock is a file name: it appears whole or not at all, the latest one counts, and a longer one
is durable before the shorter one goes. A version keeps the name it was born with. Everything here
blocks. Nothing here overwrites, and nothing removes a version whose lock has not ended.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from recorder.adapters import files_disk as disk
from recorder.adapters.clock import Clock
from recorder.adapters.files_directories import Directories
from recorder.adapters.objects import Bucket, StoredObject
from recorder.domain.ids import new_uuid
from recorder.errors import Conflict, Forbidden, NotFound, RecorderError

_VERSION = re.compile(r"[0-9a-f]{32}")
_OBJECT = re.compile(r"=([0-9a-f]{32})(@.+)?")
_LOCK_FORMAT = "%Y%m%dT%H%M%S.%fZ"
_LOCK_FILES = 256


@dataclass(frozen=True, slots=True)
class Birth:
    """Synced bytes that are to become the object of a key; ``link`` gives them a name."""

    bucket: Bucket
    key: str
    length: int
    lock_until: datetime | None
    link: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Born:
    """It has its name; the folders in which names are not durable yet, the outermost first."""

    stored: StoredObject
    folder: str
    made: list[str]

    def unsynced(self) -> list[str]:
        return [*(os.path.dirname(name) for name in self.made), self.folder]


class VersionFolder:
    """The versions below one root folder, shared with other processes on this machine."""

    def __init__(self, root: Path, clock: Clock, sync: disk.Sync) -> None:
        self._root = root
        self._clock = clock
        self._sync = sync
        self.directories = Directories(root, sync)

    def open(self) -> None:
        """After return the folders that everything stands on exist."""
        for name in (*(bucket.value for bucket in Bucket), "locks"):
            self.directories.make(f"{self._root}/{name}")

    def _folder(self, bucket: Bucket, key: str) -> str:
        return f"{self._root}/{bucket.value}/{disk.key_name(key)}"

    def _held(self, bucket: Bucket, key: str) -> AbstractContextManager[None]:
        number = zlib.crc32(f"{bucket.value}/{key}".encode()) % _LOCK_FILES
        return disk.held(f"{self._root}/locks/{number:02x}")

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
        folder = self._folder(bucket, key)
        for name in _names(folder):
            if name == f"={version}" or name.startswith(f"={version}@"):
                return Path(folder, name)
        return None

    def versions(self, bucket: Bucket, key: str) -> list[StoredObject]:
        """The version of this key, or nothing: a key never has two."""
        folder = self._folder(bucket, key)
        names = _names(folder)
        found: list[StoredObject] = []
        for name in sorted(names, reverse=True):
            if is_object := _OBJECT.fullmatch(name):
                try:
                    length = os.stat(f"{folder}/{name}").st_size
                except FileNotFoundError:
                    continue
                until = _lock_end(is_object[1], names)
                found.append(StoredObject(bucket, key, is_object[1], length, until))
        return found

    def stat(self, bucket: Bucket, key: str, version: str) -> StoredObject:
        """Length and lock of one version."""
        for found in self.versions(bucket, key):
            if found.version == version:
                return found
        raise _not_found(bucket, key, version)

    def below(self, bucket: Bucket, prefix: str) -> Iterator[StoredObject]:
        """Every version whose key begins with ``prefix``, in no order."""
        top = self._root / bucket.value
        start = top
        if "/" in prefix:
            start = top / disk.key_name(prefix.rpartition("/")[0])
        for folder, _, names in os.walk(start):
            if not any(name.startswith("=") for name in names):
                continue
            key = disk.path_key(Path(folder).relative_to(top))
            if key.startswith(prefix):
                yield from self.versions(bucket, key)

    def publish(self, birth: Birth) -> StoredObject:
        """Make the object; raises Conflict ``object-exists``, see ``publish_all``."""
        born = self._bear(birth)
        for folder in born.unsynced():
            disk.sync_directory(folder, self._sync)
        self.directories.remember(born.made)
        return born.stored

    def publish_all(self, births: Sequence[Birth]) -> list[StoredObject | RecorderError]:
        """Make each object, locked before it can be seen, or say why it is not made.

        Folders and names become durable together, when all of them are there: what a power cut
        before that leaves was told to nobody, and whoever does this again sees to them. So the
        disk is asked once for many objects. One of a taken key is a Conflict ``object-exists``;
        what has the key is durable then.
        """
        born = [disk.tried(partial(self._bear, birth)) for birth in births]
        failed = self._synced([each for each in born if isinstance(each, _Born)])
        answers: list[StoredObject | RecorderError] = []
        for each in born:
            if isinstance(each, _Born):
                errors = [failed[folder] for folder in each.unsynced() if folder in failed]
                if not errors:
                    self.directories.remember(each.made)
                answers.append(errors[0] if errors else each.stored)
            else:
                answers.append(each)
        return answers

    def _bear(self, birth: Birth) -> _Born:
        bucket, key, until = birth.bucket, birth.key, birth.lock_until
        version, folder = new_uuid().hex, self._folder(bucket, key)
        with self._held(bucket, key):
            was_there, made = self.directories.begin(folder)
            if was_there:
                if present := self.versions(bucket, key):
                    # By somebody who may have died before his sync.
                    self.settle(present[0])
                    raise Conflict(
                        "object-exists", "There is an object of this key already.", key=key
                    )
                self._remove_stray_locks(folder)
            birth.link(f"{folder}/={version}{f'@{_lock_name(until)}' if until else ''}")
        return _Born(StoredObject(bucket, key, version, birth.length, until), folder, made)

    def _synced(self, born: Sequence[_Born]) -> dict[str, RecorderError]:
        """Sync each folder once, the outermost first; say which cannot be synced, and why."""
        failed = {}
        wanted = {folder for each in born for folder in each.unsynced()}
        for folder in sorted(wanted, key=lambda folder: folder.count("/")):
            error = disk.tried(partial(disk.sync_directory, folder, self._sync))
            if error is not None:
                failed[folder] = error
        return failed

    def settle(self, stored: StoredObject) -> None:
        """After return the version cannot be written to, and its name is durable."""
        path = self.path(stored.bucket, stored.key, stored.version)
        path.chmod(0o440)
        folder = str(path.parent)
        self.directories.make(folder)
        disk.sync_directory(folder, self._sync)

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
            lock = self._write_lock(bucket, key, version, until)
            for name in _names(os.path.dirname(lock)):
                if name.startswith(f"={version}~") and not lock.endswith(name):
                    os.unlink(f"{os.path.dirname(lock)}/{name}")
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
            folder = str(path.parent)
            disk.sync_directory(folder, self._sync)
            self._remove_stray_locks(folder)
            self.directories.prune(folder, f"{self._root}/{bucket.value}")

    def _write_lock(self, bucket: Bucket, key: str, version: str, until: datetime) -> str:
        folder = self._folder(bucket, key)
        path = f"{folder}/={version}~{_lock_name(until)}"
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o440))
        disk.sync_directory(folder, self._sync)
        return path

    @staticmethod
    def _remove_stray_locks(folder: str) -> None:
        """Remove locks without a version: what is left where a deletion died."""
        names = _names(folder)
        versions = {found[1] for name in names if (found := _OBJECT.fullmatch(name))}
        for name in names:
            if name.startswith("=") and "~" in name and name[1:].partition("~")[0] not in versions:
                os.unlink(f"{folder}/{name}")


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _lock_name(until: datetime) -> str:
    return until.astimezone(UTC).strftime(_LOCK_FORMAT)


def _lock_end(version: str, names: Sequence[str]) -> datetime | None:
    """The end of the longest lock of a version, by the names in its folder."""
    ends = [
        datetime.strptime(name[len(version) + 2 :], _LOCK_FORMAT).replace(tzinfo=UTC)
        for name in names
        if name.startswith((f"={version}@", f"={version}~"))
    ]
    return max(ends, default=None)


def _not_found(bucket: Bucket, key: str, version: str) -> NotFound:
    return NotFound(
        "object-not-found",
        f"The store has no such object in {bucket.value}.",
        key=key,
        version=version,
    )
