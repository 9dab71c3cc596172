"""What happens to footage: received, verified, probed, viewed, given out."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.events.base import CustodyEvent, SubjectKind
from recorder.domain.ids import AgencyId, RecordingId


@dataclass(frozen=True, kw_only=True)
class UploadCompleted(CustodyEvent):
    """All bytes of an upload are one locked object: a recording exists, not yet verified."""

    upload: uuid.UUID
    length: int
    key: str
    version: str
    #: Digest over the ordered digests of what arrived (docs/design/upload.md).
    arrival_sha256: bytes
    declared_sha256: bytes | None
    original_name: str
    device_number: str | None
    officer: str | None
    incomplete: bool
    flags: tuple[str, ...]
    #: The livestream of which a gateway wrote this copy.
    copy_of: uuid.UUID | None = None


@dataclass(frozen=True, kw_only=True)
class DuplicateReceived(CustodyEvent):
    """The same content came again from the same device; the first recording stands for both."""

    upload: uuid.UUID
    key: str
    version: str
    original_name: str


@dataclass(frozen=True, kw_only=True)
class DuplicateReleased(CustodyEvent):
    """The objects of a duplicate are gone after their lock; the sealed recording stands for it."""

    upload: uuid.UUID
    key: str
    version: str


@dataclass(frozen=True, kw_only=True)
class RecordingRebuilt(CustodyEvent):
    """Found again from the sidecar beside its original, with the database gone; not yet verified.

    Says what UploadCompleted said; its earlier custody events are lost with the database.
    """

    upload: uuid.UUID
    length: int
    key: str
    version: str
    sidecar_version: str
    arrival_sha256: bytes
    declared_sha256: bytes | None
    original_name: str
    device_number: str | None
    officer: str | None
    incomplete: bool
    flags: tuple[str, ...]
    received_at: datetime


@dataclass(frozen=True, kw_only=True)
class RecordingQuarantined(CustodyEvent):
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RecordingAdmitted(CustodyEvent):
    reason: str
    agency_before: AgencyId | None = None


@dataclass(frozen=True, kw_only=True)
class RecordingSealed(CustodyEvent):
    """Read back from the store, the original is what arrived and what the device declared.

    The canonical bytes of this event are the text of the receipt.
    """

    length: int
    sha256: str
    sm3: str
    device: str | None
    officer: str | None
    original_name: str
    started_at: datetime | None
    ended_at: datetime | None
    received_at: datetime
    device_clock_at: datetime | None
    clock_offset_ms: int | None
    #: {"key", "version", "length", "sha256", "sm3"} of each object of the original, in order. Of a
    #: livestream: one for all, with "listed", their number; key, version and digests are those of
    #: the manifest that lists them, length is theirs together.
    objects: tuple[dict[str, object], ...]
    #: The upload ended before everything had come. Earlier events say so of a livestream with gaps.
    incomplete: bool
    #: Which checks were made: read_back, arrival_digests, declared_sha256, manifest.
    checks: tuple[str, ...]
    #: Of a livestream: where its media are missing or do not join. None for an upload.
    gaps: int | None = None


@dataclass(frozen=True, kw_only=True)
class RecordingMismatched(CustodyEvent):
    """What the store gives back is not what arrived, or not what the device declared."""

    length: int
    sha256: str
    sm3: str
    declared_sha256: str | None
    #: Positions in bytes where the read-back differs from what arrived.
    differing_offsets: tuple[int, ...]
    reasons: tuple[str, ...]
    #: All of them; of a livestream those that differ, each with its place "n".
    objects: tuple[dict[str, object], ...] = ()


@dataclass(frozen=True, kw_only=True)
class CardCopyProposed(CustodyEvent):
    """The rule holds a device's file for the card copy of its livestream, but is not sure."""

    #: The other recording of the pair, and which of the two the subject is: live or card.
    other: RecordingId
    role: str
    overlap_ms: int
    share_permille: int
    clock_shift_ms: int | None


@dataclass(frozen=True, kw_only=True)
class CardCopyMatched(CustodyEvent):
    """A device's file is the card copy of its livestream: by the rule, or a person said so."""

    other: RecordingId
    role: str
    overlap_ms: int
    share_permille: int
    clock_shift_ms: int | None
    #: Of a person; the rule gives none.
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class CardCopyRejected(CustodyEvent):
    """A person said that the two are no pair."""

    other: RecordingId
    role: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class LiveCopyReleased(CustodyEvent):
    """The locks of a live copy are no longer kept ahead: its card copy is there. It stays."""

    card: RecordingId
    reason: str


