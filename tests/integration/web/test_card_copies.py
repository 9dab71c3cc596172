"""A device's own file beside the recording of its livestream: found, compared, decided."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from recorder.adapters.media import FfmpegTool
from recorder.domain.gateway import GatewayKind
from recorder.domain.ids import RecordingId
from recorder.domain.livestream import Form
from recorder.domain.people import OPERATOR, SERVICE, Role
from recorder.services import audit, gateways, ingest, live
from recorder.store import original_objects
from tests.support import footage as footage_set
from tests.support.both_copies import docked, streamed
from tests.support.bureau import Bureau
from tests.support.cameras import camera
from tests.support.streams import opened, take
from tests.support.web_service import WebService
from tests.support.workshop import deliver, work_off

CHINESE = {"Accept": "text/html", "Accept-Language": "zh-CN"}


async def copies(service: WebService, recording: RecordingId, token: str) -> dict[str, Any]:
    answer = await service.ask("GET", f"/api/v1/recordings/{recording}/copies", token)
    assert answer.status == 200, answer.content
    return answer.json


async def test_what_a_gateway_wrote_of_a_livestream_is_not_the_devices_own_file(
    service: WebService, supervisor: str
) -> None:
    bureau, deps = service.bureau, service.deps
    actor = await camera(bureau)
    began = bureau.clock.now()
    first = await streamed(bureau, actor)
    added = await gateways.add_gateway(deps, OPERATOR, name="media-1", kind=GatewayKind.SRS)
    written = await deliver(
        bureau, gateways.actor_of(added.gateway), take().whole, "gateway.mp4",
        device=actor.name, device_started_at=began.isoformat(),
    )  # fmt: skip
    await work_off(deps, FfmpegTool(Path(footage_set.ffmpeg())))
    for recording in (first, written):
        assert (await copies(service, recording, supervisor))["items"] == []


async def test_the_card_copy_is_found_compared_preferred_and_lets_the_live_copy_go(
    service: WebService, supervisor: str
) -> None:
    bureau, deps = service.bureau, service.deps
    media = FfmpegTool(Path(footage_set.ffmpeg()))
    actor = await camera(bureau)
    began = bureau.clock.now()
    first = await streamed(bureau, actor)
    await work_off(deps, media)
    assert (await copies(service, first, supervisor))["items"] == []
    # The camera's clock has been set meanwhile: it is 43 s ahead now.
    card = await docked(bureau, actor, bureau.clock.now() - began, timedelta(seconds=43))
    await work_off(deps, media)
    told = await copies(service, first, supervisor)
    (pair,) = told["items"]
    assert (pair["state"], pair["origin"], told["preferred"]) == ("matched", "rule", str(card))
    assert pair["live"]["recording"] == str(first)
    assert (pair["live"]["width"], pair["card"]["height"]) == (320, 180)
    assert pair["clock_shift_ms"] == pair["card"]["clock_offset_ms"] == 43_000
    assert pair["missing_ms"] > 0
    assert pair["card"]["bits_per_second"] > 0
    assert (await copies(service, card, supervisor))["items"] == [pair]
    page = await service.ask("GET", f"/recordings/{first}", supervisor, headers=CHINESE)
    text = page.content.decode()
    assert "优先观看" in text
    assert re.search(rf'data-clip="{first}".*data-preferred\s+data-clip="{card}"', text, re.S)
    for asked, preferred in ((first, card), (card, card)):
        given = await service.ask("GET", f"/api/v1/recordings/{asked}/playback", supervisor)
        assert (given.json["recording"], given.json["preferred"]) == (str(asked), str(preferred))

    await has_its_objects_by_pages(service, first, supervisor)
    place = f"/api/v1/recordings/{first}"
    body = {"json": {"reason": "卡中原件已核对"}}
    officer = await service.token(Role.OFFICER)
    assert (await service.ask("PUT", f"{place}/release", officer, **body)).status == 403
    answer = await service.ask("PUT", f"{place}/release", supervisor, **body)
    assert (answer.status, answer.json["release"]["released"]) == (200, True)  # type: ignore[index]
    again = await service.ask("PUT", f"{place}/release", supervisor, **body)
    assert (again.status, again.json["code"]) == (409, "live-copy-decided")
    no = {"json": {"state": "rejected", "reason": "他案"}}
    refused = await service.ask("PUT", f"{place}/copies/{card}", supervisor, **no)
    assert (refused.status, refused.json["code"]) == (409, "live-copy-released")
    # Nothing is deleted: its locks are just not kept ahead, and no audit complains.
    bureau.clock.forward(days=35)
    await ingest.extend_locks(deps)
    assert not await locks_kept(bureau, first)
    assert await locks_kept(bureau, card)
    assert (await audit.run(deps, SERVICE, level=audit.Level.DIGEST)).findings == []
    assert (await service.ask("GET", f"{place}/original", supervisor)).status == 200
    answer = await service.ask("DELETE", f"{place}/release", supervisor, **body)
    assert (answer.status, answer.json["release"]["released"]) == (200, False)  # type: ignore[index]
    await ingest.extend_locks(deps)
    assert await locks_kept(bureau, first)
    await decided_again(service, supervisor, first, card)
    events = await service.ask("GET", f"{place}/events", supervisor)
    names = [event["name"] for event in events.json["items"]]  # type: ignore[attr-defined]
    assert [name for name in names if name.startswith(("CardCopy", "LiveCopy"))] == [
        "CardCopyMatched", "LiveCopyReleased", "LiveCopyKept", "CardCopyRejected",
        "CardCopyMatched",
    ]  # fmt: skip


async def has_its_objects_by_pages(
    service: WebService, recording: RecordingId, supervisor: str
) -> None:
    """One init segment and five segments, as they lie in the store; nobody else's."""
    place, found = f"/api/v1/recordings/{recording}/objects?limit=4", list[dict[str, Any]]()
    page: Any = {"next": -1}
    while page["next"] is not None:
        page = (await service.ask("GET", f"{place}&after={page['next']}", supervisor)).json
        found += page["items"]
    assert [each["n"] for each in found] == list(range(6))
    sent = take()
    lengths = [len(sent.init), *(len(sent.segments[n]) for n in (0, 1, 2, 4, 5))]
    assert [each["length"] for each in found] == lengths
    assert all(each["version"] and not each["failing"] for each in found)


