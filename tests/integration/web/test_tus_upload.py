"""tus 1.0.0 as a sender sees it, request by request."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import pytest

from recorder.domain.people import Role
from recorder.domain.upload import LONGEST_UPLOAD_BYTES
from tests.support.web_service import PATCH, TUS, Answer, WebService

CONTENT = os.urandom(300_000)


def checksum(content: bytes, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, content, usedforsecurity=False).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


async def create(service: WebService, token: str, length: int = len(CONTENT)) -> str:
    answer = await service.ask(
        "POST", "/api/v1/uploads", token, headers={**TUS, "Upload-Length": str(length)}
    )
    assert answer.status == 201, answer.content
    return answer.headers["Location"]


async def patch(
    service: WebService, token: str, place: str, offset: int, body: bytes, **headers: str
) -> Answer:
    return await service.ask(
        "PATCH", place, token, headers={**PATCH, "Upload-Offset": str(offset), **headers}, data=body
    )


async def offset_of(service: WebService, token: str, place: str) -> int:
    answer = await service.ask("HEAD", place, token, headers=TUS)
    assert answer.status == 200
    return int(answer.headers["Upload-Offset"])


async def test_options_tells_what_the_server_can_do_to_anybody(service: WebService) -> None:
    answer = await service.ask("OPTIONS", "/api/v1/uploads")
    assert answer.status == 204
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Max-Size"] == str(LONGEST_UPLOAD_BYTES)
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation", "creation-with-upload", "checksum", "expiration", "termination",
    }  # fmt: skip


async def test_an_upload_goes_from_creation_to_a_recording(
    service: WebService, device: str
) -> None:
    place = await create(service, device)
    assert place.startswith("/api/v1/uploads/")
    first = await patch(service, device, place, 0, CONTENT[:100_000])
    assert (first.status, first.headers["Upload-Offset"]) == (204, "100000")
    assert "Recorder-Recording" not in first.headers
    assert parsedate_to_datetime(first.headers["Upload-Expires"]) > service.bureau.clock.now()
    last = await patch(service, device, place, 100_000, CONTENT[100_000:])
    assert (last.status, last.headers["Upload-Offset"]) == (204, str(len(CONTENT)))
    recording = last.headers["Recorder-Recording"]
    head = await service.ask("HEAD", place, device, headers=TUS)
    assert head.headers["Recorder-Recording"] == recording
    assert (head.headers["Recorder-State"], head.headers["Recorder-Integrity"]) == (
        "received",
        "received",
    )
    assert head.headers["Upload-Length"] == str(len(CONTENT))
    assert head.headers["Cache-Control"] == "no-store"
    assert "Upload-Expires" not in head.headers
    found = await service.ask("GET", f"/api/v1/recordings/{recording}", device)
    assert (found.json["length"], found.json["state"]) == (len(CONTENT), "received")


async def test_bytes_may_come_with_the_creation(service: WebService, device: str) -> None:
    answer = await service.ask(
        "POST",
        "/api/v1/uploads",
        device,
        headers={**PATCH, "Upload-Length": str(len(CONTENT)), "Upload-Checksum": checksum(CONTENT)},
        data=CONTENT,
    )
    assert (answer.status, answer.headers["Upload-Offset"]) == (201, str(len(CONTENT)))
    assert "Recorder-Recording" in answer.headers


async def test_more_bytes_than_declared_at_creation_make_no_upload(
    service: WebService, device: str
) -> None:
    answer = await service.ask(
        "POST", "/api/v1/uploads", device, headers={**PATCH, "Upload-Length": "5"}, data=b"0123456"
    )
    assert (answer.status, answer.json["code"]) == (413, "upload-too-long")
    assert await service.bureau.value("SELECT count(*) FROM upload") == 0


async def test_an_empty_file_is_a_recording_at_once(service: WebService, device: str) -> None:
    answer = await service.ask(
        "POST", "/api/v1/uploads", device, headers={**TUS, "Upload-Length": "0"}
    )
    assert answer.status == 201
    assert "Recorder-Recording" in answer.headers


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_a_body_that_fits_its_checksum_counts(
    service: WebService, device: str, algorithm: str
) -> None:
    place = await create(service, device)
    answer = await patch(
        service, device, place, 0, CONTENT, **{"Upload-Checksum": checksum(CONTENT, algorithm)}
    )
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(len(CONTENT)))


async def test_a_body_that_does_not_fit_its_checksum_is_answered_460_and_forgotten(
    service: WebService, device: str
) -> None:
    place = await create(service, device)
    answer = await patch(
        service, device, place, 0, CONTENT, **{"Upload-Checksum": checksum(b"another")}
    )
    assert (answer.status, answer.reason) == (460, "Checksum Mismatch")
    assert answer.json["code"] == "upload-checksum-mismatch"
    assert await offset_of(service, device, place) == 0


@pytest.mark.parametrize(
    "header",
    ["md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha1", "sha1 ***", "sha256 AAAA", "SHA1 AAAA", "sha1 Ä"],
)
async def test_a_checksum_that_is_none_of_ours_is_refused(
    service: WebService, device: str, header: str
) -> None:
    place = await create(service, device)
    answer = await patch(service, device, place, 0, CONTENT, **{"Upload-Checksum": header})
    assert (answer.status, answer.json["code"]) == (400, "upload-checksum-invalid")
    assert await offset_of(service, device, place) == 0


async def test_the_wrong_offset_is_answered_with_the_right_one(
    service: WebService, device: str
) -> None:
    place = await create(service, device)
    await patch(service, device, place, 0, CONTENT[:1000])
    answer = await patch(service, device, place, 500, CONTENT[500:])
    assert (answer.status, answer.json["code"]) == (409, "upload-offset-mismatch")
    assert answer.json["offset"] == 1000


async def test_a_body_of_unknown_length_is_taken(service: WebService, device: str) -> None:
    place = await create(service, device)

    async def blocks() -> AsyncIterator[bytes]:
        for start in range(0, len(CONTENT), 50_000):
            yield CONTENT[start : start + 50_000]

    answer = await service.ask(
        "PATCH", place, device, headers={**PATCH, "Upload-Offset": "0"}, data=blocks()
    )
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(len(CONTENT)))


async def test_bytes_beyond_the_declared_length_are_refused_before_they_are_stored(
    service: WebService, device: str
) -> None:
    place = await create(service, device, 1000)
    answer = await patch(service, device, place, 0, CONTENT[:1001])
    assert (answer.status, answer.json["code"]) == (413, "upload-too-long")
    assert await offset_of(service, device, place) == 0


async def test_of_a_body_of_unknown_length_the_excess_is_not_stored(
    service: WebService, device: str
) -> None:
    place = await create(service, device, 100_000)

    async def blocks() -> AsyncIterator[bytes]:
        yield CONTENT[:60_000]
        yield CONTENT[60_000:140_000]

    answer = await service.ask(
        "PATCH", place, device, headers={**PATCH, "Upload-Offset": "0"}, data=blocks()
    )
    assert (answer.status, answer.json["code"]) == (413, "upload-too-long")
    head = await service.ask("HEAD", place, device, headers=TUS)
    assert head.headers["Upload-Offset"] == "100000"


async def test_a_terminated_upload_without_bytes_is_gone(service: WebService, device: str) -> None:
    place = await create(service, device)
    ended = await service.ask("DELETE", place, device, headers=TUS)
    assert ended.status == 204
    answer = await service.ask("HEAD", place, device, headers=TUS)
    assert answer.status == 410


async def test_a_terminated_upload_with_bytes_becomes_a_recording(
    service: WebService, device: str
) -> None:
    place = await create(service, device)
    await patch(service, device, place, 0, CONTENT[:1000])
    assert (await service.ask("DELETE", place, device, headers=TUS)).status == 204
    head = await service.ask("HEAD", place, device, headers=TUS)
    recording = head.headers["Recorder-Recording"]
    found = await service.ask("GET", f"/api/v1/recordings/{recording}", device)
    assert "incomplete_upload" in str(found.json["flags"])


async def test_a_finished_upload_takes_no_more_and_cannot_be_taken_back(
    service: WebService, device: str
) -> None:
    place = await create(service, device)
    await patch(service, device, place, 0, CONTENT)
    more = await patch(service, device, place, len(CONTENT), b"")
    back = await service.ask("DELETE", place, device, headers=TUS)
    assert (more.status, more.json["code"]) == (403, "upload-finished")
    assert (back.status, back.json["code"]) == (403, "upload-finished")


async def test_senders_without_patch_say_it_in_a_header(service: WebService, device: str) -> None:
    place = await create(service, device)
    headers = {**PATCH, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    answer = await service.ask("POST", place, device, headers=headers, data=CONTENT)
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(len(CONTENT)))
    asked = await service.ask(
        "POST", place, device, headers={**TUS, "X-HTTP-Method-Override": "HEAD"}
    )
    assert asked.headers["Upload-Offset"] == str(len(CONTENT))
    odd = await service.ask("POST", place, device, headers={**TUS, "X-HTTP-Method-Override": "X"})
    assert (odd.status, odd.json["code"]) == (400, "method-override-invalid")


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1"])
@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
async def test_another_version_of_tus_is_answered_with_ours(
    service: WebService, device: str, method: str, version: str | None
) -> None:
    place = "/api/v1/uploads" if method == "POST" else await create(service, device)
    headers = {"Upload-Length": "5", "Upload-Offset": "0", "Content-Type": PATCH["Content-Type"]}
    if version:
        headers["Tus-Resumable"] = version
    answer = await service.ask(method, place, device, headers=headers)
    assert answer.status == 412
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Resumable"] == "1.0.0"


async def test_extensions_that_are_not_offered_are_refused(
    service: WebService, device: str
) -> None:
    deferred = await service.ask(
        "POST", "/api/v1/uploads", device, headers={**TUS, "Upload-Defer-Length": "1"}
    )
    joined = await service.ask(
        "POST", "/api/v1/uploads", device, headers={**TUS, "Upload-Concat": "partial"}
    )
    assert (deferred.status, deferred.json["code"]) == (400, "upload-length-deferred")
    assert (joined.status, joined.json["code"]) == (400, "upload-concat-unsupported")


async def test_metadata_come_back_letter_by_letter(service: WebService, device: str) -> None:
    said = "filename Y2xpcC5tcDQ=,note ,is_odd"
    created = await service.ask(
        "POST", "/api/v1/uploads", device,
        headers={**TUS, "Upload-Length": "5", "Upload-Metadata": said},
    )  # fmt: skip
    head = await service.ask("HEAD", created.headers["Location"], device, headers=TUS)
    assert head.headers["Upload-Metadata"] == said
    plain = await service.ask("HEAD", await create(service, device), device, headers=TUS)
    assert "Upload-Metadata" not in plain.headers


async def test_another_senders_upload_does_not_exist(service: WebService, device: str) -> None:
    place = await create(service, device)
    other = await service.token(Role.DEVICE)
    for method in ("HEAD", "DELETE"):
        assert (await service.ask(method, place, other, headers=TUS)).status == 404
    assert (await patch(service, other, place, 0, CONTENT)).status == 404
    assert await offset_of(service, device, place) == 0
