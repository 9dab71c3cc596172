"""JSON of duty lists, and what requests about them may hold."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from recorder.domain.duty import DutyRule
from recorder.domain.duty_table import RuleChange
from recorder.domain.marking_term import LONGEST
from recorder.services.duties import ListView
from recorder.store.duties.lists import ListHeader
from recorder.web.schemas import Body, PageQuery, Query
from recorder.web.shape import Shape

_Word = Annotated[str, Field(min_length=1, max_length=100)]
_Note = Annotated[str, Field(max_length=4000)]
#: A list of two thousand rows is some hundred kilobytes.
_Table = Annotated[str, Field(min_length=1, max_length=4_000_000)]
#: Texts of JSON are not turned into dates by a strict body.
_Day = Annotated[date, Field(strict=False)]


class DutyListsQuery(PageQuery):
    """Which lists."""

    agency: Annotated[_Word | None, Field(description="agency code")] = None
    state: Annotated[
        Literal["draft", "proposed", "approved"] | None, Field(description="where a version stands")
    ] = None


class CompareQuery(Query):
    """Which version this one is compared with."""

    old: Annotated[uuid.UUID, Field(description="id of the older version")]


class DraftBody(Body):
    """A new version: by a table, else as a shipped profile has it."""

    title: _Word
    valid_from: _Day
    valid_to: _Day | None = None
    profile: _Word | None = None
    table: _Table | None = None
    agency: _Word | None = None
    note: _Note | None = None
    wording: Annotated[
        str | None, Field(max_length=4000, description="what officers say at the beginning")
    ] = None
    marking_days: Annotated[
        int | None, Field(ge=0, le=LONGEST, description="days to mark footage in; 0: none is due")
    ] = None


class RedraftBody(Body):
    """Other words, days or rules of a draft; what is absent stays, but for the last day."""

    title: _Word | None = None
    valid_from: _Day | None = None
    valid_to: _Day | None = None
    table: _Table | None = None
    note: _Note | None = None
    wording: _Note | None = None
    marking_days: Annotated[
        int | None, Field(ge=0, le=LONGEST, description="0 takes the term for marks away")
    ] = None


class DutyHeaderShape(Shape):
    """A version of a duty list without its rules."""

    id: uuid.UUID
    agency: str
    version: int
    profile: str | None
    title: str
    note: str
    wording: str = Field(description="may hold {time}, {agency}, {officer}")
    marking_days: int | None = Field(
        description="days after its arrival within which footage is to be marked"
    )
    valid_from: date
    valid_to: date | None = Field(description="the first day on which it is no longer in force")
    state: str = Field(description="draft, proposed or approved")
    drafted_at: datetime
    drafted_by: str
    approval: uuid.UUID | None
    approved_at: datetime | None
    approved_by: str | None

    @classmethod
    def of(cls, header: ListHeader) -> DutyHeaderShape:
        return cls(**_header(header))  # type: ignore[arg-type]


def _header(header: ListHeader) -> dict[str, object]:
    return {
        "id": header.id,
        "agency": header.agency_code,
        "version": header.version,
        "profile": header.profile,
        "title": header.title,
        "note": header.note,
        "wording": header.wording,
        "marking_days": header.marking_days,
        "valid_from": header.valid_from,
        "valid_to": header.valid_to,
        "state": header.state,
        "drafted_at": header.drafted_at,
        "drafted_by": header.drafted_by,
        "approval": header.approval,
        "approved_at": header.approved_at,
        "approved_by": header.approved_by,
    }


class DutyRuleShape(Shape):
    """A row of a list; null where it says nothing, or means every one."""

    code: str
    level: str = Field(description="full_uninterrupted, required, optional or exempt")
    act_type: str | None
    stage: str | None
    scene: str | None
    matter: str | None
    starts: str
    ends: str
    place: str
    means: str
    recorder: str
    content: str
    announcement: bool
    voice_statement: bool
    officers: int
    scan: bool
    retention: str
    deadline: str
    legal_basis: str

    @classmethod
    def of(cls, rule: DutyRule) -> DutyRuleShape:
        return cls(**dataclasses.asdict(rule))


class DutyListShape(DutyHeaderShape):
    """A version with its rules."""

    digest: str = Field(description="SHA-256 of what takes effect; an approval names it")
    rules: tuple[DutyRuleShape, ...]

    @classmethod
    def view(cls, view: ListView) -> DutyListShape:
        return cls(
            **_header(view.header),  # type: ignore[arg-type]
            digest=view.digest.hex(),
            rules=tuple(map(DutyRuleShape.of, view.rules)),
        )


class RuleChangeShape(Shape):
    """How a rule differs."""

    code: str
    fate: str = Field(description="added, removed or changed")
    columns: tuple[str, ...]
    before: DutyRuleShape | None
    after: DutyRuleShape | None

    @classmethod
    def of(cls, change: RuleChange) -> RuleChangeShape:
        return cls(
            code=change.code,
            fate=change.fate.value,
            columns=change.columns,
            before=DutyRuleShape.of(change.before) if change.before else None,
            after=DutyRuleShape.of(change.after) if change.after else None,
        )


class ComparisonShape(Shape):
    """Two versions, and what is other in the newer one."""

    old: DutyHeaderShape
    new: DutyHeaderShape
    changes: tuple[RuleChangeShape, ...]
