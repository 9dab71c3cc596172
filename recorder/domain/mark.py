"""A mark: what somebody points out in footage, with its place in time."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, LivestreamId, MarkId, RecordingId


class MarkKind(enum.StrEnum):
    IMPORTANT = "important"
    VIOLATION = "violation"
    #: What a record shows above all (R7): the scene and its checking, persons, evidence and other
    #: objects, measures (``seizure``), documents that are made and served.
    SCENE = "scene"
    PERSON = "person"
    EVIDENCE = "evidence"
    DOCUMENTS = "documents"
    OTHER = "other"
    #: Those present are told that it is being recorded (R6).
    ANNOUNCEMENT = "announcement"
    #: Time, place, officers, act and focus are spoken (R6).
    VOICE_STATEMENT = "voice_statement"
    SEIZURE = "seizure"
    #: The ten steps of the Administrative Coercion Law, article 18 (R8).
    APPROVAL = "approval"
    TWO_OFFICERS = "two_officers"
    ID_SHOWN = "id_shown"
    SUMMON_PARTY = "summon_party"
    REASONS_AND_RIGHTS = "reasons_and_rights"
    DEFENCE_HEARD = "defence_heard"
    ONSITE_RECORD = "onsite_record"
    SIGNATURES = "signatures"
    WITNESS = "witness"
    OTHER_PROCEDURE = "other_procedure"


#: 强制十步, in the order of the article.
TEN_STEPS = (
    MarkKind.APPROVAL,
    MarkKind.TWO_OFFICERS,
    MarkKind.ID_SHOWN,
    MarkKind.SUMMON_PARTY,
    MarkKind.REASONS_AND_RIGHTS,
    MarkKind.DEFENCE_HEARD,
    MarkKind.ONSITE_RECORD,
    MarkKind.SIGNATURES,
    MarkKind.WITNESS,
    MarkKind.OTHER_PROCEDURE,
)
#: 记录重点, in the order of the measures of Guangdong, article 17 (R7).
FOCUS = (
    MarkKind.SCENE,
    MarkKind.PERSON,
    MarkKind.EVIDENCE,
    MarkKind.SEIZURE,
    MarkKind.DOCUMENTS,
)
#: What is spoken (R6).
SPOKEN = (MarkKind.ANNOUNCEMENT, MarkKind.VOICE_STATEMENT)
#: The key of the player that sets each kind; those that play and step are never among them.
KEYS: dict[MarkKind, str] = {
    MarkKind.ANNOUNCEMENT: "a",
    MarkKind.VOICE_STATEMENT: "v",
    MarkKind.SCENE: "c",
    MarkKind.PERSON: "h",
    MarkKind.EVIDENCE: "e",
    MarkKind.SEIZURE: "s",
    MarkKind.DOCUMENTS: "d",
    MarkKind.VIOLATION: "x",
    MarkKind.IMPORTANT: "i",
    MarkKind.OTHER: "o",
    **dict(zip(TEN_STEPS, "1234567890", strict=True)),
}


class MarkOrigin(enum.StrEnum):
    """Who noticed it."""

    PERSON = "person"
    #: The device, by one of its keys.
    DEVICE = "device"
    #: A program, from what came with the footage.
    METADATA = "metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Never changed and never removed; a wrong one is withdrawn, with a reason."""

    id: MarkId
    agency: AgencyId
    livestream: LivestreamId | None
    #: Of a mark on a livestream: the recording it became, once that stands.
    recording: RecordingId | None
    kind: MarkKind
    note: str
    #: Wall time of the picture, as the player showed it; None where no clock is known.
    shown_at: datetime | None
    #: Media time since the first picture, of the recording once that stands; None if not known.
    media_ms: int | None
    made_at: datetime
    made_by_kind: str
    made_by_id: str
    made_by_name: str
    origin: MarkOrigin = MarkOrigin.PERSON
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    withdraw_reason: str | None = None
