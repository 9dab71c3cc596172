"""What a broken or hostile sender may say, and what it gets: a problem, never a traceback."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os

import pytest

from recorder.domain.people import Role
from tests.support.web_service import PATCH, TUS, Answer, WebService, until

UPLOADS = "/api/v1/uploads"


def problem(message: bytes) -> tuple[int, dict[str, object]]:
    """Status and members of the last answer on a raw connection."""
    answer = message[message.rindex(b"HTTP/1.") :]
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, head
    return int(head.split()[1]), json.loads(body)


async def create(service: WebService, token: str, length: int = 1000) -> str:
    answer = await service.ask(
        "POST", UPLOADS, token, headers={**TUS, "Upload-Length": str(length)}
    )
    return answer.headers["Location"]


def request(method: str, path: str, token: str, **headers: str) -> bytes:
    """The head of a request, as bytes on a socket; underscores in names stand for dashes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


NUMBERS = [
    "-1", "+5", "1e3", "0x10", " ", "", "5.0", "٣", "５", "1_000", "9" * 20, "9" * 4000, "5, 5",
    "null", "NaN",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_length_that_is_no_number_is_refused(
    service: WebService, device: str, number: str
) -> None:
    head = request(
        "POST", UPLOADS, device, Tus_Resumable="1.0.0", Upload_Length=number, Connection="close"
    )
    status, told = problem(await service.raw(head))
    assert (status, told["code"]) == (400, "upload-length-invalid")


async def test_a_body_too_long_to_be_held_for_its_checksum_is_refused_before_it_is_sent(
    service: WebService, device: str
) -> None:
    limit = 64 * 1024 * 1024
    place = await create(service, device, 2 * limit)
    sha256 = base64.b64encode(bytes(32)).decode()
    for more in ({}, {"Expect": "100-continue"}):
        head = request(
            "PATCH", place, device, Tus_Resumable="1.0.0", Upload_Offset="0",
            Content_Type="application/offset+octet-stream", Content_Length=str(limit + 1),
            Upload_Checksum=f"sha256 {sha256}", **more,
        )  # fmt: skip
        status, told = problem(await service.raw(head))
        assert (status, told["code"]) == (413, "upload-checked-body-too-large")
        assert told["limit"] == limit


async def test_a_length_beyond_the_largest_is_told_so(service: WebService, device: str) -> None:
    answer = await service.ask("POST", UPLOADS, device, headers={**TUS, "Upload-Length": "9" * 19})
    assert (answer.status, answer.json["code"]) == (413, "upload-too-large")


@pytest.mark.parametrize("number", NUMBERS)
async def test_an_offset_that_is_no_number_is_refused(
    service: WebService, device: str, number: str
) -> None:
    place = await create(service, device)
    head = request(
        "PATCH", place, device, Tus_Resumable="1.0.0", Upload_Offset=number, Content_Length="0",
        Content_Type="application/offset+octet-stream", Connection="close",
    )  # fmt: skip
    status, told = problem(await service.raw(head))
    assert (status, told["code"]) == (400, "upload-offset-invalid")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, identity", "x"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_compressed_bodies_are_refused(
    service: WebService, device: str, method: str, encoding: str
) -> None:
    place = UPLOADS if method == "POST" else await create(service, device)
    headers = {**PATCH, "Upload-Length": "9", "Upload-Offset": "0", "Content-Encoding": encoding}
    answer = await service.ask(
        method, place, device, headers=headers, data=b"\x1f\x8b whatever", skip_auto_headers=set()
    )
    assert (answer.status, answer.json["code"]) == (415, "upload-content-encoding")


@pytest.mark.parametrize("kind", ["application/octet-stream", "video/mp4", "text/html", "x"])
async def test_another_content_type_is_refused(service: WebService, device: str, kind: str) -> None:
    place = await create(service, device)
    answer = await service.ask(
        "PATCH", place, device, headers={**TUS, "Upload-Offset": "0", "Content-Type": kind},
        data=b"12345",
    )  # fmt: skip
    assert (answer.status, answer.json["code"]) == (415, "upload-content-type")


@pytest.mark.parametrize(
    "metadata",
    ["filename !!!!", "filename", "a b c", ",,,", "filename YQ==,filename YQ==", "é YQ=="],
)
async def test_odd_metadata_never_break_the_service(
    service: WebService, device: str, metadata: str
) -> None:
    answer = await service.ask(
        "POST", UPLOADS, device,
        headers={**TUS, "Upload-Length": "5", "Upload-Metadata": metadata},
    )  # fmt: skip
    assert answer.status in (201, 400)
    if answer.status == 400:
        assert answer.json["code"] == "upload-metadata-malformed"


