"""Who stood above whom on which days, and whose rows of which days count for an organisation.

Figures of days are kept for the agency that they belong to; what they add up to is decided by the
tree as it stood on each of the days. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from recorder.domain.ids import AgencyId
from recorder.domain.organisation import OrganisationKind

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an organisation stood from one day to another, both included."""

    agency: AgencyId
    parent: AgencyId | None
    kind: OrganisationKind
    begins: date
    ends: date
    #: Whose place it took.
    predecessors: tuple[AgencyId, ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """Days of an agency that count for an organisation, by way of one directly below it."""

    agency: AgencyId
    #: The organisation itself for its own rows.
    by_way_of: AgencyId
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class OrganisationTree:
    """All organisations with their standings, and agencies that nobody said anything of."""

    standings: Mapping[AgencyId, tuple[Standing, ...]]
    agencies: frozenset[AgencyId]

    @classmethod
    def of(cls, told: Iterable[Standing], agencies: Iterable[AgencyId]) -> OrganisationTree:
        known: dict[AgencyId, list[Standing]] = defaultdict(list)
        for each in told:
            known[each.agency].append(each)
        ordered = {
            agency: tuple(sorted(all_of, key=lambda one: one.begins))
            for agency, all_of in known.items()
        }
        return cls(ordered, frozenset(agencies) | frozenset(ordered))

    def standing(self, agency: AgencyId, day: date) -> Standing | None:
        """Where it stood on the day, else last before, else first: nobody's rows are nowhere."""
        told = self.standings.get(agency, ())
        begun = [each for each in told if each.begins <= day]
        return begun[-1] if begun else (told[0] if told else None)

    def parents(self, day: date) -> dict[AgencyId, AgencyId | None]:
        """Who stood above each; whoever has ended stands below whoever took its place."""
        found: dict[AgencyId, AgencyId | None] = dict.fromkeys(self.agencies)
        ended: set[AgencyId] = set()
        for agency in self.standings:
            at = self.standing(agency, day)
            if at is not None:
                found[agency] = at.parent
                if at.ends < day:
                    ended.add(agency)
        for agency in sorted(self.standings, key=str):
            at = self.standing(agency, day)
            if at is not None and at.begins <= day:
                for before in at.predecessors:
                    if before in ended and before not in _above(found, agency):
                        found[before] = agency
                        ended.discard(before)
        return found

    def path(self, agency: AgencyId, day: date) -> tuple[AgencyId, ...]:
        """From the top down to the agency."""
        parents = self.parents(day)
        return (*reversed(_above(parents, agency)), agency)

    def kin(self, agency: AgencyId) -> frozenset[AgencyId]:
        """The agency with all whose place it took and who took its place, on any day."""
        found = {agency}
        walked = [agency]
        for at in walked:
            before = {p for each in self.standings.get(at, ()) for p in each.predecessors}
            after = {
                other
                for other, told in self.standings.items()
                if any(at in each.predecessors for each in told)
            }
            walked += sorted((before | after) - found, key=str)
            found |= before | after
        return frozenset(found)

    def tops(self, day: date, seen: Collection[AgencyId] | None) -> list[AgencyId]:
        """Those in sight above whom nobody in sight stands."""
        parents = self.parents(day)
        sight = self.agencies if seen is None else self.agencies & frozenset(seen)
        return sorted((a for a in sight if not set(_above(parents, a)) & sight), key=str)

    def holdings(
        self,
        node: AgencyId | None,
        first: date,
        last: date,
        seen: Collection[AgencyId] | None = None,
    ) -> list[Holding]:
        """The days between first and last that count for the node, each of them once.

        None: everything in sight, by way of those above whom nobody in sight stands.
        """
        sight = self.agencies if seen is None else self.agencies & frozenset(seen)
        found: list[Holding] = []
        open_: dict[tuple[AgencyId, AgencyId], date] = {}
        for begins, ends in self._stretches(first, last):
            now = dict(_counting(self.parents(begins), node, sight))
            gone = [key for key in open_ if now.get(key[0]) != key[1]]
            found += [Holding(*key, open_.pop(key), begins - _DAY) for key in gone]
            for key in now.items():
                open_.setdefault(key, begins)
            if ends == last:
                found += [Holding(*key, since, last) for key, since in open_.items()]
        return sorted(found, key=lambda one: (str(one.agency), one.first))

    def _stretches(self, first: date, last: date) -> Iterable[tuple[date, date]]:
        """Spans of days in which the tree stood still."""
        turns = {first}
        for told in self.standings.values():
            for each in told:
                turns.update(
                    day
                    for day in (each.begins, _behind(each.ends))
                    if day is not None and first < day <= last
                )
        ordered = sorted(turns)
        return zip(ordered, [*(day - _DAY for day in ordered[1:]), last], strict=True)


def _behind(day: date) -> date | None:
    return day + _DAY if day < date.max else None


def under_one(parents: Mapping[AgencyId, AgencyId | None], one: AgencyId, other: AgencyId) -> bool:
    """Whether what stands right above one of the two stands above the other too, or is it."""
    return any(
        (above := parents.get(lower)) is not None and above in (upper, *_above(parents, upper))
        for lower, upper in ((one, other), (other, one))
    )


def _above(parents: Mapping[AgencyId, AgencyId | None], agency: AgencyId) -> list[AgencyId]:
    """Everybody above, the nearest first; a circle is walked once."""
    way: list[AgencyId] = []
    at = parents.get(agency)
    while at is not None and at not in way and at != agency:
        way.append(at)
        at = parents.get(at)
    return way


def _counting(
    parents: Mapping[AgencyId, AgencyId | None],
    node: AgencyId | None,
    sight: frozenset[AgencyId],
) -> Iterable[tuple[AgencyId, AgencyId]]:
    """Each agency that counts for the node, by way of whom."""
    for agency in sight:
        if node is None:
            yield agency, next((a for a in reversed(_above(parents, agency)) if a in sight), agency)
        elif agency == node:
            yield agency, node
        elif node in (way := [agency, *_above(parents, agency)]):
            yield agency, way[way.index(node) - 1]
