"""Which small objects of a closed livestream go into which large one; no bytes here.

Members are the objects of the original in order. A volume holds a run of them, whole ones, and its
key names its content: whoever writes it writes the same bytes.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from recorder.domain.ids import RecordingId
from recorder.errors import IntegrityError

#: Fewer objects than these, about a minute of a livestream, are left as they are.
LEAST_OBJECTS = 30


@dataclass(frozen=True, slots=True)
class Member:
    """One small object of an original, as it arrived."""

    #: Its number in the livestream; negative for an init segment.
    number: int
    key: str
    version: str
    length: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Volume:
    """A large object to be: so many members from ``first`` on (from 0)."""

    n: int
    key: str
    length: int
    first: int
    members: int


def folder_of(prefix: str, recording: RecordingId) -> str:
    """Where the volumes of a recording lie, and their index."""
    return f"{prefix}/volumes-{recording}"


def plan(
    prefix: str, recording: RecordingId, members: Sequence[Member], most_bytes: int
) -> list[Volume]:
    """Volumes of at most so many bytes; one member that is longer stands alone."""
    volumes: list[Volume] = []
    first = 0
    for run in _runs(members, most_bytes):
        volumes.append(
            Volume(
                len(volumes),
                volume_key(prefix, recording, len(volumes), 0, run),
                sum(member.length for member in run),
                first,
                len(run),
            )
        )
        first += len(run)
    return volumes


def _runs(members: Sequence[Member], most_bytes: int) -> Iterator[list[Member]]:
    run: list[Member] = []
    length = 0
    for member in members:
        if run and length + member.length > most_bytes:
            yield run
            run, length = [], 0
        run.append(member)
        length += member.length
    if run:
        yield run


def volume_key(
    prefix: str, recording: RecordingId, n: int, attempt: int, members: Sequence[Member]
) -> str:
    """The key of a volume; ``attempt`` counts those that were given up in its place."""
    content = hashlib.sha256(b"volume\n")
    for member in members:
        content.update(f"{member.length} {member.sha256.hex()}\n".encode())
    return f"{folder_of(prefix, recording)}/{n:04d}-{attempt}-{content.hexdigest()}"


def offsets(members: Sequence[Member], volume: Volume) -> list[int]:
    """Where each of its members begins in the volume."""
    lengths = [member.length for member in members[volume.first : volume.first + volume.members]]
    if sum(lengths) != volume.length or len(lengths) != volume.members:
        raise IntegrityError("volume-differs", "A volume does not hold the members it names.")
    return [0, *itertools.accumulate(lengths)][:-1]


def worthwhile(members: Sequence[Member], volumes: Sequence[Volume]) -> bool:
    """Whether there are far fewer objects afterwards, the index counted."""
    return len(members) >= LEAST_OBJECTS and 2 * (len(volumes) + 1) <= len(members)
