"""Bytes and names on a local disk, made durable: the ground under the folder store.

It knows neither buckets nor locks. Nothing here renames over a file, and an fsync that failed
is never just tried again: the pages it lost are marked clean, so the bytes are written anew.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

from recorder.adapters.store_limits import check_key
from recorder.errors import (
    IntegrityError,
    RecorderError,
    StorageFull,
    Unavailable,
)

#: Makes everything written to a descriptor durable, or raises OSError.
Sync = Callable[[int], None]

_COPY_BYTES = 1 << 20
_IOV_MAX = 1024
_NAME_BYTES = 200
#: What O_DIRECT wants of positions, lengths and memory, on any disk with pages of this size.
_ALIGNED = 4096
#: Shorter content is not worth it.
_DIRECT_BYTES = 1 << 20
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_COPY = frozenset({errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP})


@contextmanager
def translated() -> Iterator[None]:
    """Turn an OSError into StorageFull (no room) or Unavailable (everything else)."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFull("storage-full", "The disk of the object store is full.") from error
        raise Unavailable(
            "store-unavailable", f"The folder store cannot go on: {error.strerror or error}."
        ) from error


def key_path(key: str) -> Path:
    """The relative folder of a key: readable, one to one, and never outside its bucket.

    Each step is percent-encoded down to letters, digits, ``-``, ``_``, ``.`` (not leading);
    one too long for a file name goes on below ``…~``. Raises InvalidInput for bad keys.
    """
    check_key(key)
    names: list[str] = []
    for step in key.split("/"):
        name = quote(step, safe="").replace("~", "%7E")
        if name.startswith("."):
            name = "%2E" + name[1:]
        if len(name) > _NAME_BYTES:
            # No piece of a long name may begin with a dot.
            name = name.replace(".", "%2E")
        while len(name) > _NAME_BYTES:
            names.append(name[:_NAME_BYTES] + "~")
            name = name[_NAME_BYTES:]
        names.append(name)
    return Path(*names)


def path_key(path: Path) -> str:
    """The key whose folder this is: the inverse of ``key_path``."""
    joined = "".join(name[:-1] if name.endswith("~") else f"{name}/" for name in path.parts)
    return unquote(joined[:-1])


def sync_directory(path: Path, sync: Sync = os.fsync) -> None:
    """After return every name in this directory is durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def write_blocks(descriptor: int, offset: int, blocks: Sequence[bytes | memoryview]) -> int:
    """Write the blocks one after the other from ``offset`` on; give how many bytes they were.

    Long aligned content goes past the page cache: copying it there costs more than everything
    else together, and nobody needs it there but a reader who wants to know what is on the disk.
    """
    waiting = [view for block in blocks if len(view := memoryview(block).cast("B"))]
    length = sum(map(len, waiting))
    done = _write_direct(descriptor, offset, waiting) if length >= _DIRECT_BYTES else 0
    _write(descriptor, offset + done, _behind(waiting, done))
    return length


def _write_direct(descriptor: int, offset: int, views: Sequence[memoryview]) -> int:
    """Write with O_DIRECT as far as lengths allow; 0 where disk or memory do not."""
    if offset % _ALIGNED:
        return 0
    head = []
    for view in views:
        head.append(view[: len(view) - len(view) % _ALIGNED])
        if len(view) % _ALIGNED:
            break
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_DIRECT)
        return _write(descriptor, offset, [view for view in head if view])
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # A file system that cannot, or memory that is not aligned: written anew.
        return 0
    finally:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags)


def _behind(views: Sequence[memoryview], done: int) -> list[memoryview]:
    """What follows the first ``done`` bytes."""
    rest = []
    for view in views:
        skipped = min(done, len(view))
        done -= skipped
        if skipped < len(view):
            rest.append(view[skipped:])
    return rest


def _write(descriptor: int, offset: int, views: Sequence[memoryview]) -> int:
    position = offset
    waiting = list(reversed(views))
    while waiting:
        batch = waiting[: -_IOV_MAX - 1 : -1]
        written = os.pwritev(descriptor, batch, position)
        position += written
        while written:
            first = waiting.pop()
            if written < len(first):
                waiting.append(first[written:])
                break
            written -= len(first)
    return position - offset


def durably(descriptor: int, write: Callable[[], object], sync: Sync) -> None:
    """Write and sync; when the sync fails, write once more from the source and sync again."""
    write()
    try:
        sync(descriptor)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise
        write()
        sync(descriptor)


def digest_of(blocks: Sequence[bytes | memoryview]) -> bytes:
    """The SHA-256 over all blocks in their order."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.digest()


