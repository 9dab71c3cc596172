"""The same seed is the same faults, and every commit point is known to a proxy."""

from __future__ import annotations

import ast
import os
import random
import struct
import uuid
from collections import Counter
from pathlib import Path

import pytest

from tests.support.servers import REPOSITORY
from tests.torture import database, disk, store
from tests.torture.ear import Asked, Ear
from tests.torture.requests import Head, Requests
from tests.torture.schedule import (
    ERROR,
    FILES,
    FOLDER,
    LIVE,
    TAILS,
    Director,
    Fault,
    Job,
    covering_faults,
    matrix,
    matrix_faults,
    random_faults,
)


def test_the_same_seed_gives_the_same_faults_and_another_one_others() -> None:
    one, again, other = (random_faults(random.Random(seed), 40) for seed in ("7/1", "7/1", "7/2"))
    assert one == again != other
    assert len({(fault.point, fault.nth) for fault in one}) == 40


@pytest.mark.parametrize("job", [FILES, FOLDER, LIVE], ids=["files", "folder", "livestreams"])
def test_a_matrix_is_walked_field_by_field_until_none_is_left(job: Job) -> None:
    left, rounds, chance = matrix(job), 0, random.Random(1)
    assert len(left) == len(job.points) * 2 * (1 + len(job.victims))
    while left:
        faults = matrix_faults(chance, left, 40, job)
        assert len({(fault.point, fault.nth) for fault in faults}) == len(faults)
        places = Counter(fault.point for fault in faults)
        assert all(places[point] <= most for point, most in job.rare.items())
        left -= {fault.cell for fault in faults}
        rounds += 1
    # Rounds are well filled to the end.
    assert rounds <= len(matrix(job)) // 20


@pytest.mark.parametrize("job", [FILES, TAILS, LIVE], ids=["files", "tails", "livestreams"])
def test_the_covering_round_names_every_point_on_both_sides(job: Job) -> None:
    faults = covering_faults(job)
    for when in ("before", "after"):
        assert {f.point for f in faults if f.victim == ERROR and f.when == when} == set(job.points)
    assert len({(fault.point, fault.nth) for fault in faults}) == len(faults)
    # What else strikes is killed at a point of the job.
    assert {point for point, _, _ in job.killing} <= set(job.points)


def test_the_covering_rounds_kill_every_victim_on_both_sides_and_each_of_a_job_in_it() -> None:
    jobs = (FILES, TAILS, LIVE)
    killed = {(victim, when) for job in jobs for _, when, victim in job.killing}
    everybody = {victim for job in jobs for victim in job.victims}
    assert killed == {(victim, when) for victim in everybody for when in ("before", "after")}
    for job in (FILES, LIVE):
        assert {victim for _, _, victim in job.killing} == set(job.victims)


def test_a_fault_strikes_at_its_count_on_its_side_and_once() -> None:
    killed: list[str] = []
    director = Director(killed.append)
    error = Fault("store.part", 2, "before", ERROR)
    kill = Fault("store.part", 3, "after", "store")
    director.load([error, kill, Fault("db.create", 9, "before", "redis")])
    assert director.at("store.part") is None
    assert director.at(None) is None
    second, third = director.at("store.part"), director.at("store.part")
    assert (second, third) == (error, kill)
    assert director.strikes(second, "before")
    assert not director.strikes(third, "before")
    assert killed == []
    assert not director.strikes(third, "after")
    assert killed == ["store"]
    assert director.at("store.part") is None
    assert director.fired == [error, kill]
    assert [str(fault) for fault in director.clear()] == ["kill -9 redis before db.create #9"]


def test_requests_and_statements_are_known_by_their_names() -> None:
    original = "/t1-originals/2026/11/25/x/original"
    assert store.point_of("POST", f"{original}?uploads=") == "store.create_multipart"
    assert store.point_of("GET", "/t1-originals?prefix=a&uploads=") == "store.list_multiparts"
    assert store.point_of("PUT", f"{original}?partNumber=1&uploadId=u") == "store.part"
    assert store.point_of("POST", f"{original}?uploadId=u") == "store.complete"
    assert store.point_of("DELETE", f"{original}?uploadId=u") == "store.abort"
    assert store.point_of("PUT", f"{original}?retention=&versionId=v") == "store.lock"
    assert store.point_of("GET", original) == "store.read_original"
    assert store.point_of("PUT", "/t1-originals/2026/11/25/x/sidecar.json") == "store.sidecar"
    assert store.point_of("PUT", "/t1-staging/u/p") == "store.piece"
    assert store.point_of("PUT", "/t1-originals/canary/x") is None
    assert store.point_of("HEAD", "/t1-originals") is None
    assert database.point_of("UPDATE upload SET fence = fence + 1") == "db.take"
    assert database.point_of("SELECT 1") is None


def _bound(*parameters: bytes | None) -> bytes:
    """A Bind message of PostgreSQL's protocol."""
    values = b"".join(
        struct.pack("!i", -1) if each is None else struct.pack("!i", len(each)) + each
        for each in parameters
    )
    return b"\0statement\0" + struct.pack("!hhh", 1, 1, len(parameters)) + values + b"\0\0"


