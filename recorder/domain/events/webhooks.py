"""What happens to webhooks: which systems are told, and what they are told again."""

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
