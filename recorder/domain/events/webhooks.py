"""What other systems are told: webhooks, and what they are told again; reports."""

from __future__ import annotations

from dataclasses import dataclass

from recorder.domain.events.base import CustodyEvent, SubjectKind


@dataclass(frozen=True, kw_only=True)
class WebhookAdded(CustodyEvent):
    SUBJECT = SubjectKind.WEBHOOK
    #: Host and port; the rest of the address may hold a key.
    host: str
    topics: tuple[str, ...]
    city: bool


@dataclass(frozen=True, kw_only=True)
class WebhookStopped(CustodyEvent):
    SUBJECT = SubjectKind.WEBHOOK
    reason: str


@dataclass(frozen=True, kw_only=True)
class WebhookReplayed(CustodyEvent):
    """Messages behind a position are sent again: all of them, or those that had failed."""

    SUBJECT = SubjectKind.WEBHOOK
    after: int
    everything: bool
    messages: int


@dataclass(frozen=True, kw_only=True)
class FootageReported(CustodyEvent):
    """Links, digests and facts of footage were given out in another system's format.

    The subject is the report itself; its agency the one that was asked for, with all below it.
    """

    SUBJECT = SubjectKind.SYSTEM
    IS_LOOK = True
    #: What the map calls itself, and the SHA-256 of its file.
    map: str
    map_sha256: str
    #: Days in China on which the footage began, both included.
    first_day: str
    last_day: str
    recordings: int
    #: Those of them whose pictures only some may watch; the report holds no pictures.
    restricted: int
    lines: int
    length: int
    #: Of the report.
    sha256: str
