"""Lists of footage: their order, pieces of names, and pages that bring each recording once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from recorder.domain.people import Actor, Role
from recorder.errors import NotFound
from recorder.services import review
from recorder.services.review import RecordingQuery
from recorder.store.recording_lists import LOOKED_AT, MOST_NAMES
from tests.support.bureau import Bureau, open_bureau
from tests.support.workshop import camera, deliver

_MANY = """
INSERT INTO recording (id, agency_id, integrity, admission, length_bytes, source, arrival_sha256,
    original_name, received_at, started_at, created_at)
SELECT gen_random_uuid(), $1, 'received', 'admitted', n, $3, sha256(n::text::bytea),
    $3 || n || '.mp4', $2::timestamptz - n * interval '1 s',
    $2::timestamptz - ($4::int - n) * interval '1 h', $2::timestamptz - n * interval '1 s'
FROM generate_series(1, $4::int) AS n
"""


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def many(bureau: Bureau, name: str, number: int, *, foreign: bool = False) -> None:
    """NAME1.mp4, the newest, to NAMEn.mp4; what came later began earlier."""
    agency = bureau.theirs if foreign else bureau.ours
    async with bureau.deps.database.acquire() as connection:
        await connection.execute(_MANY, agency, bureau.clock.now(), name, number)


async def names(
    bureau: Bureau, query: RecordingQuery, actor: Actor | None = None, agency: str | None = None
) -> list[str]:
    """Names on all pages of seven, in their order."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await review.find_recordings(
            bureau.deps, actor or bureau.actor(), query, cursor, 7, agency=agency
        )
        found += [recording.original_name for recording in page.items]
        cursor = page.next
        if cursor is None:
            return found


def numbered(numbers: range, name: str = "DSJ") -> list[str]:
    return [f"{name}{n}.mp4" for n in numbers]


async def test_lists_are_newest_first_and_spans_of_time_by_when_footage_began(
    bureau: Bureau,
) -> None:
    await many(bureau, "DSJ", 20)
    assert await names(bureau, RecordingQuery()) == numbered(range(1, 21))
    now: datetime = bureau.clock.now()
    span = RecordingQuery(from_=now - timedelta(hours=12, minutes=1), to=now)
    # They began in the opposite order of their arrival; the twentieth began now.
    assert await names(bureau, span) == numbered(range(19, 7, -1))


async def test_an_organisation_is_asked_for_with_all_below_it_as_far_as_they_are_in_sight(
    bureau: Bureau,
) -> None:
    await many(bureau, "own", 2)
    await many(bureau, "below", 1, foreign=True)
    city, code = (
        bureau.actor(city=True),
        await bureau.value("SELECT code FROM agency WHERE id = $1", bureau.ours),
    )
    assert isinstance(code, str)
    own = numbered(range(1, 3), "own")
    assert await names(bureau, RecordingQuery(), city, code) == own
    async with bureau.deps.database.acquire() as connection:
        await connection.execute(
            "INSERT INTO agency_reach (agency_id, seen_id, acts) VALUES ($1, $2, false)",
            bureau.ours, bureau.theirs,
        )  # fmt: skip
    assert sorted(await names(bureau, RecordingQuery(), city, code)) == ["below1.mp4", *own]
    assert await names(bureau, RecordingQuery(), bureau.actor(agency=bureau.theirs), code) == [
        "below1.mp4"
    ]
    assert await names(bureau, RecordingQuery(), bureau.actor(), "foreign") == []
    assert await names(bureau, RecordingQuery(), city, "nobody") == []


async def test_names_are_found_by_their_beginning_in_any_case(bureau: Bureau) -> None:
    await many(bureau, "DSJ", 20)
    await many(bureau, "other", 5)
    assert await names(bureau, RecordingQuery(q="dsj2")) == ["DSJ2.mp4", "DSJ20.mp4"]
    assert await names(bureau, RecordingQuery(q="DSJ7.mp4")) == ["DSJ7.mp4"]
    assert await names(bureau, RecordingQuery(q="dsj", linked=True)) == []
    assert await names(bureau, RecordingQuery(q="dsj")) == numbered(range(1, 21))


async def test_names_that_contain_a_text_are_found_where_none_begins_so(bureau: Bureau) -> None:
    await many(bureau, "DSJ", 20)
    await many(bureau, "sj1", 3, foreign=True)
    fitting = [name for name in numbered(range(1, 21)) if "J1" in name]
    assert await names(bureau, RecordingQuery(q="sj1")) == fitting
    assert await names(bureau, RecordingQuery(q="%")) == []
    theirs = bureau.actor(agency=bureau.theirs)
    assert await names(bureau, RecordingQuery(q="sj1"), theirs) == numbered(range(1, 4), "sj1")


async def test_a_rare_piece_is_found_behind_thousands_of_others_by_going_on(
    bureau: Bureau,
) -> None:
    await many(bureau, "DSJ", LOOKED_AT + MOST_NAMES)
    first = await review.find_recordings(
        bureau.deps, bureau.actor(), RecordingQuery(q="J9999"), None, 7
    )
    assert (first.items, first.next is None) == ((), False)
    assert await names(bureau, RecordingQuery(q="J9999")) == ["DSJ9999.mp4"]
    # Thousands begin so; those are looked at like any other piece.
    page = await review.find_recordings(
        bureau.deps, bureau.actor(), RecordingQuery(q="dsj"), None, 7
    )
    assert [one.original_name for one in page.items] == numbered(range(1, 8))


async def test_files_of_one_shift_are_told_together_and_only_to_whose_scope_reaches_them(
    bureau: Bureau,
) -> None:
    device, other = await camera(bureau), await camera(bureau, "TA00999")
    shift = []
    for begins, ends in (("09:00", "09:10"), ("09:10", "09:20")):
        shift.append(
            await deliver(
                bureau, device, f"since {begins}".encode(), f"{begins[3:]}.mp4", officer="A1",
                device_started_at=f"2026-03-02T{begins}:00",
                device_ended_at=f"2026-03-02T{ends}:00",
            )
        )  # fmt: skip
    await deliver(
        bureau, other, b"elsewhere", "other.mp4",
        device_started_at="2026-03-02T09:20:00", device_ended_at="2026-03-02T09:30:00",
    )  # fmt: skip
    untimed = await deliver(bureau, device, b"no times", "untimed.mp4")
    for recording in shift:
        found = await review.continuation(bureau.deps, bureau.actor(), recording)
        assert found is not None
        assert [piece.recording for piece in found.pieces] == shift
    assert await review.continuation(bureau.deps, bureau.actor(), untimed) is None
    with pytest.raises(NotFound):
        await review.continuation(bureau.deps, bureau.actor(agency=bureau.theirs), shift[0])
    mine = bureau.actor(Role.OFFICER, officer="A1")
    assert await review.continuation(bureau.deps, mine, shift[0]) is not None
