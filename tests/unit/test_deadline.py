"""Deadlines in hours and working days, over holidays and make-up days of three years."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.deadline import Calendar, DayKind, Term, Unit, deadline, parse_term
from recorder.domain.instant import CHINA
from recorder.errors import InvalidInput

#: The first moment of 2026, in UTC.
SPRING = datetime(2026, 1, 1, tzinfo=UTC)


def china(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


#: The State Council's arrangement around one long holiday.
SPRING_2026 = Calendar(
    {
        **{date(2026, 2, day): DayKind.HOLIDAY for day in range(16, 24)},
        date(2026, 2, 14): DayKind.WORKDAY,
        date(2026, 2, 28): DayKind.WORKDAY,
    },
    frozenset({2026}),
)


@pytest.mark.parametrize(
    ("ended", "term", "until"),
    [
        # The day of the end does not count, and the last day runs to its end.
        ("2026-03-02T23:59", "1wd", "2026-03-04T00:00"),
        ("2026-03-03T00:00", "1wd", "2026-03-05T00:00"),
        ("2026-03-06T10:00", "1wd", "2026-03-10T00:00"),
        # Saturday 14 February is made up for; Friday's footage is due on it.
        ("2026-02-13T10:00", "1wd", "2026-02-15T00:00"),
        ("2026-02-14T10:00", "1wd", "2026-02-25T00:00"),
        ("2026-02-27T10:00", "2wd", "2026-03-03T00:00"),
        ("2026-02-14T10:00", "24h", "2026-02-15T10:00"),
    ],
)
def test_a_term_ends_where_the_calendar_says(ended: str, term: str, until: str) -> None:
    found = deadline(china(ended), parse_term(term), SPRING_2026)
    assert (found.at, found.provisional) == (china(until), False)


def test_a_year_that_is_not_announced_makes_the_deadline_provisional() -> None:
    found = deadline(china("2026-12-31T10:00"), parse_term("1wd"), SPRING_2026)
    assert (found.at, found.provisional) == (china("2027-01-02T00:00"), True)
    assert not deadline(china("2026-12-31T10:00"), parse_term("24h"), SPRING_2026).provisional


@pytest.mark.parametrize("text", ["", "0h", "1d", "1.5h", "wd", "-1wd", "１wd", "99999h"])
def test_what_is_no_term_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_term(text)
    assert refused.value.code == "term-malformed"


def test_a_term_is_written_as_it_is_read() -> None:
    assert str(parse_term("48h")) == "48h"
    assert parse_term("2wd") == Term(2, Unit.WORKING_DAYS)


@given(
    st.integers(0, 300 * 24 * 60).map(lambda m: SPRING + timedelta(minutes=m)),
    st.integers(1, 15),
    st.timedeltas(timedelta(0), timedelta(days=3)),
)
def test_a_longer_or_later_term_never_ends_earlier(
    began: datetime, days: int, later: timedelta
) -> None:
    term, longer = Term(days, Unit.WORKING_DAYS), Term(days + 1, Unit.WORKING_DAYS)
    until = deadline(began, term, SPRING_2026).at
    assert until > began
    assert deadline(began, longer, SPRING_2026).at > until
    assert deadline(began + later, term, SPRING_2026).at >= until
