"""Gateways ask in their own formats who may publish, and say what happened: in any order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from recorder.domain.gateway import GatewayKind
from recorder.domain.livestream import Form
from recorder.domain.people import OPERATOR, Role
from recorder.services import gateways, live, registry
from recorder.store import gateways as rows
from tests.support.web_service import Answer, WebService

GATEWAYS = "/api/v1/gateways"


@dataclass(frozen=True)
class Asking:
    """A media server of one kind, as far as hooks show it."""

    service: WebService
    kind: GatewayKind
    hooks: str

    async def post(self, fields: dict[str, object], hook: str = "") -> Answer:
        """One hook, as this software sends it."""
        body, media = json.dumps(fields).encode(), "application/json"
        if self.kind is GatewayKind.NGINX_RTMP:
            body, media = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        path = f"{self.hooks}/{hook}" if hook else self.hooks
        return await self.service.ask("POST", path, data=body, headers={"Content-Type": media})

    async def publish(self, name: str, key: str = "", app: str = "live") -> bool:
        """Whether somebody is let in, as this software understands the answer."""
        query = f"token={key}" if key else ""
        fields: dict[str, object]
        match self.kind:
            case GatewayKind.MEDIAMTX:
                fields = {"action": "publish", "path": f"{app}/{name}", "query": query,
                          "ip": "10.0.0.9", "user": "", "password": "", "protocol": "rtmp",
                          "id": None}  # fmt: skip
            case GatewayKind.SRS:
                fields = {"action": "on_publish", "app": app, "stream": name, "ip": "10.0.0.9",
                          "param": f"?{query}", "tcUrl": "rtmp://media-1/live"}  # fmt: skip
            case GatewayKind.ZLMEDIAKIT:
                fields = {"app": app, "stream": name, "params": query, "ip": "10.0.0.9",
                          "schema": "rtmp"}  # fmt: skip
            case GatewayKind.NGINX_RTMP:
                fields = {"call": "publish", "app": app, "name": name, "addr": "10.0.0.9"}
                fields |= {"token": key} if key else {}
        hook = "on_publish" if self.kind is GatewayKind.ZLMEDIAKIT else ""
        answer = await self.post(fields, hook)
        if self.kind in (GatewayKind.SRS, GatewayKind.ZLMEDIAKIT):
            assert answer.status == 200
            return answer.json["code"] == 0
        assert answer.status in (200, 401, 403)
        assert (answer.status == 401) == (not key and not name.startswith("rec_"))
        return answer.status == 200

    async def streams(self, supervisor: str) -> dict[str, dict[str, object]]:
        """What is shown of the streams it spoke of."""
        listed = json.loads((await self.service.ask("GET", GATEWAYS, supervisor)).content)
        shown = await self.service.ask("GET", f"{GATEWAYS}/{listed['items'][0]['id']}", supervisor)
        return {stream["stream"]: stream for stream in json.loads(shown.content)["streams"]}


async def asking(service: WebService, kind: GatewayKind, *apps: str) -> Asking:
    added = await gateways.add_gateway(
        service.deps, OPERATOR, name="media-1", kind=kind, trusted_apps=apps
    )
    return Asking(service, kind, f"{GATEWAYS}/hooks/{added.secret}")


@pytest.mark.parametrize("kind", GatewayKind)
async def test_each_kind_lets_in_whom_our_own_ports_would_and_shows_whom_it_refused(
    service: WebService, supervisor: str, kind: GatewayKind
) -> None:
    gateway = await asking(service, kind)
    device = await registry.add_device(service.deps, OPERATOR, number="D-1")
    await registry.add_device(service.deps, OPERATOR, number="D-2")
    foreign = await registry.add_device(service.deps, OPERATOR, number="F-1", agency="foreign")
    opening = live.Opening(title="现场", form=Form.RECEIVED)
    own = gateways.actor_of((await gateways.list_gateways(service.deps, OPERATOR))[0])
    opened = await live.open_livestream(service.deps, own, opening)
    assert await gateway.publish("D-1", device.token)
    assert await gateway.publish("D-1", device.token)
    assert await gateway.publish(str(opened.id), supervisor)
    pushed = await live.make_push_key(service.deps, own, opened.id)
    assert await gateway.publish(str(opened.id), pushed.secret)
    refused = {
        "D-1": ("rec_wrong", "key-unknown"),
        "D-2": (device.token, "stream-unknown"),
        "F-1": (foreign.token, "agency-contradicted"),
        "D-3": ("", "key-missing"),
        device.token: ("", "key-in-name"),
        str(foreign.device.id): (supervisor, "stream-unknown"),
        "D-4": (pushed.secret, "stream-unknown"),
    }
    for name, (key, _) in refused.items():
        assert not await gateway.publish(name, key), name
    streams = await gateway.streams(supervisor)
    for name, (_, why) in refused.items():
        stream = streams["live/(token)" if name == device.token else f"live/{name}"]
        assert (stream["refused"], stream["refusal"]) == (1, why)
        assert stream["refused_address"] == "10.0.0.9"
    assert (streams["live/D-1"]["accepted"], streams["live/D-1"]["protocol"]) == (2, "rtmp")
    told = str(await service.bureau.value("SELECT string_agg(s::text, '') FROM gateway_stream s"))
    assert "rec_" not in told
    await live.request_close(service.deps, own, opened.id, last=None)
    # Whoever comes back when it is over is filmed all the same.
    assert await gateway.publish(str(opened.id), pushed.secret)


async def test_hints_come_twice_late_and_in_any_order_and_decide_nothing(
    service: WebService, supervisor: str
) -> None:
    gateway = await asking(service, GatewayKind.ZLMEDIAKIT, "rtp")
    await registry.add_device(service.deps, OPERATOR, number="34020000001320000001")
    said: dict[str, object] = {"app": "rtp", "stream": "34020000001320000001", "schema": "rtp"}
    ended = await gateway.post({**said, "regist": False}, "on_stream_changed")
    assert (ended.status, ended.json["code"], ended.json["close"]) == (200, 0, False)
    assert await gateway.streams(supervisor) == {}
    # GB/T 28181: whoever registered at the SIP server has no key that media could carry.
    assert await gateway.publish("34020000001320000001", app="rtp")
    assert not await gateway.publish("34020000001320000002", app="rtp")
    for regist in (False, True, True, False, True):
        answer = await gateway.post({**said, "regist": regist}, "on_stream_changed")
        assert answer.json["code"] == 0
    for hook in ("on_stream_not_found", "on_stream_none_reader", "on_flow_report", "on_unheard_of"):
        assert (await gateway.post(said, hook)).json["code"] == 0
    assert (await gateway.post(said, "on_http_access")).json["err"] == "refused"
    await gateway.post({"data": {}, "mediaServerId": "z"}, "on_server_keepalive")
    stream = (await gateway.streams(supervisor))["rtp/34020000001320000001"]
    assert stream["began_at"] is not None
    assert stream["ended_at"] is not None
    assert await service.bureau.value("SELECT count(*) FROM livestream") == 0


async def test_only_we_look_through_a_gateway_with_its_own_token(service: WebService) -> None:
    added = await gateways.add_gateway(
        service.deps, OPERATOR, name="media-1", kind=GatewayKind.MEDIAMTX
    )
    gateway = Asking(service, GatewayKind.MEDIAMTX, f"{GATEWAYS}/hooks/{added.secret}")
    dock = await service.token(Role.DOCK)
    for key, status in ((added.token, 200), (dock, 403), ("rec_wrong", 403), ("", 401)):
        answer = await gateway.post({"action": "read", "path": "live/D-1", "password": key})
        assert answer.status == status


async def test_hostile_hooks_are_answered_and_change_nothing(service: WebService) -> None:
    gateway = await asking(service, GatewayKind.SRS)
    json_type = {"Content-Type": "application/json"}
    bodies: dict[bytes, tuple[int, str | None]] = {
        b"": (400, "hook-malformed"),
        b"[]": (400, "hook-malformed"),
        b"[" * 30_000: (400, "hook-malformed"),
        b'{"action": "on_publish"}': (400, "hook-malformed"),
        b'{"action": "on_publish", "stream": "\\u0000\\ud800D"}': (200, None),
        b"\xff\xfe{}": (400, "hook-malformed"),
        b"x" * (64 * 1024 + 1): (413, "body-too-large"),
        b"{}": (200, None),
    }
    for body, (status, code) in bodies.items():
        answer = await service.ask("POST", gateway.hooks, data=body, headers=json_type)
        assert (answer.status, answer.json.get("code", None)) in (
            (status, code), (status, 0), (status, 403),
        ), body[:40]  # fmt: skip
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    many = "&".join(f"a{n}=1" for n in range(201)).encode()
    assert (await service.ask("POST", gateway.hooks, data=many, headers=form)).status == 400
    packed = {**json_type, "Content-Encoding": "gzip"}
    assert (await service.ask("POST", gateway.hooks, data=b"{}", headers=packed)).status == 415
    wrong = await service.ask("POST", f"{GATEWAYS}/hooks/{'x' * 43}", data=b"{}")
    assert (wrong.status, wrong.json["code"]) == (404, "gateway-not-found")


async def test_names_that_strangers_make_up_fill_nothing(
    service: WebService, supervisor: str
) -> None:
    gateway = await asking(service, GatewayKind.SRS)
    await service.bureau.value(
        "WITH filled AS (INSERT INTO gateway_stream (gateway_id, stream, refused, heard_at)"
        " SELECT dock_id, 'live/' || n, 1, $2::timestamptz - interval '1 day'"
        " FROM gateway, generate_series(1, $1) n RETURNING 1) SELECT count(*) FROM filled",
        rows.MOST_STREAMS,
        service.deps.clock.now(),
    )
    for name in ("new", "newer", "7"):
        assert not await gateway.publish(name, "rec_wrong")
    streams = await gateway.streams(supervisor)
    assert streams[rows.OTHERS]["refused"] == 2
    assert streams["live/7"]["refused"] == 2
    assert "live/new" not in streams


async def test_a_gateway_asks_only_so_often(service: WebService) -> None:
    gateway = await asking(service, GatewayKind.SRS)
    await service.bureau.value(
        "WITH spent AS (INSERT INTO allowance (what, asker, spent_until) SELECT 'hook',"
        " 'dock:' || dock_id, $1::timestamptz + interval '60 s' FROM gateway RETURNING 1)"
        " SELECT count(*) FROM spent",
        service.deps.clock.now(),
    )
    answer = await gateway.post({"action": "on_publish", "app": "live", "stream": "D-1"})
    assert (answer.status, answer.json["code"]) == (429, "gateway-limited")


async def test_secrets_are_shown_once_kept_as_hashes_and_exchanged(service: WebService) -> None:
    admin = await service.token(Role.ADMINISTRATOR)
    body = {"name": "媒体一", "kind": "srs"}
    added = await service.ask("POST", GATEWAYS, admin, json=body)
    assert added.status == 201
    place, hooks = f"{GATEWAYS}/{added.json['id']}", str(added.json["hooks"])
    assert (await service.ask("POST", GATEWAYS, admin, json=body)).status == 409
    assert (await service.ask("POST", hooks, data=b"{}")).status == 200
    again = await service.ask("POST", f"{place}/secret", admin, json={"reason": "离职"})
    assert again.status == 201
    assert (await service.ask("POST", hooks, data=b"{}")).status == 404
    renewed = str(again.json["hooks"])
    assert (await service.ask("POST", renewed, data=b"{}")).status == 200
    assert (await service.ask("POST", f"{place}/revoke", admin, json={"reason": "x"})).status == 204
    assert (await service.ask("POST", renewed, data=b"{}")).status == 404
    for change in ("secret", "revoke"):
        late = await service.ask("POST", f"{place}/{change}", admin, json={"reason": "x"})
        assert (late.status, late.json["code"]) == (409, "gateway-revoked")
    dumped = await service.bureau.value(
        "SELECT (SELECT string_agg(g::text, '') FROM gateway g)"
        " || (SELECT string_agg(e::text || convert_from(leaf, 'UTF8'), '') FROM custody_event e)"
    )
    for secret in (hooks, renewed, str(added.json["token"])):
        assert secret.rpartition("/")[2] not in str(dumped)
    names = await service.bureau.value(
        "SELECT string_agg(name, ' ' ORDER BY position) FROM custody_event WHERE name LIKE 'Gate%'"
    )
    assert names == "GatewayAdded GatewaySecretChanged GatewayRevoked"
