"""Tables as agencies send them: CSV in UTF-8 or GB 18030, XLSX, and a JSON object for each line;
and tables for them, as CSV or XLSX.

The only module that imports openpyxl. Everything is read from bytes that are already here, bounded
in every direction; formulas are never computed, and nothing outside of the file is ever opened.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell

from recorder.domain.spreadsheet_cell import safe
from recorder.errors import InvalidInput, TooLarge

#: One file; more is several files.
MOST_BYTES = 64 << 20
MOST_ROWS = 200_000
MOST_COLUMNS = 200
#: What an XLSX may become when it is unpacked, as its directory says, which unpacking holds it to.
_MOST_UNPACKED = 256 << 20
_MOST_STRINGS = 64 << 20
_MOST_PARTS = 2_000
_LONGEST_LINE = 1 << 20

#: What the name of a sheet may not hold.
_SHEET_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")

#: What is written into one cell.
Cell = str | int | float | date | None
#: A name, and lines.
Sheet = tuple[str, Iterable[Sequence[Cell]]]
#: Line in the file, counted from 1, and its cells.
Line = tuple[int, Sequence[Any]]


def read_table(content: bytes) -> Iterator[Line]:
    """The lines of a table that are not blank, the header first.

    A file of JSON objects has as its header every name of its first line, and those that come
    later behind them, each known from the line on in which it first stands.

    Raises InvalidInput ``import-unreadable`` with a sentence, TooLarge ``import-too-large``.
    """
    if len(content) > MOST_BYTES:
        raise TooLarge(
            "import-too-large", f"A file has at most {MOST_BYTES >> 20} MiB.", limit=MOST_BYTES
        )
    if content[:4] == b"PK\x03\x04":
        rows = _spreadsheet(content)
    else:
        text = _decoded(content)
        rows = _objects(text) if text.lstrip()[:1] == "{" else _separated(text)
    return _bounded(rows)


def _bounded(rows: Iterator[Line]) -> Iterator[Line]:
    count = 0
    for line, row in rows:
        if len(row) > MOST_COLUMNS:
            raise _unreadable(f"Line {line} has more than {MOST_COLUMNS} columns.")
        if all(cell is None or cell == "" for cell in row):
            continue
        count += 1
        if count > MOST_ROWS + 1:
            raise TooLarge(
                "import-too-large", f"A file has at most {MOST_ROWS} lines.", limit=MOST_ROWS
            )
        yield line, row


def _unreadable(sentence: str) -> InvalidInput:
    return InvalidInput("import-unreadable", sentence)


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise _unreadable("It is neither a spreadsheet nor text in UTF-8 or GB 18030.")


def _separated(text: str) -> Iterator[Line]:
    first = text.lstrip().partition("\n")[0]
    separator = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _unreadable(f"Line {reader.line_num}: {error}.") from error
        yield reader.line_num, row


def _objects(text: str) -> Iterator[Line]:
    names: dict[str, int] = {}
    parsed: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if len(parsed) > MOST_ROWS:
            raise TooLarge(
                "import-too-large", f"A file has at most {MOST_ROWS} lines.", limit=MOST_ROWS
            )
        parsed.append((number, _object(number, line)))
        for name in parsed[-1][1]:
            names.setdefault(name, len(names))
    yield 0, list(names)
    for number, row in parsed:
        yield number, [row.get(name) for name in names]


def _object(number: int, line: str) -> dict[str, Any]:
    if len(line) > _LONGEST_LINE:
        raise _unreadable(f"Line {number} is too long.")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"Line {number} is no JSON object.") from error
    plain = (str, int, float, type(None))
    if not isinstance(row, dict) or not all(isinstance(v, plain) for v in row.values()):
        raise _unreadable(f"Line {number} is no JSON object of texts and numbers.")
    return row


def _spreadsheet(content: bytes) -> Iterator[Line]:
    with _unpacked(content) as book:
        if not book.worksheets:
            raise _unreadable("The spreadsheet has no sheet.")
        sheet = book.worksheets[0]
        # What a file says about its own size may be wrong, or a million empty lines.
        sheet.reset_dimensions()
        try:
            for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
                if number > 4 * MOST_ROWS:
                    raise TooLarge(
                        "import-too-large", f"A file has at most {MOST_ROWS} lines.",
                        limit=MOST_ROWS,
                    )  # fmt: skip
                yield number, row[:MOST_COLUMNS]
        except (InvalidInput, TooLarge):
            raise
        except Exception as error:
            # Whatever a broken sheet does to the library is the sheet's fault.
            raise _unreadable("The sheet of this spreadsheet cannot be read.") from error


@contextmanager
def _unpacked(content: bytes) -> Iterator[openpyxl.Workbook]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            _refuse_bombs(packed)
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
    except (InvalidInput, TooLarge):
        raise
    except Exception as error:
        raise _unreadable("It is no spreadsheet that can be read (XLSX).") from error
    try:
        yield book
    finally:
        book.close()


def _refuse_bombs(packed: zipfile.ZipFile) -> None:
    parts = packed.infolist()
    sizes = [part.file_size for part in parts]
    strings = [part.file_size for part in parts if "sharedstrings" in part.filename.lower()]
    if len(parts) > _MOST_PARTS or sum(sizes) > _MOST_UNPACKED or sum(strings) > _MOST_STRINGS:
        raise TooLarge(
            "import-too-large", "Unpacked, this spreadsheet is too large.", limit=_MOST_UNPACKED
        )
    for part in parts:
        if part.filename.endswith((".xml", ".rels")):
            with packed.open(part) as opened:
                # Entities are declared in the head; a spreadsheet never needs any.
                if b"<!DOCTYPE" in opened.read(65536):
                    raise _unreadable("The spreadsheet declares entities.")


def write_csv(lines: Iterable[Sequence[Cell]]) -> bytes:
    """The lines as CSV in UTF-8, with the mark by which spreadsheets know it; no formulas."""
    out = io.StringIO()
    writer = csv.writer(out)
    for line in lines:
        writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in line])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def write_xlsx(title: str, lines: Iterable[Sequence[Cell]], others: Iterable[Sheet] = ()) -> bytes:
    """The lines as a spreadsheet of one sheet, or with others behind it.

    Texts stay texts, days are days; no formulas.
    """
    book = openpyxl.Workbook(write_only=True)
    for name, told in ((title, lines), *others):
        sheet = book.create_sheet(_SHEET_FORBIDDEN.sub(" ", name)[:31])
        for line in told:
            sheet.append([_cell(sheet, value) for value in line])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(sheet: Any, value: Cell) -> Any:
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub(" ", safe(value)))
    # The library itself takes "=1" for a formula.
    cell.data_type = "s"
    return cell
