"""Cases, their identifiers, and the links that tie recordings to them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, CaseId, CaseLinkId, RecordingId


class Stage(enum.StrEnum):
    """The six stages of the law (行政处罚法 art. 47) and nothing else."""

    INITIATION = "initiation"
    INVESTIGATION = "investigation"
    REVIEW = "review"
    DECISION = "decision"
    SERVICE = "service"
    ENFORCEMENT = "enforcement"


class CaseState(enum.StrEnum):
    """A case named only by footage is provisional until a person or another system confirms it."""

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    MERGED = "merged"


class Scheme(enum.StrEnum):
    """What sort of number an identifier is (R55)."""

    CASE = "case"
    CLUE = "clue"
    INSPECTION = "inspection"
    FILING = "filing"
    NOTICE = "notice"
    DECISION = "decision"
    COERCION = "coercion"
    ARCHIVE = "archive"
    SCAN = "scan"
    HOTLINE = "hotline"
    COURT = "court"


class CaseClass(enum.StrEnum):
    """What kind of case it is for keeping its footage: a fact, whatever keeps what how long.

    Of the first four the police keep footage for good (R38); of lenient ones agencies keep what
    only educated for a shorter time (R85).
    """

    #: Footage is evidence in an administrative or criminal case.
    EVIDENCE = "evidence"
    #: Officers were hindered in their duty.
    OBSTRUCTION = "obstruction"
    MASS_INCIDENT = "mass_incident"
    #: Major, or difficult.
    MAJOR = "major"
    #: 首违不罚: a first breach, slight and put right, that is not punished (行政处罚法 33).
    FIRST_BREACH = "first_breach"
    #: 轻微不罚: slight, put right in time, without harm.
    SLIGHT_BREACH = "slight_breach"


class LinkOrigin(enum.StrEnum):
    """Who tied a recording to a case, or what."""

    UPLOAD = "upload"
    PERSON = "person"
    MERGE = "merge"
    #: By weighed evidence (domain/attribution.py).
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class CaseIdentifier:
    """One number of a case: as written, in normal form, and the key it is found by."""

    scheme: Scheme
    raw: str
    norm: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    id: CaseId
    agency: AgencyId
    agency_code: str
    agency_name: str
    state: CaseState
    title: str | None
    merged_into: CaseId | None
    identifiers: tuple[CaseIdentifier, ...]
    recordings: int
    created_at: datetime
    updated_at: datetime
    #: By people, and by the systems that feed it.
    classes: tuple[CaseClass, ...] = ()
    #: Those of them that people have said.
    own_classes: tuple[CaseClass, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLink:
    """A recording's tie to a case; unlinking ends it and keeps the row as history."""

    id: CaseLinkId
    recording: RecordingId
    case: CaseId
    stage: Stage | None
    origin: LinkOrigin
    linked_at: datetime
    linked_by: str
    reason: str | None
    unlinked_at: datetime | None
    unlinked_by: str | None
    unlink_reason: str | None
