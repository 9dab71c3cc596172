"""Marks on recordings and reasons for their gaps: placed, withdrawn, explained, never removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.domain.gap_reason import InterruptionCause, InterruptionPlace
from recorder.domain.ids import LivestreamId, MarkId, RecordingId, new_uuid
from recorder.domain.livestream import PeriodCause
from recorder.domain.mark import KEYS, TEN_STEPS, Mark, MarkKind, MarkOrigin
from recorder.domain.people import Actor, ActorKind, Role
from recorder.errors import InvalidInput, NotFound, Unprocessable
from recorder.services import accounts, casework, live, review
from recorder.store import gap_reasons, marks
from recorder.web.pages import marking
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.streams import opened, put_init, take
from tests.support.workshop import deliver

BEGAN = datetime(2026, 3, 5, 6, 0, tzinfo=UTC)


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened_bureau:
        yield opened_bureau


async def push(
    bureau: Bureau, actor: Actor, livestream: LivestreamId, number: int, *, period: int, at_s: float
) -> None:
    """A second of media that the device says it made so long after the begin."""
    await live.put_segment(
        bureau.deps, actor, livestream,
        live.SegmentArrival(
            period=period, number=number, body=take().segments[number - 1],
            device_at=BEGAN + timedelta(seconds=at_s),
        ),
    )  # fmt: skip


async def streamed(bureau: Bureau, actor: Actor) -> LivestreamId:
    """Two seconds, a minute of nothing, two seconds; of the first two the first one comes late."""
    livestream = await opened(bureau.deps, actor)
    await put_init(bureau.deps, actor, livestream.id, take().init)
    await push(bureau, actor, livestream.id, 2, period=1, at_s=1)
    await put_init(bureau.deps, actor, livestream.id, take().init, 2, PeriodCause.RECONNECT)
    for number in (3, 4):
        await push(bureau, actor, livestream.id, number, period=2, at_s=57 + number)
    return livestream.id


async def at(bureau: Bureau, actor: Actor, livestream: LivestreamId, at_s: float, ms: int) -> None:
    await live.make_mark(
        bureau.deps, actor, livestream, kind=MarkKind.ANNOUNCEMENT, note="",
        shown_at=BEGAN + timedelta(seconds=at_s), media_ms=ms,
    )  # fmt: skip


async def closed(bureau: Bureau, actor: Actor, livestream: LivestreamId) -> RecordingId:
    found = await live.request_close(bureau.deps, actor, livestream, last=4)
    assert found.recording is not None
    return found.recording


async def test_marks_of_a_livestream_are_on_its_recording_where_their_picture_is(
    bureau: Bureau,
) -> None:
    device, person = await camera(bureau), bureau.actor()
    livestream = await streamed(bureau, device)
    # As the player counts that has not seen the first second.
    await at(bureau, person, livestream, 1.5, 500)
    await at(bureau, person, livestream, 60.25, 1250)
    await push(bureau, device, livestream, 1, period=1, at_s=0)
    recording = await closed(bureau, device, livestream)
    # One that somebody makes at the page that is still open.
    await at(bureau, person, livestream, 61.5, 2500)
    found = await review.recording_marks(bureau.deps, person, recording)
    # A segment lasts a second and what its sound needs to be whole.
    assert [mark.media_ms for mark in found] == [pytest.approx(ms, abs=90) for ms in
                                                 (1500, 2250, 3500)]  # fmt: skip
    assert {mark.recording for mark in found} == {recording}
    async with bureau.deps.database.acquire() as connection:
        assert await marks.of_recordings(connection, [recording]) == found


async def test_a_mark_of_a_recording_has_the_wall_time_of_its_picture(bureau: Bureau) -> None:
    device, person = await camera(bureau), bureau.actor(Role.OFFICER)
    livestream = await streamed(bureau, device)
    await push(bureau, device, livestream, 1, period=1, at_s=0)
    recording = await closed(bureau, device, livestream)
    mark = await review.mark_recording(
        bureau.deps, person, recording, kind=MarkKind.SEIZURE, media_ms=2250, note=" 账本 "
    )
    assert mark.shown_at is not None
    assert abs(mark.shown_at - BEGAN - timedelta(seconds=60.25)) < timedelta(seconds=0.1)
    assert (mark.note, mark.origin, mark.livestream) == ("账本", MarkOrigin.PERSON, None)
    with pytest.raises(Unprocessable) as raised:
        await review.mark_recording(
            bureau.deps, person, recording, kind=MarkKind.SEIZURE, media_ms=7_000
        )
    assert raised.value.code == "mark-time-invalid"
    assert (await bureau.event_names())[-1] == "RecordingMarked"


async def test_an_upload_is_marked_too_and_without_a_clock_there_is_no_wall_time(
    bureau: Bureau,
) -> None:
    device, person = await camera(bureau), bureau.actor()
    silent = await deliver(bureau, device, b"no media", "clip.mp4")
    said = await deliver(
        bureau, device, b"other media", "b.mp4", device_started_at="2026-03-05T14:00:00"
    )
    first = await review.mark_recording(
        bureau.deps, person, silent, kind=MarkKind.OTHER, media_ms=500
    )
    second = await review.mark_recording(
        bureau.deps, person, said, kind=MarkKind.ID_SHOWN, media_ms=1500
    )
    assert first.shown_at is None
    assert second.shown_at == BEGAN + timedelta(seconds=1.5)
    async with bureau.deps.database.acquire() as connection:
        found = await marks.of_recordings(connection, [said, silent])
    assert {mark.id for mark in found} == {first.id, second.id}


async def test_a_withdrawn_mark_stays_with_its_reason_and_counts_no_more(bureau: Bureau) -> None:
    device, person = await camera(bureau), bureau.actor()
    recording = await deliver(bureau, device, b"media", "clip.mp4")
    mark = await review.mark_recording(
        bureau.deps, person, recording, kind=MarkKind.WITNESS, media_ms=0
    )

    async def withdraw(reason: str, about: RecordingId = recording) -> None:
        await review.withdraw_mark(bureau.deps, person, about, mark.id, reason=reason)

    with pytest.raises(InvalidInput):
        await withdraw("  ")
    other = await deliver(bureau, device, b"another", "clip.mp4")
    with pytest.raises(NotFound):
        await withdraw("按错", other)
    await withdraw("按错")
    with pytest.raises(NotFound) as raised:
        await withdraw("再次")
    assert raised.value.code == "mark-not-found"
    (kept,) = await review.recording_marks(bureau.deps, person, recording)
    assert (kept.withdraw_reason, kept.withdrawn_by) == ("按错", person.name)
    async with bureau.deps.database.acquire() as connection:
        assert await marks.of_recordings(connection, [recording]) == []
    assert (await bureau.event_names()).count("RecordingMarkWithdrawn") == 1


async def test_only_who_sees_a_recording_marks_it_and_only_programs_tell_of_devices(
    bureau: Bureau,
) -> None:
    recording = await deliver(bureau, await camera(bureau), b"media", "clip.mp4")
    foreign = bureau.actor(agency=bureau.theirs)
    for call in (
        review.mark_recording(bureau.deps, foreign, recording, kind=MarkKind.OTHER, media_ms=0),
        review.recording_marks(bureau.deps, foreign, recording),
        review.withdraw_mark(bureau.deps, foreign, recording, MarkId(new_uuid()), reason="x"),
        review.gap_reasons_of(bureau.deps, foreign, recording),
    ):
        with pytest.raises(NotFound) as raised:
            await call
        assert raised.value.code == "recording-not-found"
    person = bureau.actor()
    with pytest.raises(Unprocessable) as refused:
        await review.mark_recording(
            bureau.deps, person, recording,
            kind=MarkKind.OTHER, media_ms=0, origin=MarkOrigin.DEVICE,
        )  # fmt: skip
    assert refused.value.code == "mark-origin-invalid"
    program = replace(person, kind=ActorKind.PROGRAM)
    mark = await review.mark_recording(
        bureau.deps, program, recording,
        kind=MarkKind.OTHER, media_ms=0, origin=MarkOrigin.DEVICE,
    )  # fmt: skip
    assert mark.origin is MarkOrigin.DEVICE


async def explain(bureau: Bureau, recording: RecordingId, **said: object) -> None:
    words: dict[str, object] = {
        "place": InterruptionPlace.GAP, "gap": 0, "cause": InterruptionCause.BATTERY, "note": "",
        "reported_at": None, **said,
    }  # fmt: skip
    await review.give_gap_reason(bureau.deps, bureau.actor(), recording, **words)  # type: ignore[arg-type]


async def test_a_gap_is_explained_as_it_was_at_the_closing_and_the_newest_reason_stands_last(
    bureau: Bureau,
) -> None:
    device = await camera(bureau)
    livestream = await streamed(bureau, device)
    await push(bureau, device, livestream, 1, period=1, at_s=0)
    recording = await closed(bureau, device, livestream)
    await explain(bureau, recording, begins_at=BEGAN - timedelta(days=1))
    bureau.clock.forward(seconds=1)
    await explain(bureau, recording, cause=InterruptionCause.OTHER, note="更换电池")
    bureau.clock.forward(seconds=1)
    await explain(
        bureau, recording, place=InterruptionPlace.END, gap=None,
        ends_at=BEGAN + timedelta(minutes=5),
    )  # fmt: skip
    async with bureau.deps.database.acquire() as connection:
        given = await gap_reasons.of_recordings(connection, [recording])
    spans = [
        (round((g.begins_at or BEGAN).timestamp() - BEGAN.timestamp()),
         round((g.ends_at or BEGAN).timestamp() - BEGAN.timestamp()))
        for g in given
    ]  # fmt: skip
    assert spans == [(2, 60), (2, 60), (62, 300)]
    assert [g.cause.value for g in given] == ["battery", "other", "battery"]
    assert (await bureau.event_names()).count("GapReasonGiven") == 3


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"gap": 1}, "gap-not-found"),
        ({"gap": None}, "gap-reason-invalid"),
        ({"place": InterruptionPlace.BEGIN}, "gap-reason-invalid"),
        ({"cause": InterruptionCause.OTHER, "note": " "}, "gap-reason-invalid"),
        ({"reported_at": datetime(2099, 1, 1, tzinfo=UTC)}, "gap-reason-invalid"),
        (
            {"place": InterruptionPlace.END, "gap": None, "ends_at": BEGAN - timedelta(hours=1)},
            "gap-reason-invalid",
        ),
    ],
)
async def test_a_reason_that_does_not_fit_is_refused(
    bureau: Bureau, said: dict[str, object], code: str
) -> None:
    recording = await deliver(
        bureau, await camera(bureau), b"media", "clip.mp4",
        device_started_at="2026-03-05T13:00:00", device_ended_at="2026-03-05T14:00:00",
    )  # fmt: skip
    with pytest.raises((InvalidInput, NotFound)) as raised:
        await explain(bureau, recording, **said)
    assert raised.value.code == code


async def test_a_case_says_what_its_footage_shows_by_marks_and_what_nobody_marked(
    bureau: Bureau,
) -> None:
    deps, officer, person = bureau.deps, await camera(bureau), bureau.actor()
    first = await deliver(
        bureau, officer, b"one", "1.mp4", case_number="深市监检〔2026〕7号",
        device_started_at="2026-03-05T14:00:00",
    )  # fmt: skip
    second = await deliver(bureau, officer, b"two", "2.mp4", case_number="深市监检〔2026〕7号")
    case = (await casework.find_cases(deps, person, number="深市监检〔2026〕7号")).items[0].id
    for recording, kind, ms in (
        (first, MarkKind.SCENE, 4_000),
        (first, MarkKind.SCENE, 2_000),
        (second, MarkKind.DOCUMENTS, 1_000),
        (second, MarkKind.ID_SHOWN, 1_000),
    ):
        made = await review.mark_recording(deps, person, recording, kind=kind, media_ms=ms)
    await review.withdraw_mark(deps, person, second, made.id, reason="误标")
    groups = dict(marking.shown_groups(await casework.case_marks(deps, person, case), False))
    assert list(groups) == ["law", "focus"]
    assert [
        (kind.value, seen and (seen.number, seen.recording, seen.shown_at))
        for kind, seen in groups["focus"]
    ] == [
        ("scene", (2, first, BEGAN + timedelta(seconds=2))),
        ("person", None),
        ("evidence", None),
        ("seizure", None),
        ("documents", (1, second, None)),
    ]
    assert "steps" in dict(marking.shown_groups([], True))


def test_each_kind_has_one_key_that_does_nothing_else_in_the_player() -> None:
    assert set(KEYS) == set(MarkKind)
    assert len(set(KEYS.values())) == len(KEYS)
    assert not set(KEYS.values()) & set(" ,.npmfl")
    assert [KEYS[step] for step in TEN_STEPS] == list("1234567890")


async def test_a_device_marks_its_running_livestream_by_its_key(bureau: Bureau) -> None:
    deps, device, chief = bureau.deps, await camera(bureau), bureau.actor(Role.SUPERVISOR)
    livestream = await streamed(bureau, device)
    key = await live.make_push_key(deps, device, livestream)
    by_key = await accounts.actor_of_token(deps, key.secret)
    said = BEGAN + timedelta(seconds=60.25)

    async def mark(actor: Actor, kind: MarkKind, shown_at: datetime | None = None) -> Mark:
        return await live.make_mark(deps, actor, livestream, kind=kind, shown_at=shown_at)

    # The answer was lost, or is late: said again it is the same one.
    # (Connections are there before, so that all of them ask at once.)
    await asyncio.gather(*(live.livestream_marks(deps, chief, livestream) for _ in range(4)))
    tries = (mark(device, MarkKind.ANNOUNCEMENT, said) for _ in range(4))
    first, *again = await asyncio.gather(*tries)
    assert again == [first] * 3
    later = said + timedelta(seconds=0.25)
    assert (await mark(by_key, MarkKind.SEIZURE, later)).origin is MarkOrigin.DEVICE
    # Without a time it is now, by the clock that the device gives its segments.
    (sight,) = await live.wall(deps, chief, only=livestream)
    now = await mark(device, MarkKind.ID_SHOWN)
    assert now.shown_at == bureau.clock.now() + timedelta(milliseconds=sight.clock_offset_ms or 0)
    for stranger in (await camera(bureau, "TA00999"), bureau.actor(agency=bureau.theirs)):
        with pytest.raises(NotFound):
            await mark(stranger, MarkKind.OTHER)
    assert sight.marks == 2
    await push(bureau, device, livestream, 1, period=1, at_s=0)
    recording = await closed(bureau, device, livestream)
    found = await review.recording_marks(deps, chief, recording)
    assert [one.kind.value for one in found] == ["announcement", "seizure", "id_shown"]
    assert {one.origin for one in found} == {MarkOrigin.DEVICE}
    assert [one.media_ms for one in found] == [pytest.approx(ms, abs=90) for ms in
                                               (2250, 2500, 4000)]  # fmt: skip
    assert (await bureau.event_names()).count("LivestreamMarked") == 3


async def test_what_a_device_marked_by_its_key_comes_with_the_upload(bureau: Bureau) -> None:
    deps, device = bureau.deps, await camera(bureau)
    recording = await deliver(
        bureau, device, b"footage", marks="announcement@1500,id_shown@30500,dance@1",
        device_started_at=BEGAN.isoformat(),
    )  # fmt: skip
    told = await review.recording_marks(deps, bureau.actor(), recording)
    assert [(each.kind, each.media_ms, each.origin, each.shown_at) for each in told] == [
        (MarkKind.ANNOUNCEMENT, 1500, MarkOrigin.DEVICE, BEGAN + timedelta(seconds=1.5)),
        (MarkKind.ID_SHOWN, 30500, MarkOrigin.DEVICE, BEGAN + timedelta(seconds=30.5)),
    ]
    assert await bureau.value("SELECT marks FROM recording WHERE id = $1", recording) == 2
    assert (await bureau.event_names()).count("RecordingMarked") == 2
    # A second copy adds nothing; a program's words are metadata.
    assert recording == await deliver(bureau, device, b"footage", marks="announcement@1500")
    assert len(await review.recording_marks(deps, bureau.actor(), recording)) == 2
    program = replace(bureau.actor(), kind=ActorKind.PROGRAM)
    other = await deliver(bureau, program, b"other", marks="seizure@0")
    (mark,) = await review.recording_marks(deps, bureau.actor(), other)
    assert (mark.origin, mark.shown_at) == (MarkOrigin.METADATA, None)
    await review.withdraw_mark(deps, bureau.actor(), other, mark.id, reason="误按")
