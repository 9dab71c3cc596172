"""Duty lists as tables: read as they are written, every mistake named, nothing is a formula."""

from __future__ import annotations

import csv
import dataclasses
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain import duty_table
from recorder.domain.case import Stage
from recorder.domain.case_event import ActType, EventKind
from recorder.domain.duty import DutyLevel, DutyRule
from recorder.domain.duty_table import HEADINGS, Fate
from recorder.errors import InvalidInput
from recorder.services.duties import PROFILES, note, profile
from recorder.web.pages import duty_words
from tests.support.acts import rule

HEAD = ",".join(HEADINGS.values())
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(str.strip)
rules = st.builds(
    DutyRule,
    code=texts.filter(bool),
    level=st.sampled_from(DutyLevel),
    act_type=st.none() | st.sampled_from(ActType),
    stage=st.none() | st.sampled_from(Stage),
    scene=st.none() | st.sampled_from(sorted(duty_table.SCENES)),
    matter=st.none() | texts.filter(bool),
    starts=texts,
    legal_basis=texts,
    officers=st.integers(0, 99),
    scan=st.booleans(),
    announcement=st.booleans(),
    deadline=st.sampled_from(["24h", "1wd", "2wd"]),
)


def mistakes(text: str) -> str:
    with pytest.raises(InvalidInput) as refused:
        duty_table.read(text)
    assert refused.value.code == "duty-list-malformed"
    told = refused.value.facts["mistakes"]
    assert isinstance(told, list)
    codes = {each["code"] for each in told if isinstance(each, dict)}
    assert told
    assert codes <= set(duty_words.WORDS["duty_mistake"])
    return refused.value.detail


def test_every_field_of_a_rule_has_its_column_and_every_word_its_name() -> None:
    assert {field.name for field in dataclasses.fields(DutyRule)} == set(HEADINGS)
    assert set(duty_table.LEVELS) == set(DutyLevel)
    assert set(duty_table.ACT_TYPES) == set(ActType)
    assert set(duty_table.STAGES) == set(Stage)
    assert set(duty_table.SCENES) == {kind for kind in EventKind if kind.is_scene}


@given(st.lists(rules, min_size=1, max_size=5, unique_by=lambda each: each.code))
def test_what_is_written_is_read_again(written: list[DutyRule]) -> None:
    assert duty_table.read(duty_table.write(written)) == tuple(written)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=10))
def test_no_cell_is_a_formula(text: str) -> None:
    shown = duty_table.write([rule(code="1", starts=text)])
    for row in csv.reader(io.StringIO(shown)):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


def test_headings_may_be_english_and_words_too() -> None:
    (read,) = duty_table.read("\ufeffcode,level,scene,scan\n1,required,hearing,YES\n\n")
    assert read == rule(DutyLevel.REQUIRED, EventKind.HEARING, legal_basis="", scan=True)
    (short,) = duty_table.read("序号,记录要求,场景,依据\n1,全程不间断,查封扣押\n")
    assert short.scene is EventKind.SEIZURE


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1, : the table is empty"),
        ("序号,颜色\n", "line 1, 颜色: is no column"),
        ("序号,序号,记录要求\n", "line 1, 序号: is no column of duty lists, or stands here twice"),
        ("序号\n1\n", "line 1, 记录要求: is missing"),
        ("序号,记录要求\n1,必须\n", "line 2, 记录要求: '必须' is none of"),
        ("序号,记录要求\n,应当记录\n", "line 2, 序号: is empty"),
        ("序号,记录要求\n1,应当记录\n1,应当记录\n", "line 3, 序号: stands here twice"),
        ("序号,记录要求,上传时限\n1,应当记录,明天\n", "line 2, 上传时限: A term is"),
        ("序号,记录要求,扫码\n1,应当记录,也许\n", "line 2, 扫码: '也许' is neither"),
        ("序号,记录要求,执法人数\n1,应当记录,两\n", "line 2, 执法人数: '两' is no small"),
        ("序号,记录要求,起点\n1,应当记录," + "长" * 2001, "line 2, 起点: has more than"),
        ("序号,记录要求\n" + "1,应当记录\n" * 2001, "more than 2000 rows"),
        ("序号,记录要求\n", "line 1, : there is no row below the heading"),
        ("序号,记录要求,内容\n1,应当记录," + "长" * 140_000, "line 2, : field larger than"),
    ],
)
def test_every_mistake_is_told_with_its_line_and_column(text: str, told: str) -> None:
    assert told in mistakes(text)


