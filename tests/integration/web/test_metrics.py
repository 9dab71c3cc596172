"""What a monitoring system reads from a running web service."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.adapters.media import FfmpegTool
from recorder.domain.alarm import AlarmCode
from recorder.domain.people import SERVICE
from recorder.services import alarms
from recorder.web.routes import ROUTES
from tests.support import footage
from tests.support.exposition import Exposition, read
from tests.support.web_service import PATCH, TUS, WebService
from tests.support.workshop import work_off

UPLOADS = "/api/v1/uploads"


async def scrape(service: WebService) -> Exposition:
    answer = await service.ask("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    return read(answer.content.decode())


async def open_upload(service: WebService, device: str, length: int) -> str:
    made = await service.ask("POST", UPLOADS, device, headers={**TUS, "Upload-Length": str(length)})
    assert made.status == 201, made.content
    return made.headers["Location"]


async def test_bytes_and_parts_of_an_upload_are_counted(service: WebService, device: str) -> None:
    before = await scrape(service)
    path = await open_upload(service, device, 300_000)
    between = await scrape(service)
    assert between.value("recorder_uploads_open") == 1
    sent = await service.ask(
        "PATCH", path, device, headers={**PATCH, "Upload-Offset": "0"}, data=b"a" * 300_000
    )
    assert sent.status == 204, sent.content
    after = await scrape(service)

    def grown(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    assert grown("recorder_received_bytes_total") == 300_000
    assert grown("recorder_parts_stored_total") + grown("recorder_pieces_staged_total") >= 1
    assert grown("recorder_parts_stored_bytes_total") == 300_000
    assert grown("recorder_store_call_duration_seconds_count", call="upload_part") == 1
    assert grown("recorder_store_call_duration_seconds_count", call="complete_multipart") == 1
    assert after.value("recorder_uploads_open") == 0
    assert after.value("recorder_open_appends") == 0
    assert after.value("recorder_upload_buffer_used_bytes") == 0
    assert after.value("recorder_upload_buffer_limit_bytes") >= 32 * 1024 * 1024
    # The upload has become footage that nobody has verified: the bureau has no worker.
    assert after.value("recorder_task_runs", queue="io", state="pending") >= 1
    assert after.value("recorder_recordings_unlinked") == 1


async def test_footage_that_is_sent_is_counted_by_its_use(
    service: WebService, device: str, supervisor: str
) -> None:
    path = await open_upload(service, device, 4000)
    sent = await service.ask(
        "PATCH", path, device, headers={**PATCH, "Upload-Offset": "0"}, data=b"a" * 4000
    )
    recording = sent.headers["Recorder-Recording"]
    before = await scrape(service)
    original = f"/api/v1/recordings/{recording}/original"
    await service.ask("GET", original, supervisor, headers={"Range": "bytes=0-999"})
    await service.ask("HEAD", original, supervisor)
    after = await scrape(service)
    name = "recorder_footage_sent_bytes_total"
    assert after.value(name, use="original") - before.value(name, use="original") == 1000


async def test_requests_are_counted_by_template_and_never_by_what_askers_make_up(
    service: WebService, device: str
) -> None:
    templates = {row.path for row in ROUTES}
    before = await scrape(service)
    path = await open_upload(service, device, 10)
    await service.ask("HEAD", path, device, headers=TUS)
    await service.ask("GET", "/no/such/page", device)
    await service.ask("BREW", "/healthz", device)
    after = await scrape(service)
    requests = after.families["recorder_http_requests_total"].samples
    told = {dict(labels)["route"] for _, labels in requests}
    assert told <= templates | {"other"}
    assert path not in told

    def grown(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    counted = "recorder_http_requests_total"
    assert grown(counted, method="POST", route=UPLOADS, status="201") == 1
    assert grown(counted, method="HEAD", route=f"{UPLOADS}/{{id}}", status="200") == 1
    assert grown(counted, method="other", route="other", status="404") == 1
    seconds = "recorder_http_request_duration_seconds_count"
    assert grown(seconds, method="POST", route=UPLOADS) == 1


async def test_the_original_that_has_waited_longest_for_its_reading_is_told_by_its_age(
    service: WebService, device: str
) -> None:
    assert (await scrape(service)).value("recorder_fixity_oldest_age_seconds") == 0
    path = await open_upload(service, device, 4000)
    sent = await service.ask(
        "PATCH", path, device, headers={**PATCH, "Upload-Offset": "0"}, data=b"a" * 4000
    )
    assert sent.status == 204, sent.content
    await work_off(service.deps, FfmpegTool(Path(footage.ffmpeg())))
    service.bureau.clock.forward(days=40)
    told = await scrape(service)
    assert told.value("recorder_fixity_oldest_age_seconds") == 40 * 86_400


async def test_the_state_of_the_installation_is_told(service: WebService) -> None:
    empty = await scrape(service)
    assert empty.value("recorder_database_up") == 1
    assert empty.value("recorder_oldest_unsealed_age_seconds") == 0
    # Without a lock there is no end of one, and 0 would be an alarm.
    assert empty.families["recorder_soonest_lock_end_seconds"].samples == {}

    recording = await service.bureau.recording()
    async with service.deps.change(SERVICE) as change:
        await change.connection.execute(
            "INSERT INTO original_object (recording_id, n, object_key, version, length_bytes,"
            " lock_until, sidecar_key, sidecar_version)"
            " VALUES ($1, 0, 'k', 'v', 1000, $2, 's', 'v')",
            recording,
            change.now,
        )
        await alarms.raise_alarm(
            change,
            AlarmCode.WORKERS_SILENT,
            about_kind="system",
            about="workers",
            agency=None,
            detail="Nobody works.",
        )
    service.bureau.clock.forward(minutes=10)
    told = await scrape(service)
    assert told.value("recorder_oldest_unsealed_age_seconds") == 600
    assert told.value("recorder_originals_lock_expiring") == 1
    assert told.value("recorder_soonest_lock_end_seconds") == -600
    assert told.value("recorder_recordings_unlinked") == 1
    counts = {
        dict(labels)["code"]: (dict(labels)["severity"], value)
        for (_, labels), value in told.families["recorder_alarms_open"].samples.items()
    }
    assert counts == {
        code.value: (code.severity.value, float(code is AlarmCode.WORKERS_SILENT))
        for code in AlarmCode
    }


async def test_due_work_ages_by_queue(service: WebService, device: str) -> None:
    path = await open_upload(service, device, 5)
    await service.ask("PATCH", path, device, headers={**PATCH, "Upload-Offset": "0"}, data=b"abcde")
    service.bureau.clock.forward(seconds=90)
    told = await scrape(service)
    assert told.value("recorder_queue_age_seconds", queue="io") == pytest.approx(90, abs=1)
    await service.bureau.value(
        "UPDATE task_run SET state = 'failed', finished_at = now() WHERE task = 'verify'"
        " RETURNING id"
    )
    told = await scrape(service)
    assert told.value("recorder_queue_age_seconds", queue="io") == 0
    assert told.value("recorder_task_runs_failed", task="verify") == 1
    assert told.value("recorder_task_runs_failed", task="proxy") == 0


async def test_without_a_database_the_process_still_tells_its_own_figures(
    service: WebService,
) -> None:
    await service.deps.database.close()
    told = await scrape(service)
    assert ("recorder_database_up", frozenset()) in told.families["recorder_database_up"].samples
    assert told.value("recorder_database_up") == 0
    assert told.families["recorder_uploads_open"].samples == {}
    assert "recorder_event_loop_lag_seconds" in told.families
