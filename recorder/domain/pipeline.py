"""PIPELINE: every kind of work the product does, by which event it starts, and its limits.

Work is started by these rows alone: ``store/change.py`` reads them when an event is recorded and
writes the task runs in the same transaction. What a task does is in ``workers/steps``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from recorder.domain.compaction import LEAST_OBJECTS
from recorder.domain.events import (
    CustodyEvent,
    MediaProbed,
    RecordingAssembled,
    RecordingRebuilt,
    RecordingSealed,
    UploadCompleted,
)


class WorkQueue(enum.StrEnum):
    #: Reading, hashing: bound by the store.
    IO = "io"
    #: ffmpeg: bound by the processor.
    MEDIA = "media"


@dataclass(frozen=True, slots=True)
class Task:
    #: The word that runs, pages and metrics use.
    name: str
    #: Any of these events starts it.
    starts_on: tuple[type[CustodyEvent], ...]
    queue: WorkQueue
    #: Longest time one attempt may take.
    limit_s: int
    #: How often an outside failure (kind unavailable, or a lost worker) is tried.
    tries: int
    #: Among those due, higher goes first.
    priority: int
    when: Callable[[CustodyEvent], bool] = lambda event: True


def _needs_proxy(event: CustodyEvent) -> bool:
    return isinstance(event, MediaProbed) and event.needs_proxy


def _has_picture(event: CustodyEvent) -> bool:
    return isinstance(event, MediaProbed) and event.showable not in ("none", "audio")


def _was_first_look(event: CustodyEvent) -> bool:
    return isinstance(event, MediaProbed) and event.media.get("first_look") is True


def _has_many_objects(event: CustodyEvent) -> bool:
    """A livestream's, whose seal names its manifest and how many objects that lists."""
    if not isinstance(event, RecordingSealed):
        return False
    listed = event.objects[0].get("listed") if event.objects else None
    return isinstance(listed, int) and listed >= LEAST_OBJECTS


#: A recording exists whose bytes nobody has read back yet.
_RECEIVED = (UploadCompleted, RecordingRebuilt, RecordingAssembled)
_PROBED = (MediaProbed,)
_SEALED = (RecordingSealed,)

PIPELINE: tuple[Task, ...] = (
    Task("verify", _RECEIVED, WorkQueue.IO, limit_s=6 * 3600, tries=30, priority=20),
    Task("probe", _RECEIVED, WorkQueue.MEDIA, limit_s=1800, tries=10, priority=30),
    Task("poster", _PROBED, WorkQueue.MEDIA, 600, tries=10, priority=25, when=_has_picture),
    Task("codes", _PROBED, WorkQueue.MEDIA, 600, tries=10, priority=15, when=_has_picture),
    Task("proxy", _PROBED, WorkQueue.MEDIA, 24 * 3600, tries=10, priority=10, when=_needs_proxy),
    Task("examine", _PROBED, WorkQueue.MEDIA, 1800, tries=10, priority=5, when=_was_first_look),
    Task("compact", _SEALED, WorkQueue.IO, 24 * 3600, tries=30, priority=1, when=_has_many_objects),
)

#: Tasks from this priority on are short and stand between a clip and its viewer: of each queue one
#: may run beside the full number of others.
URGENT_PRIORITY = 25
#: Tasks up to this priority are long and nobody waits for them: of each queue a worker does one at
#: a time, beside its full number of others.
BACKGROUND_PRIORITY = 2

TASKS: dict[str, Task] = {task.name: task for task in PIPELINE}


def started_by(event: CustodyEvent) -> tuple[Task, ...]:
    """The tasks an event starts."""
    return tuple(t for t in PIPELINE if isinstance(event, t.starts_on) and t.when(event))
