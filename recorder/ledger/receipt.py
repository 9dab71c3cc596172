"""Receipts: the service's signed word that it holds a recording, checkable by anybody, offline.

A receipt, version 1, is a signed note (``note.py``) whose text is one line: the canonical bytes of
the RecordingSealed event. Further blocks may follow the note after an empty line; version 1
ignores them, a later proof of inclusion has its place there. This module must not decide when a
receipt may be issued: that a recording is sealed is the caller's promise.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from recorder.domain.instant import Instant
from recorder.errors import IntegrityError, InvalidInput
from recorder.ledger import canonical, note

VERSION = 1
EVENT = "RecordingSealed"
MEDIA_TYPE = "text/plain; charset=utf-8"

_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class SealedObject:
    """One object of the original in the store, pinned to its version."""

    key: str
    #: The store's version id; None for a store that has none.
    version: str | None
    length: int
    #: None for an object itself. Else key and version are those of the locked list that names so
    #: many objects, ``list_sha256`` is its digest, and ``length`` is what they have together.
    listed: int | None = None
    list_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says. Only :func:`verify` makes one that may be believed."""

    event_id: str
    sealed_at: datetime
    recording: str
    agency: str
    device: str | None
    #: Length of the original in bytes, over all its objects.
    length: int
    #: Digests of the whole original, as 64 lower-case hex digits.
    sha256: str
    sm3: str
    original_name: str | None
    started_at: datetime | None
    ended_at: datetime | None
    received_at: datetime | None
    #: The device's own clock as it read at upload, never corrected.
    device_clock_at: datetime | None
    objects: tuple[SealedObject, ...]
    #: The whole event as signed, with fields that this version does not know.
    event: dict[str, canonical.Json] = field(repr=False, compare=False)

    @property
    def object_version(self) -> str | None:
        """The pinned version of the first object, or None."""
        return self.objects[0].version if self.objects else None


def issue(leaf: bytes, signer: note.NoteSigner) -> str:
    """The receipt for a RecordingSealed event, given as its canonical bytes.

    The same leaf and key give the same text for ever. Raises IntegrityError
    ``receipt-wrong-event`` when the leaf is not such an event in canonical form.
    """
    _read(leaf)
    return note.sign_note(leaf.decode("utf-8") + "\n", signer).decode("utf-8")


def parse(text: str) -> Receipt:
    """Read a receipt without checking any signature: for display, never for a decision.

    A byte order mark, CRLF line ends and a missing last newline, as mail and editors leave them,
    are forgiven. Raises InvalidInput ``receipt-malformed`` when there is no note in it, and
    IntegrityError ``receipt-wrong-event`` when the note speaks of something else.
    """
    return _read(_leaf_of(_note_of(text)))


def verify(
    text: str,
    verifiers: Iterable[note.NoteVerifier],
    *,
    length: int | None = None,
    sha256: str | None = None,
) -> Receipt:
    """The receipt, after its signature and, where given, length and SHA-256 have been checked.

    ``length`` is in bytes, ``sha256`` in hex digits of the file at hand. Raises InvalidInput
    ``receipt-malformed``, or IntegrityError: ``receipt-signature-bad`` (altered, or not signed by
    a key given here), ``receipt-wrong-event``, ``receipt-length-mismatch``,
    ``receipt-digest-mismatch``.
    """
    signed = _note_of(text)
    try:
        opened = note.open_note(signed.encode("utf-8"), verifiers)
    except (IntegrityError, UnicodeEncodeError) as error:
        raise IntegrityError(
            "receipt-signature-bad", "The receipt is altered, or signed by a key not trusted here."
        ) from error
    receipt = _read(opened.removesuffix("\n").encode("utf-8"))
    if length is not None and length != receipt.length:
        raise IntegrityError(
            "receipt-length-mismatch",
            f"The receipt is for {receipt.length} bytes, the file has {length}.",
            expected=receipt.length,
            actual=length,
        )
    if sha256 is not None and sha256.lower() != receipt.sha256:
        raise IntegrityError(
            "receipt-digest-mismatch",
            "The SHA-256 of the file is not the one in the receipt.",
            expected=receipt.sha256,
            actual=sha256.lower(),
        )
    return receipt


