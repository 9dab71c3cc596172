"""What happens in the case feed: sources, what their codes mean, batches of their rows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from recorder.domain.events.base import CustodyEvent, SubjectKind


@dataclass(frozen=True, kw_only=True)
class FeedSourceAdded(CustodyEvent):
    SUBJECT = SubjectKind.SOURCE
    title: str
    city: bool
    rows_per_minute: int
    token: uuid.UUID


@dataclass(frozen=True, kw_only=True)
class FeedSourceStateChanged(CustodyEvent):
    SUBJECT = SubjectKind.SOURCE
    title: str
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class FeedMappingMade(CustodyEvent):
    """From a day on a source's code means something else, or nothing (``value`` null)."""

    SUBJECT = SubjectKind.SOURCE
    title: str
    field: str
    code: str
    value: str | None
    valid_from: str


@dataclass(frozen=True, kw_only=True)
class FeedBatchReceived(CustodyEvent):
    """Rows of a source took part: new ones, or ones that had waited in the pool (``replayed``)."""

    SUBJECT = SubjectKind.SOURCE
    title: str
    rows: int
    accepted: int
    superseded: int
    repeated: int
    pooled: int
    replayed: bool
    #: SHA-256 over the digests of the rows in their order.
    digest: str


@dataclass(frozen=True, kw_only=True)
class FeedPullAdded(CustodyEvent):
    """Rows are fetched for a source from now on; from where stands sealed beside it."""

    SUBJECT = SubjectKind.SOURCE
    title: str
    pull: uuid.UUID
    kind: str
    every_s: int


@dataclass(frozen=True, kw_only=True)
class FeedPullStopped(CustodyEvent):
    SUBJECT = SubjectKind.SOURCE
    title: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class CaseMergeRejected(CustodyEvent):
    """A person said that two cases which a row's numbers join are two."""

    SUBJECT = SubjectKind.CASE
    other: uuid.UUID
    source: str
    key: str
    reason: str
