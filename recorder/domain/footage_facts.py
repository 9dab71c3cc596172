"""What a sender says about its footage: Upload-Metadata and the file name, read leniently.

Footage is never refused for being odd: a value that cannot be understood is left out and
flagged, and the header is kept as it came. Only a header that is no Upload-Metadata at all is
an error (a mistake in a client's code, seen before any byte is sent).
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import enum
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recorder.domain import case_number, device_file_name
from recorder.domain.case import Stage
from recorder.domain.device_file_name import DeviceFileName
from recorder.domain.instant import Instant, format_utc, is_plausible
from recorder.domain.mark import MarkKind
from recorder.domain.provenance import Camera, ProvenanceKind
from recorder.domain.recording import Flag
from recorder.errors import InvalidInput

LONGEST_VALUE_CHARACTERS = 1000
#: More than a person sets in one file, and than fit into a value.
MOST_MARKS = 50
_MARK = re.compile(r"[a-z_]{1,30}@[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class FootageFacts:
    """The sender's words, understood as far as they can be."""

    original_name: str
    file_type: str | None = None
    #: The ``device`` key, else the serial in the file name; None where neither says one.
    device_number: str | None = None
    #: The serial in the file name, for contradictions.
    named_device_number: str | None = None
    dock_name: str | None = None
    officer: str | None = None
    named_officer: str | None = None
    stage: str | None = None
    case_numbers: tuple[str, ...] = ()
    device_clock_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    started_at_source: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    accuracy_m: float | None = None
    key_file: bool = False
    declared_sha256: str | None = None
    #: From a gateway: the id of the livestream that it is a copy of, and where the file lay.
    livestream: str | None = None
    path: str | None = None
    note: str | None = None
    #: Where it comes from, if a person brings it (domain/provenance.py), and with what it was made.
    provenance: str | None = None
    provenance_reason: str | None = None
    provider: str | None = None
    handed_over_at: datetime | None = None
    provider_receipt: str | None = None
    camera: str | None = None
    #: Kind and milliseconds since the first picture, as ``marks_in`` reads them.
    marks: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Plain values, for the upload's row and the sidecar."""
        plain: dict[str, object] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, datetime):
                value = format_utc(value)
            plain[field.name] = list(value) if isinstance(value, tuple) else value
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> FootageFacts:
        """The inverse of ``to_json``; fields of a newer version are ignored."""
        known = {f.name for f in dataclasses.fields(cls)}
        values: dict[str, Any] = {k: v for k, v in plain.items() if k in known}
        for name in ("device_clock_at", "started_at", "ended_at", "handed_over_at"):
            if values.get(name) is not None:
                values[name] = Instant.parse(values[name]).at
        for name in ("case_numbers", "marks", "flags"):
            values[name] = tuple(values.get(name) or ())
        return cls(**values)


def marks_in(facts: FootageFacts) -> list[tuple[MarkKind, int]]:
    """What was marked while it was recorded, each with its milliseconds since the first picture."""
    said = (mark.partition("@") for mark in facts.marks)
    return [(MarkKind(kind), int(media_ms)) for kind, _, media_ms in said]


def parse_metadata(header: str) -> dict[str, bytes]:
    """Read an Upload-Metadata header (tus 1.0.0, creation): pairs of a key and Base64.

    Raises InvalidInput ``upload-metadata-malformed``.
    """
    found: dict[str, bytes] = {}
    for pair in header.split(","):
        key, _, encoded = pair.strip().partition(" ")
        if not key and not encoded:
            continue
        try:
            value = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidInput(
                "upload-metadata-malformed",
                f"The value of {key[:50]!r} in Upload-Metadata is not Base64.",
            ) from error
        if not key.isascii() or key in found:
            raise InvalidInput(
                "upload-metadata-malformed",
                "Keys of Upload-Metadata must be ASCII and appear once.",
            )
        found[key] = value
    return found


def read_facts(metadata: Mapping[str, bytes]) -> FootageFacts:
    """Understand what the metadata and the file name in it say; never raises."""
    return _Reader(metadata).read()


