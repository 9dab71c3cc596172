"""Duty lists (音像记录清单): what an agency must record, from when on, by which rule (R1 to R4)."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass
from datetime import date

from recorder.domain.case import Stage
from recorder.domain.case_event import ActType, EventKind
from recorder.domain.ids import AgencyId


class DutyLevel(enum.StrEnum):
    #: From arrival to leaving without a break (R1, R4).
    FULL_UNINTERRUPTED = "full_uninterrupted"
    REQUIRED = "required"
    OPTIONAL = "optional"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyRule:
    """One row of a list. None where a row says nothing, or means every one."""

    #: The row's own number in the list, stable over its versions.
    code: str
    level: DutyLevel
    act_type: ActType | None = None
    stage: Stage | None = None
    scene: EventKind | None = None
    #: Only acts under this matter; the more exact rule goes before the wider one.
    matter: str | None = None
    starts: str = ""
    ends: str = ""
    place: str = ""
    means: str = ""
    recorder: str = ""
    content: str = ""
    #: Whether those present must be told that recording is on (R6).
    announcement: bool = True
    voice_statement: bool = True
    #: Kept how long, in the words of the list.
    retention: str = ""
    #: Until when footage must be handed in: `24h` hours, `1wd` working days (R16).
    deadline: str = "1wd"
    #: The rule in words: name and article.
    legal_basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyList:
    """One version of one agency's list, in force from a day on until the next one."""

    id: uuid.UUID
    agency: AgencyId | None
    #: The shipped profile it began as, such as cn-gd.
    profile: str | None
    version: int
    title: str
    valid_from: date
    valid_to: date | None
    rules: tuple[DutyRule, ...]
