"""Duty lists (音像记录清单): what an agency must record, from when on, by which rule (R1 to R4)."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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

    @property
    def must(self) -> bool:
        """Whether it is an omission not to record."""
        return self in (DutyLevel.FULL_UNINTERRUPTED, DutyLevel.REQUIRED)


#: The strictest first.
STRICTNESS = {level: rank for rank, level in enumerate(DutyLevel)}


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
    #: How many officers must take part (R9).
    officers: int = 2
    #: Whether the company's code must be scanned before (R17).
    scan: bool = False
    #: Kept how long, in the words of the list.
    retention: str = ""
    #: Until when footage must be handed in: `24h` hours, `1wd` working days (R16).
    deadline: str = "1wd"
    #: The rule in words: name and article.
    legal_basis: str = ""

    def matches(
        self,
        act_type: ActType | None,
        stage: Stage | None,
        scene: EventKind | None,
        matter: str | None,
    ) -> bool:
        return (
            self.matter in (None, matter)
            and self.scene in (None, scene)
            and self.stage in (None, stage)
            and self.act_type in (None, act_type)
        )

    @property
    def rank(self) -> tuple[bool, bool, bool, bool, int, str]:
        """Sorts before what is less exact, then before what is less strict."""
        return (
            self.matter is None,
            self.scene is None,
            self.stage is None,
            self.act_type is None,
            STRICTNESS[self.level],
            self.code,
        )


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
    #: The first day on which it is no longer in force.
    valid_to: date | None
    rules: tuple[DutyRule, ...]
    #: Kind of finding → the rule in words, where that is no statute of the whole country.
    bases: Mapping[str, str] = field(default_factory=dict)
    #: What officers say at the beginning (R6); `{time} {agency} {officer}` stand for what they are.
    wording: str = ""
    #: Within how many days after it arrived footage is to be marked (R49); None: nothing is due.
    marking_days: int | None = None

    def in_force(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def rule_for(
        self,
        act_type: ActType | None,
        stage: Stage | None,
        scene: EventKind | None,
        matter: str | None,
    ) -> DutyRule | None:
        """The most exact rule that matches: matter, then scene, then stage, then act type."""
        found = [rule for rule in self.rules if rule.matches(act_type, stage, scene, matter)]
        return min(found, key=lambda rule: rule.rank, default=None)


def list_in_force(
    lists: Iterable[DutyList], agency: AgencyId, day: date, organs: Sequence[AgencyId] = ()
) -> DutyList | None:
    """The agency's own newest version of that day; else that of the organs in whose name it acts,
    the nearest first; else the one for everybody.
    """
    place = {each: n for n, each in reversed(list(enumerate((agency, *organs))))}
    found = [
        each
        for each in lists
        if (each.agency is None or each.agency in place) and each.in_force(day)
    ]
    return max(
        found,
        key=lambda each: (
            -place[each.agency] if each.agency is not None else -len(place),
            each.valid_from,
            each.version,
            each.id.int,
        ),
        default=None,
    )


def spoken(wording: str, **said: str) -> str:
    """The wording with what is known put in; what is not known stays a gap to be filled in."""
    for name in ("time", "agency", "officer"):
        wording = wording.replace(f"{{{name}}}", said.get(name) or "____")
    return wording
