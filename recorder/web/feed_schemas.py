"""What requests of the case feed and of webhooks may hold."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from recorder.domain.feed.mapping import MappedField
from recorder.domain.webhook import Topic
from recorder.web.schemas import Body, Query, ReasonBody

_Number = Annotated[str, Field(min_length=1, max_length=200)]
_Code = Annotated[str, Field(min_length=1, max_length=64)]


class FeedQuery(Query):
    """How much to answer."""

    answers: Annotated[
        Literal["all", "problems"], Field(description="each row, or those that have a problem")
    ] = "all"
    backfill: Annotated[
        bool, Field(description="rows of the past: evaluated behind what happens today")
    ] = False


class FeedSourceBody(Body):
    """A case system."""

    name: _Code
    agency: _Code | None = None
    city: bool = False
    rows_per_minute: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None


class FeedStateBody(ReasonBody):
    """Suspend a source, or bring it back."""

    state: Literal["active", "suspended"]


class MappingBody(Body):
    """What a code of a source means; null: rows with it tell of nothing."""

    field: Annotated[MappedField, Field(strict=False)]
    code: _Number
    value: _Number | None
    valid_from: Annotated[date | None, Field(strict=False)] = None


class MergeDecisionBody(ReasonBody):
    """What a person decided about two cases that numbers join."""

    decision: Literal["merged", "rejected"]


class WebhookBody(Body):
    """Where facts of these topics are sent."""

    url: Annotated[str, Field(min_length=1, max_length=2048)]
    topics: Annotated[tuple[Topic, ...], Field(strict=False, min_length=1, max_length=10)]
    agency: _Code | None = None
    city: bool = False


class ReplayBody(Body):
    """Which messages are sent again: those that failed, or every one."""

    after: Annotated[int, Field(ge=0, le=2**53)] = 0
    everything: bool = False
