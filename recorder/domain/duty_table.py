"""Duty lists as tables: the columns that agencies publish, read and written."""

from __future__ import annotations

import csv
import dataclasses
import enum
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from typing_extensions import override

from recorder.domain.case import Stage
from recorder.domain.case_event import ActType, EventKind
from recorder.domain.deadline import parse_term
from recorder.domain.duty import DutyLevel, DutyRule
from recorder.domain.spreadsheet_cell import plain, safe
from recorder.errors import InvalidInput

E = TypeVar("E", bound=enum.StrEnum)

#: Field of a rule → the heading that agencies publish it under.
HEADINGS: dict[str, str] = {
    "code": "序号",
    "act_type": "法律类别",
    "matter": "事项",
    "stage": "环节",
    "scene": "场景",
    "level": "记录要求",
    "place": "地点",
    "means": "方式",
    "recorder": "记录人",
    "starts": "起点",
    "content": "内容",
    "ends": "终点",
    "announcement": "告知录音录像",
    "voice_statement": "语音说明",
    "officers": "执法人数",
    "scan": "扫码",
    "deadline": "上传时限",
    "retention": "保存期限",
    "legal_basis": "依据",
}
#: Other headings for the same column, as agencies' own tables have them.
_ALIASES: dict[str, tuple[str, ...]] = {
    "act_type": ("执法类别", "执法行为类别", "类别"),
    "matter": ("事项编码", "职权编码"),
    "stage": ("执法环节", "记录环节", "阶段"),
    "scene": ("记录场景", "执法场景", "情形"),
    "level": ("记录类型", "记录程度"),
    "place": ("记录地点", "记录场所"),
    "means": ("记录方式", "记录形式"),
    "recorder": ("记录人员", "记录主体"),
    "starts": ("记录起点", "开始节点", "起始节点", "开始"),
    "content": ("记录内容", "记录要点"),
    "ends": ("记录终点", "结束节点", "终止节点", "结束"),
    "deadline": ("存储时限", "归集时限"),
    "retention": ("存储期限", "保管期限"),
    "legal_basis": ("法律依据", "实施依据"),
}
LEVELS = {
    DutyLevel.FULL_UNINTERRUPTED: "全程不间断",
    DutyLevel.REQUIRED: "应当记录",
    DutyLevel.OPTIONAL: "可以记录",
    DutyLevel.EXEMPT: "免予记录",
}
ACT_TYPES = {
    ActType.PENALTY: "行政处罚",
    ActType.INSPECTION: "行政检查",
    ActType.COERCION: "行政强制",
    ActType.LICENCE: "行政许可",
    ActType.LEVY: "行政征收",
    ActType.REQUISITION: "行政征用",
}
STAGES = {
    Stage.INITIATION: "启动",
    Stage.INVESTIGATION: "调查取证",
    Stage.REVIEW: "审核",
    Stage.DECISION: "决定",
    Stage.SERVICE: "送达",
    Stage.ENFORCEMENT: "执行",
}
SCENES = {
    EventKind.ONSITE_INSPECTION: "现场检查",
    EventKind.EVIDENCE_TAKING: "调查取证",
    EventKind.QUESTIONING: "询问",
    EventKind.SAMPLING: "抽样取证",
    EventKind.PRESERVATION: "先行登记保存",
    EventKind.SEIZURE: "查封扣押",
    EventKind.DEMOLITION: "强制拆除",
    EventKind.HEARING: "听证",
    EventKind.SERVICE_IN_PERSON: "直接送达",
    EventKind.SERVICE_BY_LEAVING: "留置送达",
    EventKind.SERVICE_BY_ANNOUNCEMENT: "公告送达",
    EventKind.EXECUTION: "其他强制执行",
    EventKind.PREMISES: "办案场所",
}
_YES = {"是": True, "yes": True, "true": True, "1": True,
        "否": False, "no": False, "false": False, "0": False}  # fmt: skip
_LONGEST_CELL = 2_000
MOST_RULES = 2_000
#: A table of an office may bear its title above the heading.
_MOST_TITLES = 5

