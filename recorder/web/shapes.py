"""What answers hold: JSON shapes, and how each is made from what a service gave.

Fields are only ever added. Requests are in ``schemas``.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from pydantic import Field

from recorder.domain.case import CaseFile, CaseLink
from recorder.domain.recording import Recording
from recorder.services.casework import CaseRecording, LinkedCase
from recorder.services.review import RecordingView
from recorder.store.custody_events import RecordedEvent
from recorder.store.task_runs import TaskRun
from recorder.web.fixity_shape import FixityShape
from recorder.web.object_shapes import FilmedCodeShape
from recorder.web.shape import ListShape as ListShape
from recorder.web.shape import Shape as Shape
from recorder.web.shape import page_shape as page_shape


class Digests(Shape):
    """Hexadecimal; null until the original has been read back."""

    sha256: str | None
    sm3: str | None

    @classmethod
    def of(cls, sha256: bytes | None, sm3: bytes | None) -> Digests:
        return cls(sha256=sha256.hex() if sha256 else None, sm3=sm3.hex() if sm3 else None)


class TaskShape(Shape):
    """One task of the pipeline for one subject, and how its execution stands."""

    id: uuid.UUID
    task: str
    subject_kind: str
    subject: uuid.UUID
    state: str = Field(description="pending, claimed, done or failed")
    attempt: int
    progress: dict[str, int] | None = Field(description="percent, speed and time left, if known")
    error_code: str | None
    error_detail: str | None
    error_facts: dict[str, object] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, run: TaskRun) -> TaskShape:
        return cls(
            id=run.id,
            task=run.task,
            subject_kind=run.subject_kind,
            subject=run.subject_id,
            state=run.state,
            attempt=run.attempt,
            progress=run.progress,
            error_code=run.error_code,
            error_detail=run.error_detail,
            error_facts=dict(run.error_facts) if run.error_facts is not None else None,
            created_at=run.created_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
        )


class LinkedCaseShape(Shape):
    """A case that a recording is tied to."""

    id: uuid.UUID
    number: str
    title: str | None
    state: str
    agency: str
    stage: str | None
    linked_at: datetime
    reason: str | None

    @classmethod
    def of(cls, linked: LinkedCase) -> LinkedCaseShape:
        return cls(
            id=linked.case,
            number=linked.number,
            title=linked.title,
            state=linked.state.value,
            agency=linked.agency_code,
            stage=linked.link.stage.value if linked.link.stage else None,
            linked_at=linked.link.linked_at,
            reason=linked.link.reason,
        )


class RecordingLineShape(Shape):
    """A recording as lists show it."""

    id: uuid.UUID
    state: str = Field(description="quarantined while not admitted, else the integrity")
    integrity: str
    length: int
    original_name: str
    agency: str
    device: str | None
    officer: str | None
    stage: str | None
    started_at: datetime | None
    ended_at: datetime | None
    received_at: datetime
    key_file: bool
    flags: tuple[str, ...]
    showable: str | None
    links: int = Field(description="how many cases it is tied to")
    restrictions: tuple[str, ...] = Field(description="grounds on which only some may watch it")
    classes: tuple[str, ...] = Field(description="those people say of it; as of cases")
    provenance: str | None = Field(description="of what a person brought: from where, or unsaid")
    camera: str | None = Field(description="with what it was made, as its sender says")
    review: str | None = Field(description="of fixed monitoring: awaited, passed or refused")

    @classmethod
    def of(cls, recording: Recording) -> RecordingLineShape:
        return cls(**_line(recording))


def _line(recording: Recording) -> dict[str, Any]:
    return {
        "id": recording.id,
        "state": recording.state,
        "integrity": recording.integrity.value,
        "length": recording.length,
        "original_name": recording.original_name,
        "agency": recording.agency_code,
        "device": recording.device_number,
        "officer": recording.officer,
        "stage": recording.stage,
        "started_at": recording.started_at,
        "ended_at": recording.ended_at,
        "received_at": recording.received_at,
        "key_file": recording.key_file,
        "flags": recording.flags,
        "showable": recording.showable,
        "links": recording.links,
        "restrictions": recording.restrictions,
        "classes": recording.classes,
        "provenance": recording.provenance,
        "camera": recording.camera,
        "review": recording.review,
    }


class RecordingShape(RecordingLineShape):
    """Everything about a recording but its custody events and its bytes."""

    digests: Digests
    dock: str | None
    quarantine_reasons: tuple[str, ...]
    device_clock_at: datetime | None
    clock_offset_ms: int | None
    started_at_source: str | None
    latitude: float | None
    longitude: float | None
    accuracy_m: float | None
    note: str | None
    media: dict[str, object] | None
    sealed_at: datetime | None
    tasks: tuple[TaskShape, ...]
    cases: tuple[LinkedCaseShape, ...]
    fixity: FixityShape | None = Field(description="null before it is sealed")
    livestream: uuid.UUID | None = Field(description="the livestream it was")
    continues: uuid.UUID | None = Field(description="the recording that it supplements")
    copy_of: uuid.UUID | None = Field(description="the livestream that a gateway copied")
    filmed_codes: tuple[FilmedCodeShape, ...] = ()

    @classmethod
    def of_view(cls, view: RecordingView) -> RecordingShape:
        """The recording with its tasks and the cases that the asker may see."""
        recording = view.recording
        return cls(
            **_line(recording),
            livestream=recording.livestream,
            continues=recording.continues,
            copy_of=recording.copy_of,
            digests=Digests.of(recording.sha256, recording.sm3),
            dock=view.dock_name,
            quarantine_reasons=recording.quarantine_reasons,
            device_clock_at=recording.device_clock_at,
            clock_offset_ms=recording.clock_offset_ms,
            started_at_source=recording.started_at_source,
            latitude=recording.latitude,
            longitude=recording.longitude,
            accuracy_m=recording.accuracy_m,
            note=recording.note,
            media=recording.media,
            sealed_at=recording.sealed_at,
            tasks=tuple(TaskShape.of(run) for run in view.tasks),
            cases=tuple(LinkedCaseShape.of(linked) for linked in view.cases),
            fixity=FixityShape.of(view),
            filmed_codes=tuple(
                FilmedCodeShape(text=code.text, media_ms=code.media_ms)
                for code in view.filmed_codes
            ),
        )


class PlaybackShape(Shape):
    """Where the pictures can be had, by whoever asked, until the time given."""

    url: str
    media_type: str
    expires_at: datetime
    recording: uuid.UUID | None = Field(
        default=None, description="the recording that is played; null while a livestream runs"
    )
    preferred: uuid.UUID | None = Field(
        default=None,
        description="the one to watch of its copies: the card copy in place of the live one, where"
        " that is matched, sealed and admitted, else the recording itself",
    )


class EventShape(Shape):
    """One custody event."""

    position: int
    id: uuid.UUID
    at: datetime
    name: str
    actor: dict[str, str]
    subject: dict[str, str]
    facts: dict[str, object]

    @classmethod
    def of(cls, event: RecordedEvent) -> EventShape:
        return cls(
            position=event.position,
            id=event.id,
            at=event.at,
            name=event.name,
            actor={"kind": event.actor_kind, "id": event.actor_id, "name": event.actor_name},
            subject={"kind": event.subject_kind, "id": str(event.subject_id)},
            facts=event.facts,
        )


class EventsShape(Shape):
    """Events in their order; `next` is the position to ask behind, null at the end."""

    items: tuple[EventShape, ...]
    next: int | None


class IdentifierShape(Shape):
    scheme: str
    number: str = Field(description="normal form")
    raw: str = Field(description="as written")


class CaseLineShape(Shape):
    """A case as lists show it."""

    id: uuid.UUID
    agency: str
    agency_name: str
    state: str
    title: str | None
    identifiers: tuple[IdentifierShape, ...]
    recordings: int
    classes: tuple[str, ...] = Field(
        description="evidence, obstruction, mass_incident, major, first_breach, slight_breach"
    )
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, case: CaseFile) -> CaseLineShape:
        return cls(
            id=case.id,
            agency=case.agency_code,
            agency_name=case.agency_name,
            state=case.state.value,
            title=case.title,
            identifiers=tuple(
                IdentifierShape(scheme=i.scheme.value, number=i.norm, raw=i.raw)
                for i in case.identifiers
            ),
            recordings=case.recordings,
            classes=tuple(each.value for each in case.classes),
            created_at=case.created_at,
            updated_at=case.updated_at,
        )


class LinkShape(Shape):
    """A recording's tie to a case; ended ones are history."""

    id: uuid.UUID
    recording: uuid.UUID
    case: uuid.UUID
    stage: str | None
    origin: str
    linked_at: datetime
    linked_by: str
    reason: str | None
    unlinked_at: datetime | None
    unlinked_by: str | None
    unlink_reason: str | None

    @classmethod
    def of(cls, link: CaseLink) -> LinkShape:
        return cls(
            id=link.id,
            recording=link.recording,
            case=link.case,
            stage=link.stage.value if link.stage else None,
            origin=link.origin.value,
            linked_at=link.linked_at,
            linked_by=link.linked_by,
            reason=link.reason,
            unlinked_at=link.unlinked_at,
            unlinked_by=link.unlinked_by,
            unlink_reason=link.unlink_reason,
        )


