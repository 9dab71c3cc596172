"""The spool on disk: durable or not there, found again by whoever comes, never beyond its quota."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.domain.ids import LivestreamId, new_uuid
from recorder.domain.livestream import PeriodCause
from recorder.errors import StorageFull, Unavailable
from recorder.live.spool import Arrived, SpoolFolder

AT = datetime(2026, 11, 29, 8, 0, 0, 123456, tzinfo=UTC)


def arrived(number: int, *, period: int = 1, body: bytes = b"media") -> Arrived:
    livestream = LivestreamId(new_uuid(AT))
    cause = PeriodCause.RECONNECT if number == 0 else PeriodCause.UNKNOWN
    return Arrived(livestream, period, number, body, AT, cause, AT)


def folder(root: Path, owner: str, *, quota: int = 1 << 30, floor: int = 0) -> SpoolFolder:
    made = SpoolFolder(root, owner, quota, floor)
    made.open()
    return made


def test_what_a_dead_process_left_is_found_in_order_and_as_it_came(tmp_path: Path) -> None:
    dead = folder(tmp_path, "dead")
    first = arrived(2)
    kept = [first, replace(first, number=1, body=b"a\nb"), replace(first, number=0, body=b"init")]
    for each in kept:
        dead.keep(each)
    (tmp_path / "dead" / str(first.livestream) / ".draft-p000001-000000003.segment").touch()
    other = folder(tmp_path, "other")
    assert other.adopt() == []
    assert other.highest(first.livestream) == (1, 2)
    dead.close()
    places = other.adopt()
    assert sorted(place.number for place in places) == [0, 1, 2]
    found = {place.number: other.read(place) for place in places}
    assert [found[each.number] for each in kept] == kept
    assert other.adopt() == []
    for place in places:
        if place.number:
            other.remove(place)
    other.done(first.livestream)
    assert not (tmp_path / "dead").exists()
    assert other.waiting_bytes() == 0
    other.close()
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_kept_leaves_nothing_behind(tmp_path: Path) -> None:
    spool = folder(tmp_path, "a")
    first = arrived(1)
    other = spool.keep(replace(first, number=2)).path
    in_its_way = other.with_name("p000001-000000001.segment")
    (in_its_way / "something").mkdir(parents=True)
    with pytest.raises(Unavailable):
        spool.keep(first)
    assert sorted(path.name for path in other.parent.iterdir()) == [in_its_way.name, other.name]
    spool.close()


def test_beyond_its_quota_or_on_a_full_disk_nothing_is_taken(tmp_path: Path) -> None:
    small = folder(tmp_path, "a", quota=2000)
    first = arrived(1, body=bytes(1500))
    small.keep(first)
    with pytest.raises(StorageFull):
        small.keep(replace(first, number=2, body=bytes(600)))
    assert small.is_full(1000)
    assert not small.is_full(100)
    (place,) = [small.keep(replace(first, number=3, body=b"x"))]
    assert small.read(place) is not None
    full = folder(tmp_path / "full", "a", floor=1 << 62)
    with pytest.raises(StorageFull):
        full.keep(first)


def test_what_the_disk_damaged_is_put_aside_and_never_removed(tmp_path: Path) -> None:
    spool = folder(tmp_path, "a")
    first = arrived(1)
    place = spool.keep(first)
    whole = place.path.read_bytes()
    place.path.write_bytes(whole[:-1])
    assert spool.read(place) is None
    spool.put_aside(place)
    spool.remove(place)
    spool.done(first.livestream)
    aside = tmp_path / spool.name_of(place)
    assert aside.read_bytes().endswith(b"medi")
    assert spool.left_of(place) == b"medi"
    assert spool.waiting_bytes() == 0
    spool.close()
    # A folder of somebody else's holds up nobody.
    (tmp_path / "a" / "a copy").mkdir()
    (tmp_path / "a" / "a copy" / "p1.segment").touch()
    other = folder(tmp_path, "b")
    assert other.adopt() == []
    assert aside.exists()
    other.close()
    aside.write_bytes(whole)
    last = folder(tmp_path, "c")
    (found,) = last.adopt()
    assert last.read(found) == first


def test_a_place_of_the_disk_that_cannot_be_read_is_damage_and_no_reason_to_wait(
    tmp_path: Path,
) -> None:
    spool = folder(tmp_path, "a")
    place = spool.keep(arrived(1))
    place.path.unlink()
    # Opens, and every read of it ends in EIO.
    place.path.symlink_to("/proc/self/mem")
    assert spool.read(place) is None
    assert spool.fence_of(place) is None
    assert spool.left_of(place) == b""


def test_where_the_rest_of_a_livestream_goes_is_remembered(tmp_path: Path) -> None:
    spool = folder(tmp_path, "a")
    place = spool.keep(arrived(7, period=3))
    assert spool.moved(place) is None
    new = LivestreamId(new_uuid(AT))
    spool.move(place, new, 2, 6)
    assert spool.moved(place) == (new, 2, 6)
