"""What a report can say of a recording: a closed list of fields, each with its sort.

docs/guide/reports.md describes each one, and a test holds it to that. Whatever another system asks
for beyond this list is a constant of the map, or a field that is added here.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.case import CaseClass, Scheme, Stage
from recorder.domain.case_event import ActType, EventKind
from recorder.domain.ids import CaseId
from recorder.domain.provenance import UNSAID, Camera, ContentReview, ProvenanceKind
from recorder.domain.recording import Admission, Integrity, Recording
from recorder.domain.restriction import RestrictionGround

#: How footage stands that a report may hold; that of an invented city is never reported.
STATES = (
    Integrity.SEALED.value,
    Integrity.RECEIVED.value,
    Integrity.MISMATCHED.value,
    Admission.QUARANTINED.value,
)
Value = str | int | float | datetime


@dataclass(frozen=True, slots=True)
class ReportedOfficer:
    """Somebody who took part, with name and certificate of the day; empty where nobody knows."""

    number: str
    name: str = ""
    certificate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedCase:
    """A case of a recording, and what happened in it while the recording ran."""

    id: CaseId
    stage: Stage | None
    #: Scheme and number as written, in the order in which they came.
    numbers: tuple[tuple[Scheme, str], ...]
    kinds: tuple[EventKind, ...] = ()
    act_types: tuple[ActType, ...] = ()
    matters: tuple[str, ...] = ()
    officers: tuple[ReportedOfficer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedFootage:
    """A recording with what stands beside it on the day on which it began."""

    recording: Recording
    agency_name: str
    #: Unified social credit code; empty where none is on file.
    uscc: str
    #: Its page under the public address.
    link: str
    #: Who wore the camera.
    wearer: ReportedOfficer | None
    cases: tuple[ReportedCase, ...]


class Sort(enum.Enum):
    """What the values of a field are."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"


Read = Callable[[ReportedFootage, Sequence[ReportedCase]], Sequence[Value | None]]


@dataclass(frozen=True, slots=True)
class Field:
    """How a field is read of a recording and of those of its cases that a line is about."""

    read: Read
    sort: Sort = Sort.TEXT
    #: All words that it can have; None: any text.
    words: tuple[str, ...] | None = None


def _own(
    read: Callable[[Recording], Value | None],
    sort: Sort = Sort.TEXT,
    words: type[enum.StrEnum] | tuple[str, ...] | None = None,
) -> Field:
    """One value of the recording itself."""
    return Field(lambda told, _: (read(told.recording),), sort, tuple(words) if words else None)


def _beside(read: Callable[[ReportedFootage], Value | None]) -> Field:
    return Field(lambda told, _: (read(told),))


def _numbers(scheme: Scheme | None) -> Field:
    """Numbers of the cases, of one sort or of all, each once."""

    def read(_: ReportedFootage, cases: Sequence[ReportedCase]) -> Sequence[str]:
        found = (n for case in cases for sort, n in case.numbers if scheme in (None, sort))
        return list(dict.fromkeys(found))

    return Field(read)


def _of_cases(
    read: Callable[[ReportedCase], Sequence[str]], words: type[enum.StrEnum] | None = None
) -> Field:
    """Values of the cases, each once."""
    return Field(
        lambda _, cases: list(dict.fromkeys(value for case in cases for value in read(case))),
        Sort.TEXT,
        tuple(words) if words else None,
    )


def _officers(told: ReportedFootage, cases: Sequence[ReportedCase]) -> Sequence[ReportedOfficer]:
    """Who wore the camera, and then who took part, each once and with a certificate if any is."""
    found = {told.wearer.number: told.wearer} if told.wearer else {}
    for officer in (one for case in cases for one in case.officers):
        known = found.get(officer.number)
        if known is None or not known.certificate:
            found[officer.number] = officer
    return list(found.values())


def _stages(told: ReportedFootage, cases: Sequence[ReportedCase]) -> Sequence[str]:
    """As the links say it, else as the sender did."""
    found = dict.fromkeys(case.stage.value for case in cases if case.stage)
    return list(found) or [told.recording.stage or ""]


def _length_ms(recording: Recording) -> int | None:
    """As the probe found it, else between the two clocks."""
    measured = (recording.media or {}).get("length_ms")
    if isinstance(measured, int):
        return measured
    if recording.started_at and recording.ended_at:
        return round((recording.ended_at - recording.started_at).total_seconds() * 1000)
    return None


def _length_s(recording: Recording) -> int | None:
    length = _length_ms(recording)
    return None if length is None else round(length / 1000)


def _length_hms(recording: Recording) -> str | None:
    length = _length_s(recording)
    if length is None:
        return None
    return f"{length // 3600:02d}:{length // 60 % 60:02d}:{length % 60:02d}"


def _hex(digest: bytes | None) -> str | None:
    return digest.hex() if digest else None


FIELDS: dict[str, Field] = {
    "recording_id": _own(lambda r: str(r.id)),
    "link": _beside(lambda told: told.link),
    "sha256": _own(lambda r: _hex(r.sha256)),
    "sm3": _own(lambda r: _hex(r.sm3)),
    "length_bytes": _own(lambda r: r.length, Sort.NUMBER),
    "file_name": _own(lambda r: r.original_name),
    "state": _own(lambda r: r.state, words=STATES),
    "began_at": _own(lambda r: r.began, Sort.TIME),
    "ended_at": _own(lambda r: r.ended_at, Sort.TIME),
    "received_at": _own(lambda r: r.received_at, Sort.TIME),
    "sealed_at": _own(lambda r: r.sealed_at, Sort.TIME),
    "duration_s": _own(_length_s, Sort.NUMBER),
    "duration_ms": _own(_length_ms, Sort.NUMBER),
    "duration_hms": _own(_length_hms),
    "latitude": _own(lambda r: r.latitude, Sort.NUMBER),
    "longitude": _own(lambda r: r.longitude, Sort.NUMBER),
    "device": _own(lambda r: r.device_number),
    "camera": _own(lambda r: r.camera, words=Camera),
    "provenance": _own(lambda r: r.provenance, words=(*ProvenanceKind, UNSAID)),
    "content_review": _own(lambda r: r.review, words=ContentReview),
    "restrictions": Field(
        lambda told, _: told.recording.restrictions, words=tuple(RestrictionGround)
    ),
    "classes": Field(lambda told, _: told.recording.classes, words=tuple(CaseClass)),
    "agency_code": _own(lambda r: r.agency_code),
    "agency_name": _beside(lambda told: told.agency_name),
    "agency_uscc": _beside(lambda told: told.uscc),
    "officer": _beside(lambda told: told.wearer.number if told.wearer else None),
    "officer_name": _beside(lambda told: told.wearer.name if told.wearer else None),
    "officer_certificate": _beside(lambda told: told.wearer.certificate if told.wearer else None),
    "officers": Field(lambda told, cases: [one.number for one in _officers(told, cases)]),
    "officer_names": Field(lambda told, cases: [one.name for one in _officers(told, cases)]),
    "certificates": Field(lambda told, cases: [one.certificate for one in _officers(told, cases)]),
    "case_id": _of_cases(lambda case: [str(case.id)]),
    "stage": Field(_stages, words=tuple(Stage)),
    "act_type": _of_cases(lambda case: case.act_types, ActType),
    "event_kind": _of_cases(lambda case: case.kinds, EventKind),
    "matter": _of_cases(lambda case: case.matters),
    "numbers": _numbers(None),
    **{f"{scheme.value}_number": _numbers(scheme) for scheme in Scheme},
}
