"""Counting packets: lengths, rates and the tail of a stream; lengths of NAL units."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from recorder.adapters.media_tally import Tally, clean, nal_lengths_fit


@dataclass
class Packet:
    pts: int | None
    dts: int | None
    duration: int = 40
    size: int = 100
    is_keyframe: bool = False
    time_base: Fraction = Fraction(1, 1000)


def tally(*times: int, keys: tuple[int, ...] = (), length: int = 40) -> Tally:
    made = Tally()
    for time in times:
        made.add(Packet(time, time, length, is_keyframe=time in keys))
    return made


def test_length_and_rate_come_from_the_packets() -> None:
    made = tally(*range(1000, 2000, 40))
    assert (made.length_ms, made.packets, made.fps_milli) == (1000, 25, 25_000)
    assert not made.variable_rate


def test_an_even_rate_stays_even_when_times_are_rounded() -> None:
    assert not tally(*(round(n * 33.366) for n in range(60))).variable_rate


def test_an_uneven_rate_is_noticed() -> None:
    assert tally(*range(0, 800, 40), *range(900, 2000, 100)).variable_rate


def test_a_hole_in_the_middle_does_not_lower_the_rate() -> None:
    made = tally(*range(0, 1000, 40), *range(3000, 4000, 40))
    assert (made.fps_milli, made.variable_rate) == (25_000, False)


def test_packets_without_times_are_counted_and_make_no_steps() -> None:
    made = Tally()
    for n in range(30):
        known = None if n % 3 == 2 else n * 40
        made.add(Packet(known, known))
    assert (made.packets, made.variable_rate, made.fps_milli) == (30, False, 25_000)


def test_the_way_to_the_end_counts_as_a_distance_between_keyframes() -> None:
    made = tally(*range(0, 4000, 40), keys=(0, 1000))
    assert (made.keyframes, made.keyframe_distance_ms) == (2, 3000)


def test_an_error_in_the_tail_is_told_from_one_before() -> None:
    late, early = tally(*range(0, 960, 40)), tally(0, 40)
    late.add(Packet(960, 960))
    late.fail()
    assert (late.errors, late.fails_before(250)) == (1, False)
    early.fail()
    for time in range(80, 1000, 40):
        early.add(Packet(time, time))
    assert early.fails_before(250)


def test_the_empty_packet_at_the_end_counts_for_nothing() -> None:
    made = tally(0, 40)
    made.add(Packet(None, None, size=0))
    assert made.packets == 2


def unit(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


@given(st.lists(st.binary(min_size=1, max_size=50).map(lambda b: bytes([b[0] & 0x7F]) + b[1:])))
def test_lengths_that_fill_a_packet_fit(units: list[bytes]) -> None:
    assert nal_lengths_fit(memoryview(b"".join(unit(body) for body in units)), 4)


def test_lengths_that_lead_outside_or_leave_a_rest_do_not_fit() -> None:
    good = unit(b"\x65abc") + unit(b"\x41def")
    assert not nal_lengths_fit(memoryview(good[:-1]), 4)
    assert not nal_lengths_fit(memoryview(good + b"\x00"), 4)
    assert not nal_lengths_fit(memoryview(unit(b"\xe5abc")), 4)
    assert not nal_lengths_fit(memoryview(b"\x00\x00\x00\x00\x65"), 4)


def test_words_from_a_file_reach_people_printable_and_bounded() -> None:
    assert clean("a\x1b[31mb\nc\u202e" + "x" * 500, 8) == "a[31mbcx"
