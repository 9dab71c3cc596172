"""The map of a report: a TOML file that says form, encoding, columns, times and codes.

Everything that can be wrong with a map is said when it is read, not when the first line that it
does not fit comes a year later: a code table must have a word for all that its field can say.
"""

from __future__ import annotations

import codecs
import enum
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from recorder.domain.reporting.fields import FIELDS, STATES, Sort


class MapError(ValueError):
    """Why a map, or a line by it, cannot be: one sentence that names the place."""


class Form(enum.StrEnum):
    CSV = "csv"
    NDJSON = "ndjson"


class Each(enum.StrEnum):
    """What a line is about."""

    RECORDING = "recording"
    #: A recording in one of its cases; those of no case have no line.
    CASE = "case"


#: Word of the map → codec, and what the file begins with.
ENCODINGS = {
    "utf-8": ("utf-8", b""),
    "utf-8-bom": ("utf-8", codecs.BOM_UTF8),
    "gb18030": ("gb18030", b""),
}
DELIMITERS = (",", ";", "\t", "|")
ZONES = ("china", "utc")
#: Words for times besides patterns.
TIMES = ("iso", "epoch_s", "epoch_ms")
#: With one directive at least: else a misspelt word would stand in place of each time.
_PATTERN = re.compile(r"(?:[^%]|%%)*%[YmdHMS](?:[^%]|%[YmdHMS%])*")


