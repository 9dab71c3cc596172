"""Custody events: one class for each fact, and the body that its canonical bytes are made of.

The body of an event is a dictionary of text, whole numbers, booleans, null, lists and
dictionaries; ``ledger/canonical.py`` turns it into bytes (the *leaf*) that never change again.
Fields are only ever added to a class, never renamed, retyped or removed: old leaves must stay
readable. docs/reference/events.md describes each class, and a test holds it to that.
"""

from __future__ import annotations

import dataclasses
import enum
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from recorder.domain.digest import Digest
from recorder.domain.ids import AgencyId
from recorder.domain.instant import format_utc
from recorder.domain.people import Actor


class SubjectKind(enum.StrEnum):
    RECORDING = "recording"
    CASE = "case"
    UPLOAD = "upload"
    LIVESTREAM = "livestream"
    PERSON = "person"
    DEVICE = "device"
    DOCK = "dock"
    TOKEN = "token"  # noqa: S105 - a kind of subject, no secret
    TASK_RUN = "task_run"
    ALARM = "alarm"
    AGENCY = "agency"
    APPROVAL = "approval"
    SOURCE = "source"
    WEBHOOK = "webhook"
    SYSTEM = "system"


@dataclass(frozen=True, kw_only=True)
class CustodyEvent:
    """One fact about one subject. Subclasses add the facts."""

    SUBJECT: ClassVar[SubjectKind] = SubjectKind.RECORDING
    #: Says that somebody looked, and nothing changed: allowed wherever the scope reaches.
    IS_LOOK: ClassVar[bool] = False
    #: The id of the subject.
    subject: uuid.UUID
    #: The agency whose business it is; None where it is nobody's.
    agency: AgencyId | None

    @property
    def name(self) -> str:
        return type(self).__name__

    def facts(self) -> dict[str, object]:
        """The fields the subclass adds, as plain values."""
        own = [f.name for f in dataclasses.fields(self) if f.name not in ("subject", "agency")]
        return {name: _plain(getattr(self, name)) for name in own}

    def body(self, *, event_id: uuid.UUID, at: datetime, actor: Actor) -> dict[str, object]:
        """Everything the leaf says, version 1."""
        return {
            "v": 1,
            "event": self.name,
            "id": str(event_id),
            "at": format_utc(at),
            "actor": {"kind": actor.kind.value, "id": actor.id, "name": actor.name},
            "agency": str(self.agency) if self.agency else None,
            "subject": {"kind": self.SUBJECT.value, "id": str(self.subject)},
            "facts": self.facts(),
        }


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | str() if not isinstance(value, enum.Enum):
            return value
        case enum.Enum():
            return value.value
        case float():
            # Canonical bytes hold no floating point; a place is said in text.
            return repr(value)
        case uuid.UUID() | Digest():
            return str(value)
        case bytes():
            return value.hex()
        case datetime():
            return format_utc(value)
        case tuple() | list():
            return [_plain(item) for item in value]
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case _:
            raise TypeError(f"a custody event cannot hold a {type(value).__name__}")
