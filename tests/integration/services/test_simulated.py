"""Invented footage counts in figures and findings, and is never taken for evidence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from recorder.domain.gap_reason import InterruptionCause
from recorder.domain.ids import RecordingId, new_uuid
from recorder.domain.mark import MarkKind
from recorder.domain.people import OPERATOR
from recorder.errors import Conflict
from recorder.services import audit, coverage, dashboard, registry, review, simulated
from recorder.store import footage_days, marked_days
from tests.support.bureau import Bureau, open_bureau
from tests.support.enforcement import NINE, a_case, a_source, evaluated, happened

DEVICE = "S000001"


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        await a_source(opened)
        await registry.add_device(opened.deps, OPERATOR, number=DEVICE)
        yield opened


def invented(bureau: Bureau, **other: object) -> simulated.SimulatedFootage:
    plain = simulated.SimulatedFootage(
        id=RecordingId(new_uuid(bureau.clock.at)),
        device=DEVICE,
        officer="000001",
        file_name=f"{DEVICE}_000001_20260302090000.mp4",
        started_at=NINE,
        ended_at=NINE + timedelta(minutes=10),
        device_clock_at=NINE + timedelta(hours=1),
        clock_offset_ms=0,
        flags=(),
        received_at=NINE + timedelta(hours=1),
        latitude=30.0,
        longitude=100.0,
        case=None,
        marks=((MarkKind.ANNOUNCEMENT, 1_000),),
        reason=None,
    )
    return replace(plain, **other)  # type: ignore[arg-type]


async def test_invented_footage_is_counted_and_held_against_the_scene(bureau: Bureau) -> None:
    case = await a_case(bureau, "深市监罚〔2026〕1号")
    await happened(bureau, case)
    clip = invented(bureau, case=case)
    reason = simulated.SimulatedReason(
        NINE - timedelta(minutes=1), NINE, InterruptionCause.BATTERY, "电池耗尽", NINE
    )
    await simulated.take(bureau.deps, OPERATOR, [clip, invented(bureau, reason=reason)])
    await evaluated(bureau)
    found = await coverage.case_coverage(bureau.deps, bureau.actor(), case)
    (scene,) = found.evaluation.scenes
    assert clip.id in scene.recordings
    assert await bureau.links_are_counted()
    while await dashboard.add_up_footage(bureau.deps):
        pass
    async with bureau.deps.database.acquire() as connection:
        assert await footage_days.miscounted(connection) == 0
        assert await marked_days.miscounted(connection) == 0
    assert await bureau.value("SELECT sum(marked) FROM footage_day") == 2
    assert await bureau.value("SELECT sum(recordings) FROM footage_day") == 2
    assert await bureau.value("SELECT count(*) FROM mark") == 2
    assert await bureau.value("SELECT cause FROM gap_reason") == "battery"


async def test_invented_footage_has_no_bytes_no_receipt_and_no_pictures(bureau: Bureau) -> None:
    clip = invented(bureau)
    await simulated.take(bureau.deps, OPERATOR, [clip])
    view = await review.recording(bureau.deps, bureau.actor(), clip.id)
    assert view.recording.state == "simulated"
    assert view.playable.state == "simulated"
    for asked in (
        review.receipt(bureau.deps, bureau.actor(), clip.id),
        review.grant_playback(bureau.deps, bureau.actor(), clip.id),
        review.open_original(bureau.deps, bureau.actor(), clip.id, 0, None),
    ):
        with pytest.raises(Conflict) as refused:
            await asked
        assert refused.value.code == "recording-simulated"
    report = await audit.run(bureau.deps, OPERATOR, level=audit.Level.DIGEST)
    assert report.clean, report.findings


async def test_the_database_lets_nothing_invented_become_evidence(
    bureau: Bureau, owner_database_url: str
) -> None:
    clip = invented(bureau)
    await simulated.take(bureau.deps, OPERATOR, [clip])
    owner = await asyncpg.connect(owner_database_url)
    try:
        for change in ("length_bytes = 1", "sha256 = arrival_sha256", "sealed_at = now()"):
            with pytest.raises(asyncpg.CheckViolationError):
                await owner.execute(f"UPDATE recording SET {change} WHERE id = $1", clip.id)  # noqa: S608
    finally:
        await owner.close()


async def test_the_audit_finds_an_invented_recording_with_a_beginning(bureau: Bureau) -> None:
    real = await bureau.recording()
    await bureau.value(
        "UPDATE recording SET integrity = 'simulated', source = 'simulated', length_bytes = 0,"
        " sha256 = NULL, sm3 = NULL, sealed_at = NULL WHERE id = $1",
        real,
    )
    async with bureau.deps.database.acquire() as connection:
        await connection.execute(
            "INSERT INTO original_object (recording_id, n, object_key, version, length_bytes,"
            " lock_until, sidecar_key, sidecar_version) VALUES ($1, 0, 'k', 'v', 0, now(), 's',"
            " 'v')",
            real,
        )
    report = await audit.run(bureau.deps, OPERATOR, level=audit.Level.PRESENCE)
    assert report.counts["simulated-with-object"] == 1


async def test_an_agency_with_real_footage_gets_no_invented_one(bureau: Bureau) -> None:
    await bureau.recording()
    with pytest.raises(Conflict) as refused:
        await simulated.take(bureau.deps, OPERATOR, [invented(bureau)])
    assert refused.value.code == "simulated-beside-footage"
    assert await bureau.value("SELECT count(*) FROM recording WHERE integrity = 'simulated'") == 0