#: What a spreadsheet may hold in one cell.
Raw = str | int | float | date | None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A cell that cannot be read; lines count from 1, the heading is the first."""

    line: int
    column: str
    #: A stable word for what is wrong.
    code: str
    text: str
    #: What stands there, or how many there may be; and the words that may stand there.
    shown: str = ""
    allowed: tuple[str, ...] = ()

    @override
    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.text}"


class _Wrong(ValueError):
    """A cell that cannot be read, before it is known where it stands."""

    def __init__(self, code: str, text: str, shown: str = "", allowed: Iterable[str] = ()) -> None:
        super().__init__(text)
        self.code, self.shown, self.allowed = code, shown, tuple(allowed)


def write(rules: Iterable[DutyRule]) -> str:
    """The list as CSV with Chinese headings; reading it gives the same rules."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in rows(rules):
        writer.writerow([safe(cell) for cell in row])
    return out.getvalue()


def rows(rules: Iterable[DutyRule]) -> Iterator[Sequence[str]]:
    """The list as lines of cells, the heading first; what could be a formula is not marked."""
    yield tuple(HEADINGS.values())
    for rule in rules:
        yield tuple(_cell(getattr(rule, name)) for name in HEADINGS)


def read(text: str) -> tuple[DutyRule, ...]:
    """The rules of a table with Chinese or English headings, as CSV or as spreadsheets copy cells.

    Raises InvalidInput ``duty-list-malformed`` with every mistake: line, column and what it is.
    """
    text = text.removeprefix("\ufeff")
    # A line with neither is a title above the heading.
    head = next((line for line in text.splitlines() if "\t" in line or "," in line), "")
    between = "\t" if "\t" in head else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between)
    try:
        rules, mistakes = read_lines(list(enumerate(reader, 1)))
    except csv.Error as error:
        rules = ()
        mistakes = [Mistake(reader.line_num, "", "table-unreadable", str(error))]
    if mistakes:
        raise _malformed(mistakes)
    return rules


def read_lines(
    table: Iterable[tuple[int, Sequence[Raw]]],
) -> tuple[tuple[DutyRule, ...], list[Mistake]]:
    """The rules of a table, however it came (numbers of lines, and cells), and its mistakes.

    A title may stand above the heading. With a mistake there are no rules.
    """
    said = [(n, [_as_text(cell) for cell in row]) for n, row in table]
    lines = [(n, row) for n, row in said if any(cell.strip() for cell in row)]
    if not lines:
        return (), [Mistake(1, "", "table-empty", "the table is empty")]
    headed = (n for n, (_, row) in enumerate(lines[:_MOST_TITLES]) if _is_heading(row))
    (first, heading), *lines = lines[next(headed, 0) :]
    while not heading[-1].strip():
        # A spreadsheet is as wide as its widest line.
        heading.pop()
    names = [_field(cell) for cell in heading]
    mistakes = _of_heading(first, heading, names)
    if not lines:
        told = "there is no row below the heading"
        mistakes.append(Mistake(first, "", "table-empty", told))
    if len(lines) > MOST_RULES:
        told = f"more than {MOST_RULES} rows"
        mistakes.append(Mistake(lines[MOST_RULES][0], "", "too-many-rows", told, str(MOST_RULES)))
    if mistakes:
        return (), mistakes
    rules, codes = [], set()
    for line, row in lines:
        cells = {name: cell.strip() for name, cell in zip(names, row, strict=False) if name}
        rule = _rule(line, cells, mistakes)
        if rule is not None and rule.code in codes:
            mistakes.append(
                Mistake(line, HEADINGS["code"], "code-repeated", "stands here twice", rule.code)
            )
        elif rule is not None:
            codes.add(rule.code)
            rules.append(rule)
    return ((), mistakes) if mistakes else (tuple(rules), [])


def _of_heading(line: int, heading: Sequence[str], names: Sequence[str | None]) -> list[Mistake]:
    found = [
        Mistake(
            line,
            cell,
            "column-unknown",
            "is no column of duty lists, or stands here twice",
            cell,
            tuple(HEADINGS.values()),
        )
        for n, (cell, name) in enumerate(zip(heading, names, strict=True))
        if name is None or name in names[:n]
    ]
    found += [
        Mistake(line, HEADINGS[name], "column-missing", "is missing")
        for name in ("code", "level")
        if name not in names
    ]
    return found


def _is_heading(row: Sequence[str]) -> bool:
    return {"code", "level"} <= {_field(cell) for cell in row}


