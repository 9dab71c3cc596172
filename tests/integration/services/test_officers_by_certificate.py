"""A case system that names officers by their certificates alone names those officers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.domain.people import OPERATOR
from recorder.services import coverage, importing
from recorder.store import attribution
from recorder.store.coverage.findings import Wanted
from recorder.store.registry import officers
from tests.support.enforcement import evaluated
from tests.support.feed_desk import Desk, case, event, open_desk


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as opened:
        yield opened


async def test_an_officer_is_known_by_the_certificate_that_nobody_else_holds(desk: Desk) -> None:
    deps = desk.bureau.deps
    named = [
        {"certificate": number}
        for number in ("19000000001", "19000000002", "19000000003", "19000000009")
    ]
    await desk.send(
        case("C1", 1, "深市监罚〔2026〕1号", act_type="coercion"),
        event(
            "e1", 1, "C1", stage="enforcement", occurred_at="2026-02-20T09:00:00",
            ended_at="2026-02-20T10:00:00", officers=named,
        ),
    )  # fmt: skip
    await evaluated(desk.bureau)
    code = desk.source.agency_code
    table = (
        "number,name,organisation,certificate,certificate_from,certificate_to\n"
        f"A1,李明,{code},19000000001,2024-01-01,2027-01-01\n"
        f"A2,王芳,{code},19000000002,2024-01-01,2025-12-31\n"
        # What is somebody's own number means that officer, whoever has a certificate of it.
        f"A3,陈三,{code},19000000003,2024-01-01,\n19000000003,何四,{code},X4,2024-01-01,\n"
        # Two with one number are nobody for certain.
        f"A8,赵一,{code},19000000009,2024-01-01,\nA9,赵二,{code},19000000009,2024-01-01,\n"
    )
    await importing.import_file(
        deps, OPERATOR, kind="officers", content=table.encode(), file_name="o.csv"
    )
    await evaluated(desk.bureau)
    found = (await coverage.findings(deps, OPERATOR, Wanted())).items
    assert {each.finding.kind.value: each.finding.facts.get("officer") for each in found} == {
        "unrecorded": None, "certificate_invalid": "A2", "officer_unknown": "19000000009",
    }  # fmt: skip
    span = (datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 2, 21, tzinfo=UTC))
    async with deps.database.acquire() as connection:
        (scene,) = await attribution.scenes_around(
            connection, desk.source.agency, span, frozenset()
        )
    assert scene.officers == {"A1", "A2", "19000000003", "19000000009"}
    # It becomes somebody's own number, which nobody knew before.
    then = desk.bureau.clock.now()
    desk.bureau.clock.forward(hours=1)
    await importing.import_file(
        deps, OPERATOR, kind="officers", file_name="o.csv",
        content=f"number,name,organisation\n19000000001,陈杰,{code}\n".encode(),
    )  # fmt: skip
    async with deps.database.acquire() as connection:
        assert await officers.holders(connection, ["19000000001"]) == {}
        assert await officers.holders(connection, ["19000000001"], then) == {"19000000001": "A1"}
