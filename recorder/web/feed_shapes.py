"""Answers of the case feed."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from recorder.services.feeding.batch import Outcome, RowAnswer
from recorder.services.feeding.replaying import PoolPage, SourceView
from recorder.services.paging import Page
from recorder.store.feed.mappings import MadeMapping
from recorder.store.feed.proposals import MergeProposal
from recorder.store.feed.pulls import Pull
from recorder.store.feed.rows import PooledRow, PoolLine
from recorder.store.feed.sources import FeedDay, FeedSource
from recorder.web.shape import Shape

_Outcome = Literal["accepted", "superseded", "repeated", "pooled", "refused"]


class FeedRowShape(Shape):
    """What became of one row, in the order in which they came."""

    key: str | None
    revision: int | None
    outcome: _Outcome
    problem: str | None = Field(default=None, description="why it waits, or was refused")
    field: str | None = Field(default=None, description="the member that the problem lies in")
    value: str | None = Field(default=None, description="what stands there")

    @classmethod
    def of(cls, answer: RowAnswer) -> FeedRowShape:
        problem = answer.problem
        return cls(
            key=answer.key,
            revision=answer.revision,
            outcome=answer.outcome.value,
            problem=problem.code.value if problem else None,
            field=problem.field if problem else None,
            value=problem.value if problem else None,
        )


class FeedAnswerShape(Shape):
    """What became of a body of rows; each of them counts or waits by itself."""

    accepted: int = Field(description="count from now on")
    superseded: int = Field(description="a higher revision was there already")
    repeated: int = Field(description="had come before; nothing changed")
    pooled: int = Field(description="wait until a mapping or another row mends them")
    refused: int = Field(description="hold no row; nothing was kept")
    rows: tuple[FeedRowShape, ...]

    @classmethod
    def of(cls, answers: list[RowAnswer], *, problems_only: bool) -> FeedAnswerShape:
        found = Counter(each.outcome for each in answers)
        return cls(
            accepted=found[Outcome.ACCEPTED],
            superseded=found[Outcome.SUPERSEDED],
            repeated=found[Outcome.REPEATED],
            pooled=found[Outcome.POOLED],
            refused=found[Outcome.REFUSED],
            rows=tuple(
                FeedRowShape.of(each) for each in answers if each.problem or not problems_only
            ),
        )


class FeedSourceShape(Shape):
    """Another system that feeds cases."""

    name: str = Field(description="its word in addresses")
    agency: str
    city: bool = Field(description="speaks for every agency")
    rows_per_minute: int
    state: Literal["active", "suspended"]
    created_at: datetime
    heard_at: datetime | None = Field(description="when rows came last")
    newest_at: datetime | None = Field(description="the latest moment that a row tells of")

    @classmethod
    def of(cls, source: FeedSource) -> FeedSourceShape:
        return cls(
            name=source.name,
            agency=source.agency_code,
            city=source.city,
            rows_per_minute=source.rows_per_minute,
            state="suspended" if source.suspended_at else "active",
            created_at=source.created_at,
            heard_at=source.heard_at,
            newest_at=source.newest_at,
        )


class FeedSourcesShape(Shape):
    """The sources that the asker sees."""

    items: tuple[FeedSourceShape, ...]


class AddedFeedSourceShape(FeedSourceShape):
    """A new source with its token."""

    token: str = Field(description="bearer token, shown this once")

    @classmethod
    def of_added(cls, source: FeedSource, token: str) -> AddedFeedSourceShape:
        return cls(**dict(FeedSourceShape.of(source)), token=token)


class FeedDayShape(Shape):
    """What became of the rows that came on one day (+08:00)."""

    day: date
    accepted: int
    superseded: int
    repeated: int
    pooled: int

    @classmethod
    def of(cls, day: FeedDay) -> FeedDayShape:
        return cls(
            day=day.day,
            accepted=day.accepted,
            superseded=day.superseded,
            repeated=day.repeated,
            pooled=day.pooled,
        )


class PoolLineShape(Shape):
    """How many rows wait for one thing."""

    problem: str
    field: str | None
    value: str | None
    rows: int
    oldest_at: datetime

    @classmethod
    def of(cls, line: PoolLine) -> PoolLineShape:
        problem = line.problem
        return cls(
            problem=problem.code.value,
            field=problem.field,
            value=problem.value,
            rows=line.rows,
            oldest_at=line.oldest_at,
        )


class MappingShape(Shape):
    """What a code means from a day on."""

    field: str
    code: str
    value: str | None = Field(description="null: rows with it tell of nothing")
    valid_from: date
    made_at: datetime
    made_by: str

    @classmethod
    def of(cls, made: MadeMapping) -> MappingShape:
        meaning = made.meaning
        return cls(
            field=meaning.field.value,
            code=meaning.code,
            value=meaning.value,
            valid_from=meaning.valid_from,
            made_at=made.made_at,
            made_by=made.made_by,
        )


class PullShape(Shape):
    """Rows that are fetched for a source."""

    kind: Literal["sql", "folder", "bucket"]
    every_s: int
    pulled_at: datetime | None = Field(description="when it went well last")
    trouble: str | None = Field(description="why it did not go well since")
    files: int = Field(description="taken until now")
    refused: int = Field(description="lines of them that hold no row; nothing was kept of those")
    refused_in: str | None = Field(description="the last file with such lines")

    @classmethod
    def of(cls, pull: Pull) -> PullShape:
        return cls.model_validate(
            {
                "kind": pull.kind,
                "every_s": pull.every_s,
                "pulled_at": pull.pulled_at,
                "trouble": pull.trouble,
                "files": pull.files,
                "refused": pull.refused,
                "refused_in": pull.refused_in,
            }
        )


class FeedViewShape(FeedSourceShape):
    """How one source is doing."""

    days: tuple[FeedDayShape, ...] = Field(description="newest first")
    pool: tuple[PoolLineShape, ...] = Field(description="the most frequent first")
    mappings: tuple[MappingShape, ...] = Field(description="the newest first")
    pulls: tuple[PullShape, ...] = Field(description="what is fetched for it")

    @classmethod
    def of_view(cls, view: SourceView) -> FeedViewShape:
        return cls(
            **dict(FeedSourceShape.of(view.source)),
            days=tuple(map(FeedDayShape.of, view.days)),
            pool=tuple(map(PoolLineShape.of, view.pool)),
            mappings=tuple(map(MappingShape.of, view.mappings)),
            pulls=tuple(map(PullShape.of, view.pulls)),
        )


class PooledRowShape(Shape):
    """A row that waits, as it came."""

    key: str
    row: dict[str, Any]
    received_at: datetime
    problem: str
    field: str | None
    value: str | None

    @classmethod
    def of(cls, pooled: PooledRow) -> PooledRowShape:
        problem = pooled.problem
        return cls(
            key=pooled.key,
            row=json.loads(pooled.text),
            received_at=pooled.received_at,
            problem=problem.code.value,
            field=problem.field,
            value=problem.value,
        )


class PoolShape(Shape):
    """Rows that wait, in the order of their keys."""

    items: tuple[PooledRowShape, ...]
    next: str | None

    @classmethod
    def of(cls, page: PoolPage) -> PoolShape:
        return cls(items=tuple(map(PooledRowShape.of, page.rows)), next=page.next)


class ReplayShape(Shape):
    """What became of the rows that had waited."""

    accepted: int
    superseded: int
    pooled: int = Field(description="wait for something else now")

    @classmethod
    def of(cls, found: Counter[Outcome]) -> ReplayShape:
        return cls(
            accepted=found[Outcome.ACCEPTED],
            superseded=found[Outcome.SUPERSEDED],
            pooled=found[Outcome.POOLED],
        )


class MergeProposalShape(Shape):
    """Two cases that the numbers of one row join."""

    id: uuid.UUID
    case: uuid.UUID
    other: uuid.UUID
    source: str
    key: str = Field(description="of the row")
    numbers: tuple[str, ...]
    proposed_at: datetime
    decision: Literal["merged", "rejected"] | None
    decided_at: datetime | None
    decided_by: str | None

    @classmethod
    def of(cls, found: MergeProposal) -> MergeProposalShape:
        return cls.model_validate({name: getattr(found, name) for name in cls.model_fields})


class MergeProposalsShape(Shape):
    """Pairs that nobody has decided, the oldest first."""

    items: tuple[MergeProposalShape, ...]
    next: str | None

    @classmethod
    def of(cls, page: Page[MergeProposal]) -> MergeProposalsShape:
        return cls(items=tuple(map(MergeProposalShape.of, page.items)), next=page.next)
