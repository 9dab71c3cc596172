"""The one folder of an embedded server: its layout, its lock, and what may be in it.

    DIR/recorder.lock   held for life by the parent; names its process
    DIR/version.json    layout and PostgreSQL major
    DIR/pg/             the database; its presence means that it was initialised to the end
    DIR/pg.new/         a database being initialised; thrown away by the next start
    DIR/objects/        footage and renditions
    DIR/keys/           the service's keys
    DIR/log/            one bounded log for each child
    DIR/run/            sockets and the registry of children; worthless after a stop

It must not start processes and never removes anything but ``pg.new`` and the content of ``run``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recorder.embedded.guardian import remove_leftover
from recorder.errors import Conflict, Forbidden, InvalidInput, StorageFull, Unprocessable

LAYOUT = 2
#: A folder of layout 1 is used as it is and called 2 from then on: versions that know 1 only do not
#: find the objects that are written now (one file each, its lock in its name).
_READ = (1, LAYOUT)
#: The wheel's directory is named after it, and one major cannot read another's files.
POSTGRES_MAJOR = 18

#: The kernel's limit for the path of a Unix socket, without the closing zero.
SOCKET_PATH_BYTES = 107
_LONGEST_SOCKET = "pg/.s.PGSQL.5432"
#: Characters that pass unchanged through every form of a database or Redis address.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")

_KNOWN = {"recorder.lock", "version.json", "pg", "pg.new", "objects", "keys", "log", "run"}
#: A freshly made file system of its own brings this folder along.
_HARMLESS = {"lost+found"}
#: How what a start leaves begins that dies before its version file has its name.
_DRAFT = ".version.json."


def user_name(uid: int) -> str:
    """The name of a user for a sentence; the number where there is none."""
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A folder that this process holds the lock of."""

    path: Path
    #: Where the sockets are: ``run``, or a private folder elsewhere if that path does not do.
    sockets: Path
    lock_fd: int

    @property
    def pg(self) -> Path:
        return self.path / "pg"

    @property
    def pg_new(self) -> Path:
        return self.path / "pg.new"

    @property
    def objects(self) -> Path:
        return self.path / "objects"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def registry(self) -> Path:
        return self.path / "run" / "children.json"

    @property
    def addresses(self) -> Path:
        return self.path / "run" / "addresses.json"

    def record_version(self) -> None:
        """State layout and PostgreSQL major, durably. Call it once ``pg`` is there.

        Before the first object is written: an earlier version then refuses the folder.
        """
        if _recorded(self.path).get("layout") == LAYOUT:
            return
        write_durably(
            self.path / "version.json",
            json.dumps({"layout": LAYOUT, "postgresql": POSTGRES_MAJOR}) + "\n",
        )

    def close(self) -> None:
        """Remove sockets and let go of the lock; the folder can be opened again."""
        _empty_run(self.run)
        if self.sockets != self.run:
            remove_leftover(self.sockets)
        os.close(self.lock_fd)


