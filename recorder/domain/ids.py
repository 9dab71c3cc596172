"""Identifiers as distinct types, all UUID version 7 (RFC 9562): they sort by time of birth."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from typing import NewType

AgencyId = NewType("AgencyId", uuid.UUID)
PersonId = NewType("PersonId", uuid.UUID)
DeviceId = NewType("DeviceId", uuid.UUID)
DockId = NewType("DockId", uuid.UUID)
TokenId = NewType("TokenId", uuid.UUID)
UploadId = NewType("UploadId", uuid.UUID)
RecordingId = NewType("RecordingId", uuid.UUID)
RenditionId = NewType("RenditionId", uuid.UUID)
CaseId = NewType("CaseId", uuid.UUID)
CaseLinkId = NewType("CaseLinkId", uuid.UUID)
TaskRunId = NewType("TaskRunId", uuid.UUID)
LivestreamId = NewType("LivestreamId", uuid.UUID)
MarkId = NewType("MarkId", uuid.UUID)
RestrictionId = NewType("RestrictionId", uuid.UUID)
AlarmId = NewType("AlarmId", uuid.UUID)
ApprovalId = NewType("ApprovalId", uuid.UUID)
EventId = NewType("EventId", uuid.UUID)


def new_uuid(now: datetime | None = None, random: bytes | None = None) -> uuid.UUID:
    """A UUID version 7: 48 bits of Unix milliseconds, 74 random bits (RFC 9562, section 5.7)."""
    moment = now or datetime.now(UTC)
    noise = int.from_bytes(random if random is not None else os.urandom(10), "big")
    value = int(moment.timestamp() * 1000) << 80
    value |= 0x7 << 76
    value |= ((noise >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= noise & ((1 << 62) - 1)
    return uuid.UUID(int=value)
