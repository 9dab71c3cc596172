"""What broken and hostile senders may do to the whole product, and what comes of it: nothing."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.hostile import LURES, NAMES, head, patch, problem, raw
from tests.support.product import Product, running_product
from tests.support.waiting import eventually
from tests.support.web_service import PATCH, TUS

UPLOADS = "/api/v1/uploads"
OFFSET_TYPE = PATCH["Content-Type"]
_TYPE = f"Content-Type: {OFFSET_TYPE}"
_MANY_LINES = "Upload-Length: 5\r\n" + "\r\n".join(f"X-{n}: y" for n in range(300))
#: What the store may call its files: nothing that a sender chose.
SANE_NAME = re.compile(r"[A-Za-z0-9._=~@-]+")


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_product(upload_silence_s="1") as running:
        children = {words: running.child(words) for words in ("recorder serve", "-m workers")}
        yield running
        # After everything that follows: no child has died, no mistake was logged, no file of the
        # store has a name that a sender chose.
        assert {words: running.child(words) for words in children} == children
        for log in ("web.log", "worker.log"):
            text = (running.data / "log" / log).read_text()
            assert "Traceback" not in text
            assert not [line for line in text.splitlines() if '"level": "error"' in line]
        # Staged pieces come and go meanwhile; os.walk passes over what is gone.
        walk = os.walk(running.data / "objects")
        names = {name for _, folders, files in walk for name in (*folders, *files)}
        assert [name for name in names if not SANE_NAME.fullmatch(name)] == []


@pytest.fixture
async def device(product: Product) -> str:
    return await product.device("H-1")


async def _create(product: Product, token: str, length: int) -> str:
    headers = {**TUS, "Upload-Length": str(length)}
    answer = await product.ask("POST", UPLOADS, token, headers=headers)
    assert answer.status == 201, answer.content
    return answer.headers["Location"]


async def _offset(product: Product, token: str, place: str) -> int:
    answer = await product.ask("HEAD", place, token, headers=TUS)
    assert answer.status == 200
    return int(answer.headers["Upload-Offset"])


async def _send(product: Product, token: str, name: bytes, content: bytes) -> str:
    """One request with creation and content; the name of the recording."""
    encoded = base64.b64encode(name).decode()
    headers = {
        **PATCH,
        "Upload-Length": str(len(content)),
        "Upload-Metadata": f"filename {encoded}",
    }
    answer = await product.ask("POST", UPLOADS, token, headers=headers, data=content)
    assert answer.status == 201, answer.content
    return answer.headers["Recorder-Recording"]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
async def test_a_hostile_name_is_kept_as_a_name_and_nothing_else(
    product: Product, device: str, name: bytes
) -> None:
    content = os.urandom(200)
    recording = await _send(product, device, name, content)
    supervisor = await product.supervisor()
    shown = await product.recording(recording, supervisor)
    assert len(shown["original_name"]) <= 4096
    assert "\x00" not in shown["original_name"]
    original = await product.ask("GET", f"/api/v1/recordings/{recording}/original", supervisor)
    assert (original.status, original.content) == (200, content)
    disposition = original.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename=")
    assert disposition.isascii()
    assert disposition.isprintable()
    assert "Set-Cookie" not in original.headers


async def test_a_gbk_name_is_readable_and_its_bytes_are_kept(product: Product, device: str) -> None:
    name = "执法记录.mp4".encode("gbk")
    recording = await _send(product, device, name, b"x" * 64)
    shown = await product.recording(recording, await product.supervisor())
    assert shown["original_name"] == "执法记录.mp4"
    async with product.database() as database:
        kept = await database.fetchval(
            "SELECT raw_metadata FROM upload WHERE recording_id = $1", recording
        )
    assert kept == f"filename {base64.b64encode(name).decode()}"


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("Upload-Length: -1", 400, "upload-length-invalid"),
        ("Upload-Length: 1e9", 400, "upload-length-invalid"),
        ("Upload-Length: 0x10", 400, "upload-length-invalid"),
        ("Upload-Length: ٣٣", 400, "upload-length-invalid"),
        ("Upload-Length: " + "9" * 4000, 400, "upload-length-invalid"),
        ("Upload-Length: 9223372036854775807", 413, "upload-too-large"),
        ("Upload-Length: 5\r\nUpload-Length: 6", 400, "upload-length-invalid"),
        ("X: y", 400, "upload-length-missing"),
        ("Upload-Defer-Length: 1", 400, "upload-length-deferred"),
        ("Upload-Length: 5\r\nUpload-Concat: partial", 400, "upload-concat-unsupported"),
        ("Upload-Concat: final;/a /b", 400, "upload-concat-unsupported"),
        ("Upload-Length: 5\r\nContent-Encoding: gzip", 415, "upload-content-encoding"),
        ("Upload-Length: 5\r\nUpload-Metadata: " + "x" * 65536, 431, "headers-too-large"),
        (_MANY_LINES, 400, "request-malformed"),
        ("Upload-Length: 5\r\nExpect: 102-processing", 417, "expectation-failed"),
    ],
    ids=lambda value: str(value)[:40].replace("\r\n", " "),
)  # fmt: skip
async def test_a_creation_that_cannot_be_meant_is_refused_with_its_reason(
    product: Product, device: str, line: str, status: int, code: str
) -> None:
    answer = await raw(product.port, head("POST", UPLOADS, device, line, "Connection: close"))
    assert problem(answer) == (status, code)


@pytest.mark.parametrize("offset", ["-1", "99", "9" * 19, "9" * 4000, "٠", "0 0", "0,0", ""])
async def test_an_offset_that_cannot_be_meant_changes_nothing(
    product: Product, device: str, offset: str
) -> None:
    place = await _create(product, device, 50)
    lines = (f"Upload-Offset: {offset}", f"Content-Type: {OFFSET_TYPE}", "Content-Length: 10")
    message = head("PATCH", place, device, *lines, "Connection: close") + b"0123456789"
    status, _ = problem(await raw(product.port, message))
    assert status in (400, 409)
    assert await _offset(product, device, place) == 0


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        ((_TYPE, "Content-Encoding: gzip"), 415, "upload-content-encoding"),
        (("Content-Type: video/mp4",), 415, "upload-content-type"),
        (("Content-Type: multipart/form-data; boundary=x",), 415, "upload-content-type"),
        ((_TYPE, "Upload-Checksum: md5 AAAA"), 400, "upload-checksum-invalid"),
        ((_TYPE, "Upload-Checksum: sha1 " + "A" * 9000), 400, "upload-checksum-invalid"),
    ],
    ids=["gzip", "video", "form", "md5", "long checksum"],
)  # fmt: skip
async def test_a_body_in_another_form_changes_nothing(
    product: Product, device: str, lines: tuple[str, ...], status: int, code: str
) -> None:
    place = await _create(product, device, 50)
    more = ("Upload-Offset: 0", "Content-Length: 10", "Connection: close")
    answer = await raw(product.port, head("PATCH", place, device, *lines, *more) + b"0123456789")
    assert problem(answer) == (status, code)
    assert await _offset(product, device, place) == 0


@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
async def test_who_does_not_say_which_tus_is_told_ours(
    product: Product, device: str, method: str
) -> None:
    place = UPLOADS if method == "POST" else await _create(product, device, 5)
    headers = {"Upload-Length": "5", "Upload-Offset": "0", "Content-Type": OFFSET_TYPE}
    answer = await product.ask(method, place, device, headers=headers)
    assert (answer.status, answer.headers["Tus-Version"]) == (412, "1.0.0")


async def test_none_of_the_bytes_beyond_the_length_is_kept(product: Product, device: str) -> None:
    content = os.urandom(1000)
    place = await _create(product, device, 1000)
    told = await raw(
        product.port, patch(place, device, 0, "Content-Length: 1001", "Connection: close") + content
    )
    assert problem(told) == (413, "upload-too-long")
    assert await _offset(product, device, place) == 0
    # Whoever does not say the length in advance is stopped at the last byte that has room.
    chunked = b"3e8\r\n" + content + b"\r\n400\r\n" + bytes(1024) + b"\r\n0\r\n\r\n"
    lines = ("Transfer-Encoding: chunked", "Connection: close")
    told = await raw(product.port, patch(place, device, 0, *lines) + chunked)
    assert problem(told) == (413, "upload-too-long")
    found = await product.ask("HEAD", place, device, headers=TUS)
    supervisor = await product.supervisor()
    recording = found.headers["Recorder-Recording"]
    original = await product.ask("GET", f"/api/v1/recordings/{recording}/original", supervisor)
    assert original.content == content


async def test_a_chunked_body_may_come_in_any_pieces_and_break_anywhere(
    product: Product, device: str
) -> None:
    content = os.urandom(5000)
    place = await _create(product, device, 5000)
    pieces = [content[n : n + 7] for n in range(0, 2800, 7)]
    body = b"".join(b"%x;name=value\r\n%s\r\n" % (len(p), p) for p in pieces)
    lines = ("Transfer-Encoding: chunked", "Connection: close")
    answer = await raw(product.port, patch(place, device, 0, *lines) + body + b"0\r\nX: y\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 204")
    assert await _offset(product, device, place) == 2800
    # A chunk that is none breaks the body off; what came before may be kept, nothing else.
    bad = b"64\r\n" + content[2800:2900] + b"\r\nzz\r\nwhatever"
    await raw(product.port, patch(place, device, 2800, *lines) + bad)
    kept = await _offset(product, device, place)
    assert kept in (2800, 2900)
    answer = await raw(
        product.port,
        patch(place, device, kept, f"Content-Length: {5000 - kept}", "Connection: close")
        + content[kept:],
    )
    name = re.search(rb"Recorder-Recording: (\S+)", answer)
    assert name is not None, answer
    supervisor = await product.supervisor()
    path = f"/api/v1/recordings/{name[1].decode()}/original"
    assert (await product.ask("GET", path, supervisor)).content == content


async def test_methods_may_be_said_in_a_header_and_only_the_known_ones(
    product: Product, device: str
) -> None:
    place = await _create(product, device, 10)
    for override, expected in (("PATCH", 204), ("patch", 204), ("TRACE", 400), ("", 400)):
        at = await _offset(product, device, place)
        headers = {**PATCH, "Upload-Offset": str(at), "X-HTTP-Method-Override": override}
        answer = await product.ask("POST", place, device, headers=headers, data=b"abc")
        assert answer.status == expected
    assert await _offset(product, device, place) == 6


async def test_an_empty_file_is_sealed_like_any_other(product: Product, device: str) -> None:
    recording = await _send(product, device, b"empty.mp4", b"")
    supervisor = await product.supervisor()
    shown = await product.until_sealed(recording, supervisor)
    assert shown["length"] == 0
    assert shown["digests"]["sha256"].startswith("e3b0c44298fc1c149afbf4c8996fb924")
    original = await product.ask("GET", f"/api/v1/recordings/{recording}/original", supervisor)
    assert (original.status, original.content) == (200, b"")


async def test_a_silent_sender_is_let_go_and_what_came_is_kept(
    product: Product, device: str
) -> None:
    place = await _create(product, device, 1000)
    message = patch(place, device, 0, "Content-Length: 1000") + b"x" * 400
    answer = await raw(product.port, message)
    assert problem(answer) == (408, "upload-silent")
    assert await _offset(product, device, place) == 400


async def test_a_body_is_not_asked_for_before_everything_else_is_right(
    product: Product, device: str
) -> None:
    place = await _create(product, device, 1000)
    lines = ("Content-Length: 1000", "Expect: 100-continue", "Connection: close")
    refused = {
        401: patch(place, "rec_wrong", 0, *lines),
        409: patch(place, device, 5, *lines),
        413: patch(place, device, 0, "Content-Length: 1001", *lines[1:]),
        404: patch(f"{UPLOADS}/{'0' * 8}-0000-7000-8000-{'0' * 12}", device, 0, *lines),
    }
    for status, message in refused.items():
        answer = await raw(product.port, message)
        assert b"100 Continue" not in answer
        assert problem(answer)[0] == status


@pytest.mark.parametrize("checked", [False, True])
async def test_of_twenty_senders_at_one_offset_one_has_an_effect(
    product: Product, device: str, checked: bool
) -> None:
    length = 300_000
    place = await _create(product, device, length)

    async def send(body: bytes) -> int:
        told = base64.b64encode(hashlib.sha256(body).digest()).decode()
        more = {"Upload-Checksum": f"sha256 {told}"} if checked else {}
        headers = {**PATCH, "Upload-Offset": "0", **more}
        return (await product.ask("PATCH", place, device, headers=headers, data=body)).status

    statuses = await asyncio.gather(*(send(bytes([n]) * length) for n in range(20)))
    assert set(statuses) <= {204, 403, 409}
    # With a checksum nothing counts in part: the last in line finds the offset where all begin.
    assert statuses.count(204) in ([1] if checked else [0, 1])
    offset = await _offset(product, device, place)
    if offset < length:
        assert 204 not in statuses
        assert (await product.ask("DELETE", place, device, headers=TUS)).status == 204
    found = await product.ask("HEAD", place, device, headers=TUS)
    recording = found.headers["Recorder-Recording"]
    supervisor = await product.supervisor()
    original = await product.ask("GET", f"/api/v1/recordings/{recording}/original", supervisor)
    assert len(original.content) == offset
    # Bytes of one sender only, and of the one who was told so.
    (winner,) = set(original.content)
    assert statuses.count(204) == 0 or statuses[winner] == 204


async def test_a_page_named_like_a_film_is_given_out_as_a_file_only(
    product: Product, device: str
) -> None:
    page = b"<!DOCTYPE html><html><script>alert(document.cookie)</script></html>"
    recording = await _send(product, device, b"clip.mp4", page)
    supervisor = await product.supervisor()
    shown = await product.until_sealed(recording, supervisor)
    assert "not_media" in shown["flags"]
    place = f"/api/v1/recordings/{recording}"
    original = await product.ask(
        "GET", f"{place}/original", supervisor, headers={"Accept": "text/html"}
    )
    assert original.content == page
    assert original.headers["Content-Type"] == "application/octet-stream"
    assert original.headers["X-Content-Type-Options"] == "nosniff"
    assert original.headers["Content-Security-Policy"].startswith("sandbox")
    assert original.headers["Content-Disposition"].startswith("attachment")
    playback = await product.ask("GET", f"{place}/playback", supervisor)
    assert 400 <= playback.status < 500


@pytest.fixture
async def listener() -> AsyncIterator[tuple[int, list[str]]]:
    """A port where somebody listens, and who came."""
    visits: list[str] = []

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append("somebody connected")
        writer.close()

    server = await asyncio.start_server(visited, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], visits
    server.close()


@pytest.mark.parametrize("kind", LURES)
async def test_footage_that_points_elsewhere_opens_nothing_and_is_sealed(
    product: Product,
    device: str,
    listener: tuple[int, list[str]],
    tmp_path: Path,
    footage: Path,
    kind: str,
) -> None:
    port, visits = listener
    secret = tmp_path / "secret.mp4"
    secret.write_bytes((footage / "08_faststart.mp4").read_bytes())
    lure = LURES[kind].format(url=f"http://127.0.0.1:{port}", port=port, secret=secret)
    recording = await _send(product, device, b"clip.mp4", lure.encode())
    shown = await product.until_sealed(recording, await product.supervisor())
    assert visits == []
    assert {task["state"] for task in shown["tasks"]} == {"done"}
    assert {"playlist", "not_media", "still"} & set(shown["flags"])
    async with product.database() as database:
        made = await database.fetchval(
            "SELECT count(*) FROM rendition WHERE recording_id = $1", recording
        )
    assert made == 0


async def test_senders_that_vanish_leave_no_holder_behind(product: Product, device: str) -> None:
    places = [await _create(product, device, 100_000) for _ in range(10)]

    async def vanish(place: str) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", product.port)
        writer.write(patch(place, device, 0, "Content-Length: 100000") + b"x" * 500)
        await writer.drain()
        writer.transport.abort()

    await asyncio.gather(*map(vanish, places))

    async def all_free() -> bool | None:
        async with product.database() as database:
            held: Any = await database.fetchval("SELECT count(*) FROM upload WHERE holder NOTNULL")
        return held == 0 or None

    free: bool = await eventually(all_free, within=15, what="uploads without holders")
    assert free
    assert {await _offset(product, device, place) for place in places} <= {0, 500}
