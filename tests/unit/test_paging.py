"""Cursors and pages."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import InvalidInput
from recorder.services.paging import decode_cursor, encode_cursor, page_of, page_size

moments = st.datetimes(timezones=st.just(UTC))


@given(moments, st.uuids())
def test_a_cursor_gives_back_its_key_to_the_microsecond(at: datetime, last: uuid.UUID) -> None:
    text = encode_cursor(at, last)
    assert decode_cursor(text) == (at, last)
    assert len(text) == 32
    assert text.isascii()


@given(st.one_of(st.text(), st.text("abcABC012-_", min_size=32, max_size=32)))
def test_any_other_text_is_an_invalid_cursor_or_a_key(text: str) -> None:
    try:
        at, last = decode_cursor(text)
    except InvalidInput as error:
        assert error.code == "cursor-invalid"  # noqa: PT017 - most texts are refused, some are keys
    else:
        assert encode_cursor(at, last) == text


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_of_no_sensible_length_is_refused(limit: int) -> None:
    with pytest.raises(InvalidInput):
        page_size(limit)


def test_a_page_names_a_next_one_only_if_there_is_one() -> None:
    keys = [(datetime(2026, 1, n, tzinfo=UTC), uuid.UUID(int=n)) for n in (3, 2, 1)]
    full = page_of(keys, 2, lambda key: key)
    assert full.items == tuple(keys[:2])
    assert full.next == encode_cursor(*keys[1])
    assert page_of(keys, 3, lambda key: key).next is None