@dataclass(frozen=True, slots=True)
class Codes:
    """Our word → theirs."""

    name: str
    words: Mapping[str, str]
    #: For every other word; None: such a word is an error.
    otherwise: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the report: a field, or always the same."""

    #: From 1.
    n: int
    name: str
    source: str | None
    constant: str | None
    time: str
    codes: Codes | None

    @property
    def where(self) -> str:
        return f"column {self.n} ({self.name})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMap:
    name: str
    form: Form
    encoding: str
    header: bool
    delimiter: str
    #: Between several values of one cell.
    separator: str
    each: Each
    states: tuple[str, ...]
    zone: str
    columns: tuple[Column, ...]

    @property
    def has_links(self) -> bool:
        return any(column.source == "link" for column in self.columns)


def read_map(content: bytes) -> ReportMap:
    """The map that a file holds. Raises MapError, which names line or column."""
    try:
        text = content.decode("utf-8-sig")
        stated = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise MapError(f"line {line}: the map is not in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise MapError(f"no TOML: {error}") from error
    except RecursionError as error:
        raise MapError("no map: it is nested too deeply") from error
    return _Reader(text).read(stated)


class _Reader:
    """Reads one map; its text tells the lines that sentences name."""

    _KEYS = frozenset(
        {"name", "form", "encoding", "header", "delimiter", "separator", "each", "states", "time",
         "zone", "codes", "column"}
    )  # fmt: skip
    _COLUMN_KEYS = frozenset({"name", "source", "constant", "time", "codes"})
    _TABLE_KEYS = frozenset({"words", "otherwise"})

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def read(self, stated: dict[str, object]) -> ReportMap:
        self._known(stated, self._KEYS, self._at)
        time = self._time(stated.get("time", "iso"), self._at("time"))
        codes = self._codes(stated.get("codes", {}))
        listed = stated.get("column", [])
        if not isinstance(listed, list) or not listed:
            raise MapError("the map has no columns: write each below its own [[column]]")
        columns = [self._column(n, each, codes, time) for n, each in enumerate(listed, 1)]
        for n, column in enumerate(columns):
            if column.name in {before.name for before in columns[:n]}:
                raise MapError(f"{self._in_column(n + 1, 'name')}: an earlier one has this name")
        states = stated.get("states", ["sealed"])
        if not isinstance(states, list) or not states or set(map(str, states)) - set(STATES):
            raise MapError(f"{self._at('states')}a list of some of {', '.join(STATES)}")
        header = stated.get("header", True)
        if not isinstance(header, bool):
            raise MapError(f"{self._at('header')}header is true or false")
        return ReportMap(
            name=self._text(stated, "name", ""),
            form=Form(self._one_of(stated, "form", tuple(Form), None)),
            encoding=self._one_of(stated, "encoding", tuple(ENCODINGS), "utf-8"),
            header=header,
            delimiter=self._one_of(stated, "delimiter", DELIMITERS, ","),
            separator=self._text(stated, "separator", ";"),
            each=Each(self._one_of(stated, "each", tuple(Each), "recording")),
            states=tuple(dict.fromkeys(map(str, states))),
            zone=self._one_of(stated, "zone", ZONES, "china"),
            columns=tuple(columns),
        )

    def _column(self, n: int, stated: object, codes: Mapping[str, Codes], time: str) -> Column:
        if not isinstance(stated, dict):
            raise MapError(f"column {n}: write each column below its own [[column]]")
        self._known(stated, self._COLUMN_KEYS, lambda key: f"{self._in_column(n, key)}: ")
        for key, value in stated.items():
            if not isinstance(value, str):
                raise MapError(f"{self._in_column(n, key)}: {key} is a text in quotes")
        name, source, constant = (stated.get(key) for key in ("name", "source", "constant"))
        if not name:
            raise MapError(f"{self._in_column(n)}: it has no name")
        if (source is None) == (constant is None):
            raise MapError(f"{self._in_column(n)}: give either source or constant")
        if source is not None and source not in FIELDS:
            raise MapError(
                f"{self._in_column(n, 'source')}: there is no field {source!r};"
                f" there are {', '.join(FIELDS)}"
            )
        sort = FIELDS[source].sort if source is not None else None
        if "time" in stated:
            if sort is not Sort.TIME:
                raise MapError(f"{self._in_column(n, 'time')}: this field is no time")
            time = self._time(stated["time"], f"{self._in_column(n, 'time')}: ")
        table = None
        if (asked := stated.get("codes")) is not None:
            table = self._table(n, source, sort, codes.get(asked), asked)
        return Column(n=n, name=name, source=source, constant=constant, time=time, codes=table)

    def _table(
        self, n: int, source: str | None, sort: Sort | None, table: Codes | None, asked: str
    ) -> Codes:
        """The code table of a column, which has a word for all that its field can say."""
        where = self._in_column(n, "codes")
        if table is None:
            raise MapError(f"{where}: there is no [codes.{asked}]")
        if source is None or sort is not Sort.TEXT:
            raise MapError(f"{where}: only fields of words and texts have codes")
        words = FIELDS[source].words
        if words is not None:
            if strange := [word for word in table.words if word not in words]:
                raise MapError(f"{where}: {source} never says {', '.join(strange)}")
            missing = [word for word in words if word not in table.words]
            if missing and table.otherwise is None:
                raise MapError(
                    f"{where}: [codes.{asked}] says nothing for {', '.join(missing)} of {source},"
                    " and has no otherwise"
                )
        return table

    def _codes(self, stated: object) -> dict[str, Codes]:
        if not isinstance(stated, dict):
            raise MapError("codes: write each table below its own [codes.NAME]")
        return {name: self._words(name, table) for name, table in stated.items()}

    def _words(self, name: str, table: object) -> Codes:
        where = f"{self._at_table(name)}[codes.{name}]: "
        if not isinstance(table, dict):
            raise MapError(f'{where}write our words = "theirs" below [codes.{name}.words]')
        self._known(table, self._TABLE_KEYS, lambda _: where)
        words, otherwise = table.get("words", {}), table.get("otherwise")
        texts = [*(words.values() if isinstance(words, dict) else [words])]
        texts += [] if otherwise is None else [otherwise]
        if not isinstance(words, dict) or not all(isinstance(each, str) for each in texts):
            raise MapError(f"{where}words and otherwise are texts in quotes")
        return Codes(name, words, otherwise)

    def _known(
        self, stated: Mapping[str, object], keys: frozenset[str], where: Callable[[str], str]
    ) -> None:
        for key in stated:
            if key not in keys:
                raise MapError(
                    f"{where(key)}{key!r} means nothing here; there are {', '.join(sorted(keys))}"
                )

    def _text(self, stated: Mapping[str, object], key: str, default: str) -> str:
        value = stated.get(key, default)
        if not isinstance(value, str):
            raise MapError(f"{self._at(key)}{key} is a text in quotes")
        return value

    def _one_of(
        self,
        stated: Mapping[str, object],
        key: str,
        words: Sequence[str],
        default: str | None,
    ) -> str:
        value = stated.get(key, default)
        if not isinstance(value, str) or value not in words:
            raise MapError(
                f"{self._at(key)}{key} is one of {', '.join(map(repr, map(str, words)))}"
            )
        return value

    def _time(self, stated: object, where: str) -> str:
        known = isinstance(stated, str) and (stated in TIMES or _PATTERN.fullmatch(stated))
        if not known:
            raise MapError(
                f"{where}time is one of {', '.join(TIMES)}, or a pattern of"
                " %Y %m %d %H %M %S and other characters"
            )
        return str(stated)

    def _at(self, key: str) -> str:
        """The line of a key of the whole map, as far as it can be told."""
        return self._line(key, range(self._first_table()))

    def _at_table(self, name: str) -> str:
        head = re.compile(rf"\s*\[\s*codes\s*\.\s*[\"']?{re.escape(name)}[\"']?\s*[\].]")
        found = next((n for n, line in enumerate(self._lines, 1) if head.match(line)), None)
        return f"line {found}: " if found else ""

    def _in_column(self, n: int, key: str | None = None) -> str:
        """Line and number of a column, or of a key of it."""
        heads = [at for at, line in enumerate(self._lines) if re.match(r"\s*\[\[\s*column", line)]
        if len(heads) < n:
            return f"column {n}"
        end = heads[n] if n < len(heads) else len(self._lines)
        found = self._line(key, range(heads[n - 1], end)) if key else ""
        return f"{found or f'line {heads[n - 1] + 1}: '}column {n}"

    def _first_table(self) -> int:
        heads = (at for at, line in enumerate(self._lines) if re.match(r"\s*\[", line))
        return next(heads, len(self._lines))

    def _line(self, key: str, among: range) -> str:
        said = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
        found = next((at for at in among if said.match(self._lines[at])), None)
        return f"line {found + 1}: " if found is not None else ""
