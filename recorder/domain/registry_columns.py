"""The columns of imported registries: names in both languages, and how each cell is read."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from recorder.domain import registry_cells as cells
from recorder.domain.officer import LONGEST_CERTIFICATE
from recorder.domain.registry_cells import CellError, Raw


class RegistryKind(enum.StrEnum):
    ORGANISATIONS = "organisations"
    OFFICERS = "officers"
    DEVICES = "devices"
    HANDOVERS = "handovers"
    ROSTERS = "rosters"
    MATTERS = "matters"
    SUBJECTS = "subjects"
    ENTRUSTMENTS = "entrustments"
    HOLIDAYS = "holidays"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    #: Other words for it in a header row, as agencies write them.
    aliases: tuple[str, ...]
    read: Callable[[Raw], Any] = cells.text
    needed: bool = False


def _words(**groups: str) -> dict[str, str]:
    """Every spelling → the word; a group names its spellings between blanks."""
    found = {}
    for word, spellings in groups.items():
        for spelling in (word, *spellings.split()):
            found[spelling.casefold()] = word
    return found


ORGANISATION_KINDS = _words(
    city="市 市级 市政府",
    district="区 区级 县 区政府 县级市 新区",
    street="街道 镇 乡 街道办 街道办事处 镇街",
    bureau="局 部门 委办局 机关",
    branch="分支机构 支队 大队 中队 分局 派出机构 所",
    entrusted="受委托组织 委托 受委托机构",
)
ACT_TYPES = _words(
    penalty="行政处罚 处罚",
    inspection="行政检查 检查",
    coercion="行政强制 强制 行政强制措施 行政强制执行",
    licence="行政许可 许可 license",
    levy="行政征收 征收 征收征用",
    requisition="行政征用 征用",
)
DEVICE_STATES = _words(
    active="在用 正常 启用 使用中",
    suspended="停用 暂停 维修 报修 报废",
    lost="丢失 遗失",
)
SUBJECT_KINDS = _words(
    statutory="法定 法定行政机关 法定机关", authorised="授权 法律法规授权组织 授权组织 authorized"
)
HOLIDAY_KINDS = _words(
    holiday="休 放假 休假 节假日 法定节假日 公休日", workday="班 上班 补班 调休上班 工作日"
)

ROSTER_STATES = _words(planned="排班 值班 正常 在岗", cancelled="取消 撤销 作废 调休")

_BEGINS = Column(
    "valid_from", ("生效日期", "有效期起", "起始日期", "开始日期", "启用日期"), cells.day
)
_ENDS = Column(
    "valid_to", ("失效日期", "有效期止", "截止日期", "结束日期", "终止日期", "有效期至"), cells.day
)
_ORGANISATION = Column("organisation", ("机构", "机构代码", "单位", "单位代码", "所属机构"))

COLUMNS: Mapping[RegistryKind, Sequence[Column]] = {
    RegistryKind.ORGANISATIONS: (
        Column("code", ("机构代码", "单位代码", "代码", "编码"), needed=True),
        Column("name", ("机构名称", "单位名称", "名称"), needed=True),
        Column("short_name", ("简称", "机构简称")),
        Column(
            "kind",
            ("类型", "机构类型", "级别", "层级"),
            partial(cells.choice, words=ORGANISATION_KINDS),
            needed=True,
        ),
        Column("parent", ("上级机构", "上级机构代码", "上级单位", "主管机构")),
        Column("uscc", ("统一社会信用代码", "信用代码")),
        Column("region", ("区划", "行政区划", "行政区划代码", "区划代码")),
        _BEGINS,
        _ENDS,
        Column("predecessor", ("前身", "前身机构", "承继自"), cells.several),
        Column("on_behalf_of", ("名义机构", "以其名义", "委托机关")),
    ),
    RegistryKind.OFFICERS: (
        Column("number", ("编号", "人员编号", "警号", "工号", "执法人员编号"), needed=True),
        Column("name", ("姓名",), needed=True),
        _ORGANISATION,
        Column("user_number", ("设备用户编号", "使用者编号")),
        Column(
            "certificate",
            ("证件号", "执法证号", "执法证件号", "证号"),
            partial(cells.text, longest=LONGEST_CERTIFICATE),
        ),
        Column("certificate_from", ("发证日期", "证件有效期起", "证件生效日期"), cells.day),
        Column("certificate_to", ("证件有效期至", "证件有效期止", "证件失效日期"), cells.day),
        _BEGINS,
        _ENDS,
    ),
    RegistryKind.DEVICES: (
        Column("serial", ("产品序号", "设备序列号", "设备编号", "序列号"), needed=True),
        Column("user_number", ("使用者编号", "用户编号", "警号")),
        Column("user_name", ("使用者姓名", "用户姓名", "使用人")),
        Column("unit_number", ("单位编号",)),
        Column("unit_name", ("单位名称",)),
        _ORGANISATION,
        Column("state", ("状态", "设备状态"), partial(cells.choice, words=DEVICE_STATES)),
        _BEGINS,
        _ENDS,
        Column("gb28181", ("国标编号", "国标id", "国标编码")),
        Column("user_name_bytes", ("使用者姓名字节",), cells.octets),
        Column("unit_name_bytes", ("单位名称字节",), cells.octets),
    ),
    RegistryKind.HANDOVERS: (
        Column("device", ("设备", "设备编号", "产品序号"), needed=True),
        Column("officer", ("人员", "执法人员", "人员编号", "警号", "领用人编号")),
        Column("at", ("领用时间", "时间"), cells.moment, needed=True),
        Column("returned_at", ("归还时间", "交还时间"), cells.moment),
    ),
    RegistryKind.ROSTERS: (
        Column("officer", ("人员", "执法人员", "人员编号", "警号"), needed=True),
        _ORGANISATION,
        Column("from", ("上岗时间", "开始时间", "起始时间", "班次开始"), cells.moment, needed=True),
        Column("to", ("下岗时间", "结束时间", "截止时间", "班次结束"), cells.moment, needed=True),
        Column("duty", ("任务", "勤务", "岗位", "班次", "工作内容")),
        Column("state", ("状态", "排班状态"), partial(cells.choice, words=ROSTER_STATES)),
    ),
    RegistryKind.MATTERS: (
        Column("code", ("事项编码", "职权编码", "职权事项编码", "编码"), needed=True),
        Column("name", ("事项名称", "职权名称", "名称"), needed=True),
        Column(
            "act_type",
            ("职权类型", "执法类别", "事项类型"),
            partial(cells.choice, words=ACT_TYPES),
        ),
        _ORGANISATION,
        Column(
            "legal_basis", ("实施依据", "法律依据", "设定依据"), partial(cells.text, longest=4000)
        ),
        _BEGINS,
        _ENDS,
    ),
    RegistryKind.SUBJECTS: (
        _ORGANISATION,
        Column("name", ("执法主体", "主体名称", "名称"), needed=True),
        Column(
            "kind",
            ("类型", "主体类型", "主体性质"),
            partial(cells.choice, words=SUBJECT_KINDS),
            needed=True,
        ),
        Column("announced_at", ("公告日期", "公布日期"), cells.day),
        _BEGINS,
        _ENDS,
    ),
    RegistryKind.ENTRUSTMENTS: (
        Column("principal", ("委托机关", "委托方"), needed=True),
        Column("agent", ("受委托组织", "受委托方", "受委托机关"), needed=True),
        Column("matter", ("事项编码", "委托事项", "职权编码")),
        _BEGINS,
        _ENDS,
        Column("document", ("委托书", "文号", "委托书文号")),
    ),
    RegistryKind.HOLIDAYS: (
        Column("day", ("日期",), cells.day, needed=True),
        Column("kind", ("类型",), partial(cells.choice, words=HOLIDAY_KINDS), needed=True),
        Column("name", ("名称", "节日")),
    ),
}


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong at a line and column; ``column`` is the header's own word."""

    line: int
    column: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class RegistryRow:
    """One line as read: each column of the kind with its value, empty ones too."""

    line: int
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@dataclass(frozen=True, slots=True)
class Header:
    """Which place of a row holds which column, and the words that nothing is made of."""

    places: tuple[tuple[int, Column, str], ...]
    absent: tuple[Column, ...]
    ignored: tuple[str, ...]


