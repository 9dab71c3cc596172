"""By when footage is to be marked: so many days after it arrived, as duty lists have it (R49)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from recorder.domain.duty import DutyList, list_in_force
from recorder.domain.ids import AgencyId
from recorder.domain.organisation import Names, organs_of
from recorder.domain.organisation_tree import Holding

#: Days after which a term may end.
LONGEST = 366
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MarkingDue:
    """Days of an agency whose unmarked footage is beyond its term if it arrived until a day."""

    agency: AgencyId
    by_way_of: AgencyId
    #: Days on which the footage began, both included.
    first: date
    last: date
    #: The last day of arrival that is beyond the term.
    arrived_until: date


def due(
    holdings: Iterable[Holding], lists: Iterable[DutyList], names: Names, today: date
) -> list[MarkingDue]:
    """What of these days is beyond its term today; no two of one agency overlap.

    The list in force on the day on which footage began counts, as for everything else that lists
    ask for. Footage is in its term until the end of the last day in China.
    """
    of_agency: dict[AgencyId | None, list[DutyList]] = defaultdict(list)
    for each in lists:
        of_agency[each.agency].append(each)
    found = []
    for one in holdings:
        judged = (one.agency, *organs_of(names, one.agency))
        versions = [each for organ in (*judged, None) for each in of_agency.get(organ, ())]
        if not any(each.marking_days for each in versions):
            continue
        for first, last in _spans(one, versions, judged, names, today):
            organs = organs_of(names, one.agency, first)
            version = list_in_force(versions, one.agency, first, organs)
            if version is None or version.marking_days is None:
                continue
            until = today - timedelta(days=version.marking_days + 1)
            if first <= until:
                found.append(MarkingDue(one.agency, one.by_way_of, first, min(last, until), until))
    return found


def _spans(
    one: Holding,
    versions: Sequence[DutyList],
    judged: Sequence[AgencyId],
    names: Names,
    today: date,
) -> list[tuple[date, date]]:
    """The days of the holding until today, cut wherever another list may begin to count."""
    last = min(one.last, today)
    turns = {one.first}
    for each in versions:
        turns.add(each.valid_from)
        if each.valid_to is not None:
            turns.add(each.valid_to)
    for told in (told for organ in judged for told in names.get(organ, ())):
        turns.add(told.begins)
        if told.ends < last:
            turns.add(told.ends + _DAY)
    starts = sorted(turn for turn in turns if one.first <= turn <= last)
    ends = [*(start - _DAY for start in starts[1:]), last]
    return list(zip(starts, ends, strict=True)) if starts else []
