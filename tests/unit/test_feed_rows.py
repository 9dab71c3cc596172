"""Rows of the case feed: read from any pieces, told apart by what they say, never lost."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.domain.case_event import EventKind
from recorder.domain.feed import rows, statements
from recorder.domain.feed.mapping import CodeMeaning, MappedField, Mapping
from recorder.domain.feed.problems import Problem, ProblemCode
from recorder.domain.feed.rows import FeedRow
from recorder.domain.feed.splitting import ArraySplitter, LineSplitter
from recorder.errors import InvalidInput

TODAY = date(2026, 3, 5)
EVENT = {
    "kind": "event",
    "key": "e-1",
    "revision": 3,
    "occurred_at": "2026-03-05T09:00:00+08:00",
    "organ": "szsj",
    "event": "seizure",
    "identifiers": [{"scheme": "case", "number": "深市监罚〔2026〕12号"}],
}


def row(**changes: object) -> FeedRow:
    parsed = rows.of_value({**EVENT, **changes})
    assert isinstance(parsed, FeedRow)
    return parsed


def problem(said: object) -> tuple[str, str | None, str | None]:
    assert isinstance(said, Problem)
    return said.code.value, said.field, said.value


def read(changes: dict[str, object], mapping: Mapping | None = None) -> object:
    return statements.read(row(**changes), mapping or Mapping(), TODAY)


def test_of_a_member_that_stands_twice_the_last_counts() -> None:
    twice = rows.parse('{"key":"a","revision":9,"key":"b","revision":1}')
    assert twice == rows.parse('{"key":"b","revision":1}')


def test_one_value_has_one_digest_however_it_is_spelt() -> None:
    spelt = rows.parse('{ "b": 1.0, "key":"k",\n "a": "\\u4e2d" }')
    again = rows.parse('{"a":"中","b":1.0,"key":"k"}'.encode())
    other = rows.parse('{"a":"中","b":1,"key":"k"}')
    assert isinstance(spelt, FeedRow)
    assert isinstance(again, FeedRow)
    assert isinstance(other, FeedRow)
    assert spelt.digest == again.digest != other.digest
    assert rows.parse(spelt.text) == again


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("text", ['{"key":1e999}', '{"key":NaN}', "{", '"x"', "[" * 5000])
def test_what_is_no_json_object_is_no_row(text: str) -> None:
    found = rows.parse(text)
    assert isinstance(found, Problem)
    assert not found.code.is_kept


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(["key", "kind", "revision", "of", "x"]), JSON))
def test_whatever_a_row_holds_it_is_kept_in_words_that_a_database_takes(
    members: dict[str, object],
) -> None:
    found = rows.of_value(members)
    assert isinstance(found, FeedRow)
    assert "\0" not in found.text
    found.text.encode()
    found.key.encode()
    assert rows.parse(found.text) == found


@settings(max_examples=60)
@given(
    JSON,
    st.sampled_from([*EVENT, "place", "officers", "exempt", "ended_at", "case", "classes", "of"]),
)
def test_whatever_a_member_holds_the_row_is_read_or_has_a_problem(value: object, name: str) -> None:
    said = read({name: value})
    assert isinstance(said, statements.EventStatement | Problem | statements.CaseStatement)
    if isinstance(said, Problem) and said.value is not None:
        assert "\0" not in said.value
        said.value.encode()


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"revision": None}, ("revision-missing", "revision", None)),
        ({"revision": "7"}, ("revision-missing", "revision", "7")),
        ({"revision": True}, ("revision-missing", "revision", "True")),
        ({"key": " "}, ("key-missing", "key", None)),
        ({"kind": "visit"}, ("kind-unknown", "kind", "visit")),
        ({"event": "CF01"}, ("code-unmapped", "event", "CF01")),
        ({"stage": "S9"}, ("code-unmapped", "stage", "S9")),
        ({"event": None}, ("field-missing", "event", None)),
        ({"occurred_at": "gestern"}, ("field-malformed", "occurred_at", "gestern")),
        (
            {"ended_at": "2026-03-05T08:00:00"},
            ("field-malformed", "ended_at", "2026-03-05T08:00:00"),
        ),
        ({"identifiers": []}, ("numbers-missing", "identifiers", None)),
        ({"place": {"lat": 91, "lon": 0}}, ("field-malformed", "place", "91")),
        ({"kind": "withdrawal"}, ("field-missing", "of", None)),
        ({"kind": "case", "classes": [["major"]]}, ("field-malformed", "classes", "[['major']]")),
        ({"kind": "case", "classes": "major"}, ("field-malformed", "classes", "major")),
        ({"revision": 2**63}, ("revision-missing", "revision", str(2**63))),
        ({"revision": -1}, ("revision-missing", "revision", "-1")),
        ({"revision": 1.0}, ("revision-missing", "revision", "1.0")),
        (
            {"occurred_at": "9999-12-31T23:59:59Z"},
            ("field-malformed", "occurred_at", "9999-12-31T23:59:59Z"),
        ),
        (
            {"occurred_at": "0001-01-01T00:00:00Z"},
            ("field-malformed", "occurred_at", "0001-01-01T00:00:00Z"),
        ),
        ({"visit": "访" * 201}, ("field-malformed", "visit", "访" * 200)),
        ({"officers": [{"number": "警" * 201}]}, ("field-malformed", "number", "警" * 200)),
        ({"case": {"key": "C1"}}, ("field-malformed", "case", "{'key': 'C1'}")),
        ({"identifiers": {"number": "1"}}, ("field-malformed", "identifiers", None)),
        ({"place": {"lat": True, "lon": 0}}, ("field-malformed", "place", "True")),
    ],
)
def test_each_mistake_has_its_code_and_names_its_member(
    changes: dict[str, object], wrong: tuple[str, str | None, str | None]
) -> None:
    assert problem(read(changes)) == wrong


def test_a_code_means_what_the_mapping_of_its_day_says() -> None:
    mapping = Mapping(
        [
            CodeMeaning(MappedField.EVENT, "CF01", "seizure", date(2026, 1, 1)),
            CodeMeaning(MappedField.EVENT, "CF01", "sampling", date(2026, 3, 6)),
            CodeMeaning(MappedField.EVENT, "CF01", "hearing", date(2026, 3, 6)),
            CodeMeaning(MappedField.EVENT, "pay", None, date(2026, 1, 1)),
        ]
    )
    kinds = {
        day: read({"event": "CF01", "occurred_at": f"{day}T00:30:00+08:00"}, mapping)
        for day in ("2025-12-31", "2026-01-01", "2026-03-05", "2026-03-06")
    }
    assert problem(kinds.pop("2025-12-31"))[0] == "code-unmapped"
    found = [said.kind for said in kinds.values() if isinstance(said, statements.EventStatement)]
    assert found == [EventKind.SEIZURE, EventKind.SEIZURE, EventKind.HEARING]
    ignored = read({"event": "pay"}, mapping)
    assert isinstance(ignored, statements.EventStatement)
    assert ignored.kind is None


def test_officers_who_are_named_by_certificates_alone_are_different_people() -> None:
    said = read({"officers": [{"certificate": "粤B1"}, {"certificate": "粤B2"}, {"number": 7}]})
    assert isinstance(said, statements.EventStatement)
    assert [officer.number for officer in said.officers] == ["粤B1", "粤B2", "7"]


def test_a_time_without_a_zone_is_china_time() -> None:
    said = read({"occurred_at": "2026-03-05 09:00:00"})
    assert isinstance(said, statements.EventStatement)
    assert said.began_at == datetime(2026, 3, 5, 1, tzinfo=UTC)


# --- bodies --------------------------------------------------------------------------------------

PIECES = st.lists(st.integers(1, 40), min_size=1, max_size=30)
VALUES = st.lists(
    st.dictionaries(st.text(max_size=4), st.text(max_size=6) | st.integers(), max_size=3)
    | st.integers()
    | st.text(max_size=3)
    | st.none(),
    max_size=6,
)


def split(body: bytes, splitter: ArraySplitter | LineSplitter, sizes: list[int]) -> list[object]:
    found: list[object] = []
    place = turn = 0
    while place < len(body):
        size = sizes[turn % len(sizes)]
        found += splitter.feed(body[place : place + size])
        place, turn = place + size, turn + 1
    return found + splitter.end()


@settings(max_examples=40)
@given(VALUES, PIECES, st.sampled_from([None, 1]), st.booleans())
def test_a_body_gives_the_same_rows_in_whatever_pieces_it_comes(
    values: list[object], sizes: list[int], indent: int | None, as_ascii: bool
) -> None:
    whole = [rows.of_value(value) for value in values]
    array = json.dumps(values, indent=indent, ensure_ascii=as_ascii).encode("utf-8", "ignore")
    assert split(b" " + array + b"\n", ArraySplitter(), sizes) == whole
    lines = b"\r\n".join(json.dumps(value).encode() for value in values)
    assert split(lines, LineSplitter(), sizes) == whole


def test_a_row_that_comes_letter_by_letter_is_not_read_at_every_letter() -> None:
    # Else this takes minutes.
    body = json.dumps([{"key": "a", "text": "x" * 60_000}]).encode()
    assert split(body, ArraySplitter(), [1]) == [rows.of_value(json.loads(body)[0])]


def test_a_single_object_is_a_body_of_one_row() -> None:
    assert split(json.dumps(EVENT).encode(), ArraySplitter(), [7]) == [rows.of_value(EVENT)]


@pytest.mark.parametrize(
    "body", [b"", b"[", b"[{}", b"[{},]", b"[{} {}]", b"[{}] x", b"{}{}", b"[nan]", b"\xff"]
)
def test_an_array_that_breaks_off_or_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        split(body, ArraySplitter(), [3])
    assert refused.value.code == "feed-malformed"


def test_a_line_that_is_no_row_stops_no_other() -> None:
    body = b'{"key":"a"}\nnonsense\n[]\n' + b"x" * 200_000 + b'\n{"key":"b"}'
    found = split(body, LineSplitter(), [65_536])
    codes = [each.code for each in found if isinstance(each, Problem)]
    assert codes == [
        ProblemCode.ROW_NOT_JSON,
        ProblemCode.ROW_NOT_OBJECT,
        ProblemCode.ROW_TOO_LARGE,
    ]
    assert [each.key for each in found if isinstance(each, FeedRow)] == ["a", "b"]
    assert not any(code.is_kept for code in codes)
