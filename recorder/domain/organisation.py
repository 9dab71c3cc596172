"""Organisations: kinds, codes with a check digit, and the rule that a tree has no circle."""

from __future__ import annotations

import enum
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from recorder.domain.ids import AgencyId

#: GB 32100: digits and letters without I, O, S, V and Z, in the order of their values.
_USCC_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_LENGTH = 18
_REGION = re.compile(r"\d{6}(\d{3}(\d{3})?)?")


class OrganisationKind(enum.StrEnum):
    CITY = "city"
    DISTRICT = "district"
    #: 街道、镇: an organ in its own name since the powers were handed down (R56, R83).
    STREET = "street"
    BUREAU = "bureau"
    #: 支队、大队: a part of the organ above it, in whose name it acts.
    BRANCH = "branch"
    #: 受委托组织: acts in the name of whoever entrusts it.
    ENTRUSTED = "entrusted"


def is_credit_code(code: str) -> bool:
    """Whether a unified social credit code (GB 32100) is well formed and its last digit fits."""
    if len(code) != _USCC_LENGTH or any(letter not in _USCC_LETTERS for letter in code):
        return False
    values = [_USCC_LETTERS.index(letter) for letter in code]
    total = sum(value * pow(3, place, 31) for place, value in enumerate(values[:-1]))
    return values[-1] == (31 - total % 31) % 31


def is_region(code: str) -> bool:
    """Whether it has the form of a region by GB/T 2260, a street or a community below it."""
    return _REGION.fullmatch(code) is not None


def circle(parents: Mapping[uuid.UUID, uuid.UUID | None]) -> tuple[uuid.UUID, ...]:
    """Organisations each of which is above the next and the last above the first; empty if none."""
    clear: set[uuid.UUID] = set()
    for start in parents:
        way: list[uuid.UUID] = []
        at: uuid.UUID | None = start
        while at is not None and at not in clear:
            if at in way:
                return tuple(way[way.index(at) :])
            way.append(at)
            at = parents.get(at)
        clear.update(way)
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InNameOf:
    """From when to when, both included, a branch or an entrusted body acts in an organ's name."""

    agency: AgencyId
    organ: AgencyId
    begins: date
    ends: date
    #: It has no powers of its own, but for what the organ entrusts it with.
    entrusted: bool = False


#: Agency → what is known of it.
Names = Mapping[AgencyId, Sequence[InNameOf]]


def organs_of(names: Names, agency: AgencyId, day: date | None = None) -> tuple[AgencyId, ...]:
    """The organs in whose name it acts on the day, the nearest first; None: on any day.

    A branch of a branch acts in the name of the organ above both.
    """
    found: dict[AgencyId, None] = {}
    walked = [agency]
    for at in walked:
        for each in names.get(at, ()):
            held = day is None or each.begins <= day <= each.ends
            if held and each.organ != agency and each.organ not in found:
                found[each.organ] = None
                walked.append(each.organ)
    return tuple(found)


def acting_for(names: Names, organs: Iterable[AgencyId]) -> set[AgencyId]:
    """These organs, and all that act in the name of one of them on any day."""
    wanted = set(organs)
    return wanted | {each for each in names if wanted & set(organs_of(names, each))}
