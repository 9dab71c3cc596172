"""Powers that pass from one organ to another on a day (事项移交, R83), as the register has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from recorder.domain.case_event import ActType
from recorder.domain.ids import AgencyId
from recorder.domain.organisation_tree import OrganisationTree, under_one

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterTerm:
    """The days, both counted, on which a matter is an organ's."""

    agency: AgencyId
    #: What the organ is called.
    organ: str
    #: What the matter is called.
    name: str
    act_type: ActType | None = None
    begins: date
    ends: date

    def holds_on(self, day: date) -> bool:
        return self.begins <= day <= self.ends


@dataclass(frozen=True, slots=True)
class Passing:
    """A matter was the giver's until the day before, and is the taker's from the day on."""

    on: date
    giver: MatterTerm
    taker: MatterTerm


@dataclass(frozen=True, slots=True)
class PassedMatter:
    """A matter that passed from organ to organ: whose it is when, and the days on which it did."""

    terms: tuple[MatterTerm, ...]
    passings: tuple[Passing, ...]

    def is_of(self, agencies: Collection[AgencyId], day: date) -> bool:
        """Whether it is one of these agencies' on the day."""
        return any(term.agency in agencies and term.holds_on(day) for term in self.terms)


def passings(
    terms: Sequence[MatterTerm], tree: OrganisationTree, asked: Collection[AgencyId]
) -> tuple[Passing, ...]:
    """Where one matter passed to or from one of these agencies, in the order of days.

    Only where the register leaves no doubt: the one organ's days end, the other's begin the next
    day, the matter is called the same, and what stands above the one stands above the other. That
    two districts change their lists on one day, that a row is stated anew, or that an organ takes
    another's place, is none.
    """
    begun: dict[date, list[MatterTerm]] = defaultdict(list)
    for term in terms:
        begun[term.begins].append(term)
    return tuple(
        Passing(on, giver, taker)
        for giver in sorted(terms, key=lambda term: term.ends)
        if giver.ends < date.max and (on := giver.ends + _DAY) in begun
        for taker in _takers(giver, begun[on], terms, tree, asked)
    )


def _takers(
    giver: MatterTerm,
    begun: Sequence[MatterTerm],
    terms: Sequence[MatterTerm],
    tree: OrganisationTree,
    asked: Collection[AgencyId],
) -> Iterator[MatterTerm]:
    likely = [
        taker
        for taker in begun
        if (giver.agency in asked or taker.agency in asked)
        and taker.name == giver.name
        and _fit(taker.act_type, giver.act_type)
    ]
    if not likely:
        return
    held, holding = _of_day(terms, giver.ends), _of_day(terms, giver.ends + _DAY)
    if holding & tree.kin(giver.agency):
        return
    parents = tree.parents(giver.ends + _DAY)
    for taker in likely:
        if under_one(parents, giver.agency, taker.agency) and not held & tree.kin(taker.agency):
            yield taker


def _of_day(terms: Sequence[MatterTerm], day: date) -> set[AgencyId]:
    return {term.agency for term in terms if term.holds_on(day)}


def _fit(one: ActType | None, other: ActType | None) -> bool:
    return one is None or other is None or one is other