@pytest.mark.parametrize("metadata", [b"filename \xff\xfe", b"\xe8\xa7\x86 YQ=="])
async def test_bytes_that_are_no_text_are_no_metadata(
    service: WebService, device: str, metadata: bytes
) -> None:
    head = request("POST", UPLOADS, device, Tus_Resumable="1.0.0", Upload_Length="5")
    head = head[:-2] + b"Connection: close\r\nUpload-Metadata: " + metadata + b"\r\n\r\n"
    status, told = problem(await service.raw(head))
    assert (status, told["code"]) == (400, "upload-metadata-malformed")


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "..\\..\\x.mp4", "a\x00b.mp4", "a\r\nSet-Cookie: x=1",
     "\u202egpj.exe", "<script>alert(1)</script>.mp4", "x" * 4000, "", "视频;\"'.mp4"],
)  # fmt: skip
async def test_hostile_names_reach_neither_paths_nor_headers(
    service: WebService, device: str, name: str
) -> None:
    content = os.urandom(64)
    encoded = base64.b64encode(name.encode()).decode()
    answer = await service.ask(
        "POST", UPLOADS, device, data=content,
        headers={**PATCH, "Upload-Length": "64", "Upload-Metadata": f"filename {encoded}"},
    )  # fmt: skip
    assert answer.status == 201, answer.content
    recording = answer.headers["Recorder-Recording"]
    supervisor = await service.token(Role.SUPERVISOR)
    original = await service.ask("GET", f"/api/v1/recordings/{recording}/original", supervisor)
    assert original.content == content
    disposition = original.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename=")
    assert not set("\r\n<>\x00\u202e/\\") & set(disposition.partition("=")[2])
    assert "Set-Cookie" not in original.headers


async def test_html_named_mp4_is_never_given_out_as_a_page(
    service: WebService, device: str, supervisor: str
) -> None:
    page = b"<html><script>alert(1)</script></html>"
    encoded = base64.b64encode(b"clip.mp4").decode()
    kind = base64.b64encode(b"text/html").decode()
    answer = await service.ask(
        "POST", UPLOADS, device, data=page,
        headers={**PATCH, "Upload-Length": str(len(page)),
                 "Upload-Metadata": f"filename {encoded},filetype {kind}"},
    )  # fmt: skip
    place = f"/api/v1/recordings/{answer.headers['Recorder-Recording']}/original"
    original = await service.ask("GET", place, supervisor, headers={"Accept": "text/html"})
    assert original.headers["Content-Type"] == "application/octet-stream"
    assert original.headers["X-Content-Type-Options"] == "nosniff"
    assert original.headers["Content-Security-Policy"].startswith("sandbox")
    assert original.headers["Content-Disposition"].startswith("attachment")


async def test_a_header_that_is_too_large_is_told_so(service: WebService, device: str) -> None:
    head = request("POST", UPLOADS, device, Tus_Resumable="1.0.0", Upload_Metadata="x" * 70_000)
    status, told = problem(await service.raw(head))
    assert (status, told["code"]) == (431, "headers-too-large")


@pytest.mark.parametrize(
    "message",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nBroken header\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
async def test_what_is_no_http_is_answered_with_a_problem(
    service: WebService, message: bytes
) -> None:
    status, told = problem(await service.raw(message))
    assert (status, told["code"]) == (400, "request-malformed")


@pytest.mark.parametrize(
    "path",
    ["/..%2f..%2fetc/passwd", "/static/../../../etc/passwd", "/api/v1/recordings/%00",
     "/api/v1/recordings/1;DROP TABLE recording",
     "/api/v1/recordings/{00000000-0000-0000-0000-000000000000}",
     "/api/v1/uploads/%2e%2e/%2e%2e", "//evil.example/", "/api/v1/cases/视频"],
)  # fmt: skip
async def test_odd_addresses_are_not_found(service: WebService, supervisor: str, path: str) -> None:
    answer = await service.ask("GET", path, supervisor)
    assert answer.status in (404, 405)
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_an_unknown_method_is_told_what_is_allowed(service: WebService) -> None:
    answer = await service.ask("PUT", "/api/v1/uploads")
    assert (answer.status, answer.json["code"]) == (405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(",")) >= {"OPTIONS", "POST"}


async def test_a_body_is_not_asked_for_before_sender_and_offset_are_known(
    service: WebService, device: str
) -> None:
    place = await create(service, device)
    more = {"Content_Type": "application/offset+octet-stream", "Expect": "100-continue"}
    for token, offset, expected in (("wrong", "0", 401), (device, "7", 409)):
        head = request(
            "PATCH", place, token, Tus_Resumable="1.0.0", Upload_Offset=offset,
            Content_Length="1000", Connection="close", **more,
        )  # fmt: skip
        answer = await service.raw(head)
        assert b"100 Continue" not in answer
        assert problem(answer)[0] == expected


async def test_a_welcome_body_is_asked_for(service: WebService, device: str) -> None:
    place = await create(service, device)
    head = request(
        "PATCH", place, device, Tus_Resumable="1.0.0", Upload_Offset="0", Content_Length="1000",
        Content_Type="application/offset+octet-stream", Expect="100-continue", Connection="close",
    )  # fmt: skip
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(head)
    async with asyncio.timeout(60):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"x" * 1000)
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 204")


