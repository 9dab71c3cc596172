import json
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import InvalidInput
from recorder.ledger import canonical

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_SCALARS = (
    st.none() | st.booleans() | st.integers(-canonical.MAX_INTEGER, canonical.MAX_INTEGER) | _TEXT
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_TEXT, inner, max_size=5),
    max_leaves=20,
)


def test_the_sample_of_rfc_8785_without_its_fractions() -> None:
    value = {
        "numbers": [333333333, 4, 2, 0, -1],
        "string": '€$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert canonical.encode(value) == (
        rb'{"literals":[null,true,false],"numbers":[333333333,4,2,0,-1],"string":"'
        + "€".encode()
        + rb"$\u000f\nA"
        + rb"'"
        + rb'B\"\\\\\"/"}'
    )


def test_keys_stand_in_the_order_of_rfc_8785_section_3_2_3() -> None:
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonical.encode(value)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, b"{}"),
        ([], b"[]"),
        ("", b'""'),
        (-0, b"0"),
        (2**53 - 1, b"9007199254740991"),
        (
            "\x00\x08\x09\x0a\x0c\x0d\x1f\x7f\u2028",
            b'"\\u0000\\b\\t\\n\\f\\r\\u001f\x7f\xe2\x80\xa8"',
        ),
        ({"b": [1, {"d": None, "c": "案"}], "a": False}, '{"a":false,"b":[1,{"c":"案","d":null}]}'),
    ],
)
def test_values_have_one_form(value: object, expected: bytes | str) -> None:
    assert canonical.encode(value) == (expected.encode() if isinstance(expected, str) else expected)


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        2**53,
        -(2**53),
        "\ud800",
        {"\udc00": 1},
        {1: 2},
        {None: 1},
        (1,),
        b"x",
        {1, 2},
        object(),
    ],
)
def test_what_has_no_agreed_form_is_refused(value: object) -> None:
    for wrapped in (value, [value], {"a": {"b": value}}):
        with pytest.raises(InvalidInput) as caught:
            canonical.encode(wrapped)
        assert caught.value.code == "canonical-type"


def test_hostile_nesting_is_refused() -> None:
    with pytest.raises(InvalidInput):
        canonical.decode(b"[" * 100_000 + b"]" * 100_000)
    deepest: object = 0
    for _ in range(canonical.MAX_DEPTH):
        deepest = [deepest]
    assert canonical.decode(canonical.encode(deepest)) == deepest
    with pytest.raises(InvalidInput):
        canonical.encode([deepest])


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b'{"a": 1}', b'{"b":1,"a":2}', b'{"a":1,"a":2}', b'"\\u0041"', b'"\\/"'),
        *(b"1\n", b" 1", b"-0", b"\xff", b'\xef\xbb\xbf"a"', b'"\\ud83d\\ude00"', b"01"),
    ],
)
def test_bytes_in_another_form_are_malformed(content: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        canonical.decode(content)
    assert caught.value.code == "canonical-malformed"


@pytest.mark.parametrize("content", [b"1.5", b"1e3", b"NaN", b"9007199254740992", b'"\\ud800"'])
def test_bytes_with_values_outside_the_set_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        canonical.decode(content)
    assert caught.value.code == "canonical-type"


@given(_VALUES)
def test_every_value_reads_back_by_any_json_reader(value: canonical.Json) -> None:
    content = canonical.encode(value)
    assert json.loads(content) == value
    assert canonical.decode(content) == value


@given(st.dictionaries(_TEXT, _SCALARS, min_size=1), st.randoms(use_true_random=False))
def test_the_order_in_which_keys_were_set_does_not_matter(
    value: dict[str, canonical.Json], shuffled: random.Random
) -> None:
    members = list(value.items())
    shuffled.shuffle(members)
    assert canonical.encode(dict(members)) == canonical.encode(value)


@given(st.dictionaries(_TEXT, st.none()))
def test_keys_are_sorted_by_utf_16_code_units(value: dict[str, None]) -> None:
    keys = list(json.loads(canonical.encode(value)))
    units = [
        struct.unpack(f">{len(k.encode('utf-16-be')) // 2}H", k.encode("utf-16-be")) for k in keys
    ]
    assert units == sorted(units)