def test_cells_copied_from_a_spreadsheet_are_read_with_their_lines_within_cells() -> None:
    pasted = '序号\t记录要求\t场景\t内容\n1\t应当记录\t听证\t"告知，\n申辩"\n'
    (read,) = duty_table.read(pasted)
    assert (read.scene, read.content) == (EventKind.HEARING, "告知，\n申辩")


def test_a_table_of_an_office_is_read_as_it_is() -> None:
    """A title above the heading, other headings, ends of lines of an old Mac, short words."""
    text = "市局音像记录清单\r序 号,记录要求,执法类别,法律依据\r1,应当记录,处罚,第十四条\r"
    for between in (",", "\t"):
        (read,) = duty_table.read(text.replace(",", between))
        assert (read.code, read.act_type, read.legal_basis) == ("1", ActType.PENALTY, "第十四条")


def test_cells_of_a_spreadsheet_are_read_as_they_are_typed() -> None:
    rows: list[tuple[int, list[duty_table.Raw]]] = [
        (1, ["序号", "记录要求", "执法人数", "扫码", "内容", None]),
        (2, [1, "应当记录", 3.0, True, "现场\n物品", None]),
    ]
    ((read,), mistakes) = duty_table.read_lines(rows)
    assert mistakes == []
    assert (read.code, read.officers, read.scan, read.content) == ("1", 3, True, "现场\n物品")


def test_two_versions_are_compared_by_the_number_of_the_row() -> None:
    same, gone, old = rule(code="1"), rule(code="2"), rule(code="3", starts="到达")
    new, added = rule(code="3", starts="出发", scan=True), rule(code="4")
    changes = duty_table.compare([same, gone, old], [added, same, new])
    assert [(c.code, c.fate, c.columns) for c in changes] == [
        ("4", Fate.ADDED, ()),
        ("3", Fate.CHANGED, ("starts", "scan")),
        ("2", Fate.REMOVED, ()),
    ]
    assert duty_table.compare([same], [same]) == ()


@pytest.mark.parametrize("name", PROFILES)
def test_a_shipped_list_is_whole(name: str) -> None:
    shipped = profile(name)
    assert shipped.rules
    assert all(each.legal_basis and each.scene and each.retention for each in shipped.rules)
    assert duty_table.read(duty_table.write(shipped.rules)) == shipped.rules
    assert note(name)
    assert shipped.agency is None


def test_guangdong_asks_for_what_its_article_14_names() -> None:
    levels = {each.scene: each.level for each in profile("cn-gd").rules}
    whole = {scene for scene, level in levels.items() if level is DutyLevel.FULL_UNINTERRUPTED}
    assert whole == {
        EventKind.SEIZURE,
        EventKind.DEMOLITION,
        EventKind.EXECUTION,
        EventKind.PREMISES,
    }
    for scene in (
        EventKind.ONSITE_INSPECTION,
        EventKind.EVIDENCE_TAKING,
        EventKind.HEARING,
        EventKind.SERVICE_BY_LEAVING,
        EventKind.SERVICE_BY_ANNOUNCEMENT,
    ):
        assert levels[scene] is DutyLevel.REQUIRED


def test_shenzhen_differs_from_the_province_by_the_scan() -> None:
    changes = duty_table.compare(profile("cn-gd").rules, profile("cn-gd-sz").rules)
    assert [(c.code, c.columns) for c in changes] == [("5", ("scan",))]


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        profile("nowhere")
    assert refused.value.code == "duty-profile-unknown"