class _Reader:
    def __init__(self, metadata: Mapping[str, bytes]):
        self._metadata = metadata
        self._flags: dict[str, None] = {}

    def read(self) -> FootageFacts:
        raw_name = self._metadata.get("filename") or self._metadata.get("name") or b""
        name, encoding = device_file_name.decode_name(raw_name[:4096])
        if encoding == "unknown":
            self._flag(Flag.METADATA_MALFORMED)
        said = device_file_name.parse(name)
        started = self._time("device_started_at")
        source = "metadata" if started else None
        named_device, named_officer, key_file = self._from_name(said)
        if started is None and said is not None:
            started, source = said.started_at_local, "file_name"
            self._flag(Flag.ZONE_ASSUMED)
        latitude, longitude = self._place()
        return FootageFacts(
            original_name=name or "unnamed",
            file_type=self._text("filetype") or self._text("type"),
            device_number=self._text("device") or named_device,
            named_device_number=named_device,
            dock_name=self._text("dock"),
            officer=self._text("officer"),
            named_officer=named_officer,
            stage=self._choice("stage", Stage),
            case_numbers=self._case_numbers(),
            device_clock_at=self._time("device_clock_at"),
            started_at=started,
            ended_at=self._time("device_ended_at"),
            started_at_source=source,
            latitude=latitude,
            longitude=longitude,
            accuracy_m=self._number("accuracy_m", 0, 1e7) if latitude is not None else None,
            key_file=key_file or self._truth("key_file"),
            declared_sha256=self._digest(),
            livestream=self._livestream(),
            path=self._text("path"),
            note=self._text("note"),
            provenance=self._choice("provenance", ProvenanceKind),
            provenance_reason=self._text("provenance_reason"),
            provider=self._text("provider"),
            handed_over_at=self._time("handed_over_at"),
            provider_receipt=self._text("provider_receipt"),
            camera=self._choice("camera", Camera),
            marks=self._marks(),
            flags=tuple(self._flags),
        )

    def _flag(self, flag: Flag) -> None:
        self._flags[flag.value] = None

    def _from_name(self, said: DeviceFileName | None) -> tuple[str | None, str | None, bool]:
        if said is None:
            return None, None, False
        if said.placeholder:
            self._flag(Flag.PLACEHOLDER_NUMBER)
        device = None if said.device_is_placeholder else said.device_number
        return device, said.officer_number, said.key_file

    def _text(self, key: str) -> str | None:
        raw = self._metadata.get(key)
        if raw is None:
            return None
        text, encoding = device_file_name.decode_name(raw)
        text = text.strip()
        if encoding == "unknown" or len(text) > LONGEST_VALUE_CHARACTERS:
            self._flag(Flag.METADATA_MALFORMED)
        return text[:LONGEST_VALUE_CHARACTERS] or None

    def _time(self, key: str) -> datetime | None:
        text = self._text(key)
        if text is None:
            return None
        try:
            instant = Instant.parse(text)
        except InvalidInput:
            self._flag(Flag.METADATA_MALFORMED)
            return None
        if not is_plausible(instant.at):
            self._flag(Flag.METADATA_MALFORMED)
            return None
        if instant.assumed_zone:
            self._flag(Flag.ZONE_ASSUMED)
        return instant.at

    def _number(self, key: str, least: float, most: float) -> float | None:
        text = self._text(key)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            self._flag(Flag.METADATA_MALFORMED)
            return None
        return value

    def _place(self) -> tuple[float | None, float | None]:
        latitude, longitude = self._number("lat", -90, 90), self._number("lon", -180, 180)
        if latitude is None or longitude is None:
            return None, None
        return latitude, longitude

    def _truth(self, key: str) -> bool:
        return (self._text(key) or "").lower() in ("1", "true", "yes")

    def _choice(self, key: str, words: type[enum.StrEnum]) -> str | None:
        text = self._text(key)
        if text is not None and text not in set(words):
            self._flag(Flag.METADATA_MALFORMED)
            return None
        return text

    def _case_numbers(self) -> tuple[str, ...]:
        numbers = []
        for raw in case_number.split_numbers(self._text("case_number") or ""):
            try:
                parsed = case_number.CaseNumber.parse(raw)
            except InvalidInput:
                self._flag(Flag.METADATA_MALFORMED)
                continue
            if parsed.odd:
                self._flag(Flag.CASE_NUMBER_ODD)
            numbers.append(parsed.raw)
        return tuple(numbers)

    def _marks(self) -> tuple[str, ...]:
        marks: dict[str, None] = {}
        for said in filter(None, re.split(r"[,\s]+", self._text("marks") or "")):
            if _MARK.fullmatch(said) and said.partition("@")[0] in set(MarkKind):
                marks[said] = None
            else:
                self._flag(Flag.METADATA_MALFORMED)
        if len(marks) > MOST_MARKS:
            self._flag(Flag.METADATA_MALFORMED)
        return tuple(marks)[:MOST_MARKS]

    def _livestream(self) -> str | None:
        text = self._text("livestream")
        if text is None:
            return None
        try:
            return str(uuid.UUID(text))
        except ValueError:
            self._flag(Flag.METADATA_MALFORMED)
            return None

    def _digest(self) -> str | None:
        text = self._text("sha256")
        if text is None:
            return None
        digits = text.removeprefix("sha256:").lower()
        if len(digits) != 64 or any(c not in "0123456789abcdef" for c in digits):
            self._flag(Flag.METADATA_MALFORMED)
            return None
        return digits
