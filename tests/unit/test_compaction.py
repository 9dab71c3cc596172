"""Plans of volumes: whole members, in order, under keys that name what they hold."""

from __future__ import annotations

import hashlib
import uuid

import pytest

from recorder.domain import compaction
from recorder.domain.compaction import Member, Volume
from recorder.domain.ids import RecordingId
from recorder.errors import IntegrityError
from recorder.services.live import volumes
from recorder.store.volumes import Pinned, PlacedVolume

RECORDING = RecordingId(uuid.UUID(int=7))


def members(*lengths: int) -> list[Member]:
    return [
        Member(n, f"k{n}", "v", length, hashlib.sha256(bytes([n, length])).digest())
        for n, length in enumerate(lengths)
    ]


def plan(given: list[Member], most: int) -> list[Volume]:
    return compaction.plan("day/live-1", RECORDING, given, most)


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ((4, 4, 4), [(0, 2, 8), (2, 1, 4)]),
        ((10,), [(0, 1, 10)]),
        ((4, 20, 4, 4), [(0, 1, 4), (1, 1, 20), (2, 2, 8)]),
        ((), []),
    ],
)
def test_volumes_hold_whole_members_in_order(
    lengths: tuple[int, ...], expected: list[tuple[int, int, int]]
) -> None:
    planned = plan(members(*lengths), 10)
    assert [(v.first, v.members, v.length) for v in planned] == expected
    assert [v.n for v in planned] == list(range(len(expected)))


def test_a_key_names_the_content_and_what_was_given_up_before() -> None:
    given = members(4, 4)
    (volume,) = plan(given, 10)
    assert volume.key == plan(given, 9)[0].key
    assert volume.key.startswith(f"day/live-1/volumes-{RECORDING}/0000-0-")
    other = [given[0], members(4, 5)[1]]
    assert plan(other, 10)[0].key != volume.key
    again = compaction.volume_key("day/live-1", RECORDING, 0, 1, given)
    assert (again != volume.key, again[-64:] == volume.key[-64:]) == (True, True)


def test_offsets_add_up_and_a_volume_that_does_not_fit_is_refused() -> None:
    given = members(4, 4, 4)
    first, second = plan(given, 8)
    assert compaction.offsets(given, first) == [0, 4]
    assert compaction.offsets(given, second) == [0]
    with pytest.raises(IntegrityError):
        compaction.offsets(given[:1], first)


def test_few_objects_are_left_as_they_are() -> None:
    many = members(*[1] * 30)
    assert compaction.worthwhile(many, plan(many, 100))
    assert not compaction.worthwhile(many[:29], plan(many[:29], 100))
    assert not compaction.worthwhile(many, plan(many, 2)), "no fewer objects, with the index"


def test_an_index_is_read_as_it_was_written_and_anything_else_is_refused() -> None:
    placed = PlacedVolume(
        plan(members(4, 4), 10)[0],
        "v",
        bytes(32),
        bytes(32),
        lock_until=None,  # type: ignore[arg-type]
    )
    index = volumes.Index(RECORDING, "aa", "bb", Pinned("m", "v"), "cc", (volumes.listed(placed),))
    content = volumes.encode(index)
    assert volumes.decode(content) == index
    assert (index.members, index.length) == (2, 8)
    for broken in (b"", b"{}", content.replace(b'"members":2', b'"members":"x"')):
        with pytest.raises(IntegrityError):
            volumes.decode(broken)
