from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.client.pace import (
    LARGEST_CHUNK_BYTES,
    LEAST_CHUNK_BYTES,
    MIB,
    SMALLEST_CHUNK_BYTES,
    Pace,
)


def test_bodies_grow_on_a_quick_line_and_meet_the_parts_of_the_store() -> None:
    pace, offset, ends = Pace(LARGEST_CHUNK_BYTES), 0, []
    while offset < 330 * MIB:
        end = pace.end_of_chunk(offset, 330 * MIB)
        pace.arrived(end - offset, 0.1)
        offset = end
        ends.append(end // MIB)
    assert ends == [1, 2, 4, 8, *range(16, 321, 16), 330]


def test_the_first_cut_costs_a_twentieth_of_a_file_at_most() -> None:
    for length in (5 * MIB, 30 * MIB, 64 * MIB, 100 * MIB, 1000 * MIB):
        pace, offset = Pace(LARGEST_CHUNK_BYTES), 0
        while offset < length:
            end = pace.end_of_chunk(offset, length)
            assert end - offset <= length / 20
            pace.arrived(end - offset, 0.1)
            offset = end


def test_who_has_sent_much_may_send_small_files_in_long_bodies() -> None:
    pace = Pace(LARGEST_CHUNK_BYTES)
    for _ in range(40):
        pace.arrived(pace.size, 0.1)
    assert pace.end_of_chunk(0, 40 * MIB) == 16 * MIB
    # Of many at once each costs its part when the line is cut.
    with pace.under_way(), pace.under_way(), pace.under_way(), pace.under_way():
        assert pace.end_of_chunk(0, 40 * MIB) == 4 * MIB


def test_bodies_shrink_on_a_slow_line() -> None:
    pace = Pace(LARGEST_CHUNK_BYTES)
    for _ in range(10):
        pace.arrived(pace.size, 20.0)
    assert pace.size == LEAST_CHUNK_BYTES


def test_bodies_that_die_together_count_once() -> None:
    now = 100.0
    pace = Pace(LARGEST_CHUNK_BYTES, lambda: now)
    for _ in range(4):
        pace.arrived(pace.size, 0.1)
    for _ in range(4):
        pace.cut(started_at=99.0, length=LARGEST_CHUNK_BYTES)
    assert pace.size == LARGEST_CHUNK_BYTES // 4


@given(
    st.integers(0, 2**40),
    st.integers(1, 2**30),
    st.lists(st.booleans(), max_size=40),
    st.sampled_from([SMALLEST_CHUNK_BYTES, MIB, 3 * MIB, LARGEST_CHUNK_BYTES]),
)
def test_a_body_is_never_empty_and_never_too_long(
    offset: int, remaining: int, history: list[bool], largest: int
) -> None:
    now = 0.0
    pace = Pace(largest, lambda: now)
    for good in history:
        now += 1
        if good:
            pace.arrived(pace.size, 0.1)
        else:
            pace.cut(started_at=now, length=pace.size)
    end = pace.end_of_chunk(offset, offset + remaining)
    assert offset < end <= offset + min(remaining, largest)


@pytest.mark.parametrize("every", [1, 2, 8, 20, 40])
@pytest.mark.parametrize("length", [30, 100, 2000])
def test_however_often_the_line_is_cut_little_is_sent_in_vain(every: int, length: int) -> None:
    for seed in range(20):
        chance = random.Random(seed)
        offset = sent = 0
        pace = Pace(LARGEST_CHUNK_BYTES, lambda: 0.0)
        until_cut = chance.randint(every * MIB // 2, every * MIB * 3 // 2)
        while offset < length * MIB:
            body = pace.end_of_chunk(offset, length * MIB) - offset
            if body > until_cut:
                sent += until_cut
                pace.cut(started_at=0.0, length=body)
                until_cut = chance.randint(every * MIB // 2, every * MIB * 3 // 2)
            else:
                until_cut -= body
                sent += body
                offset += body
                pace.arrived(body, 0.5)
        assert sent <= 1.1 * length * MIB
