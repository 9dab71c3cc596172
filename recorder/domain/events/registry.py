"""What happens to registries, and what two persons decide."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.events.base import CustodyEvent, SubjectKind


@dataclass(frozen=True, kw_only=True)
class RegistryImported(CustodyEvent):
    """A file of a registry was taken, whole; the subject is the import itself."""

    SUBJECT = SubjectKind.SYSTEM
    kind: str
    file_name: str
    #: SHA-256 of the file.
    digest: str
    length: int
    rows: int
    added: int
    changed: int
    ended: int


@dataclass(frozen=True, kw_only=True)
class ApprovalProposed(CustodyEvent):
    """Somebody asks a second person to approve; until then nothing has changed."""

    SUBJECT = SubjectKind.APPROVAL
    kind: str
    about: uuid.UUID
    title: str
    #: SHA-256 of what was proposed.
    digest: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class ApprovalGranted(CustodyEvent):
    SUBJECT = SubjectKind.APPROVAL
    kind: str
    about: uuid.UUID
    digest: str
    proposer: str


@dataclass(frozen=True, kw_only=True)
class ApprovalRefused(CustodyEvent):
    SUBJECT = SubjectKind.APPROVAL
    kind: str
    about: uuid.UUID
    proposer: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ApprovalWithdrawn(CustodyEvent):
    SUBJECT = SubjectKind.APPROVAL
    kind: str
    about: uuid.UUID
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class ApprovalExpired(CustodyEvent):
    SUBJECT = SubjectKind.APPROVAL
    kind: str
    about: uuid.UUID
