from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.instant import Instant, format_utc
from recorder.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "canonical", "assumed"),
    [
        ("2026-03-05T08:15:30Z", "2026-03-05T08:15:30.000000Z", False),
        ("2026-03-05t08:15:30z", "2026-03-05T08:15:30.000000Z", False),
        ("2026-03-05 16:15:30.5+08:00", "2026-03-05T08:15:30.500000Z", False),
        ("2026-03-05T16:15:30", "2026-03-05T08:15:30.000000Z", True),
        ("2026-01-01T07:59:59.999999", "2025-12-31T23:59:59.999999Z", True),
        ("2026-03-05T08:15:30.123456789Z", "2026-03-05T08:15:30.123456Z", False),
        ("2026-03-05T08:15:30-00:00", "2026-03-05T08:15:30.000000Z", False),
        ("2024-02-29T00:00:00-05:30", "2024-02-29T05:30:00.000000Z", False),
    ],
)
def test_a_time_is_read_as_utc_and_says_whether_its_zone_was_assumed(
    text: str, canonical: str, assumed: bool
) -> None:
    instant = Instant.parse(text)
    assert format_utc(instant.at) == canonical
    assert instant.assumed_zone is assumed
    assert instant.text == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2026-03-05", "08:15:30", "20260305T081530Z", "2026-3-5T08:15:30Z"),
        *("2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z"),
        *("2016-12-31T23:59:60Z", "2026-03-05T08:15:30.Z", "2026-03-05T08:15:30+24:00"),
        *("2026-03-05T08:15:30+08:60", "2026-03-05T08:15:30+0800", "2026-03-05T08:15:30Z\n"),
        *("0001-01-01T00:00:00", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00Z"),
        *("２０２６-03-05T08:15:30Z", "2026-03-05T08:15:30.1234567890123456789Z"),
    ],
)
def test_anything_else_is_malformed(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Instant.parse(text)
    assert caught.value.code == "time-malformed"


def test_a_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(InvalidInput) as caught:
        format_utc(datetime(2026, 3, 5, 8, 15, 30))  # noqa: DTZ001 - what must be refused
    assert caught.value.code == "time-malformed"


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),  # noqa: DTZ001 - bounds
    st.integers(min_value=-1439, max_value=1439),
)
def test_written_times_read_back_as_the_same_moment(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    text = format_utc(moment)
    assert len(text) == len("2026-03-05T08:15:30.123456Z")
    assert Instant.parse(text).at == moment
    assert Instant.parse(text).at.tzinfo is UTC


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2))
def test_the_order_of_the_text_is_the_order_of_time(moments: list[datetime]) -> None:
    assert sorted(format_utc(m) for m in moments) == [format_utc(m) for m in sorted(moments)]


@given(st.text(max_size=40))
def test_text_at_random_is_malformed(text: str) -> None:
    with pytest.raises(InvalidInput, match="Not a time"):
        Instant.parse(text)
