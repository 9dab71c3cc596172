"""Which files of a device are one shift: pieces that follow each other, in any order told."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from recorder.domain.continuation import Piece, continuation_of
from recorder.domain.ids import RecordingId

NINE = datetime(2026, 3, 5, 1, tzinfo=UTC)


def piece(number: int, begins_s: float, ends_s: float) -> Piece:
    return Piece(
        RecordingId(uuid.UUID(int=number)),
        f"{number}.mp4",
        NINE + timedelta(seconds=begins_s),
        NINE + timedelta(seconds=ends_s),
    )


#: Two files without a break, a photograph within, one that overlaps, a break, two of later.
FILES = (
    piece(1, 0, 600),
    piece(2, 600.04, 1200),
    piece(3, 700, 700.5),
    piece(4, 1197, 1800),
    piece(5, 1806, 2400),
    piece(6, 2405, 3000),
    piece(7, 90_000, 90_060),
)


@pytest.mark.parametrize(
    ("wanted", "together"),
    [
        (1, [1, 2, 4]),
        (2, [1, 2, 4]),
        (4, [1, 2, 4]),
        (5, [5, 6]),
        (6, [5, 6]),
        (3, None),
        (7, None),
    ],
)
def test_files_are_one_shift_from_break_to_break(wanted: int, together: list[int] | None) -> None:
    told = list(FILES)
    for seed in range(5):
        random.Random(seed).shuffle(told)
        found = continuation_of(told, RecordingId(uuid.UUID(int=wanted)))
        shown = [each.recording.int for each in found.pieces] if found else None
        assert shown == together


def test_a_shift_says_what_is_missing_between_its_files() -> None:
    found = continuation_of(FILES, RecordingId(uuid.UUID(int=1)))
    assert found is not None
    assert found.missing == (timedelta(), timedelta(milliseconds=40), timedelta(seconds=-3))
    assert found.ended_at - found.began_at == timedelta(seconds=1800)


def test_nobodys_files_are_no_shift() -> None:
    assert continuation_of((), RecordingId(uuid.UUID(int=1))) is None
    assert continuation_of(FILES[:1], RecordingId(uuid.UUID(int=1))) is None