@dataclass(frozen=True, kw_only=True)
class LiveCopyKept(CustodyEvent):
    """A release was taken back: the locks are kept ahead again."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class FixityFailed(CustodyEvent):
    """Read back after its sealing, an object of the original is not what was sealed.

    What was sealed stays as it is: this is a fact about the store.
    """

    key: str
    version: str
    #: digest, length, missing or unreadable.
    reason: str
    detail: str
    #: What was found, as far as it could be.
    length: int | None
    sha256: str | None
    sm3: str | None
    sealed_length: int
    sealed_sha256: str | None
    sealed_sm3: str | None
    #: When it was last read back and right.
    agreed_at: datetime


@dataclass(frozen=True, kw_only=True)
class FixityRestored(CustodyEvent):
    """An object that had failed was read back and is what was sealed again."""

    key: str
    version: str
    sha256: str
    failed_at: datetime


@dataclass(frozen=True, kw_only=True)
class MediaProbed(CustodyEvent):
    #: How it can be shown: as_is, remux, transcode, picture, audio or none.
    showable: str
    #: Whether a proxy has to be made for showing it.
    needs_proxy: bool
    flags: tuple[str, ...]
    tool: str
    tool_version: str
    #: domain/media.MediaFacts as plain values.
    media: dict[str, object]


@dataclass(frozen=True, kw_only=True)
class CodesFilmed(CustodyEvent):
    """QR codes were read from the pictures of its beginning: numbers and scans, nothing else."""

    #: Of each: text as read, media_ms.
    codes: tuple[dict[str, object], ...]
    tool: str
    tool_version: str


@dataclass(frozen=True, kw_only=True)
class RenditionMade(CustodyEvent):
    """A derived form exists; it is never evidence (R32)."""

    rendition: uuid.UUID
    profile: str
    key: str
    version: str
    length: int
    media_type: str
    sha256: str
    sm3: str
    parent_sha256: str | None
    parent_arrival_sha256: str
    tool: str
    tool_version: str
    arguments: tuple[str, ...]
    worker: str
    started_at: datetime
    finished_at: datetime
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, kw_only=True)
class RecordingViewed(CustodyEvent):
    """Somebody opened the page or the full description of a recording."""

    IS_LOOK = True


@dataclass(frozen=True, kw_only=True)
class PlaybackGranted(CustodyEvent):
    IS_LOOK = True
    profile: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class OriginalDownloaded(CustodyEvent):
    IS_LOOK = True
    first_byte: int
    last_byte: int
    length: int


@dataclass(frozen=True, kw_only=True)
class ReceiptIssued(CustodyEvent):
    IS_LOOK = True
    sealed_event: uuid.UUID


@dataclass(frozen=True, kw_only=True)
class RecordingMarked(CustodyEvent):
    """Somebody pointed out a moment of it; nothing of the footage changes."""

    mark: uuid.UUID
    kind: str
    note: str
    #: Since the first picture.
    media_ms: int
    #: Wall time of the picture; None where no clock of the recording is known.
    shown_at: datetime | None
    #: person, device or metadata.
    origin: str


@dataclass(frozen=True, kw_only=True)
class RecordingMarkWithdrawn(CustodyEvent):
    """The mark counts no more; it stays."""

    mark: uuid.UUID
    kind: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class GapReasonGiven(CustodyEvent):
    """An officer said why media are missing in it, before its begin or behind its end."""

    #: begin, gap or end.
    place: str
    #: Which gap of the recording, from 0.
    gap: int | None
    begins_at: datetime | None
    ends_at: datetime | None
    #: equipment_failure, battery, storage, weather, obstruction or other.
    interruption: str
    note: str
    reported_at: datetime


@dataclass(frozen=True, kw_only=True)
class RecordingRestricted(CustodyEvent):
    """Only some may watch it from now on."""

    restriction: uuid.UUID
    #: private_space, personal_privacy, commercial_secret or minor.
    ground: str
    #: The article, or the consent, on which the footage rests.
    basis: str


@dataclass(frozen=True, kw_only=True)
class RestrictionLifted(CustodyEvent):
    """A restriction stands no more; it stays with the reason."""

    restriction: uuid.UUID
    ground: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ProvenanceStated(CustodyEvent):
    """Somebody said where it comes from; the newest word counts."""

    #: party, witness, surveillance, organ, card or other.
    provenance: str
    reason: str | None
    provider: str | None
    handed_over_at: datetime | None
    #: The number of the receipt that whoever handed it over got.
    receipt: str | None
    #: What was said before; None: nothing.
    provenance_before: str | None


@dataclass(frozen=True, kw_only=True)
class RecordingClassed(CustodyEvent):
    """People say of which classes it is by itself; ``before`` and ``classes`` hold all of them."""

    before: tuple[str, ...]
    classes: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class ContentReviewed(CustodyEvent):
    """Somebody reviewed footage of fixed monitoring, without which it is no evidence (R14)."""

    #: passed or refused.
    outcome: str
    reason: str
    #: What was said before; None where nobody had.
    before: str | None


@dataclass(frozen=True, kw_only=True)
class FootageSimulated(CustodyEvent):
    """Facts of footage of an invented city were written, without a byte; the subject is its agency.

    Those recordings have no other beginning, and none of them is evidence.
    """

    SUBJECT = SubjectKind.AGENCY
    recordings: int
    #: SHA-256 over the ids of the recordings, in order.
    digest: bytes
