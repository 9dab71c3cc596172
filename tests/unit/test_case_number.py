import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recorder.domain.case_number import (
    BRACKET_PAIRS,
    MAX_CHARACTERS,
    CaseNumber,
    fragment_key,
    grams,
    normalise,
    numbers_within,
    prefix_key,
    query_grams,
    split_numbers,
)
from recorder.errors import InvalidInput

_YEARS = st.integers(1900, 2099)
_SERIALS = st.integers(0, 99999)
_PADS = st.sampled_from(["", "0", "00"])
_WORDS = st.text("深市监罚粤执法强字交运检行终初", min_size=1, max_size=6)
#: Wide and compatibility forms are pairs too, after NFKC.
_PAIRS = st.sampled_from(
    [*BRACKET_PAIRS, "（）", "［］", "｛｝", "﹝﹞", "＜＞", "︵︶", "︹︺", "｢｣"]
)
_INVISIBLE = st.sampled_from([" ", "\u3000", "\u200b", "\u00ad", "\ufeff", "\t", "\n", "\u202e"])
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


@st.composite
def _spellings(draw: st.DrawFn) -> tuple[str, str]:
    """A number in its plainest spelling, and some other spelling of it."""
    words, year, serial = draw(_WORDS), draw(_YEARS), draw(_SERIALS)
    tail = draw(st.sampled_from(["", "-1", "之一", "-02"]))
    office = draw(st.sampled_from(["", "(杭临)"]))
    pair, pad = draw(_PAIRS), draw(_PADS)
    year_mark, ordinal = draw(st.sampled_from(["", "年"])), draw(st.sampled_from(["", "第"]))
    mark = draw(st.sampled_from(["号", "號", ""]))
    plain = f"{office}{words}〔{year}〕{serial}{tail}号"
    odd = f"{office}{words}{pair[0]}{year}{year_mark}{pair[1]}{ordinal}{pad}{serial}{tail}{mark}"
    if draw(st.booleans()):
        odd = odd.translate(_FULL_WIDTH)
    return plain, odd


@pytest.mark.parametrize(
    "raw",
    [
        "深市监罚［2023］１２３号",
        "深市监罚﹝2023﹞123号",
        "深市监罚【2023】123号",
        "深市监罚(2023)123号",
        "深市监罚〈2023〉第０123號",
        "深市监罚\u200b〔2023〕123号",
        "深市监罚〔2023年〕第 123 号",
        "深市监罚《2023]123",
        " 深市监罚〔2023〕000123號\n",
    ],
)
def test_the_vectors_of_the_requirements_have_one_key(raw: str) -> None:
    number = CaseNumber.parse(raw)
    assert number.key == "深市监罚〔2023〕123"
    assert number.year == 2023
    assert number.raw == raw


@pytest.mark.parametrize(
    ("raw", "norm", "key"),
    [
        ("马市监处罚〔2026〕193号", "马市监处罚〔2026〕193号", "马市监处罚〔2026〕193"),
        (
            "（杭临）市监处罚〔2024〕131号",
            "(杭临)市监处罚〔2024〕131号",
            "(杭临)市监处罚〔2024〕131",
        ),
        ("京海市监处罚〔2021〕0876号", "京海市监处罚〔2021〕0876号", "京海市监处罚〔2021〕876"),
        ("石市监处罚〔2022〕120 号", "石市监处罚〔2022〕120号", "石市监处罚〔2022〕120"),
        ("(2023)粤03行终123号", "〔2023〕粤03行终123号", "〔2023〕粤3行终123"),
        (
            "（2023）粤0304行初0012号之一",
            "〔2023〕粤0304行初0012号之一",
            "〔2023〕粤304行初12号之一",
        ),
        ("深市监罚〔2023〕123—1号", "深市监罚〔2023〕123-1号", "深市监罚〔2023〕123-1"),
        ("深市监罚2023-123", "深市监罚2023-123", "深市监罚2023-123"),
        ("深市监罚〔2023〕0号", "深市监罚〔2023〕0号", "深市监罚〔2023〕0"),
        ("深市监罚〔2023〕000号", "深市监罚〔2023〕000号", "深市监罚〔2023〕0"),
        ("20260012345678", "20260012345678", "20260012345678"),
        ("0012345", "0012345", "0012345"),
        ("号", "号", "号"),
        ("(123)深", "(123)深", "(123)深"),
        ("(02023)深", "(02023)深", "(02023)深"),
        ("深〔20231〕1号", "深〔20231〕1号", "深〔20231〕1"),
        ("深〔1823〕1号", "深〔1823〕1号", "深〔1823〕1"),
    ],
)
def test_a_number_has_a_form_to_show_and_a_key(raw: str, norm: str, key: str) -> None:
    number = CaseNumber.parse(raw)
    assert (number.raw, number.norm, number.key) == (raw, norm, key)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("深市监罚字〔2023〕123号", "深市监罚〔2023〕123号"),
        ("深市监罚〔2023〕123-1号", "深市监罚〔2023〕123号"),
        ("深市监罚〔2023〕123号", "深市监罚〔2024〕123号"),
        ("深市监罚〔2023〕12-3号", "深市监罚〔2023〕123号"),
        ("深市监罚〔2023〕120号", "深市监罚〔2023〕12号"),
        ("深市监罚2023-123", "深市监罚〔2023〕123号"),
        ("0012345", "12345"),
        ("(杭临)罚〔2023〕1号", "杭临罚〔2023〕1号"),
        ("深罚〔2023〕1号之一", "深罚〔2023〕1号"),
    ],
)
def test_different_numbers_keep_different_keys(one: str, other: str) -> None:
    assert CaseNumber.parse(one).key != CaseNumber.parse(other).key


