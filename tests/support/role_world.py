"""A service with things of our agency and a token for each role of two agencies, and how to ask.

What is asked, and what is right, stands in role_table.py.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from recorder.domain.alarm import AlarmCode
from recorder.domain.events import UploadCompleted
from recorder.domain.feed import rows
from recorder.domain.gateway import GatewayKind
from recorder.domain.ids import AgencyId, new_uuid
from recorder.domain.people import OPERATOR, Role
from recorder.domain.webhook import Topic
from recorder.services import alarms, casework, duties, gateways, registry, webhooks
from recorder.services.feeding import receiving, sources
from recorder.store.feed.sources import FeedSource
from recorder.web.route import Route
from tests.support.enforcement import a_source, evaluated, happened
from tests.support.feed_desk import case
from tests.support.role_table import address, is_wrong, name, question
from tests.support.web_service import TUS, WebService


@dataclass(frozen=True)
class World:
    """A service, a token for each role of two agencies, and things that belong to ours."""

    service: WebService
    ours: dict[Role, str]
    theirs: dict[Role, str]
    #: What stands in for ``{id}`` under each first word of a path.
    things: dict[str, str]

    def address(self, row: Route) -> str:
        """The path of the row, with our agency's things in it."""
        return address(row, self.things)

    async def status(self, row: Route, token: str | None) -> int:
        """What the row answers to this token, asked about our agency's things."""
        asked = question(row, self.things)
        if asked.is_long:
            return await self._begin(asked.path, token)
        answer = await self.service.ask(
            asked.method, asked.path, token, headers=asked.headers, json=asked.json
        )
        return answer.status

    async def _begin(self, path: str, token: str | None) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.service.session.get(self.service.url + path, headers=headers) as answer:
            return answer.status


async def things_of(service: WebService, device_token: str) -> dict[str, str]:
    """One thing of each sort, all of our agency: what stands in for ``{id}``."""
    deps, ours = service.deps, service.bureau.ours
    case = await casework.open_case(deps, OPERATOR, number="沪市监案〔2026〕1号")
    recording = await service.bureau.recording()
    await casework.link(deps, OPERATOR, recording=recording, case_id=case.id)
    await _unprobed(service, recording, ours)
    await alarms.report(
        deps, AlarmCode.TASK_FAILED, about_kind="x", about="y", detail="z", agency=ours
    )
    run = await service.bureau.value("SELECT id FROM task_run LIMIT 1")
    upload = await service.ask(
        "POST", "/api/v1/uploads", device_token, headers={**TUS, "Upload-Length": "5"}
    )
    opened = await service.ask(
        "POST", "/api/v1/livestreams", device_token, json={"title": "patrol"}
    )
    added = await registry.add_device(deps, OPERATOR, number="D-1")
    token = await registry.add_token(deps, OPERATOR, name="T", role=Role.OFFICER)
    await a_source(service.bureau)
    await happened(service.bureau, case.id)
    await evaluated(service.bureau)
    duty_list = await duties.draft(
        deps, service.bureau.actor(), title="L", valid_from=date(2026, 1, 1)
    )
    proposed = await duties.draft(
        deps, service.bureau.actor(), title="P", valid_from=date(2026, 1, 1)
    )
    proposal = await duties.propose(deps, service.bureau.actor(), proposed.header.id)
    gateway = await gateways.add_gateway(deps, OPERATOR, name="G", kind=GatewayKind.SRS)
    feed = await sources.add_source(deps, OPERATOR, name="somebodys")
    webhook = await webhooks.add_endpoint(
        deps, OPERATOR, url="https://receiver.example/", topics=[Topic.LATE]
    )
    return {
        "cases": str(case.id),
        "recordings": str(recording),
        "alarms": str(await service.bureau.value("SELECT id FROM alarm LIMIT 1")),
        "work": str(run),
        "uploads": upload.headers["Location"].rpartition("/")[2],
        "livestreams": str(opened.json["id"]),
        "devices": str(added.device.id),
        "tokens": str(token.token.id),
        "findings": str(await service.bureau.value("SELECT id FROM finding LIMIT 1")),
        "duty-lists": str(duty_list.header.id),
        "approvals": str(proposal.id),
        "gateways": str(gateway.gateway.id),
        "feeds": feed.source.name,
        "webhooks": str(webhook.endpoint.id),
        "merge-proposals": str(await _proposal(service, feed.source)),
    }


async def _proposal(service: WebService, source: FeedSource) -> object:
    """Two cases that a row's numbers join."""
    one, other = "沪市监案〔2026〕8号", "沪市监案〔2026〕9号"
    said = (case("C1", 1, one), case("C2", 1, other), case("C3", 1, one, other))
    parsed = [rows.of_value(each) for each in said]
    await receiving.receive(service.deps, OPERATOR, source, parsed)
    return await service.bureau.value("SELECT id FROM case_merge_proposal")


async def _unprobed(service: WebService, recording: uuid.UUID, agency: AgencyId) -> None:
    """Give the recording task runs, as ingest does."""
    async with service.deps.change(OPERATOR) as change:
        change.record(
            UploadCompleted(
                subject=recording, agency=agency, upload=new_uuid(), length=1000, key="k",
                version="v", arrival_sha256=bytes(32), declared_sha256=None, original_name="n",
                device_number=None, officer=None, incomplete=False, flags=(),
            )
        )  # fmt: skip


__all__ = ["World", "is_wrong", "name", "things_of"]
