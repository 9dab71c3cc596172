"""What a row says, in our words. A row that cannot be read gives its problem instead.

Nothing here asks a database: which organ a word means, and which case a key, the caller finds out.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TypeAlias

from recorder.domain.case import CaseClass, CaseIdentifier, Scheme, Stage
from recorder.domain.case_event import ActType, EventKind, EventOfficer, Exemption, Place
from recorder.domain.case_mention import Mention, MentionKind, credit_code
from recorder.domain.case_number import CaseNumber
from recorder.domain.feed.mapping import MappedField, Mapping
from recorder.domain.feed.problems import Problem, ProblemCode, RowUnreadable, storable
from recorder.domain.feed.rows import LONGEST_KEY, FeedRow, RowKind, is_key
from recorder.domain.instant import CHINA, Instant, is_plausible
from recorder.errors import InvalidInput

_MOST_NUMBERS = 20
_MOST_OFFICERS = 50
_LONGEST_TEXT = 1000
_USUAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
Numbers: TypeAlias = tuple[CaseIdentifier, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What every kind says."""

    #: The organ's code or unified social credit code; None: the source's own agency.
    organ: str | None
    numbers: Numbers
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStatement(Statement):
    title: str | None
    act_type: ActType | None
    matter: str | None
    opened_on: date | None
    closed_on: date | None
    state: str | None
    classes: tuple[CaseClass, ...] = ()
    mentions: tuple[Mention, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStatement(Statement):
    #: None: the mapping says that this code tells of nothing.
    kind: EventKind | None
    #: The source's key of the case; None: ``numbers`` say which it is.
    case: str | None
    act_type: ActType | None
    stage: Stage | None
    began_at: datetime
    ended_at: datetime | None
    visit: str | None
    officers: tuple[EventOfficer, ...]
    place: Place
    matter: str | None
    scan: str | None
    exemption: Exemption | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentStatement(Statement):
    #: None: the mapping says that this code tells of nothing.
    document: str | None
    case: str | None
    event: str | None
    told_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    officers: tuple[EventOfficer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalStatement(Statement):
    about: str
    reason: str | None


AnyStatement: TypeAlias = CaseStatement | EventStatement | DocumentStatement | WithdrawalStatement


def read(row: FeedRow, mapping: Mapping, today: date) -> AnyStatement | Problem:
    """What the row says by the mapping of its day; ``today`` counts for rows without a time."""
    if row.problem is not None:
        return row.problem
    try:
        match row.kind:
            case RowKind.CASE:
                return _case(row.members, mapping, today)
            case RowKind.EVENT:
                return _event(row.members, mapping)
            case RowKind.DOCUMENT:
                return _document(row.members, mapping)
            case _:
                return WithdrawalStatement(
                    organ=_text(row.members, "organ"),
                    numbers=(),
                    occurred_at=_moment(row.members, "occurred_at"),
                    about=row.about or "",
                    reason=_text(row.members, "reason"),
                )
    except RowUnreadable as unreadable:
        return unreadable.problem


def _case(members: dict[str, object], mapping: Mapping, today: date) -> CaseStatement:
    numbers = _numbers(members)
    if not numbers:
        raise RowUnreadable(ProblemCode.NUMBERS_MISSING, "identifiers")
    occurred_at = _moment(members, "occurred_at")
    act_type = _mapped(members, MappedField.ACT_TYPE, mapping, _day(occurred_at, today))
    return CaseStatement(
        organ=_text(members, "organ"),
        numbers=numbers,
        occurred_at=occurred_at,
        title=_text(members, "title"),
        act_type=ActType(act_type) if act_type else None,
        matter=_text(members, "matter"),
        opened_on=_date(members, "opened_on"),
        closed_on=_date(members, "closed_on"),
        state=_text(members, "state"),
        classes=_classes(members),
        mentions=(*_plan(members), *_parties(members)),
    )


def _plan(members: dict[str, object]) -> tuple[Mention, ...]:
    text = _text(members, "plan")
    return (_mention("plan", MentionKind.PLAN, text, ""),) if text else ()


def _parties(members: dict[str, object]) -> tuple[Mention, ...]:
    said = members.get("parties")
    if said is None:
        return ()
    if not isinstance(said, list) or len(said) > _MOST_PARTIES:
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "parties", said)
    found: dict[str, Mention] = {}
    for each in said:
        name = _text(each, "name") if isinstance(each, dict) else None
        if name is None:
            raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "parties", each)
        party = _mention("parties", MentionKind.PARTY, name, _text(each, "code") or "")
        found.setdefault(party.find, party)
    return tuple(found.values())


