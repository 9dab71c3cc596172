"""A recording as a value: nothing is said of it that need not be."""

from __future__ import annotations

from datetime import datetime

from recorder.domain.ids import AgencyId, RecordingId, new_uuid
from recorder.domain.recording import Admission, Integrity, Recording


def a_recording(received_at: datetime, agency: AgencyId) -> Recording:
    """Received and admitted, of no device, officer or time; ``replace`` says more."""
    return Recording(
        id=RecordingId(new_uuid(received_at)),
        agency=agency,
        agency_code="",
        device=None,
        device_number=None,
        dock=None,
        officer=None,
        integrity=Integrity.RECEIVED,
        admission=Admission.ADMITTED,
        quarantine_reasons=(),
        length=1000,
        declared_sha256=None,
        sha256=None,
        sm3=None,
        original_name="clip.mp4",
        stage=None,
        device_clock_at=None,
        received_at=received_at,
        clock_offset_ms=None,
        started_at=None,
        ended_at=None,
        started_at_source=None,
        latitude=None,
        longitude=None,
        accuracy_m=None,
        key_file=False,
        note=None,
        flags=(),
        media=None,
        showable=None,
        links=0,
        created_at=received_at,
        sealed_at=None,
    )
