"""What the doctor says about figures: where the limits are, and that advice is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.commands import doctor

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
GIB = 1 << 30


@pytest.mark.parametrize(
    ("theirs", "state"),
    [(0.5, "ok"), (1.0, "ok"), (-0.9, "ok"), (2.5, "warning"), (-2.5, "warning"),
     (60.0, "failing"), (-60.0, "failing")],
)  # fmt: skip
def test_a_clock_is_judged_by_what_lies_outside_of_two_looks(theirs: float, state: str) -> None:
    foreign = NOW + timedelta(seconds=theirs)
    found = doctor.clock_finding(NOW, foreign, NOW + timedelta(seconds=1))
    assert found.state == state
    assert bool(found.advice) == (state != "ok")


@pytest.mark.parametrize(
    ("left", "state"), [(timedelta(days=90), "ok"), (timedelta(days=5), "warning"),
                        (timedelta(0), "failing"), (timedelta(days=-1), "failing")],
)  # fmt: skip
def test_a_certificate_is_replaced_in_time(left: timedelta, state: str) -> None:
    assert doctor.certificate_finding(NOW + left, NOW).state == state


@pytest.mark.parametrize(
    ("room", "state"), [(0, "failing"), (1, "warning"), (19 * GIB, "warning"), (20 * GIB, "ok")]
)
def test_a_disk_is_full_at_its_floor(room: int, state: str) -> None:
    assert doctor.room_finding(room).state == state


def test_what_may_end_open_uploads_is_a_warning_and_nothing_is_said_where_nobody_looked() -> None:
    (found,) = doctor.risk_findings(["This is MinIO."])
    assert (found.state, found.detail) == ("warning", "This is MinIO.")
    assert found.advice
    assert [each.state for each in doctor.risk_findings([])] == ["ok"]
    assert doctor.risk_findings(None) == []


def test_each_media_job_needs_room_of_its_own() -> None:
    assert doctor.work_folder_finding(Path("work"), 15 * GIB, 1).state == "ok"
    assert doctor.work_folder_finding(Path("work"), 15 * GIB, 2).state == "warning"


def test_ffmpeg_without_landlock_is_a_warning() -> None:
    assert doctor.confinement_finding("rlimits").state == "warning"
    assert doctor.confinement_finding("rlimits+landlock-3").state == "ok"


def test_a_database_that_gives_up_durability_is_a_warning() -> None:
    assert doctor.durability_finding(durable=True).state == "ok"
    assert doctor.durability_finding(durable=False).advice


@pytest.mark.parametrize(
    ("version", "state"),
    [("5.1.9-0+deb12u1", "warning"), ("6.0", "warning"), ("6.1.1", "ok"), ("n9.0.2-17-g2a", "ok"),
     ("10.0", "ok"), ("", "warning")],
)  # fmt: skip
def test_an_ffmpeg_that_knows_no_hevc_by_rtmp_is_told(version: str, state: str) -> None:
    assert doctor.hevc_finding(version).state == state
