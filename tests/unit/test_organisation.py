from __future__ import annotations

import uuid
from datetime import date

import pytest

from recorder.domain.ids import AgencyId
from recorder.domain.officer import Certificate, device_name, is_gb28181
from recorder.domain.organisation import (
    InNameOf,
    acting_for,
    circle,
    is_credit_code,
    is_region,
    organs_of,
)

A, B, C, D = (uuid.UUID(int=n) for n in range(1, 5))


def _with_check(first: str) -> str:
    letters = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(letters.index(c) * 3**i for i, c in enumerate(first))
    return first + letters[-total % 31]


@pytest.mark.parametrize("first", ["11440300MB2C1234X", "12440300000000000", "91440300YYYYYYYYY"])
def test_one_check_digit_of_31_fits(first: str) -> None:
    right = _with_check(first)
    fitting = [c for c in "0123456789ABCDEFGHJKLMNPQRTUWXY" if is_credit_code(first + c)]
    assert fitting == [right[-1]]


@pytest.mark.parametrize("code", ["", "1144030000000000", "11440300ib2c1234X0", "1" * 19])
def test_what_has_not_the_form_of_a_credit_code_is_none(code: str) -> None:
    assert not is_credit_code(code)


def test_a_credit_code_of_the_standard_itself_is_right() -> None:
    # The worked example of GB 32100-2015.
    assert is_credit_code("91350100M000100Y43")
    assert not is_credit_code("91350100M000100Y44")


def test_regions_have_six_nine_or_twelve_digits() -> None:
    assert [is_region(c) for c in ("440305", "440305001", "440305001002", "4403", "44030x")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_a_tree_has_no_circle_and_a_circle_is_named() -> None:
    assert circle({A: None, B: A, C: B, D: A}) == ()
    assert set(circle({A: None, B: D, C: B, D: C})) == {B, C, D}
    # A parent of whom nothing is said ends the way.
    assert circle({B: A}) == ()


def test_a_certificate_is_valid_on_its_first_and_last_day() -> None:
    held = Certificate("19030112345", date(2026, 1, 1), date(2026, 12, 31))
    assert [held.valid_on(date(2026, *d)) for d in ((1, 1), (12, 31))] == [True, True]
    assert not held.valid_on(date(2025, 12, 31))
    assert not held.valid_on(date(2027, 1, 1))


def test_names_of_devices_are_gbk_padded_with_nul() -> None:
    assert device_name("王芳".encode("gbk").ljust(32, b"\0")) == "王芳"
    assert device_name(b"\xff\xff") == "��"


def test_an_id_by_gb28181_has_twenty_digits() -> None:
    assert is_gb28181("44030500001320000001")
    assert not is_gb28181("4403050000132000000")


def test_a_branch_acts_in_the_name_of_every_organ_above_it_while_it_is_one() -> None:
    brigade, unit, bureau, other = (AgencyId(uuid.UUID(int=n)) for n in range(4))

    def names(agency: AgencyId, organ: AgencyId, begins: int, ends: int) -> InNameOf:
        return InNameOf(
            agency=agency, organ=organ, begins=date(begins, 1, 1), ends=date(ends, 12, 31)
        )

    told = {
        unit: [names(unit, brigade, 2020, 2030)],
        brigade: [names(brigade, other, 2020, 2024), names(brigade, bureau, 2025, 2030)],
        # Each in the other's name: nobody's list would be found if that went on for ever.
        bureau: [names(bureau, unit, 2029, 2030)],
    }
    assert organs_of(told, unit, date(2024, 5, 1)) == (brigade, other)
    assert organs_of(told, unit, date(2026, 5, 1)) == (brigade, bureau)
    assert organs_of(told, unit, date(2019, 5, 1)) == ()
    assert organs_of(told, unit, date(2030, 5, 1)) == (brigade, bureau)
    assert organs_of(told, bureau, date(2026, 5, 1)) == ()
    assert acting_for(told, [other]) >= {other, brigade, unit}