async def decided_again(
    service: WebService, supervisor: str, first: RecordingId, card: RecordingId
) -> None:
    """What a person says stands, and may be said otherwise."""
    place = f"/api/v1/recordings/{first}"
    body = {"json": {"reason": "卡中原件已核对"}}
    no = {"json": {"state": "rejected", "reason": "他案"}}
    answer = await service.ask("PUT", f"{place}/copies/{card}", supervisor, **no)
    assert (answer.status, answer.json["preferred"]) == (200, str(first))
    refused = await service.ask("PUT", f"{place}/release", supervisor, **body)
    assert (refused.status, refused.json["code"]) == (409, "card-copy-missing")
    yes = {"json": {"state": "matched", "reason": "确为同一事件"}}
    answer = await service.ask("PUT", f"{place}/copies/{first}", supervisor, **yes)
    assert (answer.status, answer.json["code"]) == (409, "recordings-no-pair")
    answer = await service.ask(
        "PUT", f"/api/v1/recordings/{card}/copies/{first}", supervisor, **yes
    )
    assert (answer.status, answer.json["items"][0]["origin"]) == (200, "person")  # type: ignore[index]


async def test_a_livestream_that_says_no_times_finds_its_card_copy_by_those_of_its_arrival(
    service: WebService, supervisor: str
) -> None:
    bureau, deps, media = service.bureau, service.deps, FfmpegTool(Path(footage_set.ffmpeg()))
    actor, sent = await camera(bureau), take()
    began = bureau.clock.now()
    livestream = await opened(deps, actor, form=Form.RECEIVED)
    fence = await live.take(deps, livestream.id)
    receiver = live.Receiver(deps, actor, livestream.id, fence)
    await receiver.put_init(live.InitArrival(period=1, body=sent.init))
    for number, body in enumerate(sent.segments, 1):
        bureau.clock.forward(seconds=1)
        await receiver.put_segment(live.SegmentArrival(period=1, number=number, body=body))
    await live.let_go(deps, livestream.id, fence)
    closed = await live.request_close(deps, actor, livestream.id, last=None)
    await work_off(deps, media)
    card = await docked(bureau, actor, bureau.clock.now() - began, timedelta(seconds=43))
    await work_off(deps, media)
    assert closed.recording is not None
    told = await copies(service, closed.recording, supervisor)
    (pair,) = told["items"]
    assert (pair["state"], told["preferred"]) == ("matched", str(card))
    assert pair["clock_shift_ms"] == 43_000
    async with deps.database.acquire() as connection:
        made = await connection.fetchrow(
            "SELECT started_at, ended_at FROM recording WHERE id = $1", closed.recording
        )
    # A segment was here whole when its last frame came: what it lasts lies before that.
    assert made is not None
    assert abs(made["started_at"] - began) < timedelta(seconds=0.2)
    assert made["ended_at"] - began == timedelta(seconds=6)


async def test_a_file_whose_clock_nobody_knows_is_only_proposed(
    service: WebService, supervisor: str
) -> None:
    bureau = service.bureau
    actor = await camera(bureau)
    began = bureau.clock.now()
    recording = await streamed(bureau, actor)
    card = await deliver(
        bureau, actor, take().whole, "card.mp4", device_started_at=began.isoformat()
    )
    await work_off(service.deps, FfmpegTool(Path(footage_set.ffmpeg())))
    told = await copies(service, recording, supervisor)
    assert [pair["state"] for pair in told["items"]] == ["proposed"]
    assert told["preferred"] == str(recording)
    answer = await service.ask(
        "PUT", f"/api/v1/recordings/{recording}/copies/{card}", supervisor,
        json={"state": "matched", "reason": "同一天同一人"},
    )  # fmt: skip
    assert (answer.status, answer.json["preferred"]) == (200, str(card))


async def locks_kept(bureau: Bureau, recording: RecordingId) -> bool:
    """Whether every object of the recording is locked for the time promised."""
    promised = bureau.clock.now() + timedelta(seconds=bureau.deps.config.lock_ahead_s)
    async with bureau.deps.database.acquire() as connection:
        due = await original_objects.with_lock_before(connection, promised, None, 100)
        ends = await connection.fetchval(
            "SELECT min(lock_until) FROM original_object WHERE recording_id = $1", recording
        )
    assert all(each.recording != recording for each in due)
    return bool(ends > promised)
