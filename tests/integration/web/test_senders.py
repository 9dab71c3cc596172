"""What the sender of footage may know of it when it is not the sender's to see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recorder.adapters.media import FfmpegTool
from recorder.domain.people import OPERATOR, Role
from recorder.domain.pipeline import WorkQueue
from recorder.ledger import receipt
from recorder.services import registry
from tests.support import footage as footage_set
from tests.support.senders import metadata, sha256
from tests.support.web_service import PATCH, WebService
from tests.support.workshop import work_off

FOOTAGE = b"what a camera saw"
KNOWN_TO_SENDERS = {"id", "state", "integrity", "quarantine_reasons", "length", "digests"}


async def _device(service: WebService, number: str) -> str:
    return (await registry.add_device(service.deps, OPERATOR, number=number)).token


async def _send(service: WebService, token: str, content: bytes = FOOTAGE, **said: str) -> str:
    """The recording that the service names at the end of an upload."""
    answer = await service.ask(
        "POST",
        "/api/v1/uploads",
        token,
        headers={
            **PATCH,
            "Upload-Length": str(len(content)),
            "Upload-Metadata": metadata(filename="clip.mp4", **said),
        },
        data=content,
    )
    assert answer.status == 201, answer.content
    return answer.headers["Recorder-Recording"]


async def _seal(service: WebService) -> None:
    await work_off(service.deps, FfmpegTool(Path(footage_set.ffmpeg())), WorkQueue.IO)


async def _status(service: WebService, token: str, recording: str, more: str = "") -> int:
    return (await service.ask("GET", f"/api/v1/recordings/{recording}{more}", token)).status


async def test_a_device_that_names_another_one_gets_state_reason_and_receipt(
    service: WebService,
) -> None:
    token, named = await _device(service, "TA00716"), await _device(service, "TB00001")
    recording = await _send(service, token, device="TB00001", case_number="1")
    await _seal(service)
    answer = await service.ask("GET", f"/api/v1/recordings/{recording}", token)
    assert answer.status == 200
    assert set(answer.json) == KNOWN_TO_SENDERS
    assert (answer.json["state"], answer.json["integrity"]) == ("quarantined", "sealed")
    assert answer.json["quarantine_reasons"] == ["device_contradicted"]
    assert answer.json["digests"]["sha256"] == sha256(FOOTAGE).hex()  # type: ignore[index]
    proof = await service.ask("GET", f"/api/v1/recordings/{recording}/receipt", token)
    verifier = service.deps.signer.verifier
    checked = receipt.verify(
        proof.content.decode(), [verifier], length=len(FOOTAGE), sha256=sha256(FOOTAGE).hex()
    )
    assert checked.recording == recording
    # It stays the other's footage: no custody, no list, and a stranger gets nothing at all.
    assert await _status(service, token, recording, "/events") == 404
    listed = await service.ask("GET", "/api/v1/recordings", token)
    assert listed.json["items"] == []
    stranger = await _device(service, "TC00001")
    assert await _status(service, stranger, recording) == 404
    assert await _status(service, stranger, recording, "/receipt") == 404
    assert await _status(service, named, recording) == 200


async def test_what_one_device_sends_in_anothers_name_is_no_duplicate_of_what_that_one_sends(
    service: WebService, supervisor: str
) -> None:
    token, named = await _device(service, "TA00716"), await _device(service, "TB00001")
    own = await _send(service, named, case_number="1")
    foreign = await _send(service, token, device="TB00001", case_number="2")
    again = await _send(service, token, device="TB00001", case_number="3")
    assert foreign == again != own
    await _seal(service)
    assert await _status(service, token, own) == 404
    assert await _status(service, token, own, "/receipt") == 404
    mine = (await service.ask("GET", f"/api/v1/recordings/{own}", named)).json
    assert mine["state"] == "sealed"
    numbers = {
        key: sorted(str(case["number"]) for case in seen.json["cases"])  # type: ignore[attr-defined]
        for key in (own, foreign)
        for seen in [await service.ask("GET", f"/api/v1/recordings/{key}", supervisor)]
    }
    assert numbers == {own: ["1"], foreign: ["2", "3"]}


async def test_what_was_sent_first_in_anothers_name_takes_nothing_from_that_one(
    service: WebService,
) -> None:
    token, named = await _device(service, "TA00716"), await _device(service, "TB00001")
    foreign = await _send(service, token, device="TB00001")
    own = await _send(service, named)
    assert own != foreign
    seen = (await service.ask("GET", f"/api/v1/recordings/{own}", named)).json
    assert seen["state"] == "received"


async def test_a_dock_that_repeats_what_the_camera_had_sent_learns_only_that_it_is_safe(
    service: WebService,
) -> None:
    camera, dock = await _device(service, "TA00716"), await service.token(Role.DOCK)
    first = await _send(service, camera, officer="440300123", note="at the gate", case_number="7")
    assert await _status(service, dock, first) == 404
    assert await _send(service, dock, device="TA00716") == first
    await _seal(service)
    answer = await service.ask("GET", f"/api/v1/recordings/{first}", dock)
    assert set(answer.json) == KNOWN_TO_SENDERS
    assert answer.json["state"] == "sealed"
    for word in ("440300123", "at the gate", "TA00716", "clip.mp4"):
        assert word not in json.dumps(answer.json)
    assert await _status(service, dock, first, "/receipt") == 200
    assert await _status(service, dock, first, "/events") == 404


@pytest.mark.parametrize("role", [Role.OFFICER, Role.SUPERVISOR])
async def test_what_is_let_in_by_another_agency_stays_known_to_its_sender(
    service: WebService, role: Role
) -> None:
    token = await _device(service, "TA00716")
    recording = await _send(service, token, device="NOBODY")
    await _seal(service)
    city = await registry.add_token(
        service.deps, OPERATOR, name="city", role=Role.SUPERVISOR, agency=None, city=True
    )
    admitted = await service.ask(
        "POST",
        f"/api/v1/recordings/{recording}/admit",
        city.secret,
        json={"reason": "it is theirs", "agency": "foreign"},
    )
    assert admitted.status == 200, admitted.content
    answer = await service.ask("GET", f"/api/v1/recordings/{recording}", token)
    assert (answer.status, answer.json["state"]) == (200, "sealed")
    # People of the agency that sent it are no senders.
    assert await _status(service, await service.token(role), recording) == 404


async def test_a_program_that_looks_at_what_it_sent_is_noted_and_a_device_is_not(
    service: WebService,
) -> None:
    device = await _device(service, "TA00716")
    recording = await _send(service, device, device="NOBODY")
    assert await _status(service, device, recording) == 200
    assert "RecordingViewed" not in await service.bureau.event_names()
    added = await registry.add_token(
        service.deps, OPERATOR, name="feed", role=Role.SUPERVISOR, agency="foreign"
    )
    sent = await _send(service, added.secret, device="TA00716")
    city = await registry.add_token(
        service.deps, OPERATOR, name="city", role=Role.SUPERVISOR, city=True
    )
    admitted = await service.ask(
        "POST",
        f"/api/v1/recordings/{sent}/admit",
        city.secret,
        json={"reason": "it is ours", "agency": "local"},
    )
    assert admitted.status == 200, admitted.content
    answer = await service.ask("GET", f"/api/v1/recordings/{sent}", added.secret)
    assert set(answer.json) == KNOWN_TO_SENDERS
    assert (await service.bureau.event_names()).count("RecordingViewed") == 1
