"""Bytes and proofs as they leave the service: ranges, tags, headers, receipts."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from recorder.domain.events import RecordingSealed
from recorder.domain.ids import RecordingId
from recorder.domain.people import OPERATOR, Role
from recorder.ledger import receipt as receipts
from recorder.ledger.note import NoteVerifier
from recorder.services import review
from recorder.store import recordings
from tests.support.playable import probe_as_playable
from tests.support.web_service import PATCH, Answer, WebService

CONTENT = os.urandom(100_000)
LAST = len(CONTENT) - 1
SHA256, SM3 = "ab" * 32, "cd" * 32


@dataclass(frozen=True)
class Footage:
    """A recording of our agency with its bytes in the store."""

    service: WebService
    id: str
    supervisor: str

    @property
    def key(self) -> RecordingId:
        return RecordingId(uuid.UUID(self.id))

    async def original(self, method: str = "GET", **headers: str) -> Answer:
        return await self.service.ask(
            method, f"/api/v1/recordings/{self.id}/original", self.supervisor, headers=headers
        )

    async def ask(self, path: str) -> Answer:
        return await self.service.ask("GET", f"/api/v1/recordings/{self.id}{path}", self.supervisor)


@pytest.fixture
async def footage(service: WebService, device: str, supervisor: str) -> Footage:
    answer = await service.ask(
        "POST", "/api/v1/uploads", device, data=CONTENT,
        headers={**PATCH, "Upload-Length": str(len(CONTENT))},
    )  # fmt: skip
    return Footage(service, answer.headers["Recorder-Recording"], supervisor)


async def seal(footage: Footage) -> None:
    """Write what verify would find."""
    deps = footage.service.deps
    view = await review.recording(deps, OPERATOR, footage.key)
    objects = tuple(
        {"key": o.key, "version": o.version, "length": o.length, "sha256": SHA256, "sm3": SM3}
        for o in view.objects
    )
    async with deps.change(OPERATOR) as change:
        event = RecordingSealed(
            subject=view.recording.id, agency=view.recording.agency, length=len(CONTENT),
            sha256=SHA256, sm3=SM3, device=None, officer=None, original_name="x",
            started_at=None, ended_at=None, received_at=view.recording.received_at,
            device_clock_at=None, clock_offset_ms=None, objects=objects, incomplete=False,
            checks=("read_back",),
        )  # fmt: skip
        change.record(event)
        assert await recordings.seal(change, event)


async def test_the_whole_original_comes_back(footage: Footage) -> None:
    answer = await footage.original()
    assert (answer.status, answer.content) == (200, CONTENT)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Length"] == str(len(CONTENT))


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-99", 10, 99),
        ("bytes=99990-", 99_990, LAST),
        ("bytes=-5", LAST - 4, LAST),
        ("bytes=-500000", 0, LAST),
        ("bytes=50-99999999", 50, LAST),
    ],
)
async def test_one_range_is_answered_with_206(
    footage: Footage, asked: str, first: int, last: int
) -> None:
    answer = await footage.original(Range=asked)
    assert answer.status == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert answer.content == CONTENT[first : last + 1]


@pytest.mark.parametrize("asked", ["bytes=100000-", "bytes=100000-100005", "bytes=-0"])
async def test_a_range_outside_is_answered_with_416(footage: Footage, asked: str) -> None:
    answer = await footage.original(Range=asked)
    assert (answer.status, answer.json["code"]) == (416, "range-not-satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=5-2", "lines=1-2", "bytes=a-b", "bytes=-", "bytes=٣-٥"]
)
async def test_ranges_we_do_not_give_are_answered_with_the_whole(
    footage: Footage, asked: str
) -> None:
    answer = await footage.original(Range=asked)
    assert (answer.status, answer.content) == (200, CONTENT)


async def test_a_sealed_original_has_its_digest_as_tag(footage: Footage) -> None:
    assert "ETag" not in (await footage.original("HEAD")).headers
    await seal(footage)
    head = await footage.original("HEAD")
    tag = f'"{SHA256}"'
    assert (head.headers["ETag"], head.content) == (tag, b"")
    assert head.headers["Content-Length"] == str(len(CONTENT))
    fits = await footage.original(**{"Range": "bytes=0-9", "If-Range": tag})
    stale = await footage.original(**{"Range": "bytes=0-9", "If-Range": '"other"'})
    known = await footage.original(**{"If-None-Match": tag})
    assert (fits.status, stale.status, known.status) == (206, 200, 304)


async def test_each_download_is_an_event_with_its_range_and_a_look_at_the_head_is_none(
    footage: Footage,
) -> None:
    await footage.original("HEAD")
    await footage.original(Range="bytes=10-19")
    answer = await footage.ask("/events")
    downloads = [e for e in _items(answer) if e["name"] == "OriginalDownloaded"]
    assert [(d["facts"]["first_byte"], d["facts"]["last_byte"]) for d in downloads] == [(10, 19)]


def _items(answer: Answer) -> list[dict[str, Any]]:
    items = answer.json["items"]
    assert isinstance(items, list)
    return items


async def test_an_original_with_too_few_bytes_in_the_store_is_broken_off(
    service: WebService, supervisor: str
) -> None:
    # The row promises a thousand bytes and no object holds them.
    recording = await service.bureau.recording()
    answer = await service.raw(
        f"GET /api/v1/recordings/{recording}/original HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {supervisor}\r\n\r\n".encode()
    )
    # Nobody waits for the rest, and nobody can take the answer for whole.
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Length: 1000" in head
    assert body == b""


async def test_events_come_by_position(footage: Footage) -> None:
    await footage.original(Range="bytes=0-0")
    first = await footage.ask("/events?limit=1")
    assert len(_items(first)) == 1
    rest = await footage.ask(f"/events?after={first.json['next']}")
    assert _items(rest)[0]["position"] > _items(first)[0]["position"]
    assert rest.json["next"] is None


async def test_a_receipt_exists_once_sealed_and_is_signed_by_the_key_shown_to_all(
    footage: Footage,
) -> None:
    early = await footage.ask("/receipt")
    assert (early.status, early.json["code"]) == (409, "receipt-not-yet")
    await seal(footage)
    answer = await footage.ask("/receipt")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    key = await footage.service.ask("GET", "/api/v1/service-key")
    verifier = NoteVerifier.from_text(key.content.decode().strip())
    receipt = receipts.verify(answer.content.decode(), [verifier])
    assert (receipt.recording, receipt.length) == (footage.id, len(CONTENT))


async def test_what_is_not_ready_cannot_be_played_yet(footage: Footage) -> None:
    answer = await footage.ask("/playback")
    assert (answer.status, answer.json["code"]) == (409, "playback-not-ready")


async def test_a_playback_address_serves_only_whom_it_was_given_to(
    footage: Footage,
) -> None:
    await probe_as_playable(footage.service.deps, footage.key)
    grant = await footage.ask("/playback")
    url = str(grant.json["url"])
    assert url.startswith(f"/api/v1/recordings/{footage.id}/playback/")
    own = await footage.service.ask("GET", url, footage.supervisor, headers={"Range": "bytes=0-99"})
    assert (own.status, own.content) == (206, CONTENT[:100])
    assert own.headers["Content-Security-Policy"].startswith("sandbox")
    other = await footage.service.token(Role.SUPERVISOR)
    assert (await footage.service.ask("GET", url, other)).status == 404
    footage.service.bureau.clock.forward(minutes=11)
    ended = await footage.service.ask("GET", url, footage.supervisor)
    assert (ended.status, ended.json["code"]) == (404, "playback-grant-ended")
