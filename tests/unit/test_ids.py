import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.ids import new_uuid


def test_the_layout_is_the_example_of_rfc_9562() -> None:
    # Appendix A.6: Tuesday, February 22, 2022 2:22:22.00 PM GMT-05:00, rand_a CC3, rand_b 18C4…
    moment = datetime(2022, 2, 22, 14, 22, 22, tzinfo=UTC) + timedelta(hours=5)
    noise = (0xCC3 << 62) | 0x18C4DC0C0C07398F
    made = new_uuid(moment, noise.to_bytes(10, "big"))
    assert made == uuid.UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")


@given(st.binary(min_size=10, max_size=10))
def test_version_and_variant_hold_whatever_the_noise(noise: bytes) -> None:
    made = new_uuid(datetime(2026, 3, 5, tzinfo=UTC), noise)
    assert made.version == 7
    assert made.variant == uuid.RFC_4122


@pytest.mark.parametrize("step", [timedelta(milliseconds=1), timedelta(days=365)])
def test_later_ids_sort_later_as_numbers_and_as_text(step: timedelta) -> None:
    moment = datetime(2026, 3, 5, tzinfo=UTC)
    early, late = new_uuid(moment, b"\xff" * 10), new_uuid(moment + step, bytes(10))
    assert early < late
    assert str(early) < str(late)


def test_ids_of_now_are_distinct_and_tell_the_time() -> None:
    before = datetime.now(UTC)
    made = [new_uuid() for _ in range(1000)]
    after = datetime.now(UTC)
    assert len(set(made)) == 1000
    for one in made:
        milliseconds = one.int >> 80
        assert int(before.timestamp() * 1000) <= milliseconds <= int(after.timestamp() * 1000)
