"""The table of tasks: complete, started by the right events, and printed as it is."""

from __future__ import annotations

import inspect
import uuid
from datetime import UTC, datetime

import pytest

from recorder.domain.events import (
    CustodyEvent,
    MediaProbed,
    RecordingSealed,
    RecordingViewed,
    UploadCompleted,
)
from recorder.domain.ids import AgencyId
from recorder.domain.media import Showable
from recorder.domain.pipeline import (
    BACKGROUND_PRIORITY,
    PIPELINE,
    TASKS,
    URGENT_PRIORITY,
    started_by,
)
from tests.support.pipeline_page import PAGE, page
from workers.steps import STEPS

AGENCY = AgencyId(uuid.UUID(int=1))
SUBJECT = uuid.UUID(int=2)
AT = datetime(2026, 3, 5, tzinfo=UTC)


def probed(showable: str, *, needs_proxy: bool = False, **media: object) -> MediaProbed:
    return MediaProbed(
        subject=SUBJECT,
        agency=AGENCY,
        showable=showable,
        needs_proxy=needs_proxy,
        flags=(),
        tool="pyav",
        tool_version="1",
        media=media,
    )


def completed() -> UploadCompleted:
    return UploadCompleted(
        subject=SUBJECT,
        agency=AGENCY,
        upload=uuid.UUID(int=3),
        length=1,
        key="k",
        version="v",
        arrival_sha256=bytes(32),
        declared_sha256=None,
        original_name="n",
        device_number=None,
        officer=None,
        incomplete=True,
        flags=(),
    )


def names(event: CustodyEvent) -> set[str]:
    return {task.name for task in started_by(event)}


def test_every_task_has_a_step_and_every_step_is_a_task() -> None:
    assert set(STEPS) == {task.name for task in PIPELINE}
    assert set(TASKS) == set(STEPS)
    assert len(PIPELINE) == len(TASKS)
    assert all(inspect.iscoroutinefunction(step) for step in STEPS.values())


def test_an_upload_is_verified_and_probed_however_odd_it_is() -> None:
    assert names(completed()) == {"verify", "probe"}


@pytest.mark.parametrize("showable", list(Showable))
def test_a_poster_is_made_and_codes_are_read_where_there_is_a_picture(showable: Showable) -> None:
    expected = set() if showable in (Showable.NONE, Showable.AUDIO) else {"poster", "codes"}
    assert names(probed(showable.value)) == expected


def test_a_proxy_is_made_only_where_the_plan_needs_one() -> None:
    assert "proxy" in names(probed("transcode", needs_proxy=True))
    assert "proxy" in names(probed("audio", needs_proxy=True))
    assert "proxy" not in names(probed("as_is"))


def test_only_what_was_looked_at_quickly_is_examined() -> None:
    assert "examine" in names(probed("as_is", first_look=True))
    assert "examine" not in names(probed("as_is", first_look=False))


@pytest.mark.parametrize(
    ("objects", "started"),
    [
        (({"listed": 29},), set()),
        (({"listed": 30},), {"compact"}),
        (({"key": "k", "length": 1},), set()),
        ((), set()),
    ],
)
def test_only_livestreams_of_many_objects_are_compacted(
    objects: tuple[dict[str, object], ...], started: set[str]
) -> None:
    sealed = RecordingSealed(
        subject=SUBJECT, agency=AGENCY, length=1, sha256="", sm3="", device=None, officer=None,
        original_name="n", started_at=None, ended_at=None, received_at=AT, device_clock_at=None,
        clock_offset_ms=None, objects=objects, incomplete=False, checks=(),
    )  # fmt: skip
    assert names(sealed) == started


def test_only_what_nobody_waits_for_is_in_the_background() -> None:
    background = {task.name for task in PIPELINE if task.priority <= BACKGROUND_PRIORITY}
    assert background == {"compact"}


def test_only_what_a_viewer_waits_for_is_urgent() -> None:
    assert {task.name for task in PIPELINE if task.priority >= URGENT_PRIORITY} == {
        "probe",
        "poster",
    }


def test_looking_starts_no_work() -> None:
    assert started_by(RecordingViewed(subject=SUBJECT, agency=AGENCY)) == ()


def test_a_short_outage_of_the_store_spends_no_tasks_tries() -> None:
    waits_s = (1, 2, 5, 10, 30, 60, 120, 300)
    for task in PIPELINE:
        waited = sum(waits_s[min(n, len(waits_s) - 1)] for n in range(task.tries - 1))
        assert waited >= 600, task.name


def test_the_page_is_printed_from_the_table() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python -m tests.support.pipeline_page"