def _field(heading: str) -> str | None:
    wanted = "".join(heading.split())
    return next(
        (n for n, told in HEADINGS.items() if wanted in (n, told, *_ALIASES.get(n, ()))), None
    )


def _as_text(cell: Raw) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "是" if cell else "否"
        case float() if cell.is_integer():
            return str(int(cell))
        case date():
            return cell.isoformat()
        case _:
            return str(cell)


def _rule(line: int, cells: dict[str, str], mistakes: list[Mistake]) -> DutyRule | None:
    values: dict[str, object] = {}
    before = len(mistakes)
    for name, cell in cells.items():
        text = plain(cell)
        try:
            if len(text) > _LONGEST_CELL:
                told = f"has more than {_LONGEST_CELL} characters"
                raise _Wrong("cell-too-long", told, str(_LONGEST_CELL))
            if text or name in ("code", "level"):
                values[name] = _READ.get(name, str)(text)
        except _Wrong as error:
            mistakes.append(
                Mistake(line, HEADINGS[name], error.code, str(error), error.shown, error.allowed)
            )
    if len(mistakes) > before:
        return None
    return DutyRule(**values)  # type: ignore[arg-type]


def _malformed(mistakes: Sequence[Mistake]) -> InvalidInput:
    return InvalidInput(
        "duty-list-malformed",
        "; ".join(map(str, mistakes[:20])),
        mistakes=[
            {**dataclasses.asdict(each), "allowed": "、".join(each.allowed)}
            for each in mistakes[:200]
        ],
    )


def _word(words: dict[E, str]) -> Callable[[str], E]:
    def read_word(text: str) -> E:
        for value, told in words.items():
            if text in (value.value, told, told.removeprefix("行政")):
                return value
        told = f"{text[:20]!r} is none of {'、'.join(words.values())}"
        raise _Wrong("word-unknown", told, text[:20], words.values())

    return read_word


def _code(text: str) -> str:
    if not text:
        raise _Wrong("cell-empty", "is empty")
    return text


def _yes(text: str) -> bool:
    if text.lower() not in _YES:
        told = f"{text[:20]!r} is neither 是 nor 否"
        raise _Wrong("word-unknown", told, text[:20], ("是", "否"))
    return _YES[text.lower()]


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 2):
        raise _Wrong("number-wanted", f"{text[:20]!r} is no small whole number", text[:20])
    return int(text)


def _term(text: str) -> str:
    try:
        return str(parse_term(text))
    except InvalidInput as error:
        raise _Wrong("term-wanted", error.detail, text[:20]) from error


_READ: dict[str, Callable[[str], object]] = {
    "code": _code,
    "level": _word(LEVELS),
    "act_type": _word(ACT_TYPES),
    "stage": _word(STAGES),
    "scene": _word(SCENES),
    "announcement": _yes,
    "voice_statement": _yes,
    "scan": _yes,
    "officers": _count,
    "deadline": _term,
}


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case DutyLevel():
            return LEVELS[value]
        case ActType():
            return ACT_TYPES[value]
        case Stage():
            return STAGES[value]
        case EventKind():
            return SCENES[value]
        case bool():
            return "是" if value else "否"
        case _:
            return str(value)


class Fate(enum.StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class RuleChange:
    """How a rule of one version differs in another."""

    code: str
    fate: Fate
    before: DutyRule | None
    after: DutyRule | None
    #: Fields that differ, in the order of the columns.
    columns: tuple[str, ...]


def compare(old: Iterable[DutyRule], new: Iterable[DutyRule]) -> tuple[RuleChange, ...]:
    """What is other in the new version, in its order; removed rules behind."""
    before = {rule.code: rule for rule in old}
    changes = []
    for rule in new:
        was = before.pop(rule.code, None)
        if was is None:
            changes.append(RuleChange(rule.code, Fate.ADDED, None, rule, ()))
            continue
        differ = tuple(name for name in HEADINGS if getattr(was, name) != getattr(rule, name))
        if differ:
            changes.append(RuleChange(rule.code, Fate.CHANGED, was, rule, differ))
    gone = [RuleChange(code, Fate.REMOVED, was, None, ()) for code, was in before.items()]
    return (*changes, *gone)