@pytest.mark.parametrize(
    ("raw", "odd"),
    [
        ("深市监罚〔2023〕123号", ()),
        ("（杭临）市监处罚［２０２４］第0131號", ()),
        ("0012345", ()),
        ("RW-2023-0001", ()),
        ("深市监罚2023-123", ("year-without-brackets",)),
        ("深市监罚(2023第123号", ("year-without-brackets", "brackets-unpaired")),
        ("深市监罚123号", ("no-year",)),
        ("深(2022)罚〔2023〕1号", ("several-years",)),
        ("深罚【2023)1号", ("brackets-mixed",)),
        ("深罚〔2023〕号", ("no-digits",)),
        ("深罚〔2023〕1号\0", ("unstorable-characters",)),
    ],
)
def test_what_is_odd_is_flagged_and_taken(raw: str, odd: tuple[str, ...]) -> None:
    assert CaseNumber.parse(raw).odd == odd


def test_characters_no_database_holds_are_replaced_in_the_raw_form() -> None:
    number = CaseNumber.parse("深\0罚\ud800〔2023〕1号")
    assert number.raw == "深\ufffd罚\ufffd〔2023〕1号"
    assert number.key == "深罚〔2023〕1"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "case-number-empty"),
        (" \u3000\u200b\n", "case-number-empty"),
        ("\0", "case-number-empty"),
        ("1" * (MAX_CHARACTERS + 1), "case-number-too-long"),
        (" " * (MAX_CHARACTERS + 1), "case-number-too-long"),
        ("\ufdfa" * MAX_CHARACTERS, "case-number-too-long"),
    ],
)
def test_only_nothing_and_too_much_are_refused(raw: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        CaseNumber.parse(raw)
    assert caught.value.code == code


def test_the_longest_number_is_taken() -> None:
    assert len(CaseNumber.parse("案" * MAX_CHARACTERS).key) == MAX_CHARACTERS


@pytest.mark.parametrize(
    ("fragment", "key"),
    [
        ("罚［2023］第０123", "罚〔2023〕123"),
        ("罚［2023", "罚〔2023"),
        ("罚［20", "罚〔20"),
        ("罚［2", "罚"),
        ("罚（", "罚"),
        ("23］第０12", "23〕12"),
        ("023】12", "23〕12"),
        ("年】第12", "12"),
        (")市监", "市监"),
        ("0876号", "876"),
        ("〕00", ""),
        ("第12", "12"),
        ("2023年", "2023"),
        ("00", ""),
        ("号", ""),
        ("", ""),
        (" ", ""),
    ],
)
def test_a_fragment_drops_what_its_missing_neighbours_would_change(fragment: str, key: str) -> None:
    assert fragment_key(fragment) == key


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("深市监罚（", "深市监罚"),
        ("深市监罚（202", "深市监罚〔202"),
        ("深市监罚（2023）第0", "深市监罚〔2023〕"),
        ("0012", "0012"),
        ("00", "00"),
    ],
)
def test_a_prefix_keeps_its_beginning(prefix: str, key: str) -> None:
    assert prefix_key(prefix) == key


