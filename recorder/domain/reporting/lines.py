"""The lines of a report: values by the map, as bytes in its form and encoding."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from recorder.domain.instant import CHINA
from recorder.domain.reporting.fields import FIELDS, ReportedCase, ReportedFootage, Value
from recorder.domain.reporting.report_map import (
    ENCODINGS,
    Column,
    Each,
    Form,
    MapError,
    ReportMap,
)
from recorder.domain.spreadsheet_cell import safe

_DIRECTIVE = re.compile("%([YmdHMS%])")
_DIRECTIVES = {
    "Y": "{0.year:04d}",
    "m": "{0.month:02d}",
    "d": "{0.day:02d}",
    "H": "{0.hour:02d}",
    "M": "{0.minute:02d}",
    "S": "{0.second:02d}",
    "%": "%",
}
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_SINCE_1970 = {"epoch_s": timedelta(seconds=1), "epoch_ms": timedelta(milliseconds=1)}
#: What a line holds in one column; None: nobody knows.
Cell = str | int | float | None


def beginning(shape: ReportMap) -> bytes:
    """What the file begins with: the mark of its encoding, and the names of the columns."""
    codec, mark = ENCODINGS[shape.encoding]
    if shape.form is Form.NDJSON or not shape.header:
        return mark
    return mark + _row(shape, [column.name for column in shape.columns]).encode(codec)


def values(shape: ReportMap, told: ReportedFootage) -> Iterator[list[Cell]]:
    """The lines of one recording, column by column: none, one, or one for each of its cases.

    Raises MapError for a word that a code table does not know.
    """
    if shape.each is Each.CASE:
        about: list[Sequence[ReportedCase]] = [[case] for case in told.cases]
    else:
        about = [told.cases]
    for cases in about:
        yield [_cell(shape, column, told, cases) for column in shape.columns]


def line(shape: ReportMap, cells: Sequence[Cell]) -> bytes:
    """One line with its end; no cell of a table is taken for a formula by a spreadsheet."""
    if shape.form is Form.CSV:
        text = _row(shape, cells)
    else:
        names = [column.name for column in shape.columns]
        told = dict(zip(names, cells, strict=True))
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n"
    return text.encode(ENCODINGS[shape.encoding][0])


def _row(shape: ReportMap, cells: Sequence[Cell]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=shape.delimiter)
    writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue()


def _cell(
    shape: ReportMap, column: Column, told: ReportedFootage, cases: Sequence[ReportedCase]
) -> Cell:
    if column.source is None:
        return column.constant
    found = [
        _plain(shape, column, told, value)
        for value in FIELDS[column.source].read(told, cases)
        if value is not None
    ]
    if len(found) < 2:
        # An empty text and nothing are the same to who reads it.
        return found[0] if found and found[0] != "" else None
    return shape.separator.join(map(str, found)) if any(found) else None


def _plain(
    shape: ReportMap, column: Column, told: ReportedFootage, value: Value
) -> str | int | float:
    if isinstance(value, datetime):
        return _moment(shape, column.time, value)
    if not isinstance(value, str):
        return value
    if column.codes is None or value == "":
        return str(value)
    code = column.codes.words.get(str(value), column.codes.otherwise)
    if code is None:
        raise MapError(
            f"{column.where}: [codes.{column.codes.name}] says nothing for {str(value)!r}"
            f" of recording {told.recording.id}, and has no otherwise"
        )
    return code


def _moment(shape: ReportMap, time: str, moment: datetime) -> str | int:
    """In the zone of the map; whole seconds, cut."""
    if time in _SINCE_1970:
        return (moment - _1970) // _SINCE_1970[time]
    there = moment.astimezone(CHINA if shape.zone == "china" else UTC)
    if time == "iso":
        return there.isoformat(timespec="seconds")
    # By hand: strftime goes through the locale of the machine, which may have no 年.
    return _DIRECTIVE.sub(lambda found: _DIRECTIVES[found[1]].format(there), time)
