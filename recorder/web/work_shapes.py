"""What answers about work, alarms, health, the asker and the asker's own sendings hold.

As ``shapes`` does for evidence.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import Field

from recorder.services.alarms import Alarm
from recorder.services.review import SentRecording
from recorder.services.tasks import NamedRun, WorkInProgress
from recorder.store.open_uploads import OpenUpload
from recorder.web.shapes import Digests, Shape, TaskShape


class AlarmShape(Shape):
    """Something a person must know about."""

    id: uuid.UUID
    code: str
    severity: str
    state: str = Field(description="raised, acknowledged or cleared")
    about_kind: str
    about: str
    detail: str
    raised_at: datetime
    seen_at: datetime
    times: int
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    cleared_at: datetime | None
    cleared_by: str | None
    note: str | None
    facts: dict[str, object] = Field(description="what `detail` says, for programs")

    @classmethod
    def of(cls, alarm: Alarm) -> AlarmShape:
        return cls(
            id=alarm.id,
            code=alarm.code,
            severity=alarm.severity.value,
            state=alarm.state,
            about_kind=alarm.about_kind,
            about=alarm.about,
            detail=alarm.detail,
            raised_at=alarm.raised_at,
            seen_at=alarm.seen_at,
            times=alarm.times,
            acknowledged_at=alarm.acknowledged_at,
            acknowledged_by=alarm.acknowledged_by,
            cleared_at=alarm.cleared_at,
            cleared_by=alarm.cleared_by,
            note=alarm.note,
            facts=dict(alarm.facts),
        )


class OpenUploadShape(Shape):
    """A transfer under way."""

    id: uuid.UUID
    name: str
    device: str | None
    case_numbers: tuple[str, ...]
    length: int
    offset: int
    state: str
    created_at: datetime
    last_byte_at: datetime | None

    @classmethod
    def of(cls, upload: OpenUpload) -> OpenUploadShape:
        return cls(
            id=upload.id,
            name=upload.name,
            device=upload.device_number,
            case_numbers=upload.case_numbers,
            length=upload.length,
            offset=upload.offset,
            state=upload.state,
            created_at=upload.created_at,
            last_byte_at=upload.last_byte_at,
        )


class NamedTaskShape(TaskShape):
    """A task with what its recording is called; null where it is about something else."""

    name: str | None
    device: str | None
    case_numbers: tuple[str, ...]

    @classmethod
    def of_named(cls, named: NamedRun) -> NamedTaskShape:
        subject = named.subject
        return cls(
            **TaskShape.of(named.run).model_dump(),
            name=subject.name if subject else None,
            device=subject.device_number if subject else None,
            case_numbers=subject.case_numbers if subject else (),
        )


class WorkShape(Shape):
    """Transfers and task runs that are not at their end."""

    uploads: tuple[OpenUploadShape, ...]
    tasks: tuple[NamedTaskShape, ...]

    @classmethod
    def of(cls, work: WorkInProgress) -> WorkShape:
        return cls(
            uploads=tuple(OpenUploadShape.of(upload) for upload in work.uploads),
            tasks=tuple(NamedTaskShape.of_named(run) for run in work.runs),
        )


class HealthShape(Shape):
    """The process answers; how late its event loop is."""

    status: str
    loop_lag_ms: float


class ComponentShape(Shape):
    """Something the service stands on."""

    name: str
    status: str = Field(description="ok or failing")
    detail: str


class ReadinessShape(HealthShape):
    """Database and event loop decide; the other components are shown."""

    components: tuple[ComponentShape, ...]


class MeShape(Shape):
    """Whoever asks."""

    kind: str
    id: str
    name: str
    role: str | None
    agency: uuid.UUID | None
    city: bool = Field(description="sees every agency")
    officer: str | None


class EnrolledShape(Shape):
    """What a device gets for its one-time code."""

    token: str
    service_key: str = Field(description="the service's public key; pin it")
    device: str


class SentRecordingShape(Shape):
    """What the sender of a recording may know of it where it is somebody else's to see."""

    id: uuid.UUID
    state: str = Field(description="quarantined while not admitted, else the integrity")
    integrity: str
    quarantine_reasons: tuple[str, ...]
    length: int
    digests: Digests

    @classmethod
    def of(cls, sent: SentRecording) -> SentRecordingShape:
        return cls(
            id=sent.id,
            state=sent.state,
            integrity=sent.integrity.value,
            quarantine_reasons=sent.quarantine_reasons,
            length=sent.length,
            digests=Digests.of(sent.sha256, sent.sm3),
        )