def test_a_search_text_that_is_too_long_is_refused() -> None:
    for search in (fragment_key, prefix_key):
        with pytest.raises(InvalidInput):
            search("1" * (MAX_CHARACTERS + 1))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("", ()),
        ("号", ("号",)),
        ("ab", ("ab",)),
        ("abab", ("ab", "aba", "ba", "bab")),
    ],
)
def test_grams_are_distinct_and_sorted(key: str, expected: tuple[str, ...]) -> None:
    assert grams(key) == expected


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [("", ()), ("a", ()), ("ab", ("ab",)), ("abc", ("abc",)), ("ababa", ("aba", "bab"))],
)
def test_a_query_asks_for_the_longest_grams(fragment: str, expected: tuple[str, ...]) -> None:
    assert query_grams(fragment) == expected


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a,b，c、d", ("a", "b", "c", "d")),
        ("深罚〔2023〕1号；深罚〔2023〕2号", ("深罚〔2023〕1号", "深罚〔2023〕2号")),
        (" a ; a\nb,, ", ("a", "b")),
        ("深(一,二)罚〔2023〕1号,b", ("深(一,二)罚〔2023〕1号", "b")),
        ("深（一，二）罚,b", ("深（一，二）罚", "b")),
        ("深罚(2023 1号,深罚(2023)2号", ("深罚(2023 1号", "深罚(2023)2号")),
        ("深罚2023)1号,深罚(2023)2号", ("深罚2023)1号", "深罚(2023)2号")),
        ("", ()),
        ("，", ()),
    ],
)
def test_a_field_of_numbers_is_split_at_separators_outside_brackets(
    text: str, numbers: tuple[str, ...]
) -> None:
    assert split_numbers(text) == numbers


@given(_spellings())
def test_every_spelling_of_one_number_has_one_key(spellings: tuple[str, str]) -> None:
    plain, other = spellings
    assert CaseNumber.parse(other).key == CaseNumber.parse(plain).key
    assert CaseNumber.parse(other).year == CaseNumber.parse(plain).year


@given(_spellings(), st.lists(st.tuples(st.integers(0, 40), _INVISIBLE), max_size=8))
def test_invisible_characters_never_change_the_key(
    spellings: tuple[str, str], insertions: list[tuple[int, str]]
) -> None:
    text = spellings[1]
    for place, character in insertions:
        text = text[:place] + character + text[place:]
    assert CaseNumber.parse(text).key == CaseNumber.parse(spellings[1]).key


@given(st.text(st.characters(), max_size=60))
def test_any_text_is_taken_and_its_forms_are_their_own_forms(text: str) -> None:
    # Everything with something visible in it and within the limit must be taken.
    assume(len(unicodedata.normalize("NFKC", text)) <= MAX_CHARACTERS and normalise(text))
    number = CaseNumber.parse(text)
    assert number.norm
    assert number.key
    again = CaseNumber.parse(number.norm)
    assert (again.norm, again.key, again.year) == (number.norm, number.key, number.year)
    assert CaseNumber.parse(number.key).key == number.key
    assert number.raw.encode("utf-8")
    assert unicodedata.is_normalized("NFKC", number.norm)


@given(_spellings(), st.integers(0, 40), st.integers(1, 40))
def test_a_number_is_found_by_every_piece_of_itself(
    spellings: tuple[str, str], start: int, length: int
) -> None:
    key = CaseNumber.parse(spellings[1]).key
    fragment = fragment_key(spellings[1][start : start + length])
    assert fragment in key
    assert set(query_grams(fragment)) <= set(grams(key))


@given(_spellings(), st.integers(0, 40))
def test_a_number_is_found_by_every_beginning_of_itself(
    spellings: tuple[str, str], length: int
) -> None:
    key = CaseNumber.parse(spellings[1]).key
    assert key.startswith(prefix_key(spellings[1][:length]))


@given(st.lists(_spellings(), max_size=4), st.sampled_from([",", "，", "、", ";", "；", "\n"]))
def test_joined_numbers_come_apart_again(numbers: list[tuple[str, str]], separator: str) -> None:
    texts = list(dict.fromkeys(odd for _, odd in numbers))
    assert split_numbers(separator.join(texts)) == tuple(texts)


@given(st.text(st.characters(), max_size=60))
def test_no_search_text_fails(text: str) -> None:
    assert len(fragment_key(text)) <= len(normalise(text)) + 1
    assert len(prefix_key(text)) <= len(normalise(text))
    assert isinstance(split_numbers(text), tuple)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("现场_示市监罚〔2025〕012号_2.mp4", ("示市监罚〔2025〕12",)),
        ("示市检[2025]7号 和 示市罚(2025)8号.mp4", ("示市检〔2025〕7", "示市罚〔2025〕8")),
        ("S000003_000003_20250102091010.mp4", ()),
        ("〔2025〕12号", ()),
        ("", ()),
    ],
)
def test_numbers_are_found_within_other_text(text: str, keys: tuple[str, ...]) -> None:
    assert numbers_within(text) == keys


@given(st.text(max_size=400))
def test_looking_for_numbers_never_fails(text: str) -> None:
    assert isinstance(numbers_within(text), tuple)
