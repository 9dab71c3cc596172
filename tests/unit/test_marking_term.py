"""Which days of footage are beyond the term for marks, by the list in force on each of them."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

from recorder.domain.duty import DutyList
from recorder.domain.ids import AgencyId
from recorder.domain.marking_term import MarkingDue, due
from recorder.domain.organisation import InNameOf
from recorder.domain.organisation_tree import Holding
from tests.support.acts import AGENCY, duty_list

BRANCH = AgencyId(uuid.UUID(int=77))
FIRST, LAST, TODAY = date(2026, 3, 1), date(2026, 3, 31), date(2026, 3, 25)


def asked(*lists: DutyList, agency: AgencyId = AGENCY, **names: object) -> list[MarkingDue]:
    told = {BRANCH: (InNameOf(agency=BRANCH, organ=AGENCY, **names),)} if names else {}  # type: ignore[arg-type]
    return due([Holding(agency, AGENCY, FIRST, LAST)], lists, told, TODAY)


def spans(found: list[MarkingDue]) -> list[tuple[int, int, int]]:
    """Days of March: first, last, arrived until."""
    return [(each.first.day, each.last.day, each.arrived_until.day) for each in found]


def test_footage_is_in_its_term_until_the_end_of_its_last_day() -> None:
    """What arrived on the 21st has four whole days; what did on the 20th is beyond them."""
    assert spans(asked(duty_list(marking_days=4))) == [(1, 20, 20)]


def test_without_a_term_nothing_is_due() -> None:
    assert asked(duty_list()) == []
    own = duty_list(agency=AGENCY)
    assert asked(duty_list(marking_days=4), own) == []


def test_each_day_is_judged_by_the_version_of_that_day() -> None:
    old = duty_list(agency=AGENCY, marking_days=4, valid_to=date(2026, 3, 11))
    none = duty_list(agency=AGENCY, version=2, valid_from=date(2026, 3, 11))
    new = duty_list(agency=AGENCY, version=3, valid_from=date(2026, 3, 16), marking_days=7)
    assert spans(asked(old, none, new)) == [(1, 10, 20), (16, 17, 17)]


def test_a_term_that_is_longer_than_the_days_are_old_makes_nothing_due() -> None:
    assert asked(duty_list(marking_days=24)) == []
    assert spans(asked(duty_list(marking_days=23))) == [(1, 1, 1)]


def test_a_branch_has_the_term_of_its_organ_while_it_acts_in_its_name() -> None:
    organ = duty_list(agency=AGENCY, marking_days=4)
    until = {"begins": date.min, "ends": date(2026, 3, 9)}
    assert asked(organ, agency=BRANCH) == []
    assert spans(asked(organ, agency=BRANCH, **until)) == [(1, 9, 20)]
    always = {"begins": date(2026, 3, 5), "ends": date.max}
    assert spans(asked(organ, agency=BRANCH, **always)) == [(5, 20, 20)]


def test_days_to_come_are_not_asked_about() -> None:
    held = [Holding(AGENCY, AGENCY, TODAY + timedelta(days=1), LAST)]
    assert due(held, [duty_list(marking_days=1)], {}, TODAY) == []
