"""Segments on a local disk, while store or database do not take them: bytes, names, quota.

    ROOT/<owner>/lock                                       held as long as its process lives
    ROOT/<owner>/<livestream>/p000001-000000000.init        the period's description, kept for all
    ROOT/<owner>/<livestream>/p000001-000000042.segment     one segment
    ROOT/<owner>/<livestream>/moved.json                    where the rest of it goes instead

A file is there whole or not at all, and durable before ``keep`` returns. Everything here blocks.
What the disk damaged is put aside as ``.damaged`` and never removed; whoever takes the folder over
next looks at it once more.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from recorder.domain.ids import LivestreamId
from recorder.domain.instant import Instant, format_utc
from recorder.domain.livestream import PeriodCause
from recorder.errors import InvalidInput, StorageFull, Unavailable

#: Room on the disk that segments leave alone: a database may stand on the same one.
FLOOR_BYTES = 1 << 30
_INIT, _SEGMENT = _KINDS = ".init", ".segment"
_DAMAGED = ".damaged"
#: A place of the disk that cannot be read now is tried so often before it is taken for damaged.
_TRIES = 3
_BLOCK_BYTES = 1 << 20
#: How long what others use of the quota is taken from the last look.
_LOOK_S = 2.0


@dataclass(frozen=True, slots=True)
class Arrived:
    """An init segment (number 0) or a segment, with all that it is put with."""

    livestream: LivestreamId
    period: int
    number: int
    body: bytes
    arrived_at: datetime
    cause: PeriodCause = PeriodCause.UNKNOWN
    device_at: datetime | None = None
    #: The lease under which it came.
    fence: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where one of them lies; places of a livestream sort as its original does."""

    livestream: LivestreamId
    period: int
    number: int
    path: Path
    length: int