class CaseShape(CaseLineShape):
    """A case with its links and what happened to it."""

    links: tuple[LinkShape, ...]
    ended_links: tuple[LinkShape, ...]
    history: tuple[EventShape, ...]


class CaseRecordingShape(Shape):
    """A recording on the timeline of a case."""

    id: uuid.UUID
    state: str
    integrity: str
    length: int
    original_name: str
    agency: str
    device: str | None
    officer: str | None
    stage: str | None
    at: datetime = Field(description="its place: when it began, else when it was received")
    started_at: datetime | None
    ended_at: datetime | None
    received_at: datetime
    key_file: bool
    flags: tuple[str, ...]
    showable: str | None
    review: str | None = Field(description="of fixed monitoring: awaited, passed or refused")
    linked_at: datetime
    linked_by: str

    @classmethod
    def of(cls, recording: CaseRecording) -> CaseRecordingShape:
        return cls(
            id=recording.id,
            state=recording.state,
            integrity=recording.integrity,
            length=recording.length,
            original_name=recording.original_name,
            agency=recording.agency_code,
            device=recording.device_number,
            officer=recording.officer,
            stage=recording.stage.value if recording.stage else None,
            at=recording.at,
            started_at=recording.started_at,
            ended_at=recording.ended_at,
            received_at=recording.received_at,
            key_file=recording.key_file,
            flags=recording.flags,
            showable=recording.showable,
            review=recording.review,
            linked_at=recording.linked_at,
            linked_by=recording.linked_by,
        )
