"""Facts reach other systems: signed, at least once, again when they were away, never inwards."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from recorder.adapters.media import FfmpegTool
from recorder.domain.ids import RecordingId
from recorder.domain.people import OPERATOR
from recorder.domain.pipeline import WorkQueue
from recorder.domain.webhook import PAUSES, Topic, signature
from recorder.errors import Conflict, InvalidInput
from recorder.services import casework, webhooks
from recorder.services.webhooks import AddedEndpoint
from recorder.store.webhooks import Delivery
from tests.support import footage, workshop
from tests.support.bureau import Bureau, open_bureau
from tests.support.enforcement import a_case, a_source, at, evaluated, happened


@dataclass
class Receiver:
    """A real server that answers as it is told and keeps what it got."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        words = {k.lower(): v for k, v in request.headers.items()}
        self.got.append((request.path, words, await request.text()))
        return web.Response(status=self.status, headers=self.headers)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    kept = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", kept.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    kept.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield kept
    await runner.cleanup()


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path, webhook_networks="127.0.0.1/32") as opened:
        yield opened


async def add(bureau: Bureau, url: str, *topics: Topic, agency: str | None = None) -> AddedEndpoint:
    return await webhooks.add_endpoint(
        bureau.deps, OPERATOR, url=url, topics=topics or (Topic.LINKED,), agency=agency
    )


async def linked(bureau: Bureau, number: str) -> RecordingId:
    """A recording that has just been tied to a new case."""
    case = await casework.open_case(bureau.deps, OPERATOR, number=number)
    recording = await bureau.recording()
    await casework.link(bureau.deps, OPERATOR, recording=recording, case_id=case.id)
    return recording


async def sent(bureau: Bureau, added: AddedEndpoint) -> list[Delivery]:
    return await webhooks.deliveries(bureau.deps, OPERATOR, added.endpoint.id)


async def test_a_fact_is_told_once_to_whoever_wants_it_and_signed(
    bureau: Bureau, receiver: Receiver
) -> None:
    ours = await add(bureau, f"{receiver.url}/ours")
    await add(bureau, f"{receiver.url}/theirs", agency="foreign")
    await add(bureau, f"{receiver.url}/sealed", Topic.SEALED)
    recording = await linked(bureau, "深罚〔2026〕1号")
    assert receiver.got == []
    await webhooks.send_due(bureau.deps)
    await webhooks.send_due(bureau.deps)
    ((path, words, body),) = receiver.got
    assert (path, json.loads(body)["data"]["subject"]["id"]) == ("/ours", str(recording))
    at = datetime.fromtimestamp(int(words["webhook-timestamp"]), UTC)
    expected = signature(ours.secret, words["webhook-id"], at, body)
    assert words["webhook-signature"] == expected["webhook-signature"]
    (delivery,) = await sent(bureau, ours)
    assert (delivery.state, delivery.status, delivery.attempts) == ("taken", 204, 1)
    kept = await bureau.value("SELECT secret FROM webhook_endpoint WHERE id = $1", ours.endpoint.id)
    assert isinstance(kept, bytes)
    assert ours.secret.encode() not in kept


async def test_who_was_away_is_told_again_for_days_and_then_by_hand(
    bureau: Bureau, receiver: Receiver
) -> None:
    added = await add(bureau, receiver.url)
    receiver.status = 503
    await linked(bureau, "深罚〔2026〕1号")
    await webhooks.send_due(bureau.deps)
    for pause in PAUSES:
        before = len(receiver.got)
        bureau.clock.at += pause * 0.99
        await webhooks.send_due(bureau.deps)
        assert len(receiver.got) == before
        bureau.clock.at += pause * 0.02
        await webhooks.send_due(bureau.deps)
        assert len(receiver.got) == before + 1
    (failed,) = await sent(bureau, added)
    assert (failed.state, failed.attempts) == ("failed", len(PAUSES) + 1)
    receiver.status = 200
    replayed = await webhooks.replay(
        bureau.deps, OPERATOR, added.endpoint.id, after=0, everything=False
    )
    await webhooks.send_due(bureau.deps)
    assert replayed == 1
    assert [each.state for each in await sent(bureau, added)] == ["taken"]
    # One message, whatever it took.
    assert len({words["webhook-id"] for _, words, _ in receiver.got}) == 1


async def test_a_receiver_that_is_away_keeps_no_other_waiting(
    bureau: Bureau, receiver: Receiver
) -> None:
    away = await add(bureau, "http://127.0.0.1:9/away")
    for number in range(30):
        await linked(bureau, f"深罚〔2026〕{number}号")
    here = await add(bureau, f"{receiver.url}/here")
    await linked(bureau, "深罚〔2026〕99号")
    while await webhooks.send_due(bureau.deps):
        pass
    # It came last and is told with the first.
    assert [each.state for each in await sent(bureau, here)] == ["taken"]
    tried = [each.attempts for each in await sent(bureau, away)]
    assert (sum(tried), max(tried)) == (19, 1)
    (listed,) = [e for e in await webhooks.list_endpoints(bureau.deps, OPERATOR) if e.troubles]
    assert (listed.id, listed.troubles) == (away.endpoint.id, 1)
    # One message in the longer and longer whiles in which it is tried; in the end all have failed.
    for turn in range(2, 5):
        bureau.clock.forward(seconds=5 * 2 ** (turn - 2) + 0.1)
        while await webhooks.send_due(bureau.deps):
            pass
        assert sum(each.attempts for each in await sent(bureau, away)) == 19 + turn - 1
    bureau.clock.forward(hours=76)
    await webhooks.send_due(bureau.deps)
    states = {each.state for each in await sent(bureau, away)}
    assert states == {"failed", "waiting"}
    troubles = [each.trouble for each in await sent(bureau, away)]
    assert troubles.count("receiver-away") == 30