def write_durably(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace a small file in one step; after a power cut it is the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(path: Path) -> int:
    """Make the folder where needed, take its lock and check that it is ours; give the lock.

    Raises Conflict ``data-folder-in-use``, Forbidden ``data-folder-unwritable``, InvalidInput
    ``data-folder-foreign``, Unprocessable ``data-folder-version``, StorageFull; each with a
    sentence that says what to do. The lock goes when the descriptor is closed.
    """
    with _sentences(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_foreign(path)
        descriptor = os.open(
            path / "recorder.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            _take(descriptor, path)
            _refuse_other_version(path)
            for name in ("objects", "keys", "log"):
                (path / name).mkdir(mode=0o700, exist_ok=True)
            # The database server may be another user, who must reach his own folder of sockets.
            (path / "run").mkdir(exist_ok=True)
            (path / "run").chmod(0o711)
        except BaseException:
            os.close(descriptor)
            raise
    return descriptor


def open_locked(path: Path, descriptor: int) -> DataFolder:
    """The folder ready for use, with fresh sockets. What earlier starts left must be ended before.

    Raises Unprocessable ``socket-path-too-long`` when even the private folder's path does not do.
    """
    run = path / "run"
    with _sentences(path):
        _empty_run(run)
        sockets = _socket_folder(run)
        (sockets / "pg").mkdir(mode=0o700, exist_ok=True)
        (sockets / "redis").mkdir(mode=0o700, exist_ok=True)
        shutil.rmtree(path / "pg.new", ignore_errors=True)
    return DataFolder(path, sockets, descriptor)


def _refuse_foreign(path: Path) -> None:
    """A folder with other things in it (a home folder, say) is a slip of the keyboard."""
    if (path / "version.json").exists():
        return
    names = {entry.name for entry in path.iterdir() if not entry.name.startswith(_DRAFT)}
    foreign = sorted(names - _KNOWN - _HARMLESS)
    if foreign:
        raise InvalidInput(
            "data-folder-foreign",
            f"The folder {path} holds other things ({foreign[0]} and so on) and no recorder data;"
            " name an empty or a new folder with --data.",
        )


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        raise Conflict(
            "data-folder-in-use",
            f"The folder {path} is in use by a running recorder, process {holder}; stop that one"
            f" first (kill {holder}) or choose another folder with --data.",
            holder=holder,
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _refuse_other_version(path: Path) -> None:
    recorded = _recorded(path)
    layout, major = recorded.get("layout"), recorded.get("postgresql")
    if recorded and layout not in _READ:
        raise Unprocessable(
            "data-folder-version",
            f"The folder {path} has layout {layout}, this version knows layout {LAYOUT};"
            " start the version of recorder that wrote it.",
        )
    with contextlib.suppress(FileNotFoundError):
        major = int((path / "pg" / "PG_VERSION").read_text())
    if major not in (None, POSTGRES_MAJOR):
        raise Unprocessable(
            "data-folder-version",
            f"The database in {path} was written by PostgreSQL {major}, this version brings"
            f" PostgreSQL {POSTGRES_MAJOR}; make a backup with the version that wrote it"
            " (recorder backup) and restore it here into a new folder (recorder restore).",
        )
    if recorded and not (path / "pg").is_dir():
        raise Unprocessable(
            "data-folder-incomplete",
            f"The folder {path} was in use before, but its database (pg) is gone; put it back"
            " from a copy, or restore a backup into a new folder. Nothing was changed.",
        )


def _recorded(path: Path) -> dict[str, object]:
    try:
        content = json.loads((path / "version.json").read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Unprocessable(
            "data-folder-version",
            f"The file {path / 'version.json'} cannot be read; put it back from a copy:"
            f' {{"layout": {LAYOUT}, "postgresql": {POSTGRES_MAJOR}}} for this version.',
        )
    return content


@contextlib.contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into a sentence that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                "storage-full", f"There is no room left for {path}; free some and start again."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP):
            raise Forbidden(
                "data-folder-unwritable",
                f"The folder {path} cannot be written by {user_name(os.geteuid())}"
                f" ({error.strerror}: {error.filename}); give it to that user (chown) or choose"
                " another folder with --data.",
            ) from error
        if error.errno in (errno.ENOTDIR, errno.EEXIST):
            raise InvalidInput(
                "data-folder-no-folder",
                f"{path} is not a folder, or lies below a file; choose another with --data.",
            ) from error
        raise


def _empty_run(run: Path) -> None:
    for entry in run.iterdir():
        remove_leftover(entry)


def _socket_folder(run: Path) -> Path:
    if _fits(run):
        return run
    # The registry names it, so that the guardian or the next start removes it after a crash.
    sockets = Path(tempfile.mkdtemp(prefix="recorder-"))
    sockets.chmod(0o711)
    if not _fits(sockets):
        sockets.rmdir()
        raise Unprocessable(
            "socket-path-too-long",
            f"Unix sockets fit neither into {run} nor into the temporary folder"
            f" {sockets.parent} (at most {SOCKET_PATH_BYTES} bytes, plain characters);"
            " set TMPDIR to a short path such as /tmp.",
        )
    return sockets


def _fits(folder: Path) -> bool:
    longest = os.fsencode(folder / _LONGEST_SOCKET)
    return len(longest) <= SOCKET_PATH_BYTES and bool(_PLAIN_PATH.fullmatch(str(folder)))
