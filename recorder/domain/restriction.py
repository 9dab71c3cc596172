"""Restrictions: footage that only some of those in whose scope it lies may watch, and why."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, LivestreamId, RecordingId, RestrictionId


class RestrictionGround(enum.StrEnum):
    """What in the footage is protected."""

    #: A dwelling, a hotel room: only by law or with consent (GD 22).
    PRIVATE_SPACE = "private_space"
    #: Persons at their most personal (行政处罚法 50).
    PERSONAL_PRIVACY = "personal_privacy"
    COMMERCIAL_SECRET = "commercial_secret"  # noqa: S105 - a ground, no secret
    MINOR = "minor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What one act says; a lifted one stays with its reason."""

    #: All copies of one event are restricted by one act, and let go by one.
    act: uuid.UUID
    agency: AgencyId
    ground: RestrictionGround
    #: The article, or the consent, on which the recording of it rests.
    basis: str
    imposed_at: datetime
    imposed_by: str
    lifted_at: datetime | None = None
    lifted_by: str | None = None
    lift_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction(Narrowing):
    """One restriction of one recording."""

    id: RestrictionId
    recording: RecordingId


@dataclass(frozen=True, slots=True, kw_only=True)
class LivestreamRestriction(Narrowing):
    """The same of a livestream, while it runs and of what it becomes; its act is its id."""

    livestream: LivestreamId

    @property
    def id(self) -> RestrictionId:
        """As lists and addresses name it."""
        return RestrictionId(self.act)
