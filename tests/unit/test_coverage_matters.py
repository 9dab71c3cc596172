"""Whose a matter is on the day of an act, where the register tells that it passed to another."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from recorder.domain.case_event import ActType
from recorder.domain.coverage import CaseFacts, evaluate
from recorder.domain.coverage.facts import PowerTerm
from recorder.domain.finding import Confidence, Finding, FindingKind, Severity
from recorder.domain.ids import AgencyId
from recorder.domain.matter import MatterTerm, PassedMatter, passings
from recorder.domain.organisation import InNameOf, OrganisationKind
from recorder.domain.organisation_tree import OrganisationTree, Standing
from recorder.web import i18n
from recorder.web.pages import finding_words
from tests.support.acts import AGENCY, clip, document, event, facts

DISTRICT, BUREAU, STREET, BESIDE, BODY, FAR, FAR_STREET, CITY, HEIR = (
    AgencyId(uuid.UUID(int=n)) for n in range(70, 79)
)
EVER, ALWAYS = date.min, date.max
NAMES = {
    BUREAU: "区城管局", STREET: "甲街道办事处", BESIDE: "乙街道办事处", FAR: "邻区城管局",
    FAR_STREET: "邻区街道办事处", CITY: "市局", HEIR: "区综合执法局",
}  # fmt: skip
#: The day of every act here.
ACT = date(2026, 3, 2)


def march(day: int) -> date:
    return date(2026, 3, day)


def stands(
    agency: AgencyId, parent: AgencyId | None, *predecessors: AgencyId, ends: date = ALWAYS
) -> Standing:
    return Standing(
        agency=agency, parent=parent, kind=OrganisationKind.BUREAU, begins=EVER, ends=ends,
        predecessors=predecessors,
    )  # fmt: skip


OTHER_DISTRICT, TOP = AgencyId(uuid.UUID(int=80)), AgencyId(uuid.UUID(int=81))
TREE = OrganisationTree.of(
    (
        stands(TOP, None), stands(CITY, TOP), stands(DISTRICT, TOP), stands(OTHER_DISTRICT, TOP),
        stands(BUREAU, DISTRICT), stands(STREET, DISTRICT), stands(BESIDE, DISTRICT),
        stands(FAR, OTHER_DISTRICT), stands(FAR_STREET, OTHER_DISTRICT),
        stands(HEIR, DISTRICT, BUREAU),
    ),
    (),
)  # fmt: skip


def term(agency: AgencyId, begins: date, ends: date, **changes: object) -> MatterTerm:
    values: dict[str, object] = {
        "agency": agency, "organ": NAMES[agency], "name": "占道经营", "begins": begins,
        "ends": ends, **changes,
    }  # fmt: skip
    return MatterTerm(**values)  # type: ignore[arg-type]


def passed(*terms: MatterTerm) -> dict[str, PassedMatter]:
    return {"M1": PassedMatter(terms, passings(terms, TREE, set(NAMES)))}


def from_day(on: int, *takers: AgencyId) -> dict[str, PassedMatter]:
    """The bureau's until a day of March, then the street's."""
    return passed(
        term(BUREAU, EVER, date.fromordinal(march(on).toordinal() - 1)),
        *(term(taker, march(on), ALWAYS) for taker in takers or (STREET,)),
    )


def act(agency: AgencyId, matters: dict[str, PassedMatter], **changes: object) -> CaseFacts:
    values: dict[str, object] = {
        "agency": agency, "events": (event(agency=agency),), "matter": "M1", "matters": matters,
        "opened_on": ACT, **changes,
    }  # fmt: skip
    return facts(clip(0, 60), **values)


def found(asked: CaseFacts) -> list[Finding]:
    findings = evaluate(asked).findings
    return [each for each in findings if each.kind is FindingKind.MATTER_ELSEWHERE]


BACK = passed(
    term(BUREAU, EVER, march(1)), term(STREET, march(2), march(2)),
    term(BUREAU, march(3), ALWAYS),
)  # fmt: skip
BACK_TODAY = passed(
    term(BUREAU, EVER, date(2026, 2, 28)), term(STREET, march(1), march(1)),
    term(BUREAU, march(2), ALWAYS),
)  # fmt: skip


@pytest.mark.parametrize(
    ("matters", "bureaus", "streets"),
    [
        # The day before, the day itself, the day after.
        (from_day(3), [], [("not_before", "2026-03-03")]),
        (from_day(2), [("handed_on", "2026-03-02")], []),
        (from_day(1), [("handed_on", "2026-03-01")], []),
        # Handed back tomorrow, and handed back today.
        (BACK, [("handed_on", "2026-03-02")], []),
        (BACK_TODAY, [], [("handed_on", "2026-03-02")]),
        # The bureau keeps it for elsewhere; the register does not say where.
        (passed(term(BUREAU, EVER, ALWAYS), term(STREET, march(3), ALWAYS)), [], []),
        # Days on which it is nobody's are no passing.
        (passed(term(BUREAU, EVER, march(1)), term(STREET, march(3), ALWAYS)), [], []),
        ({}, [], []),
    ],
)
def test_a_matter_is_the_organs_whose_the_register_says_it_is_that_day(
    matters: dict[str, PassedMatter],
    bureaus: list[tuple[str, str]],
    streets: list[tuple[str, str]],
) -> None:
    for agency, expected in ((BUREAU, bureaus), (STREET, streets)):
        told = [each.facts for each in found(act(agency, matters))]
        days = [
            (name, each[name])
            for each in told
            for name in ("handed_on", "not_before")
            if name in each
        ]
        assert days == expected
        # Nobody named a matter, or another one.
        assert found(act(agency, matters, matter=None)) == []
        assert found(act(agency, matters, matter="M2")) == []
    # Of whom the register has no row nothing is known.
    assert found(act(BESIDE, matters)) == []


@pytest.mark.parametrize(
    ("changes", "is_found"),
    [
        ({"opened_on": march(2)}, True),
        ({"opened_on": march(1)}, True),
        # Who has opened a case finishes it, and nobody said when this one was.
        ({"opened_on": date(2026, 2, 28)}, False),
        ({"opened_on": None}, False),
        # Something of it is older than its system says.
        ({"events": (event(agency=BUREAU), event(began=-3000, ended=-2990, key="e0"))}, False),
        (
            {"documents": (replace(document(0, 60), occurred_at=event(began=-3000).began_at),)},
            False,
        ),
    ],
)
def test_cases_of_before_a_passing_are_finished_by_who_opened_them(
    changes: dict[str, object], is_found: bool
) -> None:
    assert bool(found(act(BUREAU, from_day(1), **changes))) is is_found


def test_who_comes_too_early_opened_the_case_without_the_power() -> None:
    for opened in (None, date(2026, 1, 1), ACT):
        assert len(found(act(STREET, from_day(9), opened_on=opened))) == 1


def test_an_entrustment_or_an_organ_that_takes_part_covers_the_act() -> None:
    def entrusted(matter: str, day: int) -> dict[str, object]:
        return {"entrusted": {BUREAU: (PowerTerm(march(1), march(day), matter),)}}

    matters = from_day(2)
    assert found(act(BUREAU, matters, **entrusted("", 9))) == []
    assert found(act(BUREAU, matters, **entrusted("M1", 2))) == []
    assert len(found(act(BUREAU, matters, **entrusted("M1", 1)))) == 1
    assert len(found(act(BUREAU, matters, **entrusted("M2", 9)))) == 1
    # A case of the street, or one in which its people take part: the bureau assists.
    assert found(act(STREET, matters, events=(event(agency=BUREAU),))) == []
    both = (event(agency=BUREAU), event(agency=STREET, key="e2"))
    assert found(act(BUREAU, matters, events=both)) == []


@pytest.mark.parametrize(("on", "is_found"), [(3, False), (2, True)])
def test_an_entrusted_body_acts_in_matters_of_the_organ_in_whose_name_it_acts(
    on: int, is_found: bool
) -> None:
    by_name = InNameOf(
        agency=BODY, organ=BUREAU, begins=date(2020, 1, 1), ends=date(2030, 1, 1), entrusted=True
    )
    asked = act(BODY, from_day(on), names={BODY: (by_name,)})
    assert [each.facts["organ"] for each in found(asked)] == (["区城管局"] if is_found else [])
    letter = {BODY: (PowerTerm(march(1), march(9), "M1"),)}
    assert found(act(BODY, from_day(on), names={BODY: (by_name,)}, entrusted=letter)) == []


def test_a_power_to_punish_passes_without_that_to_inspect() -> None:
    matters = passed(
        term(BUREAU, EVER, march(1), act_type=ActType.PENALTY),
        term(STREET, march(2), ALWAYS, act_type=ActType.PENALTY),
    )
    for kind, many in ((ActType.PENALTY, 1), (ActType.INSPECTION, 0), (None, 1)):
        own = (event(agency=BUREAU, act_type=kind),)
        assert len(found(act(BUREAU, matters, events=own))) == many


UNTIL = term(BUREAU, EVER, march(1))
SINCE = term(STREET, march(2), ALWAYS)


@pytest.mark.parametrize(
    ("terms", "passes"),
    [
        ((UNTIL, SINCE), True),
        # A city's organ hands down to a district's.
        ((term(CITY, EVER, march(1)), term(BUREAU, march(2), ALWAYS)), True),
        # Two districts change their lists on the same day.
        ((UNTIL, term(FAR_STREET, march(2), ALWAYS)), False),
        # The code means something else now, or another kind of act.
        ((UNTIL, replace(SINCE, name="噪声扰民")), False),
        ((replace(UNTIL, act_type=ActType.PENALTY), replace(SINCE, act_type=ActType.LEVY)), False),
        # Rows that are stated anew.
        ((UNTIL, term(BUREAU, march(2), ALWAYS, name="占道"), SINCE), False),
        ((UNTIL, term(STREET, EVER, march(1), name="占道"), SINCE), False),
        # The organ has another name and code.
        ((UNTIL, term(HEIR, march(2), ALWAYS)), False),
        ((UNTIL, term(HEIR, march(2), ALWAYS), SINCE), False),
        ((UNTIL,), False),
    ],
)
def test_a_passing_is_what_the_register_leaves_no_doubt_of(
    terms: Sequence[MatterTerm], passes: bool
) -> None:
    told = passings(terms, TREE, set(NAMES))
    assert bool(told) is passes
    assert all((each.on, each.giver, each.taker) == (march(2), terms[0], terms[1]) for each in told)
    # Nobody asks.
    assert passings(terms, TREE, {AGENCY}) == ()
    assert passings(terms, OrganisationTree.of((), ()), set(NAMES)) == ()


def test_the_finding_names_both_organs_the_matter_the_day_and_the_rule() -> None:
    chinese, english = i18n.catalogue("zh_CN"), i18n.catalogue("en")
    (gone,) = found(act(BUREAU, from_day(1, STREET, BESIDE)))
    assert (gone.agency, gone.severity, gone.confidence) == (
        BUREAU, Severity.MAJOR, Confidence.CERTAIN,
    )  # fmt: skip
    assert gone.rule == "《中华人民共和国行政处罚法》第二十四条"
    assert finding_words.title(chinese, gone.kind) == "事项不属本机关"
    assert finding_words.expected(chinese, gone) == "执法机关应当办理当日属于本机关的职权事项。"
    assert finding_words.found(chinese, gone) == (
        "事项 M1（占道经营）自 2026-03-01 起由区城管局移交甲街道办事处、乙街道办事处，"
        "2026-03-02 实施时已不属于区城管局。"
    )
    assert finding_words.found(english, gone) == (
        "Matter M1 (占道经营) passed from 区城管局 to 甲街道办事处、乙街道办事处 on 2026-03-01;"
        " this act on 2026-03-02 was outside of what 区城管局 has."
    )
    (early,) = found(act(STREET, from_day(9)))
    assert finding_words.found(chinese, early) == (
        "事项 M1（占道经营）自 2026-03-09 起才由区城管局移交甲街道办事处，"
        "2026-03-02 实施时尚不属于甲街道办事处。"
    )
    assert finding_words.found(english, early) == (
        "Matter M1 (占道经营) passes from 区城管局 to 甲街道办事处 on 2026-03-09; on 2026-03-02,"
        " the day of this act, it was not yet 甲街道办事处's."
    )
