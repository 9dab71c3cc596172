"""What happens to livestreams: opened, begun, told in batches, interrupted, closed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.events.base import CustodyEvent, SubjectKind


@dataclass(frozen=True, kw_only=True)
class LivestreamOpened(CustodyEvent):
    """A livestream may be delivered; nothing of it is there yet."""

    SUBJECT = SubjectKind.LIVESTREAM
    title: str
    #: pushed or received.
    form: str
    device_number: str | None
    officer: str | None
    stage: str | None
    case_numbers: tuple[str, ...]
    device_clock_at: datetime | None
    clock_offset_ms: int | None
    quarantine_reasons: tuple[str, ...]
    flags: tuple[str, ...]
    #: The livestream that is over and whose publisher came back.
    continues: uuid.UUID | None = None


@dataclass(frozen=True, kw_only=True)
class LivestreamSourceNamed(CustodyEvent):
    """It is fetched from an address; neither user, password nor path of it are told."""

    SUBJECT = SubjectKind.LIVESTREAM
    protocol: str
    #: Host and port.
    host: str


@dataclass(frozen=True, kw_only=True)
class LivestreamTracksLeftOut(CustodyEvent):
    """Its source offers something that is not taken; each is named once."""

    SUBJECT = SubjectKind.LIVESTREAM
    #: As the source calls them.
    tracks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LivestreamRestricted(CustodyEvent):
    """Only some may watch it from now on, and what it becomes."""

    SUBJECT = SubjectKind.LIVESTREAM
    restriction: uuid.UUID
    #: private_space, personal_privacy, commercial_secret or minor.
    ground: str
    #: The article, or the consent, on which the footage rests.
    basis: str


@dataclass(frozen=True, kw_only=True)
class LivestreamRestrictionLifted(CustodyEvent):
    """A restriction of it stands no more; it stays with the reason."""

    SUBJECT = SubjectKind.LIVESTREAM
    restriction: uuid.UUID
    ground: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class LivestreamRebuilt(CustodyEvent):
    """Found again from what lies in the store, with the database gone; earlier events are lost."""

    SUBJECT = SubjectKind.LIVESTREAM
    title: str


@dataclass(frozen=True, kw_only=True)
class LivestreamBegan(CustodyEvent):
    """The first segment is stored."""

    SUBJECT = SubjectKind.LIVESTREAM
    number: int


@dataclass(frozen=True, kw_only=True)
class LivestreamPeriodBegan(CustodyEvent):
    """An init segment is stored: from here on its description of the tracks holds."""

    SUBJECT = SubjectKind.LIVESTREAM
    period: int
    cause: str
    key: str
    version: str
    length: int
    sha256: str
    sm3: str
    arrived_at: datetime


@dataclass(frozen=True, kw_only=True)
class LivestreamFileBegan(CustodyEvent):
    """The first chunk of a period is stored: its chunks, by number, are one file."""

    SUBJECT = SubjectKind.LIVESTREAM
    period: int
    cause: str
    #: The chunk that came first, whatever its place.
    number: int
    media_type: str


@dataclass(frozen=True, kw_only=True)
class LivestreamKeyMade(CustodyEvent):
    """A key that delivers this livestream and does nothing else was handed out."""

    SUBJECT = SubjectKind.LIVESTREAM
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class LivestreamSegmentsReceived(CustodyEvent):
    """A batch of segments is stored and listed."""

    SUBJECT = SubjectKind.LIVESTREAM
    segments: int
    length: int
    first: int
    last: int
    first_arrival_at: datetime
    last_arrival_at: datetime
    #: SHA-256 over one line for each of them (docs/design/live.md).
    digest: str


@dataclass(frozen=True, kw_only=True)
class LivestreamSegmentConflicted(CustodyEvent):
    """A second body came for a number that has one: kept beside it, part of no recording."""

    SUBJECT = SubjectKind.LIVESTREAM
    #: Negative for the init segment of a period.
    number: int
    period: int
    key: str
    version: str
    length: int
    sha256: str
    sm3: str
    arrived_at: datetime


@dataclass(frozen=True, kw_only=True)
class LivestreamResumed(CustodyEvent):
    """Segments come again after an interruption."""

    SUBJECT = SubjectKind.LIVESTREAM
    number: int
    interrupted_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class LivestreamSegmentDamaged(CustodyEvent):
    """A segment that reached us was damaged on a disk before it was stored; its file is kept."""

    SUBJECT = SubjectKind.LIVESTREAM
    #: Negative: the init segment of that period, of which the store has what is left.
    number: int
    period: int
    #: Bytes of what is left.
    length: int
    #: The ingest machine, and the file below its spool.
    host: str
    file: str


@dataclass(frozen=True, kw_only=True)
class LivestreamClosing(CustodyEvent):
    """It is no longer live; what is missing may still be delivered."""

    SUBJECT = SubjectKind.LIVESTREAM
    #: requested or silence.
    cause: str
    #: The last number, if the sender said one.
    last: int | None
    highest: int


@dataclass(frozen=True, kw_only=True)
class LivestreamInterrupted(CustodyEvent):
    """Nothing has come for some seconds."""

    SUBJECT = SubjectKind.LIVESTREAM
    last_arrival_at: datetime | None
    highest: int


@dataclass(frozen=True, kw_only=True)
class LivestreamViewed(CustodyEvent):
    """Somebody opened its page."""

    SUBJECT = SubjectKind.LIVESTREAM
    IS_LOOK = True


@dataclass(frozen=True, kw_only=True)
class LivestreamMarked(CustodyEvent):
    """Somebody pointed something out in it; nothing of the footage changes."""

    SUBJECT = SubjectKind.LIVESTREAM
    mark: uuid.UUID
    kind: str
    note: str
    #: Wall time of the picture, as the player showed it.
    shown_at: datetime
    media_ms: int | None


@dataclass(frozen=True, kw_only=True)
class LivestreamWatched(CustodyEvent):
    """An address for watching it was handed out."""

    SUBJECT = SubjectKind.LIVESTREAM
    IS_LOOK = True
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class LivestreamClosed(CustodyEvent):
    """Its recording stands; what comes now becomes a supplementary one."""

    SUBJECT = SubjectKind.LIVESTREAM
    #: None when nothing ever came.
    recording: uuid.UUID | None
    segments: int
    length: int
    #: The last number, if the sender said one.
    last: int | None
    #: {"begins_at", "ends_at", "clock", "cause", "first_missing", "last_missing"} of each gap.
    gaps: tuple[dict[str, object], ...]


@dataclass(frozen=True, kw_only=True)
class RecordingAssembled(CustodyEvent):
    """The stored segments of a livestream are one recording, not yet verified."""

    livestream: uuid.UUID
    length: int
    #: How many objects its original has: init segments and segments.
    objects: int
    periods: int
    #: Digest over the ordered list of what arrived (docs/design/live.md).
    arrival_sha256: bytes
    #: Key and version of the locked list beside the segments, and its digest.
    manifest: str
    manifest_version: str
    manifest_sha256: str
    original_name: str
    device_number: str | None
    officer: str | None
    #: For what came after the closing: the recording that was made then.
    continues: uuid.UUID | None
    flags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RecordingCompacted(CustodyEvent):
    """The original of a livestream lies in a few large objects now; its bytes are the same."""

    livestream: uuid.UUID
    length: int
    #: How many small objects it had.
    members: int
    #: {"key", "version", "length", "sha256", "sm3", "first", "members"} of each volume, in order.
    volumes: tuple[dict[str, object], ...]
    #: Key and version of the locked index beside them, and its digest.
    index: str
    index_version: str
    index_sha256: str


@dataclass(frozen=True, kw_only=True)
class SupersededReleased(CustodyEvent):
    """Objects whose bytes lie in volumes are gone after their own lock."""

    objects: int
    length: int
    #: The first and the last key, by key.
    first: str
    last: str
    #: SHA-256 over one line for each of them (docs/reference/events.md).
    digest: str
