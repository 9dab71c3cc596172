"""What happens to the product's own work: tasks that fail, alarms."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.events.base import CustodyEvent, SubjectKind


@dataclass(frozen=True, kw_only=True)
class TaskFailed(CustodyEvent):
    """A task has ended without success and will not be tried again by itself."""

    run: uuid.UUID
    task: str
    attempts: int
    code: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class TaskRetried(CustodyEvent):
    run: uuid.UUID
    task: str


@dataclass(frozen=True, kw_only=True)
class AuditCompleted(CustodyEvent):
    """Database, store and events were compared; the subject is the audit itself."""

    SUBJECT = SubjectKind.SYSTEM
    #: presence, size or digest.
    level: str
    started_at: datetime
    #: Kind of thing → how many of it.
    looked_at: dict[str, object]
    #: Code of a finding → how often; empty when everything agreed.
    findings: dict[str, object]


@dataclass(frozen=True, kw_only=True)
class FixityChecked(CustodyEvent):
    """A batch of sealed objects was read back; the subject is the batch itself."""

    SUBJECT = SubjectKind.SYSTEM
    objects: int
    #: Bytes of those that were what was sealed.
    length: int
    #: Those that were not; each has its own FixityFailed.
    failing: int
    first_at: datetime
    last_at: datetime
    #: SHA-256 over one canonical line for each object (docs/design/fixity.md).
    digest: str


@dataclass(frozen=True, kw_only=True)
class AlarmRaised(CustodyEvent):
    SUBJECT = SubjectKind.ALARM
    code: str
    about_kind: str
    about: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class AlarmAcknowledged(CustodyEvent):
    SUBJECT = SubjectKind.ALARM
    code: str
    note: str


@dataclass(frozen=True, kw_only=True)
class AlarmCleared(CustodyEvent):
    SUBJECT = SubjectKind.ALARM
    code: str
    note: str


@dataclass(frozen=True, kw_only=True)
class DatabaseAccepted(CustodyEvent):
    """From here on this database counts, though the store has seen a longer one."""

    SUBJECT = SubjectKind.SYSTEM
    #: The newest sign of another database that the store holds; None: there was none.
    marker: str | None
    #: Recordings written anew from their sidecars just before.
    rebuilt: int