def match_header(kind: RegistryKind, words: Sequence[Raw]) -> Header:
    """The columns of the kind that a header row names, in whatever order and language."""
    known = {
        spelling.casefold(): column
        for column in COLUMNS[kind]
        for spelling in (column.name, *column.aliases)
    }
    places, taken, ignored = [], set(), []
    for place, word in enumerate(words):
        written = str(word or "").strip().lstrip("*").strip()
        column = known.get(written.replace(" ", "_").casefold()) or known.get(written.casefold())
        if column is None or column.name in taken:
            if written:
                ignored.append(written)
            continue
        taken.add(column.name)
        places.append((place, column, written))
    absent = tuple(column for column in COLUMNS[kind] if column.name not in taken)
    return Header(tuple(places), absent, tuple(ignored))


def read_row(header: Header, line: int, row: Sequence[Raw]) -> RegistryRow | list[RowError]:
    """The line, or what is wrong with its cells."""
    values: dict[str, Any] = {column.name: column.read(None) for column in header.absent}
    wrong = []
    for place, column, written in header.places:
        raw = row[place] if place < len(row) else None
        try:
            values[column.name] = value = column.read(raw)
        except CellError as error:
            wrong.append(RowError(line, written, error.code, error.detail))
            continue
        if column.needed and (value is None or value == ""):
            wrong.append(RowError(line, written, "cell-missing", "There must be something here."))
    return wrong or RegistryRow(line, values)
