"""What happens to duty lists and findings."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.events.base import CustodyEvent, SubjectKind


@dataclass(frozen=True, kw_only=True)
class DutyListDrafted(CustodyEvent):
    """A draft was made, or got other words or rules; the subject is the list."""

    SUBJECT = SubjectKind.SYSTEM
    version: int
    title: str
    profile: str | None
    valid_from: str
    valid_to: str | None
    rules: int
    #: SHA-256 of the list as it is exported.
    digest: str


@dataclass(frozen=True, kw_only=True)
class DutyListApproved(CustodyEvent):
    """A second person approved the list: it is in force from its first day on."""

    SUBJECT = SubjectKind.SYSTEM
    version: int
    valid_from: str
    valid_to: str | None
    digest: str
    #: The act of two persons.
    approval: uuid.UUID


@dataclass(frozen=True, kw_only=True)
class FindingRaised(CustodyEvent):
    SUBJECT = SubjectKind.CASE
    finding: uuid.UUID
    kind: str
    severity: str
    confidence: str
    rule: str
    scene: str | None
    about: str
    began_at: datetime | None
    ended_at: datetime | None
    recordings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FindingChanged(CustodyEvent):
    """The facts of a known finding are others; ``before`` and ``after`` hold what changed."""

    SUBJECT = SubjectKind.CASE
    finding: uuid.UUID
    kind: str
    before: dict[str, object]
    after: dict[str, object]


@dataclass(frozen=True, kw_only=True)
class FindingWithdrawn(CustodyEvent):
    """What a finding rested on is no more."""

    SUBJECT = SubjectKind.CASE
    finding: uuid.UUID
    kind: str
    state_before: str
    #: Where the source took back what it rested on: which withdrawal, and its reason.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class FindingAnswered(CustodyEvent):
    """A person replied to, assigned, appealed against or closed a finding."""

    SUBJECT = SubjectKind.CASE
    finding: uuid.UUID
    kind: str
    act: str
    text: str
    state: str
    owner: str | None
    answer_by: datetime | None
