"""Files of registries on a real database: shown, taken whole, or refused with every fault."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest

from recorder.adapters import tables
from recorder.domain.officer import Certificate
from recorder.domain.people import OPERATOR, Actor, Role
from recorder.domain.registry_columns import RegistryKind
from recorder.domain.validity import EVER, FURTHER_NOTICE
from recorder.errors import Forbidden, NotFound
from recorder.services import registries, registry, registry_looks
from recorder.services.importing import Outcome, import_file, list_files
from recorder.store.registry import (
    entrustments,
    handovers,
    matters,
    officers,
    organisations,
    rosters,
)
from tests.support.bureau import Bureau, open_bureau

TREE = """机构代码,机构名称,简称,类型,上级机构,统一社会信用代码,前身
SZ,某市,某市,市,,,
NS,某区,,区,SZ,91350100M000100Y43,
NS-CG,某区城管局,城管,局,NS,91350100M000100Y44,OLD
YH,某街道,,街道,NS,,
OLD,某区旧局,,局,NS,,
"""


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def take(
    bureau: Bureau,
    kind: str,
    content: str | bytes,
    actor: Actor = OPERATOR,
    *,
    dry_run: bool = False,
    agency: str | None = None,
) -> Outcome:
    return await import_file(
        bureau.deps,
        actor,
        kind=kind,
        content=content.encode() if isinstance(content, str) else content,
        file_name="名单.csv",
        dry_run=dry_run,
        agency=agency,
    )


def counts(outcome: Outcome) -> tuple[int, int, int, int, bool]:
    return (
        outcome.added,
        outcome.changed,
        outcome.ended,
        outcome.unchanged,
        outcome.taken,
    )


def faults(outcome: Outcome) -> list[tuple[int, str, str]]:
    return [(error.line, error.column, error.code) for error in outcome.errors]


ROSTER = """人员,机构,上岗时间,下岗时间,任务,状态
A1,NS-CG,2026-01-05 08:30,2026-01-05 17:30,南管罚〔2026〕12号,
A1,NS-CG,2026-01-06 08:30,2026-01-06 17:30,巡查,排班
A2,NS-CG,2026-01-05 20:00,2026-01-06 04:00,,
"""


async def test_a_roster_is_taken_corrected_and_cancelled_and_known_as_it_was_then(
    bureau: Bureau,
) -> None:
    await take(bureau, "organisations", TREE)
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC)

    async def known(as_of: datetime | None = None) -> dict[str, list[str]]:
        async with bureau.deps.database.acquire() as connection:
            found = await rosters.shifts_between(connection, ["A1", "A2"], first, last, as_of)
        return {who: [f"{s.began_at:%d %H}-{s.ended_at:%H}" for s in shifts]
                for who, shifts in found.items()}  # fmt: skip

    assert counts(await take(bureau, "rosters", ROSTER)) == (3, 0, 0, 0, True)
    assert counts(await take(bureau, "rosters", ROSTER)) == (0, 0, 0, 3, False)
    before, planned = bureau.clock.now(), {"A1": ["05 00-09", "06 00-09"], "A2": ["05 12-20"]}
    assert await known() == planned
    bureau.clock.forward(hours=1)
    changed = ROSTER.replace("17:30,巡查,排班", "12:00,巡查,取消").replace(
        "2026-01-06 04", "2026-01-06 02"
    )
    assert counts(await take(bureau, "rosters", changed)) == (0, 2, 0, 1, True)
    assert await known() == {"A1": ["05 00-09"], "A2": ["05 12-18"]}
    assert await known(before) == planned
    lines, _ = await registries.list_rosters(bureau.deps, OPERATOR, date(2026, 1, 6))
    assert [(one.officer, one.cancelled) for one in lines] == [("A2", False), ("A1", True)]
    at = "A1,NS-CG,2026-01-05 08:30"
    wrong = f"人员,机构,上岗时间,下岗时间\n{at},2026-01-05 08:30\n{at},2026-02-05\n"
    assert faults(await take(bureau, "rosters", wrong)) == [
        (2, "下岗时间", "term-reversed"), (3, "下岗时间", "cell-moment"),
    ]  # fmt: skip


async def test_a_tree_is_shown_then_taken_once_and_changes_by_the_day(bureau: Bureau) -> None:
    shown = await take(bureau, "organisations", TREE, dry_run=True)
    assert counts(shown) == (5, 0, 0, 0, False)
    assert await bureau.value("SELECT count(*) FROM organisation") == 0
    assert await bureau.value("SELECT count(*) FROM agency") == 2
    taken = await take(bureau, "organisations", TREE)
    assert counts(taken) == (5, 0, 0, 0, True)
    assert [(n.line, n.code) for n in taken.notices] == [(4, "uscc-check")]
    again = await take(bureau, "organisations", TREE.encode("gbk"))
    assert counts(again) == (0, 0, 0, 5, False)
    bureau.clock.forward(minutes=1)
    renamed = await take(bureau, "organisations", TREE.replace("某区城管局", "某区综合执法局"))
    assert counts(renamed) == (0, 1, 0, 4, True)
    async with bureau.deps.database.acquire() as connection:
        found = await organisations.by_codes(connection, ["NS-CG", "NS", "91350100M000100Y43"])
        assert found["91350100M000100Y43"] == found["NS"]
        terms = (await organisations.of_agencies(connection, [found["NS-CG"]]))[found["NS-CG"]]
        assert [(e.term.facts.name, e.term.begins, e.term.ends) for e in terms] == [
            ("某区城管局", EVER, date(2026, 3, 1)),
            ("某区综合执法局", date(2026, 3, 2), FURTHER_NOTICE),
        ]
        assert terms[0].term.facts.uscc_valid is False
        seen = await organisations.reach_of(connection, found["NS"])
    assert len(seen) == 3
    assert await bureau.value("SELECT name FROM agency WHERE code = 'NS-CG'") == "某区综合执法局"
    assert (await bureau.event_names()).count("RegistryImported") == 2
    first, _ = reversed((await list_files(bureau.deps, OPERATOR)).items)
    assert (first.rows, first.added, first.digest.hex()) == (5, 5, taken.digest)


async def test_one_wrong_line_keeps_the_whole_file_out_and_every_fault_is_told(
    bureau: Bureau,
) -> None:
    await take(bureau, "organisations", TREE)
    circle = "code,name,kind,parent\nSZ,某市,city,YH\n"
    assert faults(await take(bureau, "organisations", circle)) == [(2, "parent", "tree-circle")]
    wrong = """number,name,organisation,certificate,valid_from,valid_to
