"""Rows against custody events and against each other; no object is looked at here."""

from __future__ import annotations

import uuid

from recorder.domain.events import SubjectKind
from recorder.domain.instant import format_utc
from recorder.ledger import canonical
from recorder.services.audit.findings import Report
from recorder.services.audit.progress import Progress
from recorder.services.audit.reading import PacedStore
from recorder.store import audit
from recorder.store.audit import AuditedEvent, AuditedRecording

PAGE = 500


def check_recording(report: Report, found: AuditedRecording) -> None:
    """Whether the row is what its events and its objects say."""
    if found.links != found.links_counted:
        report.found(
            "links-miscounted", "recording", found.id, f"{found.links}, not {found.links_counted}"
        )
    if found.integrity == "simulated":
        _check_simulated(report, found)
        return
    if not found.has_origin:
        report.found("recording-without-event", "recording", found.id)
    if sum(each.length for each in found.objects) != found.length or not found.objects:
        report.found("recording-without-object", "recording", found.id)
    if found.integrity == "sealed":
        if found.sealed is None:
            report.found("sealed-without-event", "recording", found.id)
        elif wrong := _differences(found):
            report.found("seal-differs", "recording", found.id, ", ".join(wrong))
    elif found.sealed is not None:
        report.found("seal-differs", "recording", found.id, f"integrity {found.integrity}")


def _check_simulated(report: Report, found: AuditedRecording) -> None:
    """An invented one has nothing that footage has: no beginning, no object, no seal."""
    if found.objects or found.has_origin or found.sealed is not None:
        report.found("simulated-with-object", "recording", found.id)


def _differences(found: AuditedRecording) -> list[str]:
    """Which facts of the RecordingSealed event the rows contradict."""
    said = found.sealed or {}
    own = {
        "length": found.length,
        "sha256": found.sha256.hex() if found.sha256 else None,
        "sm3": found.sm3.hex() if found.sm3 else None,
    }
    wrong = [name for name, value in own.items() if said.get(name) != value]
    listed = said.get("objects")
    if isinstance(listed, list) and listed and "listed" in listed[0]:
        # A livestream's: its manifest names them; that it does was checked before it was sealed.
        sidecars = {(each.sidecar_key, each.sidecar_version) for each in found.objects}
        manifest = (listed[0].get("key"), listed[0].get("version"))
        same = sidecars == {manifest} and listed[0]["listed"] == _members(found)
        return wrong if same else [*wrong, "objects"]
    return wrong if _named(found) == _named_in(listed) else [*wrong, "objects"]


def _members(found: AuditedRecording) -> int | None:
    """How many objects the manifest has to list; None where the volumes are not those told."""
    if found.compacted is None:
        return len(found.objects)
    members = found.compacted.get("members")
    same = _named(found) == _named_in(found.compacted.get("volumes"))
    return members if same and isinstance(members, int) else None


Named = list[tuple[object, object, object, object]]


def _named(found: AuditedRecording) -> Named:
    return [
        (each.key, each.version, each.length, each.sha256.hex() if each.sha256 else None)
        for each in found.objects
    ]


def _named_in(listed: object) -> Named:
    """The objects that an event names."""
    return [
        (each.get("key"), each.get("version"), each.get("length"), each.get("sha256"))
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, dict)
    ]


async def check_events(progress: Progress, store: PacedStore) -> None:
    """Every leaf is the canonical form of its columns, and every recording named exists."""
    report = progress.report
    while True:
        async with progress.deps.database.acquire() as connection:
            page = await audit.events_page(connection, int(progress.cursor or 0), PAGE)
            subjects = {
                event.subject_id
                for event in page
                if event.subject_kind == SubjectKind.RECORDING.value
            }
            known = await audit.recordings_that_exist(connection, sorted(subjects))
        await store.pace.request()
        if not page:
            return
        report.looked_at["events"] += len(page)
        for event in page:
            if _leaf(event) != event.leaf:
                report.found("event-leaf-differs", "event", event.id, event.name)
        for lost in sorted(subjects - set(known)):
            report.found("event-without-recording", "recording", lost)
        await progress.at(str(page[-1].position))


def _leaf(event: AuditedEvent) -> bytes:
    kind, actor, name = event.actor
    return canonical.encode(
        {
            "v": 1,
            "event": event.name,
            "id": str(event.id),
            "at": format_utc(event.at),
            "actor": {"kind": kind, "id": actor, "name": name},
            "agency": str(event.agency) if event.agency else None,
            "subject": {"kind": event.subject_kind, "id": str(event.subject_id)},
            "facts": event.facts,
        }
    )


async def check_uploads(progress: Progress, store: PacedStore) -> None:
    """Finished uploads have their recording; the others add up to what was acknowledged."""
    report = progress.report
    while True:
        last = uuid.UUID(progress.cursor) if progress.cursor else None
        async with progress.deps.database.acquire() as connection:
            page = await audit.uploads_page(connection, last, PAGE)
        await store.pace.request()
        if not page:
            return
        report.looked_at["uploads"] += len(page)
        for upload in page:
            if not upload.has_recording:
                report.found("upload-without-recording", "upload", upload.id)
            if not upload.adds_up:
                report.found("upload-bytes-missing", "upload", upload.id)
        await progress.at(str(page[-1].id))