def _mention(field: str, kind: MentionKind, text: str, code: str) -> Mention:
    try:
        mention = Mention(kind, text, credit_code(code))
        _ = mention.find
    except InvalidInput as error:
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, field, text) from error
    return mention


_MOST_PARTIES = 50


def _classes(members: dict[str, object]) -> tuple[CaseClass, ...]:
    said = members.get("classes")
    if said is None:
        return ()
    words = said if isinstance(said, list) else [None]
    if not all(isinstance(each, str) and each in _CLASSES for each in words):
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "classes", said)
    return tuple(each for each in CaseClass if each in words)


_CLASSES = frozenset(each.value for each in CaseClass)


def _event(members: dict[str, object], mapping: Mapping) -> EventStatement:
    began_at = _needed_moment(members)
    day = _day(began_at, None)
    kind = _mapped(members, MappedField.EVENT, mapping, day, needed=True)
    act_type = _mapped(members, MappedField.ACT_TYPE, mapping, day)
    stage = _mapped(members, MappedField.STAGE, mapping, day)
    ended_at = _moment(members, "ended_at")
    if ended_at is not None and ended_at < began_at:
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "ended_at", members["ended_at"])
    case, numbers = _whose(members)
    return EventStatement(
        organ=_text(members, "organ"),
        numbers=numbers,
        occurred_at=began_at,
        kind=EventKind(kind) if kind else None,
        case=case,
        act_type=ActType(act_type) if act_type else None,
        stage=Stage(stage) if stage else None,
        began_at=began_at,
        ended_at=ended_at,
        visit=_text(members, "visit", LONGEST_KEY),
        officers=_officers(members),
        place=_place(members),
        matter=_text(members, "matter"),
        scan=_text(members, "scan"),
        exemption=_exemption(members),
    )


def _document(members: dict[str, object], mapping: Mapping) -> DocumentStatement:
    told_at = _needed_moment(members)
    document = _mapped(members, MappedField.DOCUMENT, mapping, _day(told_at, None), needed=True)
    case, numbers = _whose(members)
    return DocumentStatement(
        organ=_text(members, "organ"),
        numbers=numbers,
        occurred_at=told_at,
        document=document,
        case=case,
        event=_text(members, "event"),
        told_at=told_at,
        began_at=_moment(members, "began_at"),
        ended_at=_moment(members, "ended_at"),
        officers=_officers(members),
    )


def _whose(members: dict[str, object]) -> tuple[str | None, Numbers]:
    """The key of the case, which decides alone where it is given, or the numbers."""
    case = members.get("case")
    if case is not None:
        if not is_key(case):
            raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "case", case)
        return str(case), ()
    numbers = _numbers(members)
    if not numbers:
        raise RowUnreadable(ProblemCode.NUMBERS_MISSING, "identifiers")
    return None, numbers


def _mapped(
    members: dict[str, object],
    field: MappedField,
    mapping: Mapping,
    day: date,
    *,
    needed: bool = False,
) -> str | None:
    code = _text(members, field.value)
    if code is None:
        if needed:
            raise RowUnreadable(ProblemCode.FIELD_MISSING, field.value)
        return None
    known, word = mapping.meaning(field, code, day)
    if not known:
        raise RowUnreadable(ProblemCode.CODE_UNMAPPED, field.value, code)
    return word


def _day(moment: datetime | None, today: date | None) -> date:
    return moment.astimezone(CHINA).date() if moment is not None else today or date.min