O1,甲,NS-CG,190301,,
O2,,NS-CG,,,
O3,丙,NOWHERE,,,
O4,丁,NS-CG,,2026-02-30,
O5,戊,NS-CG,,2026-02-01,2026-01-01
O1,乙,NS-CG,,,
"""
    outcome = await take(bureau, "officers", wrong)
    assert faults(outcome) == [
        (3, "name", "cell-missing"),
        (4, "organisation", "agency-unknown"),
        (5, "valid_from", "cell-day"),
        (6, "valid_to", "term-reversed"),
        (7, "", "row-repeated"),
    ]
    assert (outcome.taken, outcome.faults) == (False, 5)
    assert await bureau.value("SELECT count(*) FROM officer") == 0


async def test_officers_come_with_certificates_and_a_renewal_keeps_the_old_one(
    bureau: Bureau,
) -> None:
    await take(bureau, "organisations", TREE)
    head = "编号,姓名,机构,执法证号,证件有效期起,证件有效期至\n"
    first = head + "000001,甲,NS-CG,19030112345,2020-01-01,2024-12-31\n"
    assert counts(await take(bureau, "officers", "\ufeff" + first)) == (1, 0, 0, 0, True)
    renewed = head + "000001,甲,NS-CG,19030112345,2025-01-01,2029-12-31\n"
    assert counts(await take(bureau, "officers", renewed)) == (0, 1, 0, 0, True)
    for file in (first, renewed):
        assert counts(await take(bureau, "officers", file))[3:] == (1, False)
    async with bureau.deps.database.acquire() as connection:
        assert await officers.certificates(connection, ["000001"]) == {
            "000001": (
                Certificate("19030112345", date(2020, 1, 1), date(2024, 12, 31)),
                Certificate("19030112345", date(2025, 1, 1), date(2029, 12, 31)),
            )
        }
    # Somebody of another agency and of another name does not take the number over.
    taken_over = await take(bureau, "officers", head + "000001,乙,YH,,,\n")
    assert faults(taken_over) == [(2, "编号", "officer-elsewhere")]
    moved = await take(bureau, "officers", head + "000001,甲,YH,,,\n")
    assert counts(moved) == (0, 1, 0, 0, True)
    left = await take(bureau, "officers", "编号,姓名,机构,有效期止\n000001,甲,YH,2026-03-31\n")
    assert counts(left) == (0, 0, 1, 0, True)


async def test_an_agency_imports_its_own_and_nothing_of_others(bureau: Bureau) -> None:
    await take(bureau, "organisations", TREE)
    clerk = bureau.actor(Role.ADMINISTRATOR)
    own = await take(bureau, "officers", "number,name\nO1,甲\n", clerk)
    assert counts(own) == (1, 0, 0, 0, True)
    foreign = await take(bureau, "officers", "number,name,organisation\nO2,乙,NS\n", clerk)
    assert faults(foreign) == [(2, "organisation", "agency-unknown")]
    stolen = await take(
        bureau, "officers", "number,name\nO1,甲\n", bureau.actor(agency=bureau.theirs)
    )
    assert faults(stolen) == [(2, "number", "officer-elsewhere")]
    for kind in ("organisations", "holidays"):
        with pytest.raises(Forbidden):
            await take(bureau, kind, TREE, clerk)


async def test_devices_get_their_fields_their_states_and_their_log(bureau: Bureau) -> None:
    await take(bureau, "organisations", TREE)
    there = await registry.add_device(bureau.deps, OPERATOR, number="TA00716")
    raw = "王芳".encode("gbk").ljust(32, b"\0").hex()
    file = (
        "产品序号,使用者编号,单位编号,机构,状态,使用者姓名字节,国标编号\n"
        f"TA00716,000001,440305000001,,停用,{raw},44030500001320000001\n"
        "TA00717,12,440305000001,,,,123\n"
    )
    ours = str(await bureau.value("SELECT code FROM agency WHERE id = $1", bureau.ours))
    outcome = await take(bureau, "devices", file, agency=ours)
    assert counts(outcome) == (2, 0, 0, 0, True)
    assert [(n.line, n.column, n.code) for n in outcome.notices] == [
        (3, "使用者编号", "code-length"),
        (3, "国标编号", "gb28181-form"),
    ]
    found = await registry.device_by_number(bureau.deps, OPERATOR, "TA00716")
    assert (found.id, found.state) == (there.device.id, "suspended")
    name = "SELECT user_name || length(user_name_raw) FROM device_registration WHERE serial = $1"
    assert await bureau.value(name, "TA00716") == "王芳32"
    names = await bureau.event_names()
    assert (names.count("DeviceAdded"), names.count("DeviceStateChanged")) == (2, 1)
    log = (
        "设备编号,警号,领用时间,归还时间\n"
        "TA00716,000001,2026/3/1 8:00,2026/3/1 18:00\n"
        "TA00716,000002,2026/3/1 18:00,2026-03-01T12:00:00Z\n"
    )
    assert counts(await take(bureau, "handovers", log)) == (2, 0, 0, 0, True)
    assert counts(await take(bureau, "handovers", log)) == (0, 0, 0, 2, False)
    async with bureau.deps.database.acquire() as connection:
        worn = await handovers.worn(
            connection,
            found.id,
            datetime.fromisoformat("2026-03-01T07:00+08:00"),
            datetime.fromisoformat("2026-03-02T07:00+08:00"),
        )
    assert [line.officer for line in worn] == ["000001", "000002", None]
    other = log.replace("000001,", "000009,")
    assert faults(await take(bureau, "handovers", other)) == [(2, "领用时间", "handover-conflict")]


async def test_powers_are_handed_over_matter_by_matter(bureau: Bureau) -> None:
    await take(bureau, "organisations", TREE)
    powers = [
        {"事项编码": "0440", "事项名称": "占道经营", "职权类型": "行政处罚", "机构": "NS-CG"},
        {"code": "0440", "name": "占道经营", "organisation": "YH", "valid_from": "2021-09-01"},
    ]
    file = "\n".join(json.dumps(row, ensure_ascii=False) for row in powers[:1])
    assert counts(await take(bureau, "matters", file)) == (1, 0, 0, 0, True)
    file = json.dumps(powers[1], ensure_ascii=False)
    assert counts(await take(bureau, "matters", file)) == (1, 0, 0, 0, True)
    entrusted = (
        "委托机关,受委托组织,事项编码,生效日期,失效日期,委托书\nNS,YH,0440,2025-01-01,,函1号\n"
    )
    assert counts(await take(bureau, "entrustments", entrusted)) == (1, 0, 0, 0, True)
    published = "机构,执法主体,主体类型,公告日期\nYH,某街道办事处,法定,2021-08-01\n"
    assert counts(await take(bureau, "subjects", published)) == (1, 0, 0, 0, True)
    days = "日期,类型,名称\n2026-10-01,休,国庆节\n2026-10-10,班,\n"
    assert counts(await take(bureau, "holidays", days)) == (2, 0, 0, 0, True)
    async with bureau.deps.database.acquire() as connection:
        found = (await matters.by_codes(connection, ["0440"]))["0440"]
        assert [(one.agency_code, one.valid_from) for one in found] == [
            ("NS-CG", EVER),
            ("YH", date(2021, 9, 1)),
        ]
        street = (await organisations.by_codes(connection, ["YH"]))["YH"]
        assert len(await entrustments.valid_on(connection, [street], date(2025, 6, 1))) == 1


async def test_a_spreadsheet_says_the_same_as_text(bureau: Bureau) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["编号", "姓名", "执法证号", "证件有效期至"])
    sheet.append(["000001", "甲", 19030112345, datetime(2029, 12, 31)])  # noqa: DTZ001 - as spreadsheets hold it
    packed = io.BytesIO()
    book.save(packed)
    clerk = bureau.actor(Role.ADMINISTRATOR)
    assert counts(await take(bureau, "officers", packed.getvalue(), clerk)) == (1, 0, 0, 0, True)
    text = "编号,姓名,执法证号,证件有效期至\n000001,甲,19030112345,2029/12/31\n"
    assert counts(await take(bureau, "officers", text, clerk))[3:] == (1, False)


async def test_two_who_import_at_once_wait_in_line(bureau: Bureau) -> None:
    outcomes = await asyncio.gather(*(take(bureau, "organisations", TREE) for _ in range(3)))
    assert sorted(outcome.added for outcome in outcomes) == [0, 0, 5]
    assert await bureau.value("SELECT count(*) FROM organisation") == 5


async def test_subjects_entrustments_and_days_are_looked_at_exported_and_taken_back(
    bureau: Bureau,
) -> None:
    """As of a day, with everything that was ever said; what is exported imports as it was."""
    await take(bureau, "organisations", TREE)
    said = (
        (
            "subjects",
            "机构,执法主体,类型,公告日期,生效日期\nNS-CG,某区城管局,法定,2025年12月1日,\n",
        ),
        (
            "entrustments",
            "委托机关,受委托组织,事项编码,生效日期,委托书\nNS,YH,0440,2026-01-01,委〔2026〕1号\n",
        ),
        ("holidays", "日期,类型,名称\n2030-01-01,休,元旦\n2030-01-05,班,元旦\n"),
    )
    for kind, text in said:
        taken = await take(bureau, kind, text)
        assert (taken.faults, taken.taken) == (0, True)
    for kind, _ in said:
        # Of a year that no library knows.
        day = date(2030, 1, 1) if kind == "holidays" else None
        lines = await registry_looks.table(bureau.deps, OPERATOR, RegistryKind(kind), day)
        for content in (tables.write_csv(lines), tables.write_xlsx(kind, lines)):
            again = await take(bureau, kind, content)
            assert (again.faults, counts(again)) == (0, (0, 0, 0, len(lines) - 1, False))
    bureau.clock.forward(days=1)
    later = "机构,执法主体,类型,生效日期\nNS-CG,某区城管局,授权,2026-06-01\n"
    assert (await take(bureau, "subjects", later)).taken
    deps, day = bureau.deps, date(2026, 3, 1)
    (then,) = await registry_looks.subjects(deps, OPERATOR, day)
    (after,) = await registry_looks.subjects(deps, OPERATOR, date(2026, 7, 1), "城管")
    assert (then.kind, then.uscc, after.kind) == ("statutory", "91350100M000100Y44", "authorised")
    history, _ = await registry_looks.said_of(deps, OPERATOR, RegistryKind.SUBJECTS, then.id)
    assert [(one.facts["subject_kind"], one.superseded_at is None) for one in history] == [
        ("authorised", True),
        ("statutory", True),
        ("statutory", False),
    ]
    assert await registry_looks.subjects(deps, bureau.actor(), day) == []
    with pytest.raises(NotFound):
        await registry_looks.said_of(deps, bureau.actor(), RegistryKind.SUBJECTS, then.id)
    (entrusted,), more = await registry_looks.entrustments(deps, OPERATOR, day)
    assert (entrusted.agent_code, entrusted.matter, more) == ("YH", "0440", None)
    assert (await registry_looks.entrustments(deps, OPERATOR, day, after=entrusted.id))[0] == []
    year = await registry_looks.holidays(deps, 2030)
    shipped = await registry_looks.holidays(deps, 2024)
    unknown = await registry_looks.holidays(deps, 2150)
    assert (len(year.days), year.is_imported) == (2, True)
    assert (shipped.is_announced, shipped.is_imported, len(shipped.days) > 20) == (
        True,
        False,
        True,
    )
    assert (unknown.is_announced, unknown.days) == (False, ())
