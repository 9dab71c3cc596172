"""Uploads that are still open in the folder store: one file for each writer.

    multipart/<id>/upload       which key it becomes and how long that is locked (JSON)
    multipart/<id>/w<writer>    bytes of one fencing token, each at its place in the object

A holder that lost its lease cannot touch the bytes of the next one: they are in another file.
Everything here blocks. Each step of a completion can be the last one before a crash, and doing
it all again ends well.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from io import FileIO
from pathlib import Path

from recorder.adapters import files_disk as disk
from recorder.adapters.files_versions import Birth, VersionFolder
from recorder.adapters.objects import (
    Bucket,
    OpenMultipart,
    StoredObject,
    StoredPart,
    WriterFile,
)
from recorder.domain.ids import new_uuid
from recorder.errors import Conflict, Gone

_ID = re.compile(r"[0-9a-f]{32}")
_WRITER = re.compile(r"w(\d{20})")


class MultipartFolder:
    """The open multipart uploads below one root folder."""

    def __init__(self, root: Path, versions: VersionFolder, sync: disk.Sync) -> None:
        self._root = root / "multipart"
        self._versions = versions
        self._sync = sync
        #: Writers' files whose names this object has made durable.
        self._named: set[Path] = set()

    def open(self) -> None:
        """After return the folder of multipart uploads exists."""
        self._versions.directories.make(str(self._root))

    def create(self, key: str, lock_until: datetime) -> str:
        """Begin a multipart upload: after return it is durable under the id given."""
        disk.key_name(key)
        multipart_id = new_uuid().hex
        folder = self._root / multipart_id
        folder.mkdir(mode=0o750)
        text = json.dumps({"key": key, "lock_until": lock_until.isoformat()}).encode()
        with _opened(folder / "upload", os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
            disk.durably(descriptor, lambda: disk.write_blocks(descriptor, 0, [text]), self._sync)
        # The file first: on most file systems both directories are durable with it.
        disk.sync_directory(folder, self._sync)
        disk.sync_directory(self._root, self._sync)
        return multipart_id

    def _folder(self, key: str, multipart_id: str) -> tuple[Path, datetime]:
        """Folder and lock of an open multipart upload; raises Gone ``multipart-gone``."""
        folder = self._root / multipart_id
        if _ID.fullmatch(multipart_id):
            try:
                stored = json.loads((folder / "upload").read_bytes())
            except (FileNotFoundError, ValueError):
                stored = {}
            if stored.get("key") == key:
                return folder, datetime.fromisoformat(stored["lock_until"])
        raise _gone(key)

    def upload(
        self,
        key: str,
        multipart_id: str,
        *,
        offset: int,
        writer: int,
        blocks: Sequence[bytes | memoryview],
    ) -> int:
        """Write the blocks at their place in the writer's file; give their length.

        After return bytes and name are durable. Raises Gone ``multipart-gone`` when the
        multipart upload was completed or aborted, also in the meantime.
        """
        descriptor = self.hold(key, multipart_id, writer)
        try:
            disk.durably(
                descriptor,
                lambda: disk.write_blocks(descriptor, offset, blocks),
                self._sync,
            )
            self._confirm(key, multipart_id, writer, descriptor)
        finally:
            os.close(descriptor)
        return sum(memoryview(block).nbytes for block in blocks)

    def hold(self, key: str, multipart_id: str, writer: int) -> int:
        """The writer's file, open for reading and writing; made when it is not there.

        Completion takes no byte of it into its object in place while it is open. Raises Gone
        ``multipart-gone``.
        """
        folder, _ = self._folder(key, multipart_id)
        try:
            descriptor = os.open(
                _writer_path(folder, writer), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640
            )
        except (FileNotFoundError, PermissionError) as error:
            # The folder went, or the file has become an original (mode 0440).
            raise _gone(key) from error
        try:
            # Completion takes this lock exclusively: no byte is written behind its back.
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if os.fstat(descriptor).st_nlink != 1:
                raise _gone(key)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def settle(self, key: str, multipart_id: str, writer: int, descriptor: int) -> None:
        """Make what was written to a held file durable, and its name.

        Raises Gone ``multipart-gone`` when the multipart upload was completed or aborted in the
        meantime, OSError when the disk lost something.
        """
        self._sync(descriptor)
        self._confirm(key, multipart_id, writer, descriptor)

    def _confirm(self, key: str, multipart_id: str, writer: int, descriptor: int) -> None:
        """Make the name of a held file durable, and see that it still has it."""
        path = self.writer_path(multipart_id, writer)
        if path not in self._named:
            try:
                disk.sync_directory(path.parent, self._sync)
            except FileNotFoundError as error:
                raise _gone(key) from error
            self._remember(path)
        if not disk.is_same_file(descriptor, path):
            raise _gone(key)

    def files(self, key: str, multipart_id: str) -> list[WriterFile]:
        """What lies in an open multipart upload, but for what a completion makes there."""
        folder, _ = self._folder(key, multipart_id)
        found = []
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                length = (folder / name).stat().st_size
                writer = _WRITER.fullmatch(name)
                if name != "upload" and not name.startswith("joined-"):
                    found.append(WriterFile(name, int(writer[1]) if writer else None, length))
        return found

    def existing(self, key: str, multipart_id: str, writer: int) -> FileIO:
        """The writer's file, for reading; raises Gone ``multipart-gone``."""
        folder, _ = self._folder(key, multipart_id)
        try:
            return FileIO(_writer_path(folder, writer))
        except FileNotFoundError as error:
            raise _gone(key) from error

    def writer_path(self, multipart_id: str, writer: int) -> Path:
        """Where the bytes of a writer are, at their places in the object."""
        return _writer_path(self._root / multipart_id, writer)

    def _remember(self, path: Path) -> None:
        if len(self._named) >= 10_000:
            self._named.clear()
        self._named.add(path)

    def complete(self, key: str, multipart_id: str, parts: Sequence[StoredPart]) -> StoredObject:
        """Make the locked object of exactly these parts, which are in order and without gaps.

        Steps: copy the ranges of the other writers into the file of the one that has most, cut
        it to its length, sync what that changed, lock, link, remove the multipart upload. Safe to
        repeat after each.
        """
        length = parts[-1].offset + parts[-1].length
        finished = self._finished(key, multipart_id, length)
        if finished is not None:
            return finished
        try:
            folder, lock_until = self._folder(key, multipart_id)
            with _joined(folder, parts, length, self._sync) as joined:
                link = partial(_link_unchangeable, joined)
                birth = Birth(Bucket.ORIGINALS, key, length, lock_until, link)
                stored = self._versions.publish(birth)
        except (Conflict, Gone, FileNotFoundError) as error:
            # Another process completed it at the same time.
            finished = self._finished(key, multipart_id, length)
            if finished is not None:
                return finished
            if isinstance(error, FileNotFoundError):
                raise _gone(key) from error
            raise
        self._remove(folder)
        return stored

    def _finished(self, key: str, multipart_id: str, length: int) -> StoredObject | None:
        """The object, when an earlier completion made it; what that left undone is done."""
        found = self._versions.versions(Bucket.ORIGINALS, key)
        if not found:
            return None
        if found[0].length != length:
            raise Conflict("object-exists", "The key holds an object of other length.", key=key)
        self._versions.settle(found[0])
        self.abort(key, multipart_id)
        return found[0]

    def abort(self, key: str, multipart_id: str) -> None:
        """Remove a multipart upload of this key with its bytes; an unknown one is no error."""
        folder = self._root / multipart_id
        if not _ID.fullmatch(multipart_id) or not folder.is_dir():
            return
        try:
            self._folder(key, multipart_id)
        except Gone:
            if (folder / "upload").exists():
                return
        self._remove(folder)

    def listed(self, key: str | None) -> list[OpenMultipart]:
        """The open multipart uploads, of this key or all."""
        found = []
        for folder in self._root.iterdir():
            try:
                stored = json.loads((folder / "upload").read_bytes())
                begun = datetime.fromtimestamp((folder / "upload").stat().st_mtime, UTC)
            except (FileNotFoundError, NotADirectoryError, ValueError):
                # Nobody can go on with one that has no name; see ``remove_nameless``.
                continue
            if key is None or stored["key"] == key:
                found.append(OpenMultipart(stored["key"], folder.name, begun))
        return found

    def remove_nameless(self, before: float) -> None:
        """Remove what calls that died in ``create`` or in a removal left; no answer named it."""
        for folder in self._root.iterdir():
            try:
                if not folder.is_dir() or folder.stat().st_mtime >= before:
                    continue
                json.loads((folder / "upload").read_bytes())
            except (FileNotFoundError, ValueError):
                self._remove(folder)

    def _remove(self, folder: Path) -> None:
        """Remove the folder; without ``upload`` nobody takes it for open any more."""
        (folder / "upload").unlink(missing_ok=True)
        while folder.is_dir():
            for path in list(folder.iterdir()):
                path.unlink(missing_ok=True)
                self._named.discard(path)
            try:
                folder.rmdir()
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.ENOENT}:
                    raise