def copy_range(source: int, target: int, offset: int, length: int) -> None:
    """Copy [offset, offset+length) to the same place of another file, inside the kernel.

    Raises IntegrityError ``store-bytes-missing`` when the source ends before that.
    """
    position, end = offset, offset + length
    in_kernel = True
    while position < end:
        try:
            if in_kernel:
                copied = os.copy_file_range(source, target, end - position, position, position)
            else:
                block = os.pread(source, min(_COPY_BYTES, end - position), position)
                copied = write_blocks(target, position, [block])
        except OSError as error:
            if not in_kernel or error.errno not in _NO_COPY:
                raise
            in_kernel = False
            continue
        if not copied:
            raise bytes_missing(position)
        position += copied


def bytes_missing(position: int) -> RecorderError:
    """The error for a file that is shorter than what was acknowledged."""
    return IntegrityError(
        "store-bytes-missing", "A stored file is shorter than it was.", position=position
    )


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the exclusive lock of this lock file; it ends with the block or with our death."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_same_file(descriptor: int, path: Path) -> bool:
    """Whether the path still names the open file."""
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)


class Directories:
    """Directories that are there and durable, made when first needed.

    What this object has made durable once it does not sync again, unless the directory has
    gone in between.
    """

    _REMEMBERED = 10_000

    def __init__(self, root: Path, sync: Sync) -> None:
        self._root = root
        self._sync = sync
        self._durable: set[Path] = set()

    def make(self, path: Path) -> None:
        """After return the directory exists, and each name on the way to it is durable."""
        _, names = self.begin(path)
        self.settle(names)

    def begin(self, path: Path) -> tuple[bool, list[Path]]:
        """See that the directory exists: whether it was there, and what is not durable of its way.

        Those directories, the outermost first, are to be given to ``settle`` when everything else
        is done that is to be durable with them.
        """
        for _ in range(100):
            try:
                was_there, missing = self._make(path)
            except FileNotFoundError:
                # Somebody removed an empty parent in between; what we remember is stale.
                self._durable.clear()
                continue
            if not was_there or path.is_dir():
                return was_there, missing
            self._durable.clear()
        raise Unavailable("store-unavailable", "A directory of the folder store keeps vanishing.")

    def settle(self, directories: Sequence[Path]) -> None:
        """Make the names of these directories durable.

        The outermost first: others are at work there, and a sync that waits for what they do
        makes all that was done below durable too on most file systems.
        """
        for directory in directories:
            sync_directory(directory.parent, self._sync)
        if len(self._durable) >= self._REMEMBERED:
            self._durable.clear()
        self._durable.update(directories)

    def _make(self, path: Path) -> tuple[bool, list[Path]]:
        missing: list[Path] = []
        for directory in (path, *path.parents):
            if directory == self._root or directory in self._durable:
                break
            missing.insert(0, directory)
        was_there = True
        for directory in missing:
            try:
                directory.mkdir(mode=0o750)
                was_there = False
            except FileExistsError:
                was_there = True
        return was_there, missing

    def prune(self, path: Path, top: Path) -> None:
        """Remove the directory and its parents below ``top`` as far as they are empty."""
        while path != top:
            self._durable.discard(path)
            try:
                path.rmdir()
            except OSError:
                return
            path = path.parent