def _text(members: dict[str, object], field: str, longest: int = _LONGEST_TEXT) -> str | None:
    value = members.get(field)
    if value is None:
        return None
    if type(value) is int:
        # Codes and numbers of officers often come as numbers.
        value = str(value)
    if not isinstance(value, str):
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, field, value)
    text = storable(value).strip()
    if len(text) > longest:
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, field, text)
    return text or None


def _moment(members: dict[str, object], field: str) -> datetime | None:
    value = members.get(field)
    if value is None:
        return None
    moment = _parsed(value, field)
    # Outside of these years a time is a slip, of which no term can be worked out.
    if not is_plausible(moment):
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, field, value)
    return moment


def _parsed(value: object, field: str) -> datetime:
    if isinstance(value, str) and _USUAL_TIME.fullmatch(value):
        # The form that nearly every system writes, read twenty times as fast.
        with suppress(ValueError, OverflowError):
            return datetime.fromisoformat(value).astimezone(UTC)
    try:
        return Instant.parse(value if isinstance(value, str) else str(value)).at
    except InvalidInput as error:
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, field, value) from error


def _needed_moment(members: dict[str, object]) -> datetime:
    moment = _moment(members, "occurred_at")
    if moment is None:
        raise RowUnreadable(ProblemCode.FIELD_MISSING, "occurred_at")
    return moment


def _date(members: dict[str, object], field: str) -> date | None:
    text = _text(members, field)
    if text is None:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, field, text) from error


def _numbers(members: dict[str, object]) -> Numbers:
    listed = members.get("identifiers")
    if listed is None:
        return ()
    if not isinstance(listed, list) or len(listed) > _MOST_NUMBERS:
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "identifiers")
    found: dict[tuple[Scheme, str], CaseIdentifier] = {}
    for each in listed:
        scheme, number = (
            (each.get("scheme", "case"), each.get("number")) if isinstance(each, dict) else ("", "")
        )
        text = str(number) if type(number) is int else number
        if not isinstance(text, str) or not isinstance(scheme, str) or scheme not in _SCHEMES:
            raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "identifiers", each)
        try:
            identifier = _identifier(Scheme(scheme), text)
        except InvalidInput as error:
            raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "identifiers", text) from error
        found.setdefault((identifier.scheme, identifier.key), identifier)
    return tuple(found.values())


_SCHEMES = frozenset(Scheme)


@lru_cache(maxsize=8192)
def _identifier(scheme: Scheme, text: str) -> CaseIdentifier:
    # Events of one case come one after another with the same numbers.
    parsed = CaseNumber.parse(text)
    return CaseIdentifier(scheme, parsed.raw, parsed.norm, parsed.key)


def _officers(members: dict[str, object]) -> tuple[EventOfficer, ...]:
    listed = members.get("officers")
    if listed is None:
        return ()
    if not isinstance(listed, list) or len(listed) > _MOST_OFFICERS:
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "officers")
    return tuple(_officer(each) for each in listed)


def _officer(each: object) -> EventOfficer:
    if isinstance(each, dict):
        number = _text(each, "number", LONGEST_KEY)
        certificate = _text(each, "certificate", LONGEST_KEY)
        # Two of whom only the certificates are named are two people.
        if who := number or certificate:
            return EventOfficer(who, certificate)
    raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "officers", each)


def _place(members: dict[str, object]) -> Place:
    value = members.get("place")
    if value is None:
        return Place()
    if not isinstance(value, dict):
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "place", value)
    latitude, longitude = _degrees(value, "lat", 90), _degrees(value, "lon", 180)
    if (latitude is None) != (longitude is None):
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "place")
    return Place(latitude, longitude, _text(value, "text"))


def _degrees(members: dict[str, object], field: str, most: int) -> float | None:
    value = members.get(field)
    if value is None:
        return None
    if type(value) not in (int, float) or not -most <= value <= most:  # type: ignore[operator]
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "place", value)
    return float(value)  # type: ignore[arg-type]


def _exemption(members: dict[str, object]) -> Exemption | None:
    value = members.get("exempt")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise RowUnreadable(ProblemCode.FIELD_MALFORMED, "exempt", value)
    return Exemption(_text(value, "reason") or "", _text(value, "approver"))
