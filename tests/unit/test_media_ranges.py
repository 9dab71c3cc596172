"""Which bytes a Range field asks for (RFC 9110, section 14)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.adapters.range_server import parse_range


@pytest.mark.parametrize(
    ("field", "span"),
    [
        (None, (0, 1000)),
        (b"bytes=0-", (0, 1000)),
        (b"bytes=0-0", (0, 1)),
        (b"bytes=999-", (999, 1000)),
        (b"bytes=10-5000", (10, 1000)),
        (b"bytes=-10", (990, 1000)),
        (b"bytes=-5000", (0, 1000)),
    ],
)
def test_a_range_that_fits_is_understood(field: bytes | None, span: tuple[int, int]) -> None:
    assert parse_range(field, 1000) == span


@pytest.mark.parametrize(
    "field",
    [b"bytes=1000-", b"bytes=5-4", b"bytes=-0", b"bytes=-", b"bytes=0-1,4-5", b"lines=0-1",
     b"bytes=-1-2", b"bytes=" + b"9" * 30 + b"-", b""],
)  # fmt: skip
def test_a_range_that_does_not_fit_is_refused(field: bytes) -> None:
    assert parse_range(field, 1000) is None


def test_nothing_can_be_asked_of_an_empty_original() -> None:
    assert parse_range(None, 0) == (0, 0)
    assert parse_range(b"bytes=0-", 0) is None
    assert parse_range(b"bytes=-5", 0) is None


@given(st.binary(max_size=40), st.integers(0, 10**12))
def test_no_field_leads_outside_the_original(field: bytes, length: int) -> None:
    span = parse_range(field, length)
    assert span is None or 0 <= span[0] < span[1] <= length
