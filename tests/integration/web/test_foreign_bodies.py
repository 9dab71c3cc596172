"""Ids and agency codes of others, said in a body instead of in the address."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from recorder.domain.people import OPERATOR, Role
from recorder.services import casework
from tests.support.web_service import WebService

REASON = {"reason": "because"}


@dataclass(frozen=True)
class Two:
    """A case and a recording of our agency, and of the foreign one."""

    service: WebService
    our_case: str
    our_recording: str
    their_case: str
    their_recording: str
    supervisor: str
    administrator: str


@pytest.fixture
async def two(service: WebService) -> Two:
    deps, bureau = service.deps, service.bureau
    ours = await casework.open_case(deps, OPERATOR, number="A1")
    theirs = await casework.open_case(deps, OPERATOR, number="B1", agency="foreign")
    return Two(
        service,
        str(ours.id),
        str(await bureau.recording()),
        str(theirs.id),
        str(await bureau.recording(agency=bureau.theirs)),
        await service.token(Role.SUPERVISOR),
        await service.token(Role.ADMINISTRATOR),
    )


async def links(two: Two) -> object:
    return await two.service.bureau.value("SELECT count(*) FROM case_link")


async def test_links_of_many_take_no_recording_and_no_case_of_another_agency(two: Two) -> None:
    lines = [
        {"recording": two.their_recording, "case": two.our_case},
        {"recording": two.our_recording, "case": two.their_case},
        {"recording": two.their_recording, "case": two.their_case},
        {"recording": two.their_recording, "number": "A1"},
    ]
    answer = await two.service.ask(
        "POST", "/api/v1/recordings/links", two.supervisor, json={"links": lines}
    )
    assert answer.status == 200
    items = answer.json["items"]
    assert isinstance(items, list)
    assert len(items) == 4
    assert all(item["code"] in ("recording-not-found", "case-not-found") for item in items), items
    assert await links(two) == 0


async def test_a_link_by_address_takes_neither(two: Two) -> None:
    for case, recording in (
        (two.our_case, two.their_recording),
        (two.their_case, two.our_recording),
    ):
        place = f"/api/v1/cases/{case}/recordings/{recording}"
        for method in ("PUT", "DELETE"):
            answer = await two.service.ask(method, place, two.supervisor, json=REASON)
            assert answer.status == 404
    assert await links(two) == 0


async def test_a_case_is_merged_into_none_of_another_agency(two: Two) -> None:
    for case, into in ((two.our_case, two.their_case), (two.their_case, two.our_case)):
        answer = await two.service.ask(
            "POST", f"/api/v1/cases/{case}/merge", two.supervisor, json={"into": into, **REASON}
        )
        assert (answer.status, answer.json["code"]) == (404, "case-not-found")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("devices", {"number": "X1"}),
        ("docks", {"name": "X1"}),
        ("tokens", {"name": "X1", "role": "officer"}),
        ("people", {"login": "x1", "name": "X", "role": "officer", "password": "long enough 123"}),
    ],
)
async def test_an_administrator_makes_nothing_in_another_agency_and_nobody_for_the_city(
    two: Two, path: str, body: dict[str, object]
) -> None:
    foreign = await two.service.ask(
        "POST", f"/api/v1/{path}", two.administrator, json={**body, "agency": "foreign"}
    )
    assert foreign.status in (403, 404), foreign.content
    if path in ("tokens", "people"):
        city = await two.service.ask(
            "POST", f"/api/v1/{path}", two.administrator, json={**body, "city": True}
        )
        assert (city.status, city.json["code"]) == (403, "agency-scope")


async def test_a_case_is_opened_and_footage_admitted_in_no_other_agency(two: Two) -> None:
    opened = await two.service.ask(
        "POST", "/api/v1/cases", two.supervisor, json={"number": "C1", "agency": "foreign"}
    )
    assert opened.status in (403, 404), opened.content
    admitted = await two.service.ask(
        "POST", f"/api/v1/recordings/{two.their_recording}/admit", two.supervisor,
        json={**REASON, "agency": "local"},
    )  # fmt: skip
    assert admitted.status == 404
