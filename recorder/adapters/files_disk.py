"""Bytes and names on a local disk, made durable: the ground under the folder store.

It knows neither buckets nor locks. Nothing here renames over a file, and an fsync that failed
is never just tried again: the pages it lost are marked clean, so the bytes are written anew.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, unquote

from recorder.adapters.store_limits import check_key
from recorder.errors import (
    IntegrityError,
    RecorderError,
    StorageFull,
    Unavailable,
)

T = TypeVar("T")

#: Makes everything written to a descriptor durable, or raises OSError.
Sync = Callable[[int], None]

_COPY_BYTES = 1 << 20
_IOV_MAX = 1024
_NAME_BYTES = 200
#: Keys that are the names of their folders as they stand: nearly all.
_PLAIN_KEY = re.compile(
    r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}/)*[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}"
)
_PLAIN_BYTES = 1024
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


def tried(act: Callable[[], T]) -> T | RecorderError:
    """What the act gives, or the error that ends it."""
    try:
        with translated():
            return act()
    except RecorderError as error:
        return error


def key_name(key: str) -> str:
    """The relative folder of a key: readable, one to one, and never outside its bucket.

    Each step is percent-encoded down to letters, digits, ``-``, ``_``, ``.`` (not leading);
    one too long for a file name goes on below ``…~``. Raises InvalidInput for bad keys.
    """
    if len(key) <= _PLAIN_BYTES and _PLAIN_KEY.fullmatch(key):
        return key
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
    return "/".join(names)


def path_key(path: Path) -> str:
    """The key whose folder this is: the inverse of ``key_name``."""
    joined = "".join(name[:-1] if name.endswith("~") else f"{name}/" for name in path.parts)
    return unquote(joined[:-1])


def sync_directory(path: Path | str, sync: Sync = os.fsync) -> None:
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
    settle(descriptor, write, sync)


def settle(descriptor: int, write: Callable[[], object], sync: Sync) -> None:
    """Sync what was written; see ``durably``."""
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
def held(path: Path | str) -> Iterator[None]:
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
