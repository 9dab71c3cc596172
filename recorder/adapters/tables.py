"""Tables as agencies send them, and for them: CSV (UTF-8, UTF-16, GB 18030), XLSX, NDJSON.

The only module that imports openpyxl, and only for a spreadsheet: few processes ever see one.
Everything is read from bytes that are already here, bounded
in every direction; formulas are never computed, and nothing outside of the file is ever opened.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import IO, TYPE_CHECKING, Any

from recorder.domain.spreadsheet_cell import safe
from recorder.errors import InvalidInput, TooLarge

if TYPE_CHECKING:
    import openpyxl

#: One file; more is several files.
MOST_BYTES = 64 << 20
MOST_ROWS = 200_000
MOST_COLUMNS = 200
#: What an XLSX may become when it is unpacked, as its directory says, which unpacking holds it to.
_MOST_UNPACKED = 256 << 20
_MOST_STRINGS = 64 << 20
_MOST_PARTS = 2_000
_LONGEST_LINE = 1 << 20
#: What one row of a sheet may have of XML: it becomes objects whole, before anybody counts cells.
_LONGEST_ROW = 2 << 20
_ROW = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?row[\s>/]|</(?:[A-Za-z_][\w.-]*:)?sheetData")
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""")
#: How XML in UTF-16 begins, with a mark or without.
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"<\0", b"\0<")
_ASCII_BASED = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1"})
#: Columns of a sheet that are looked at, so that a header beyond MOST_COLUMNS is seen.
_WIDEST = MOST_COLUMNS + 56
#: So much of text in UTF-16 without a mark is NUL at least: digits, separators, ends of lines.
_NUL_SHARE = 0.1

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
    for encoding in _encodings(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text or (encoding.startswith("utf-16-") and "\n" not in text):
            break
        return text
    raise _unreadable("It is neither a spreadsheet nor text in UTF-8, UTF-16 or GB 18030.")


def _encodings(content: bytes) -> tuple[str, ...]:
    """What the text may be in: UTF-16 is known by its mark, or by where its NULs stand."""
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return ("utf-16",)
    head = content[:4096]
    at_even, at_odd = head[::2].count(0), head[1::2].count(0)
    if at_even + at_odd >= _NUL_SHARE * len(head) and min(at_even, at_odd) == 0 and head:
        return ("utf-16-le" if at_odd else "utf-16-be",)
    return ("utf-8-sig", "gb18030")


def _separated(text: str) -> Iterator[Line]:
    first = text.lstrip().partition("\n")[0]
    separator = max(",\t;", key=first.count)
    measured = _Measured(text)
    reader = csv.reader(measured, delimiter=separator, strict=True)
    while True:
        measured.length = 0
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _unreadable(f"Line {reader.line_num}: {error}.") from error
        yield reader.line_num, row


class _Measured:
    """The lines of a text; refuses a row that is longer than any table has, before it is split."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        #: Characters since the row began.
        self.length = 0

    def __iter__(self) -> _Measured:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.length += len(line)
        if self.length > _LONGEST_LINE:
            raise _unreadable(f"A line is longer than {_LONGEST_LINE} characters.")
        return line


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
            width = 0
            for number, row in enumerate(sheet.iter_rows(max_col=_WIDEST, values_only=True), 1):
                if number > 4 * MOST_ROWS:
                    raise TooLarge(
                        "import-too-large", f"A file has at most {MOST_ROWS} lines.",
                        limit=MOST_ROWS,
                    )  # fmt: skip
                # What stands beyond the header has no name.
                width = width or _width(row)
                yield number, row[:width]
        except (InvalidInput, TooLarge):
            raise
        except Exception as error:
            # Whatever a broken sheet does to the library is the sheet's fault.
            raise _unreadable("The sheet of this spreadsheet cannot be read.") from error


def _width(row: Sequence[Any]) -> int:
    """How many cells there are up to the last one that holds something."""
    return max((place for place, cell in enumerate(row, 1) if cell is not None), default=0)


@contextmanager
def _unpacked(content: bytes) -> Iterator[openpyxl.Workbook]:
    import openpyxl

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
        with packed.open(part) as opened:
            # Entities are declared in the head; a spreadsheet never needs any.
            head = opened.read(65536)
            _need_utf8(head)
            if b"<!DOCTYPE" in head:
                raise _unreadable("The spreadsheet declares entities.")
            _refuse_long_rows(head, opened)


def _need_utf8(head: bytes) -> None:
    """Refuse XML in another encoding: what is looked for in the bytes would not be seen there.

    Whatever the part is called: a workbook says by itself which of them are sheets.
    """
    declared = _DECLARED.match(head.removeprefix(codecs.BOM_UTF8))
    if head[:2] in _WIDE or (declared and declared[1].lower() not in _ASCII_BASED):
        raise _unreadable("The spreadsheet is not written in UTF-8.")


def _refuse_long_rows(head: bytes, opened: IO[bytes]) -> None:
    """Walk through a part; a row of a sheet with too much in it would fill the memory."""
    began: int | None = None
    passed, window = 0, head
    while window:
        for found in _ROW.finditer(window):
            began = None if found.group().startswith(b"</") else passed + found.start()
        if began is not None and passed + len(window) - began > _LONGEST_ROW:
            raise TooLarge(
                "import-too-large", "A row of this spreadsheet is too large.", limit=_LONGEST_ROW
            )
        # A mark may be cut in two.
        kept = window[-64:]
        passed += len(window) - len(kept)
        more = opened.read(1 << 18)
        window = kept + more if more else b""


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
    import openpyxl
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell

    def cell(sheet: Any, value: Cell) -> Any:
        if not isinstance(value, str):
            return value
        made = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub(" ", safe(value)))
        # The library itself takes "=1" for a formula.
        made.data_type = "s"
        return made

    book = openpyxl.Workbook(write_only=True)
    for name, told in ((title, lines), *others):
        sheet = book.create_sheet(_SHEET_FORBIDDEN.sub(" ", name)[:31])
        for line in told:
            sheet.append([cell(sheet, value) for value in line])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
