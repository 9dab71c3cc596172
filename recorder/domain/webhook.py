"""Which facts other systems are told of, in which form, and when a message is tried again.

The form is Standard Webhooks 1.0.0: headers webhook-id, webhook-timestamp and webhook-signature
(v1: HMAC-SHA256 over id, timestamp and body), secrets as whsec_ and base64.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.events import CustodyEvent
from recorder.domain.instant import format_utc
from recorder.errors import InvalidInput

SECRET_PREFIX = "whsec_"  # noqa: S105 - a marker, no secret
_SECRET_BYTES = 32
#: After how long a message that was not taken is tried again; then it has failed.
PAUSES: tuple[timedelta, ...] = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)


#: A receiver that is away is tried at least this often.
_LONGEST_REST = timedelta(minutes=5)
#: Answers that say nothing of the message: the receiver, or what stands before it, is in trouble.
_AWAY = frozenset({429, 502, 503, 504})


class Topic(enum.StrEnum):
    #: Footage was tied to a case.
    LINKED = "linked"
    #: Footage came after its deadline.
    LATE = "late"
    #: Something that had to be recorded is not, in whole or in part.
    GAP = "gap"
    #: Footage is what arrived, read back.
    SEALED = "sealed"


_EVENTS = {"RecordingLinked": Topic.LINKED, "RecordingSealed": Topic.SEALED}
#: Kinds of findings.
_FINDINGS = {
    "upload_late": Topic.LATE,
    "unrecorded": Topic.GAP,
    "begins_late": Topic.GAP,
    "ends_early": Topic.GAP,
    "gap_unexplained": Topic.GAP,
}


def topic_of(event: CustodyEvent) -> Topic | None:
    """The topic that an event is told under; None: it is nobody's business."""
    if event.name == "FindingRaised":
        return _FINDINGS.get(str(event.facts().get("kind")))
    return _EVENTS.get(event.name)


def body_of(
    event: CustodyEvent, topic: Topic, at: datetime, numbers: Sequence[str] | None = None
) -> str:
    """What is sent: identifiers and times, never footage or people's names.

    ``numbers`` are those of the case that it is about: a case system knows it by nothing else.
    """
    facts = event.facts()
    told = {
        "subject": {"kind": event.SUBJECT.value, "id": str(event.subject)},
        "agency": str(event.agency) if event.agency else None,
    } | {name: facts[name] for name in _TOLD[topic] if name in facts}
    if numbers is not None:
        told["numbers"] = list(numbers)
    return json.dumps(
        {"type": topic.value, "timestamp": format_utc(at), "data": told},
        ensure_ascii=False,
        separators=(",", ":"),
    )


_TOLD: dict[Topic, tuple[str, ...]] = {
    Topic.LINKED: ("case", "number", "stage", "origin"),
    Topic.SEALED: ("length", "sha256", "sm3", "started_at", "ended_at", "incomplete"),
    Topic.LATE: ("finding", "kind", "rule", "scene", "began_at", "ended_at", "recordings"),
    Topic.GAP: ("finding", "kind", "rule", "scene", "began_at", "ended_at", "recordings"),
}


def new_secret() -> str:
    """A secret as receivers' libraries expect it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, message: object, at: datetime, body: str) -> dict[str, str]:
    """The three headers that go with a body. Raises InvalidInput for what is no secret."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (ValueError, binascii.Error) as error:
        raise InvalidInput("webhook-secret-malformed", "Not a secret of a webhook.") from error
    stamp = str(int(at.timestamp()))
    signed = f"{message}.{stamp}.{body}".encode()
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": str(message),
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{digest}",
    }


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try to deliver ended: a status, or why there is none."""

    status: int | None
    trouble: str | None = None

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_away(self) -> bool:
        """Whether it says that the receiver is in trouble, whatever it would be sent."""
        return self.status is None or self.status in _AWAY

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more of it (410)."""
        return self.status == 410


def next_try(attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many tries; None: never."""
    return now + PAUSES[attempts - 1] if attempts <= len(PAUSES) else None


def rest(troubles: int) -> timedelta:
    """How long a receiver is left alone that was away so many times in a row."""
    return min(PAUSES[0] * (1 << min(troubles - 1, 10)), _LONGEST_REST)


#: What nobody could be told of for so long has failed.
PATIENCE = sum(PAUSES, timedelta())
