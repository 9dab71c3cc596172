"""What happens to cases and their links to footage."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.events.base import CustodyEvent, SubjectKind


@dataclass(frozen=True, kw_only=True)
class CaseOpened(CustodyEvent):
    SUBJECT = SubjectKind.CASE
    state: str
    scheme: str
    number: str
    key: str
    title: str | None


@dataclass(frozen=True, kw_only=True)
class CaseAmended(CustodyEvent):
    """Title, state or identifiers changed; ``before`` and ``after`` hold only what changed."""

    SUBJECT = SubjectKind.CASE
    before: dict[str, object]
    after: dict[str, object]
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class CaseMerged(CustodyEvent):
    SUBJECT = SubjectKind.CASE
    into: uuid.UUID
    reason: str
    identifiers: int
    links: int


@dataclass(frozen=True, kw_only=True)
class CaseViewed(CustodyEvent):
    SUBJECT = SubjectKind.CASE
    IS_LOOK = True


@dataclass(frozen=True, kw_only=True)
class JointCheckViewed(CustodyEvent):
    """Another organ that takes part in a joint check looked at the figures of this case."""

    SUBJECT = SubjectKind.CASE
    IS_LOOK = True
    plan: str


@dataclass(frozen=True, kw_only=True)
class EmbedGranted(CustodyEvent):
    """Another system may show the case in its page, to somebody whom it names."""

    SUBJECT = SubjectKind.CASE
    IS_LOOK = True
    number: str
    on_behalf_of: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class RecordingLinked(CustodyEvent):
    case: uuid.UUID
    number: str
    stage: str | None
    origin: str
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class RecordingUnlinked(CustodyEvent):
    case: uuid.UUID
    number: str
    reason: str