async def test_a_replay_begins_behind_a_position(bureau: Bureau, receiver: Receiver) -> None:
    added = await add(bureau, receiver.url)
    for number in range(3):
        await linked(bureau, f"深罚〔2026〕{number}号")
    await webhooks.send_due(bureau.deps)
    first, *_ = await sent(bureau, added)
    again = await webhooks.replay(
        bureau.deps, OPERATOR, added.endpoint.id, after=first.position, everything=True
    )
    await webhooks.send_due(bureau.deps)
    assert (again, len(receiver.got)) == (2, 5)


async def test_a_redirect_is_not_followed_wherever_it_leads(
    bureau: Bureau, receiver: Receiver
) -> None:
    added = await add(bureau, f"{receiver.url}/there")
    receiver.status = 307
    receiver.headers = {"Location": f"{receiver.url}/inner"}
    await linked(bureau, "深罚〔2026〕1号")
    await webhooks.send_due(bureau.deps)
    assert [path for path, _, _ in receiver.got] == ["/there"]
    (delivery,) = await sent(bureau, added)
    assert (delivery.state, delivery.status) == ("waiting", 307)


async def test_addresses_inside_are_refused_by_number_and_when_a_name_leads_there(
    database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    async with open_bureau(database_url, tmp_path) as bureau:
        for url in (receiver.url, "http://[::1]/", "http://169.254.169.254/", "rtsp://a/b",
                    "https://user:word@example.org/", "nonsense"):  # fmt: skip
            with pytest.raises(InvalidInput) as refused:
                await add(bureau, url)
            assert refused.value.code == "webhook-address-invalid", url
        added = await add(bureau, receiver.url.replace("127.0.0.1", "localhost"))
        await linked(bureau, "深罚〔2026〕1号")
        await webhooks.send_due(bureau.deps)
        (delivery,) = await sent(bureau, added)
        assert (delivery.state, delivery.trouble) == ("waiting", "forbidden-address")
        assert receiver.got == []


async def test_a_receiver_that_is_gone_is_told_no_more(bureau: Bureau, receiver: Receiver) -> None:
    added = await add(bureau, receiver.url)
    receiver.status = 410
    await linked(bureau, "深罚〔2026〕1号")
    await webhooks.send_due(bureau.deps)
    await linked(bureau, "深罚〔2026〕2号")
    await webhooks.send_due(bureau.deps)
    assert len(receiver.got) == 1
    (endpoint,) = await webhooks.list_endpoints(bureau.deps, OPERATOR)
    assert endpoint.stopped_why == "The receiver answered 410 Gone."
    with pytest.raises(Conflict) as refused:
        await webhooks.stop(bureau.deps, OPERATOR, added.endpoint.id, reason="x")
    assert refused.value.code == "webhook-stopped"
    names = await bureau.event_names()
    assert (names.count("WebhookAdded"), names.count("WebhookStopped")) == (1, 1)


async def test_messages_in_the_hands_of_a_dead_worker_are_sent_by_another(
    bureau: Bureau, receiver: Receiver
) -> None:
    from recorder.store import webhooks as rows

    await add(bureau, receiver.url)
    await linked(bureau, "深罚〔2026〕1号")
    async with bureau.deps.database.acquire() as connection:
        assert len(await rows.claim(connection, bureau.clock.now(), 20)) == 1
    await webhooks.send_due(bureau.deps)
    assert receiver.got == []
    bureau.clock.forward(seconds=61)
    await webhooks.send_due(bureau.deps)
    assert len(receiver.got) == 1


async def test_one_late_and_incomplete_clip_is_told_under_all_four_topics(
    bureau: Bureau, receiver: Receiver
) -> None:
    """From the upload to the receiver: linked, read back, too late, and not all of it."""
    added = await add(bureau, receiver.url, *Topic)
    await a_source(bureau)
    case = await a_case(bureau, "沪市监案〔2026〕1号")
    await happened(bureau, case)
    recording = await workshop.deliver(
        bureau, await workshop.camera(bureau), b"footage", case_number="沪市监案〔2026〕1号",
        officer="081501", device_clock_at=bureau.clock.now().isoformat(),
        device_started_at=at(0).isoformat(), device_ended_at=at(40).isoformat(),
    )  # fmt: skip
    tool = FfmpegTool(Path(footage.ffmpeg()))
    await workshop.work_off(bureau.deps, tool, WorkQueue.IO)
    await evaluated(bureau)
    while await webhooks.send_due(bureau.deps):
        pass
    told = {}
    for _, words, body in receiver.got:
        sent_at = datetime.fromtimestamp(int(words["webhook-timestamp"]), UTC)
        expected = signature(added.secret, words["webhook-id"], sent_at, body)
        assert words["webhook-signature"] == expected["webhook-signature"]
        message = json.loads(body)
        told[message["type"]] = message["data"]
        # Whom it is about is for those who may ask.
        assert "081501" not in body
    assert sorted(told) == ["gap", "late", "linked", "sealed"]
    assert len(receiver.got) == 4
    assert told["linked"]["case"] == told["late"]["subject"]["id"] == str(case)
    assert told["late"]["kind"] == "upload_late"
    assert told["late"]["recordings"] == [str(recording)]
    assert (told["gap"]["kind"], told["gap"]["recordings"]) == ("ends_early", [str(recording)])
    assert told["gap"]["numbers"] == told["late"]["numbers"] == ["沪市监案〔2026〕1号"]
    assert told["sealed"]["subject"] == {"kind": "recording", "id": str(recording)}
    # Evaluated again, the same is nothing new.
    await evaluated(bureau)
    assert not await webhooks.send_due(bureau.deps)
    assert len(receiver.got) == 4