class SpoolFolder:
    """The part of one process of a spool that others on this machine may share."""

    def __init__(self, root: Path, owner: str, quota_bytes: int, floor_bytes: int) -> None:
        self._root = root
        self._own = root / owner
        self._quota = quota_bytes
        self._floor = floor_bytes
        #: Owners' folders whose locks we hold: ours, and those of processes that died.
        self._locks: dict[Path, int] = {}
        self._used = 0
        self._looked = -_LOOK_S

    def open(self) -> None:
        """Make our folder. Raises Unavailable ``spool-unusable`` where that cannot be."""
        with _translated():
            self._own.mkdir(mode=0o750, parents=True, exist_ok=True)
            _sync_directory(self._root)
            if not self._lock(self._own):
                raise Unavailable("spool-unusable", "Another process has this spool folder.")

    def close(self) -> None:
        """Let others have what is left; an empty folder of ours goes."""
        for folder in list(self._locks):
            self._leave(folder)

    def adopt(self) -> list[Place]:
        """What dead processes left, from now on ours: their locks are free.

        What was put aside as damaged and reads well by now is among it.
        """
        found: list[Place] = []
        with _translated():
            for folder in sorted(self._root.iterdir()):
                if not folder.is_dir() or folder in self._locks or not self._lock(folder):
                    continue
                try:
                    found += self._taken_over(folder)
                except OSError:
                    self._leave(folder)  # It is looked at again.
                    raise
        return found

    def _taken_over(self, folder: Path) -> list[Place]:
        for draft in folder.rglob(".draft-*"):
            draft.unlink(missing_ok=True)  # Never answered.
        damaged = list(folder.glob(f"*/p*{_DAMAGED}"))
        for path in damaged:
            whole = path.with_name(path.name.removesuffix(_DAMAGED))
            with contextlib.suppress(OSError):
                if not whole.exists() and _understood(_content(path)) is not None:
                    path.rename(whole)
        places = [_place(path) for kind in _KINDS for path in folder.glob(f"*/p*{kind}")]
        if not places and not damaged:
            self._leave(folder)
        return [place for place in places if place is not None]

    def highest(self, livestream: LivestreamId) -> tuple[int, int]:
        """The highest period and number that wait on this machine, in any process's part."""
        with _translated():
            seen = map(_place, self._root.glob(f"*/{livestream}/p*.*"))
            places = [place for place in seen if place is not None]
        return (
            max((place.period for place in places), default=0),
            max((place.number for place in places), default=0),
        )

    def keep(self, arrived: Arrived) -> Place:
        """After return it is durable. Raises StorageFull ``spool-full`` beyond quota or disk."""
        with _translated():
            if self.is_full(len(arrived.body)):
                raise StorageFull("spool-full", "The spool for livestreams is full.")
            folder = self._own / str(arrived.livestream)
            if not folder.is_dir():
                folder.mkdir(mode=0o750, exist_ok=True)
                _sync_directory(self._own)
            kind = _SEGMENT if arrived.number else _INIT
            path = folder / f"p{arrived.period:06d}-{arrived.number:09d}{kind}"
            _write(path, _head(arrived), arrived.body)
            self._used += len(arrived.body)
            number = arrived.number
            return Place(arrived.livestream, arrived.period, number, path, _size(path))

    def read(self, place: Place) -> Arrived | None:
        """What lies there; None when it is not what was written, or is put aside."""
        with _translated():
            return _understood(_content(place.path)) if place.path.exists() else None

    def left_of(self, place: Place) -> bytes:
        """What can be read of a body that is damaged, also when it is put aside; often most."""
        with _translated():
            for path in (place.path, _aside(place)):
                if path.exists():
                    return _content(path).partition(b"\n")[2]
        return b""

    def put_aside(self, place: Place) -> None:
        """Keep a damaged file where it is, under a name that nobody takes up."""
        with _translated():
            if place.path.exists():
                place.path.rename(_aside(place))
                _sync_directory(place.path.parent)

    def name_of(self, place: Place) -> str:
        """What a person looks for below the spool's folder, once it is put aside."""
        return str(_aside(place).relative_to(self._root))

    def fence_of(self, place: Place) -> int | None:
        """The lease under which it came; None where that is not known."""
        try:
            with _translated(), contextlib.suppress(FileNotFoundError):
                with place.path.open("rb") as file:
                    fence = json.loads(_first_line(file))["fence"]
                return fence if isinstance(fence, int) else None
        except (ValueError, KeyError, TypeError):
            pass  # It is damaged, or of an earlier release.
        return None

    def remove(self, place: Place) -> None:
        """It is safe elsewhere."""
        with _translated():
            place.path.unlink(missing_ok=True)

    def done(self, livestream: LivestreamId) -> None:
        """All its segments are safe elsewhere: what described them goes."""
        with _translated():
            for owner in self._locks:
                folder = owner / str(livestream)
                if not folder.is_dir() or any(folder.glob(f"*{_SEGMENT}")):
                    continue
                for path in (*folder.glob(f"*{_INIT}"), folder / "moved.json"):
                    path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # Something damaged stays, and so does it.
                    folder.rmdir()
            for owner in [each for each in self._locks if each != self._own]:
                if not any(path.is_dir() for path in owner.iterdir()):
                    self._leave(owner)

    def moved(self, place: Place) -> tuple[LivestreamId, int, int] | None:
        """The livestream that takes the rest of this one, and what to take off from numbers."""
        with _translated():
            path = place.path.with_name("moved.json")
            if not path.exists():
                return None
            said = json.loads(path.read_bytes())
        return LivestreamId(uuid.UUID(said["livestream"])), said["period"], said["number"]

    def move(self, place: Place, livestream: LivestreamId, period: int, number: int) -> None:
        """Remember it durably, before anything goes there."""
        said = {"livestream": str(livestream), "period": period, "number": number}
        with _translated():
            _write(place.path.with_name("moved.json"), json.dumps(said).encode(), b"")

    def oldest_age_s(self, places: Sequence[Place]) -> float:
        """How long the oldest of these files has lain here; 0 without any."""
        written = [at for at in map(_written_at, places) if at is not None]
        return max(0.0, time.time() - min(written)) if written else 0.0

    def waiting_bytes(self) -> int:
        """Bytes of all processes on this machine that wait here, by a look just now.

        What is damaged takes room and waits for nothing.
        """
        with _translated():
            self._looked = time.monotonic()
            files = [path for path in self._root.rglob("p*") if path.is_file()]
            sizes = {path: _size(path) for path in files}
        self._used = sum(sizes.values())
        return sum(size for path, size in sizes.items() if path.suffix in _KINDS)

    def is_full(self, more_bytes: int) -> bool:
        """Whether so much more would not fit."""
        if time.monotonic() - self._looked > _LOOK_S:
            self.waiting_bytes()
        with _translated():
            return self._used + more_bytes > self._quota or self._disk_is_full()

    def _disk_is_full(self) -> bool:
        found = os.statvfs(self._root)
        return found.f_bavail * found.f_frsize < self._floor

    def _lock(self, folder: Path) -> bool:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._locks[folder] = descriptor
        return True

    def _leave(self, folder: Path) -> None:
        with contextlib.suppress(OSError):
            if not any(path.is_dir() for path in folder.iterdir()):
                (folder / "lock").unlink(missing_ok=True)
                folder.rmdir()
        os.close(self._locks.pop(folder))