def _link_unchangeable(joined: Path, target: str) -> None:
    os.link(joined, target)
    os.chmod(target, 0o440)


@contextmanager
def _joined(
    folder: Path, parts: Sequence[StoredPart], length: int, sync: disk.Sync
) -> Iterator[Path]:
    """The synced file that holds all parts, which nobody writes to during the block.

    This is the file of the writer that has most of it: with one writer no byte is copied. When
    that writer is still at it (a holder that lost its lease and does not know), all goes to a
    new file.
    """
    bulk = Counter[int]()
    for part in parts:
        bulk[_writer(part)] += part.length
    ((most, _),) = bulk.most_common(1)
    target = _writer_path(folder, most)
    with ExitStack() as stack:
        descriptor = stack.enter_context(_opened(target, os.O_RDWR))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            target = folder / f"joined-{new_uuid().hex}"
            descriptor = stack.enter_context(_opened(target, os.O_RDWR | os.O_CREAT | os.O_EXCL))
            # What is linked from it stays; after a failure nothing does.
            stack.callback(target.unlink, missing_ok=True)
            most = -1
        sources = {
            writer: stack.enter_context(_opened(_writer_path(folder, writer), os.O_RDONLY))
            for writer in {_writer(part) for part in parts} - {most}
        }

        def join() -> None:
            for part in parts:
                source = sources.get(_writer(part))
                if source is not None:
                    disk.copy_range(source, descriptor, part.offset, part.length)

        if os.fstat(descriptor).st_size < max(
            (p.offset + p.length for p in parts if _writer(p) == most), default=0
        ):
            raise disk.bytes_missing(os.fstat(descriptor).st_size)
        if sources or os.fstat(descriptor).st_size != length:
            os.ftruncate(descriptor, length)
            # Parts of its own became durable one by one, each before its row.
            disk.durably(descriptor, join, sync)
        yield target


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o640)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _writer(part: StoredPart) -> int:
    return int(part.etag)


def _writer_path(folder: Path, writer: int) -> Path:
    return folder / f"w{writer:020d}"


def _gone(key: str) -> Gone:
    return Gone("multipart-gone", "The store knows no such multipart upload.", key=key)