async def test_another_expectation_fails(service: WebService, device: str) -> None:
    answer = await service.raw(
        request("POST", UPLOADS, device, Expect="200-maybe", Connection="close")
    )
    status, told = problem(answer)
    assert (status, told["code"]) == (417, "expectation-failed")


async def test_a_refused_sender_of_much_sees_why(service: WebService, device: str) -> None:
    place = await create(service, device, 10_000_000)
    head = request(
        "PATCH", place, device, Tus_Resumable="1.0.0", Upload_Offset="5", Content_Length="10000000",
        Content_Type="application/offset+octet-stream",
    )  # fmt: skip
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(head + b"x" * 10_000_000)
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    status, told = problem(answer)
    assert (status, told["code"]) == (409, "upload-offset-mismatch")
    assert b"Connection: close" in answer


async def test_a_silent_sender_is_told_so_and_keeps_what_came(hasty: WebService) -> None:
    device = await hasty.token(Role.DEVICE)
    place = await create(hasty, device)
    head = request(
        "PATCH", place, device, Tus_Resumable="1.0.0", Upload_Offset="0", Content_Length="1000",
        Content_Type="application/offset+octet-stream",
    )  # fmt: skip
    status, told = problem(await hasty.raw(head + b"x" * 400))
    assert (status, told["code"]) == (408, "upload-silent")
    assert await _offset(hasty, device, place) == 400


async def test_a_sender_that_is_cut_off_keeps_what_came(service: WebService, device: str) -> None:
    place = await create(service, device)
    head = request(
        "PATCH", place, device, Tus_Resumable="1.0.0", Upload_Offset="0", Content_Length="1000",
        Content_Type="application/offset+octet-stream",
    )  # fmt: skip
    _reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(head + b"x" * 600)
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    async def kept() -> bool:
        return await _offset(service, device, place) == 600

    await until(kept, within=5, what="the offset of 600 bytes")
    assert await kept()


async def _offset(service: WebService, token: str, place: str) -> int:
    answer: Answer = await service.ask("HEAD", place, token, headers=TUS)
    return int(answer.headers["Upload-Offset"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "body-invalid"),
        (b"[]", "body-invalid"),
        (b'{"number": 5}', "body-invalid"),
        (b'{"number": "A1", "extra": 1}', "body-invalid"),
        (b'{"number": "\xff"}', "body-invalid"),
        (b"[" * 100_000, "body-invalid"),
        (b'{"number": "' + b"x" * 1_100_000 + b'"}', "body-too-large"),
    ],
    ids=["cut", "list", "type", "extra", "encoding", "deep", "large"],
)
async def test_json_that_is_not_what_is_asked_for_is_refused(
    service: WebService, supervisor: str, body: bytes, code: str
) -> None:
    answer = await service.ask(
        "POST", "/api/v1/cases", supervisor, data=io.BytesIO(body),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.json["code"] == code
    assert answer.status == (413 if code == "body-too-large" else 400)


async def test_the_same_parameter_twice_or_an_unknown_one_is_refused(
    service: WebService, supervisor: str
) -> None:
    for query in ("limit=1&limit=2", "colour=red", "limit=0", "limit=201", "from=yesterday"):
        answer = await service.ask("GET", f"/api/v1/recordings?{query}", supervisor)
        assert (answer.status, answer.json["code"]) == (400, "query-invalid"), query
        assert answer.json["errors"]