def test_one_statement_is_several_points_by_its_parameters() -> None:
    rendition, media = "INSERT INTO rendition (id", "UPDATE recording SET media = $2"
    ending = "UPDATE upload SET state = 'completing'"
    assert database.point_of(rendition, _bound(b"i", b"r", b"poster")) == "db.poster"
    assert database.point_of(rendition, _bound(b"i", b"r", b"proxy")) == "db.proxy"
    assert database.point_of(media, _bound(b"i", b'{"first_look": true}')) == "db.probed"
    assert database.point_of(media, _bound(b"i", b'{"first_look": false}')) == "db.examined"
    assert database.point_of(ending, _bound(b"u", None)) == "db.completing"
    assert database.point_of(ending, _bound(b"u", b"12345678")) == "db.expire_early"
    parts = "WITH ending AS (SELECT $7::boolean AND NOT EXISTS (SELECT FROM upload_piece p"
    given = (b"",) * 5
    assert database.point_of(parts, _bound(*given, b"12345678", b"\x00")) == "db.offset"
    assert database.point_of(parts, _bound(*given, b"12345678", b"\x01")) == "db.completing"
    assert database.point_of(parts, _bound(*given, None, b"\x01")) == "db.expire_early"


def test_requests_are_taken_apart_wherever_they_are_cut() -> None:
    sent = (
        b"PATCH /a HTTP/1.1\r\nContent-Length: 10\r\nUpload-Offset: 7\r\n\r\nPUT /b HTT"
        b"HEAD /c HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    for size in (1, 7, 50, len(sent)):
        requests, heads, bodies, passed = Requests(), [], 0, b""
        for start in range(0, len(sent), size):
            for head, content in requests.take(sent[start : start + size]):
                passed += content
                if head is None:
                    bodies += len(content)
                else:
                    heads.append((head.method, head.path, head.count("upload-offset")))
        assert heads == [("PATCH", "/a", 7), ("HEAD", "/c", 0)]
        assert (bodies, passed) == (10, sent)


async def test_what_is_sent_again_is_counted_once_and_by_its_cause() -> None:
    director = Director(lambda _: None)
    async with Ear([1], director) as ear:
        head = Head("PATCH", "/api/v1/uploads/u", {"content-length": "100", "upload-offset": "0"})
        asked: list[Asked] = []
        assert ear.ask(head, asked)
        ear.count(head, 60)
        director.strikes(Fault("db.offset", 1, "before", "client"), "before")
        ear.cut(asked)
        for length in (60, 100):
            again: list[Asked] = []
            assert ear.ask(head, again)
            ear.count(head, length)
            ear.cut(again)
    assert ear.sent_up == 220
    assert ear.sent_again == {"client": 60, ERROR: 60}


def test_every_point_has_a_proxy_that_knows_it() -> None:
    points = (*FILES.points, *FOLDER.points, *LIVE.points)
    assert {point for point in points if point.startswith("db.")} == set(database.WEIGHTS)
    assert set(TAILS.points) < set(FOLDER.points)
    for job in (FILES, FOLDER, LIVE):
        assert len(job.points) == len(set(job.points))


def test_every_statement_that_a_point_stands_for_is_one_of_the_product() -> None:
    texts = [
        node.value
        for file in (REPOSITORY / "recorder" / "store").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    for begin, point in database.STATEMENTS:
        assert any(text.startswith(begin) for text in texts), point


def test_objects_and_rows_of_livestreams_are_known_by_their_names() -> None:
    name = "019f1234-0000-7000-8000-000000000001"
    place = f"/t1-originals/2026/11/25/live-{name}"
    segment = f"{place}/p000001/000000007-1764000000000-ab"
    for way in (store.PUSHED, store.CHUNKED, store.PULLED):
        assert store.point_of("PUT", segment, {name: way}) == way
    assert store.point_of("PUT", segment) == "store.live_received"
    assert store.point_of("PUT", f"{place}/p000001/init-1764000000000-ab") == "store.live_init"
    assert store.point_of("PUT", f"{place}/opened.json") == "store.live_opening"
    assert store.point_of("PUT", f"{place}/sealed-x.json") == "store.live_manifest"
    assert store.point_of("PUT", f"{segment}?retention=&versionId=v") == "store.live_lock"
    assert store.point_of("GET", f"{segment}?versionId=v") == "store.live_read"
    assert store.point_of("GET", f"{segment}?retention=") is None
    assert store.point_of("HEAD", segment) is None
    many = "WITH given AS (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[],"
    assert database.point_of(f"{many} $4::bytea[], more") == "db.live_claim"
    assert database.point_of(f"{many} $4::text[], more") == "db.live_counted"
    assert database.point_of("UPDATE livestream SET holder = $2") == "db.live_take"
    assert database.point_of("UPDATE livestream SET holder = NULL") == "db.live_let_go"
    held = _bound(uuid.UUID(name).bytes, b"holder")
    pulled = {name: store.PULLED}
    assert database.point_of("UPDATE livestream SET holder = $2", held, pulled) == "db.pull_take"
    assert database.point_of("UPDATE livestream SET holder = $2", held) == "db.live_take"
    let_go = "UPDATE livestream SET holder = NULL"
    assert database.point_of(let_go, held, pulled) == "db.pull_let_go"


async def test_requests_about_livestreams_are_known_by_their_paths() -> None:
    place = "/api/v1/livestreams/019f1234-0000-7000-8000-000000000001"
    director = Director(lambda _: None)
    director.load([])
    ways: dict[str, str] = {}
    async with Ear([1], director, ways) as ear:
        for method, path, point in (
            ("POST", "/api/v1/livestreams", "http.live_open"),
            ("POST", "/api/v1/livestreams/pulls", "http.pull_open"),
            ("POST", f"{place}/push-keys", "http.push_key"),
            ("POST", f"{place}/close", "http.live_close"),
            ("PUT", f"{place}/periods/1/init?cause=start", "http.live_init"),
            ("PUT", f"{place}/periods/1/segments/7", "http.live_segment"),
            ("PUT", f"{place}/periods/1/chunks/7?cause=start", "http.live_chunk"),
        ):
            before = director.reached[point]
            assert ear.ask(Head(method, path, {}), [])
            assert director.reached[point] == before + 1, path
    assert ways == {place.rpartition("/")[2]: store.CHUNKED}


def test_what_a_compaction_asks_is_known_by_its_names() -> None:
    name = "019f1234-0000-7000-8000-000000000001"
    place = f"/t1-originals/2026/11/25/live-{name}/volumes-{name}"
    volume, index = f"{place}/0000-0-ab", f"{place}/index-0-ab.json"
    asked = f"/t1-originals?prefix={volume.removeprefix('/t1-originals/')}"
    assert store.point_of("GET", f"{asked}&versions=") == "store.volume_versions"
    assert store.point_of("GET", f"{asked}&uploads=") == "store.volume_open"
    assert store.point_of("POST", f"{volume}?uploads=") == "store.volume_create"
    assert store.point_of("PUT", f"{volume}?partNumber=1&uploadId=u") == "store.volume_part"
    assert store.point_of("POST", f"{volume}?uploadId=u") == "store.volume_complete"
    assert store.point_of("DELETE", f"{volume}?uploadId=u") == "store.volume_abort"
    assert store.point_of("GET", f"{volume}?versionId=v") == "store.volume_read"
    assert store.point_of("HEAD", volume) is None
    assert store.point_of("PUT", index) == "store.volume_index"
    claim, many = "INSERT INTO volume_intent (object_key", struct.pack("!6i", 1, 0, 23, 1, 1, 4)
    zero, index_place = many + struct.pack("!i", 0), many + struct.pack("!i", -1)
    assert database.point_of(claim, _bound(b"r", b"k", zero)) == "db.volume_claim"
    assert database.point_of(claim, _bound(b"r", b"k", index_place)) == "db.index_claim"


def test_files_of_a_folder_store_are_known_by_their_names(tmp_path: Path) -> None:
    open_upload = tmp_path / "multipart" / ("a" * 32)
    open_upload.mkdir(parents=True)
    writer = open_upload / f"w{7:020d}"
    original = f"/x/originals/2026/u/original/={'b' * 32}@20270101T000000.000000Z"
    for flags, point in (
        (os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, "folder.hold"),
        (os.O_RDWR | os.O_CLOEXEC, "folder.join"),
        (os.O_RDONLY, "folder.adopt"),
    ):
        assert disk.point_of("open", (writer, None, flags)) == (point, str(writer))
    assert disk.point_of("os.link", ("/x/w", original, -1, -1)) == ("folder.publish", original)
    assert disk.point_of("open", (original, "r", 0)) == ("folder.read_original", original)
    assert disk.point_of("os.remove", (open_upload / "upload", -1)) is not None
    with writer.open("wb") as file:
        assert disk.point_of("os.fsync", (file.fileno(),)) == ("folder.settle", str(writer))
        assert disk.point_of("os.truncate", (file.fileno(), 1)) == ("folder.cut", str(writer))


def test_files_of_the_spool_are_known_by_their_names() -> None:
    folder = "/x/spool/owner/livestream"
    segment = f"{folder}/p000001-000000042.segment"
    draft = f"{folder}/.draft-p000001-000000042.segment"
    assert disk.point_of("os.rename", (draft, segment, -1, -1)) == ("spool.keep", segment)
    assert disk.point_of("open", (segment, "rb", 0)) == ("spool.read", segment)
    assert disk.point_of("open", (draft, "wb", 0)) is None
    assert disk.point_of("os.remove", (segment, -1)) == ("spool.remove", segment)
    assert disk.point_of("os.remove", (f"{folder}/moved.json", -1)) is None
    assert disk.point_of("open", (7, "rb", 0)) is None
