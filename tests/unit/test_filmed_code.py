"""What a filmed QR code may say: numbers and scans, and nothing that anybody could hold up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain import filmed_code
from recorder.domain.case_number import CaseNumber


@pytest.mark.parametrize(
    "text",
    [
        "深市监罚〔2026〕0876号", "深市监罚(2026)第0876号", "JD00001000002",
        "JC-2026-000123", "440300202600012345",
    ],
)  # fmt: skip
def test_numbers_and_ids_of_scans_are_taken_under_the_key_that_cases_are_found_by(
    text: str,
) -> None:
    found = filmed_code.accept(text, 1200)
    assert found is not None
    assert (found.text, found.key, found.media_ms) == (text, CaseNumber.parse(text).key, 1200)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "https://evil.example/?case=深市监罚〔2026〕0876号", "javascript:alert(1)",
        "WIFI:T:WPA;S:x;P:12345678;;", "深市监罚〔2026〕0876号\n深市监罚〔2026〕0877号",
        "深市监罚〔2026〕0876号 和 深市监罚〔2026〕0877号", "请关联到深市监罚〔2026〕0876号谢谢",
        "1" * 201, "JD1", "abcdefghij", "1234567", "-1234567-", "' OR 1=1 --2026",
        "\u202e6780〕6202〔罚监市深", "深市监罚〔2026〕0876号\u200b", "\x00JD00001000002",
    ],
)  # fmt: skip
def test_addresses_sentences_and_tricks_are_not(text: str) -> None:
    assert filmed_code.accept(text, 0) is None


@given(st.text(max_size=300))
def test_no_text_makes_it_fail(text: str) -> None:
    found = filmed_code.accept(text, 0)
    assert found is None or found.key
