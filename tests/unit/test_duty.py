"""Which list is in force on a day, and which of its rules applies to a scene."""

from __future__ import annotations

import uuid
from datetime import date

import pytest

from recorder.domain.case import Stage
from recorder.domain.case_event import ActType, EventKind
from recorder.domain.duty import DutyLevel, list_in_force, spoken
from recorder.domain.ids import AgencyId
from tests.support.acts import AGENCY, duty_list, rule

OTHER = AgencyId(uuid.UUID(int=77))
REQUIRED, OPTIONAL = DutyLevel.REQUIRED, DutyLevel.OPTIONAL


def applied(*rules: object, **asked: object) -> str | None:
    wanted: dict[str, object] = {
        "act_type": ActType.PENALTY, "stage": Stage.SERVICE, "scene": EventKind.HEARING,
        "matter": "M1", **asked,
    }  # fmt: skip
    found = duty_list(*rules).rule_for(**wanted)  # type: ignore[arg-type]
    return found.code if found else None


def test_the_most_exact_rule_counts_matter_before_scene_before_stage_before_act_type() -> None:
    by_act = rule(scene=None, code="act", act_type=ActType.PENALTY)
    by_stage = rule(scene=None, code="stage", stage=Stage.SERVICE)
    by_scene = rule(scene=EventKind.HEARING, code="scene")
    by_matter = rule(OPTIONAL, scene=None, code="matter", matter="M1")
    everything = rule(scene=None, code="all")
    rules = [everything, by_act, by_stage, by_scene, by_matter]
    for expected in ("matter", "scene", "stage", "act", "all"):
        assert applied(*rules) == expected
        rules.pop()


def test_of_equally_exact_rules_the_stricter_counts() -> None:
    lax = rule(REQUIRED, scene=EventKind.HEARING, code="0")
    strict = rule(scene=EventKind.HEARING, code="1")
    assert applied(lax, strict) == applied(strict, lax) == "1"


@pytest.mark.parametrize(
    "other",
    [
        rule(scene=EventKind.SEIZURE),
        rule(scene=None, stage=Stage.REVIEW),
        rule(scene=None, act_type=ActType.LICENCE),
        rule(scene=None, matter="M2"),
    ],
)
def test_a_rule_for_something_else_does_not_count(other: object) -> None:
    assert applied(other) is None


def test_the_newest_own_version_of_the_day_counts_before_the_one_for_everybody() -> None:
    general = duty_list(version=9)
    first = duty_list(agency=AGENCY, version=1, valid_to=date(2026, 1, 1))
    second = duty_list(agency=AGENCY, version=2, valid_from=date(2025, 12, 1))
    later = duty_list(agency=AGENCY, version=3, valid_from=date(2027, 1, 1))
    lists = [second, general, later, first]
    assert list_in_force(lists, AGENCY, date(2025, 11, 30)) is first
    assert list_in_force(lists, AGENCY, date(2025, 12, 1)) is second
    assert list_in_force(lists, AGENCY, date(2026, 12, 31)) is second
    assert list_in_force(lists, AGENCY, date(2027, 1, 1)) is later
    assert list_in_force(lists, OTHER, date(2027, 1, 1)) is general
    assert list_in_force([later], AGENCY, date(2026, 1, 1)) is None
    # A branch goes by the list of its organ, as long as it has none of its own.
    assert list_in_force(lists, OTHER, date(2027, 1, 1), [AGENCY]) is later
    branch = duty_list(agency=OTHER, version=1, valid_from=date(2026, 6, 1))
    assert list_in_force([*lists, branch], OTHER, date(2027, 1, 1), [AGENCY]) is branch
    assert list_in_force([*lists, branch], OTHER, date(2026, 5, 1), [AGENCY]) is second


def test_only_what_must_be_recorded_is_an_omission() -> None:
    assert [level for level in DutyLevel if level.must] == [
        DutyLevel.FULL_UNINTERRUPTED,
        DutyLevel.REQUIRED,
    ]


def test_what_is_said_has_its_gaps_filled_as_far_as_is_known() -> None:
    wording = "现在是{time}，我们是{agency}的{officer}。{else}"
    assert spoken(wording, agency="甲局", officer="") == "现在是____，我们是甲局的____。{else}"
    assert spoken("") == ""