def _note_of(text: str) -> str:
    """The strict form of the note at the start of a receipt file: two blocks of lines."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    # The canonical leaf is one line, so the first empty line must be the second line.
    if len(lines) < 3 or not lines[0] or lines[1]:
        raise InvalidInput(
            "receipt-malformed", "A receipt is one line, an empty line, and signature lines."
        )
    end = lines.index("", 2) if "" in lines[2:] else len(lines)
    return "\n".join(lines[:end]) + "\n"


def _leaf_of(signed: str) -> bytes:
    try:
        return signed.split("\n", 1)[0].encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput("receipt-malformed", "A receipt is valid Unicode.") from error


def _read(leaf: bytes) -> Receipt:
    try:
        event = _object(canonical.decode(leaf))
        if event.get("v") != VERSION or event.get("event") != EVENT:
            raise InvalidInput("event-unknown", f"The event is not {EVENT}, version {VERSION}.")
        subject, facts = _object(event.get("subject")), _object(event.get("facts"))
        if subject.get("kind") != "recording":
            raise InvalidInput("event-unknown", "The subject of the event is not a recording.")
        return Receipt(
            event_id=_uuid(event, "id"),
            sealed_at=_time(event, "at"),
            recording=_uuid(subject, "id"),
            agency=_text(event, "agency"),
            device=_optional_text(facts, "device"),
            length=_count(facts, "length"),
            sha256=_digest(facts, "sha256"),
            sm3=_digest(facts, "sm3"),
            original_name=_optional_text(facts, "original_name"),
            started_at=_optional_time(facts, "started_at"),
            ended_at=_optional_time(facts, "ended_at"),
            received_at=_optional_time(facts, "received_at"),
            device_clock_at=_optional_time(facts, "device_clock_at"),
            objects=_objects(facts),
            event=event,
        )
    except InvalidInput as error:
        raise IntegrityError(
            "receipt-wrong-event", f"The receipt does not speak of a sealed recording: {error}"
        ) from error


def _objects(facts: dict[str, canonical.Json]) -> tuple[SealedObject, ...]:
    listed = facts.get("objects")
    if not isinstance(listed, list):
        raise _field("objects")
    members = [_object(item) for item in listed]
    objects = tuple(
        SealedObject(
            _text(o, "key"),
            _optional_text(o, "version"),
            _count(o, "length"),
            *((_count(o, "listed"), _digest(o, "sha256")) if "listed" in o else ()),
        )
        for o in members
    )
    if sum(o.length for o in objects) != facts.get("length"):
        raise _field("objects")
    return objects


def _object(value: canonical.Json) -> dict[str, canonical.Json]:
    if not isinstance(value, dict):
        raise InvalidInput("event-malformed", "An object is missing.")
    return value


def _text(fields: dict[str, canonical.Json], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise _field(name)
    return value


def _optional_text(fields: dict[str, canonical.Json], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise _field(name)
    return value


def _uuid(fields: dict[str, canonical.Json], name: str) -> str:
    text = _text(fields, name)
    try:
        canonical_form = str(uuid.UUID(text))
    except ValueError as error:
        raise _field(name) from error
    if canonical_form != text:
        raise _field(name)
    return text


def _count(fields: dict[str, canonical.Json], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _field(name)
    return value


def _digest(fields: dict[str, canonical.Json], name: str) -> str:
    text = _text(fields, name)
    if _HEX.fullmatch(text) is None:
        raise _field(name)
    return text


def _time(fields: dict[str, canonical.Json], name: str) -> datetime:
    return Instant.parse(_text(fields, name)).at


def _optional_time(fields: dict[str, canonical.Json], name: str) -> datetime | None:
    return None if fields.get(name) is None else _time(fields, name)


def _field(name: str) -> InvalidInput:
    return InvalidInput("event-malformed", f"The field {name!r} is missing or malformed.")
