"""What a recording says about its origin: device, officer, clocks, sidecar, locks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from recorder.adapters.objects import Bucket
from recorder.domain.people import OPERATOR, SERVICE, Actor, ActorKind, Role
from recorder.services import audit, importing, ingest, registry, review
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera, device_of, found, opened, send, uploaded
from tests.support.senders import Body, sha256


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as running:
        ingest.begin(running.deps)
        yield running
        await ingest.shutdown(running.deps)


@pytest.mark.parametrize(
    ("values", "reasons"),
    [
        ({}, []),
        ({"device": "TA00716"}, []),
        ({"filename": "TA00716_JX0227_20170623093621.MOV"}, []),
        (
            {"filename": "ZZ99999_JX0227_20170623093621.MOV"},
            ["device_contradicted", "device_unknown"],
        ),
        ({"device": "NOBODY"}, ["device_contradicted", "device_unknown"]),
        ({"device": "TB00001"}, ["device_contradicted"]),
    ],
)
async def test_footage_that_contradicts_its_sender_is_taken_and_quarantined(
    bureau: Bureau, values: dict[str, str], reasons: list[str]
) -> None:
    actor = await camera(bureau)
    await camera(bureau, "TB00001")
    row, _ = await found(bureau, await uploaded(bureau, actor, b"x", **values))
    assert sorted(row.quarantine_reasons) == reasons
    assert row.state == ("quarantined" if reasons else "received")


async def test_a_suspended_device_may_upload_into_quarantine(bureau: Bureau) -> None:
    actor = await camera(bureau)
    await registry.set_device_state(
        bureau.deps, OPERATOR, device=device_of(actor), state="suspended", reason="found again"
    )
    row, _ = await found(bureau, await uploaded(bureau, replace(actor, suspended=True), b"x"))
    assert row.quarantine_reasons == ("device_suspended",)


@pytest.mark.parametrize("state", ["suspended", "lost"])
async def test_what_a_device_goes_on_with_when_it_is_gone_is_apart_and_in_quarantine(
    bureau: Bureau, state: str
) -> None:
    actor = await camera(bureau)
    first = await uploaded(bureau, actor, b"xyz")
    upload = await opened(bureau, actor, 3)
    await send(bureau.deps, actor, upload.id, 0, Body(b"x"))
    await registry.set_device_state(
        bureau.deps, OPERATOR, device=device_of(actor), state=state, reason="stolen"
    )
    thief = replace(actor, suspended=True)
    status = await send(bureau.deps, thief, upload.id, 1, Body(b"yz"))
    assert status.recording is not None
    assert status.recording != first
    row, _ = await found(bureau, status.recording)
    assert row.quarantine_reasons == ("device_suspended",)
    assert (await audit.run(bureau.deps, SERVICE)).findings == []


async def test_what_a_suspended_device_repeats_of_its_own_is_apart_and_adds_no_case(
    bureau: Bureau,
) -> None:
    actor = await camera(bureau)
    first = await uploaded(bureau, actor, b"x")
    await registry.set_device_state(
        bureau.deps, OPERATOR, device=device_of(actor), state="suspended", reason="stolen"
    )
    again = await uploaded(bureau, replace(actor, suspended=True), b"x", case_number="A-1")
    assert again != first
    row, _ = await found(bureau, again)
    assert row.quarantine_reasons == ("device_suspended",)
    links = "SELECT count(*) FROM case_link WHERE recording_id = $1"
    assert await bureau.value(links, first) == 0
    assert await bureau.value(links, again) == 1


async def test_the_dock_that_is_named_is_known_unless_the_sender_is_another(
    bureau: Bureau,
) -> None:
    actor = await camera(bureau)
    named = (await registry.add_dock(bureau.deps, OPERATOR, name="一楼")).dock.id
    own = (await registry.add_dock(bureau.deps, OPERATOR, name="二楼")).dock.id
    await registry.add_dock(bureau.deps, OPERATOR, name="三楼", agency="foreign")
    by_dock = Actor(ActorKind.DOCK, str(own), "二楼", role=Role.DOCK, agency=bureau.ours, dock=own)
    for sender, dock, known in (
        (actor, "一楼", named),
        (actor, "三楼", None),
        (actor, "不存在", None),
        (by_dock, "一楼", own),
    ):
        recording = await uploaded(bureau, sender, f"{sender.name} {dock}".encode(), dock=dock)
        row, _ = await found(bureau, recording)
        assert (row.dock, row.quarantine_reasons) == (known, ())
    view = await review.recording(bureau.deps, bureau.actor(), recording)
    assert view.dock_name == "二楼"


async def test_the_hand_over_log_attributes_footage_and_conflicts_are_flagged(
    bureau: Bureau,
) -> None:
    actor = await camera(bureau)
    at = bureau.clock.now()
    await registry.hand_over(
        bureau.deps,
        OPERATOR,
        device=device_of(actor),
        officer="440300123",
        at=at - timedelta(hours=1),
    )
    started = (at - timedelta(minutes=5)).isoformat()
    row, _ = await found(bureau, await uploaded(bureau, actor, b"1", device_started_at=started))
    assert (row.officer, row.flags) == ("440300123", ())
    row, _ = await found(
        bureau, await uploaded(bureau, actor, b"2", device_started_at=started, officer="999")
    )
    assert row.officer == "999"
    assert "officer_conflict" in row.flags
    # By a clock that is two hours behind it would have filmed before anybody had it.
    behind = timedelta(hours=2)
    row, _ = await found(
        bureau,
        await uploaded(
            bureau, actor, b"3",
            device_started_at=(at - timedelta(minutes=5) - behind).isoformat(),
            device_clock_at=(at - behind).isoformat(),
        ),
    )  # fmt: skip
    assert row.officer == "440300123"


async def test_an_officer_whom_a_camera_calls_by_its_six_characters_is_known_by_the_own_number(
    bureau: Bureau,
) -> None:
    actor = await camera(bureau)
    at = bureau.clock.now()
    table = (
        "number,name,organisation,user_number,valid_from,valid_to\n"
        "440300123,李明,,JX0227,2026-01-01,\n440300124,王芳,,JX0228,,2026-01-31\n"
        "440300125,赵一,,JX0229,,\n440300126,赵二,,JX0229,,\nJX0230,钱三,,,,\n"
        "440300127,孙四,foreign,JX0231,,\n440300128,周五,,JX0230,,\n"
    )
    code = str(await bureau.value("SELECT code FROM agency WHERE id = $1", bureau.ours))
    await importing.import_file(
        bureau.deps, OPERATOR, kind="officers", content=table.encode(), file_name="o.csv",
        agency=code,
    )  # fmt: skip
    await registry.hand_over(
        bureau.deps, OPERATOR, device=device_of(actor), officer="440300123",
        at=at - timedelta(hours=1),
    )  # fmt: skip
    started = (at - timedelta(minutes=5)).isoformat()

    async def told(content: bytes, **values: str) -> tuple[str | None, tuple[str, ...]]:
        row, _ = await found(bureau, await uploaded(bureau, actor, content, **values))
        return row.officer, row.flags

    name = "TA00716_JX0227_20260302155500.mp4"
    assert await told(b"1", filename=name, device_started_at=started) == ("440300123", ())
    # Said by a dock, and before anybody had the camera.
    early = (at - timedelta(hours=3)).isoformat()
    assert (await told(b"2", officer="JX0227", device_started_at=early))[0] == "440300123"
    # Not of that day, two of them, somebody's own number, another agency's: it stays as it is said.
    for n, user in enumerate(("JX0228", "JX0229", "JX0230", "JX0231")):
        said = await told(bytes([n]) * 9, officer=user, device_started_at=early)
        assert said[0] == user


async def test_device_clock_and_ours_are_kept_apart(bureau: Bureau) -> None:
    actor = await camera(bureau)
    wrong = bureau.clock.now() - timedelta(minutes=7)
    row, _ = await found(
        bureau, await uploaded(bureau, actor, b"1", device_clock_at=wrong.isoformat())
    )
    assert row.device_clock_at == wrong
    assert row.received_at == bureau.clock.now()
    assert row.clock_offset_ms == -7 * 60 * 1000
    assert "clock_offset" in row.flags


async def test_the_sidecar_beside_an_original_tells_all_with_the_database_gone(
    bureau: Bureau,
) -> None:
    actor = await camera(bureau)
    recording = await uploaded(
        bureau,
        actor,
        b"abc",
        filename="x.mp4",
        case_number="深市监罚〔2023〕1号",
        lat="1",
        lon="2.5",
    )
    _, objects = await found(bureau, recording)
    key = objects[0].key.rsplit("/", 1)[0] + "/sidecar.json"
    (sidecar,) = await bureau.deps.objects.versions(Bucket.ORIGINALS, key)
    assert sidecar.lock_until is not None
    assert sidecar.lock_until > bureau.clock.now() + timedelta(days=30)
    raw = b"".join(
        [b async for b in bureau.deps.objects.read(Bucket.ORIGINALS, key, sidecar.version)]
    )
    said = json.loads(raw)
    assert said["recording"] == str(recording)
    assert said["case_numbers"] == ["深市监罚〔2023〕1号"]
    assert said["agency_code"] == "local"
    assert said["facts"]["original_name"] == "x.mp4"
    assert said["original"] == {"key": objects[0].key, "version": objects[0].version}
    assert said["parts"] == [[0, 3, sha256(b"abc").hex()]]


async def test_locks_are_kept_ahead_by_the_clock(bureau: Bureau) -> None:
    actor = await camera(bureau)
    recording = await uploaded(bureau, actor, b"abc")
    assert await ingest.extend_locks(bureau.deps) == 0
    bureau.clock.forward(days=30)
    assert await ingest.extend_locks(bureau.deps) == 1
    _, objects = await found(bureau, recording)
    (original,) = await bureau.deps.objects.versions(Bucket.ORIGINALS, objects[0].key)
    assert original.lock_until is not None
    assert original.lock_until >= bureau.clock.now() + timedelta(days=30)
