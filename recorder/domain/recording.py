"""What a recording is: integrity and admission, two facts kept apart, and their moves."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, DeviceId, DockId, LivestreamId, RecordingId
from recorder.domain.provenance import ContentReview, review_of


class Integrity(enum.StrEnum):
    """How far the bytes are proven. ``receiving`` belongs to livestreams only."""

    RECEIVING = "receiving"
    RECEIVED = "received"
    SEALED = "sealed"
    MISMATCHED = "mismatched"
    #: Facts of an invented city, without a byte: never evidence.
    SIMULATED = "simulated"


class Admission(enum.StrEnum):
    """Whether the footage comes from somewhere we know. Decided by people, never by digests."""

    ADMITTED = "admitted"
    QUARANTINED = "quarantined"


#: The moves that exist. Nothing leaves SEALED or MISMATCHED: what was once said stays said.
MOVES: dict[Integrity, frozenset[Integrity]] = {
    Integrity.RECEIVING: frozenset({Integrity.RECEIVED}),
    Integrity.RECEIVED: frozenset({Integrity.SEALED, Integrity.MISMATCHED}),
    Integrity.SEALED: frozenset(),
    Integrity.MISMATCHED: frozenset(),
    Integrity.SIMULATED: frozenset(),
}


class QuarantineReason(enum.StrEnum):
    """Why footage was taken but not admitted."""

    DEVICE_UNKNOWN = "device_unknown"
    DEVICE_SUSPENDED = "device_suspended"
    #: The token, the ``device`` key and the file name do not agree.
    DEVICE_CONTRADICTED = "device_contradicted"
    #: The device belongs to another agency than the sender.
    AGENCY_CONTRADICTED = "agency_contradicted"


class Flag(enum.StrEnum):
    """What is odd about a recording; the reason words of its pictures are in domain/media.py."""

    INCOMPLETE_UPLOAD = "incomplete_upload"
    CLOCK_OFFSET = "clock_offset"
    ZONE_ASSUMED = "zone_assumed"
    OFFICER_CONFLICT = "officer_conflict"
    PLACEHOLDER_NUMBER = "placeholder_number"
    METADATA_MALFORMED = "metadata_malformed"
    CASE_NUMBER_ODD = "case_number_odd"
    #: Its row was written anew from the sidecar; earlier custody events are lost.
    REBUILT = "rebuilt"
    #: A livestream in which media are missing or do not join.
    LIVE_GAPS = "live_gaps"
    #: A second body came for a number of the livestream; it is kept beside the first.
    SEGMENT_CONFLICT = "segment_conflict"
    #: What came after the closing of a livestream.
    SUPPLEMENTARY = "supplementary"
    #: Where a livestream was fetched from, sound is listed that was not taken.
    SOUND_MISSING = "sound_missing"
    #: Something that the source of a livestream offers is not taken; the livestream names it.
    TRACKS_LEFT_OUT = "tracks_left_out"


@dataclass(frozen=True, slots=True)
class OriginalObject:
    """One object of a recording's original, in order; an upload has exactly one.

    Or a part of a volume, where only some of a livestream is wanted.
    """

    n: int
    key: str
    version: str
    length: int
    sha256: bytes | None
    sm3: bytes | None
    #: Of a part: where in the stored object it begins; None: it is all of it.
    begins: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One continuous piece of footage as evidence; its original never changes."""

    id: RecordingId
    agency: AgencyId
    agency_code: str
    device: DeviceId | None
    #: The number as the sender gave it, known or not.
    device_number: str | None
    dock: DockId | None
    officer: str | None
    integrity: Integrity
    admission: Admission
    quarantine_reasons: tuple[str, ...]
    length: int
    declared_sha256: bytes | None
    sha256: bytes | None
    sm3: bytes | None
    original_name: str
    stage: str | None
    #: Three clocks, never corrected (R21): the device's word, ours, and the difference.
    device_clock_at: datetime | None
    received_at: datetime
    clock_offset_ms: int | None
    started_at: datetime | None
    ended_at: datetime | None
    #: Where started_at comes from: metadata, file_name or media.
    started_at_source: str | None
    latitude: float | None
    longitude: float | None
    accuracy_m: float | None
    key_file: bool
    note: str | None
    flags: tuple[str, ...]
    #: domain/media.MediaFacts as plain values; None until probed.
    media: dict[str, object] | None
    #: How it can be shown (domain/media.Showable); None until probed.
    showable: str | None
    #: How many cases it is linked to now.
    links: int
    created_at: datetime
    sealed_at: datetime | None
    #: The livestream it was, and, for what came after its closing, the recording made then.
    livestream: LivestreamId | None = None
    continues: RecordingId | None = None
    #: The livestream of which a gateway wrote this copy.
    copy_of: LivestreamId | None = None
    #: Grounds on which only some may watch it (domain/restriction.py); in the order of their names.
    restrictions: tuple[str, ...] = ()
    #: Of what a person brought (domain/provenance.py): a kind, or unsaid.
    provenance: str | None = None
    #: With what it was made, as its sender says.
    camera: str | None = None
    #: Classes of domain/case.CaseClass that people say of it alone (R38).
    classes: tuple[str, ...] = ()
    #: passed or refused, where somebody has reviewed its content.
    content_review: str | None = None

    @property
    def review(self) -> str | None:
        """Of fixed monitoring: awaited, passed or refused (R14); None of all other footage."""
        return review_of(self.camera, self.provenance, self.content_review)

    @property
    def is_reviewed(self) -> bool:
        """Whether nothing of the kind stands in the way of its being evidence."""
        return self.review in (None, ContentReview.PASSED)

    @property
    def began(self) -> datetime:
        """When it begins as far as anybody said so, else when it was received."""
        return self.started_at or self.received_at

    @property
    def state(self) -> str:
        """The one word the API shows: quarantined while not admitted, else the integrity."""
        if self.admission is Admission.QUARANTINED:
            return Admission.QUARANTINED.value
        return self.integrity.value
