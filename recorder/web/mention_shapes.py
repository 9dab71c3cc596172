"""Bodies, queries and answers about plans and parties of cases, and joint checks."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from recorder.domain.case_mention import CaseMention, MentionKind
from recorder.services.casework import JointCheck
from recorder.web.schemas import Body, Moment, PageQuery, Query
from recorder.web.shape import Shape


class MentionBody(Body):
    """The plan of a joint check, or a party."""

    kind: Annotated[MentionKind, Field(strict=False)]
    text: Annotated[str, Field(min_length=1, max_length=100)]
    code: Annotated[str, Field(max_length=50, description="unified social credit code")] = ""


class MentioningQuery(PageQuery):
    """What cases are found by beside their numbers."""

    by: Literal["plan", "company", "place"]
    text: Annotated[str, Field(min_length=1, max_length=200)]
    from_: Annotated[Moment | None, Field(alias="from", description="of a place: since")] = None
    to: Annotated[Moment | None, Field(description="before; 31 days at most")] = None


class JointCheckQuery(Query):
    plan: Annotated[str, Field(min_length=1, max_length=200)]


class MentionShape(Shape):
    id: uuid.UUID
    kind: str = Field(description="plan or party")
    text: str
    code: str
    from_feed: bool = Field(description="a system says it: people cannot take it back")
    said_at: datetime
    said_by: str

    @classmethod
    def of(cls, said: CaseMention) -> MentionShape:
        return cls(
            id=said.id,
            kind=said.kind.value,
            text=said.text,
            code=said.code,
            from_feed=said.from_feed,
            said_at=said.said_at,
            said_by=said.said_by,
        )


class JointPartShape(Shape):
    """One case of a joint check in figures."""

    case: uuid.UUID | None = Field(description="null where the asker may not open it")
    agency: str
    agency_name: str
    number: str
    recordings: int
    first: date | None
    last: date | None
    must: int = Field(description="scenes that had to be recorded")
    recorded: int
    holes: int
    unrecorded: int


class JointCheckShape(Shape):
    plan: str
    items: tuple[JointPartShape, ...]

    @classmethod
    def of(cls, check: JointCheck) -> JointCheckShape:
        return cls(
            plan=check.plan,
            items=tuple(
                JointPartShape(
                    case=part.case if is_seen else None,
                    agency=part.agency_code,
                    agency_name=part.agency_name,
                    number=part.number,
                    recordings=part.recordings,
                    first=part.first,
                    last=part.last,
                    must=part.must,
                    recorded=part.recorded,
                    holes=part.holes,
                    unrecorded=part.unrecorded,
                )
                for part, is_seen in check.parts
            ),
        )