def _head(arrived: Arrived) -> bytes:
    said = {
        "v": 1,
        "livestream": str(arrived.livestream),
        "period": arrived.period,
        "number": arrived.number,
        "cause": arrived.cause.value,
        "arrived_at": format_utc(arrived.arrived_at),
        "device_at": format_utc(arrived.device_at) if arrived.device_at else None,
        "fence": arrived.fence,
        "sha256": hashlib.sha256(arrived.body).hexdigest(),
    }
    return json.dumps(said).encode()


def _write(path: Path, head: bytes, body: bytes) -> None:
    draft = path.with_name(f".draft-{path.name}")
    try:
        with draft.open("wb", buffering=0) as file:
            for part in (head, b"\n", body):
                written = 0
                while written < len(part):
                    written += file.write(memoryview(part)[written:]) or 0
            os.fsync(file.fileno())
        draft.rename(path)
        _sync_directory(path.parent)
    except OSError:
        # Whoever wrote it keeps it in memory: a file that nobody knows would wait here for ever.
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        raise


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _place(path: Path) -> Place | None:
    """What the name says; None for a file of somebody else's."""
    try:
        period, number = path.name.partition(".")[0].removeprefix("p").split("-")
        livestream = LivestreamId(uuid.UUID(path.parent.name))
        return Place(livestream, int(period), int(number), path, _size(path))
    except ValueError:
        return None


def _aside(place: Place) -> Path:
    return place.path.with_name(f"{place.path.name}{_DAMAGED}")


def _content(path: Path) -> bytes:
    """All that can be read; a file whose place on the disk is broken ends there."""
    content = bytearray()
    with path.open("rb", buffering=0) as file:
        for again in range(_TRIES):
            try:
                while block := file.read(_BLOCK_BYTES):
                    content += block
                break
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                if again + 1 < _TRIES:
                    file.seek(len(content))
    return bytes(content)


def _first_line(file: BinaryIO) -> bytes:
    try:
        return file.readline()
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""  # Its place on the disk is broken.


def _understood(content: bytes) -> Arrived | None:
    """What a file says; None when its bytes are not those that were written."""
    head, _, body = content.partition(b"\n")
    try:
        said = json.loads(head)
        if hashlib.sha256(body).hexdigest() != said["sha256"]:
            return None
        return Arrived(
            LivestreamId(uuid.UUID(said["livestream"])), said["period"], said["number"], body,
            Instant.parse(said["arrived_at"]).at, PeriodCause(said["cause"]),
            Instant.parse(said["device_at"]).at if said["device_at"] else None,
            said.get("fence"),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, InvalidInput):
        return None


def _written_at(place: Place) -> float | None:
    try:
        return place.path.stat().st_mtime
    except OSError:
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("spool-full", "The spool for livestreams is full.") from error
        raise Unavailable(
            "spool-unusable", f"The spool for livestreams cannot go on: {error.strerror}."
        ) from error
