"""Where footage comes from that a person brought: with the upload, later, and found by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.domain.case import CaseClass
from recorder.domain.people import OPERATOR, Actor, ActorKind, Role
from recorder.domain.provenance import ProvenanceKind
from recorder.errors import Forbidden, InvalidInput, NotFound, Unprocessable
from recorder.services import review, stating
from tests.support.bureau import Bureau, open_bureau
from tests.support.workshop import camera, deliver

HANDED = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened_bureau:
        yield opened_bureau


async def kinds(bureau: Bureau, **narrowed: str) -> list[str | None]:
    query = review.RecordingQuery(**narrowed)  # type: ignore[arg-type]
    found = await review.find_recordings(bureau.deps, OPERATOR, query)
    return [each.provenance for each in found.items]


async def test_what_the_party_hands_over_says_who_when_and_by_which_receipt(
    bureau: Bureau,
) -> None:
    clerk = bureau.actor(Role.OFFICER)
    recording = await deliver(
        bureau, clerk, b"by the party", provenance="party", provider="张三",
        handed_over_at="2026-03-01T10:00:00", provider_receipt="收2026-17", camera="phone",
    )  # fmt: skip
    said = await stating.provenance_of(bureau.deps, clerk, recording)
    assert said is not None
    assert (said.kind, said.provider, said.handed_over_at, said.receipt, said.stated_by) == (
        ProvenanceKind.PARTY, "张三", HANDED, "收2026-17", clerk.name,
    )  # fmt: skip
    found = (await review.recording(bureau.deps, clerk, recording)).recording
    assert (found.provenance, found.camera) == ("party", "phone")
    assert "ProvenanceStated" in await bureau.event_names()
    assert await kinds(bureau, provenance="party", camera="phone") == ["party"]
    assert await kinds(bureau, provenance="card") == []
    assert await kinds(bureau, camera="drone") == []


async def test_only_what_a_person_brings_without_a_word_is_unsaid(bureau: Bureau) -> None:
    device, clerk = await camera(bureau), bureau.actor(Role.OFFICER)
    by_device = await deliver(bureau, device, b"by the device")
    by_hand = await deliver(bureau, clerk, b"by hand", provenance="found it", provider="李四")
    program = Actor(ActorKind.PROGRAM, "p", "program", role=Role.OFFICER, agency=bureau.ours)
    in_its_name = await deliver(bureau, program, b"for the device", device=device.name)
    nobodys = await deliver(bureau, program, b"for nobody")
    told = {
        recording: (await review.recording(bureau.deps, OPERATOR, recording)).recording
        for recording in (by_device, by_hand, in_its_name, nobodys)
    }
    assert [told[each].provenance for each in told] == [None, "unsaid", None, "unsaid"]
    assert "metadata_malformed" in told[by_hand].flags
    assert await stating.provenance_of(bureau.deps, OPERATOR, by_hand) is None
    assert await kinds(bureau, provenance="unsaid") == ["unsaid", "unsaid"]


async def test_the_last_word_counts_and_the_events_keep_the_first(bureau: Bureau) -> None:
    clerk = bureau.actor()
    recording = await deliver(bureau, clerk, b"from a card")
    await stating.state_provenance(
        bureau.deps, clerk, recording, kind=ProvenanceKind.CARD, reason="采集站故障"
    )
    await stating.state_provenance(
        bureau.deps, clerk, recording, kind=ProvenanceKind.WITNESS, provider=" 王五 ",
        handed_over_at=HANDED,
    )  # fmt: skip
    said = await stating.provenance_of(bureau.deps, clerk, recording)
    assert said is not None
    assert (said.kind, said.provider, said.reason) == (ProvenanceKind.WITNESS, "王五", None)
    events = await review.recording_events(bureau.deps, clerk, recording)
    told = [each.facts for each in events if each.name == "ProvenanceStated"]
    assert [(fact["provenance_before"], fact["provenance"], fact["reason"]) for fact in told] == [
        ("unsaid", "card", "采集站故障"), ("card", "witness", None),
    ]  # fmt: skip
    stranger = bureau.actor(agency=bureau.theirs)
    with pytest.raises(NotFound):
        await stating.state_provenance(
            bureau.deps, stranger, recording, kind=ProvenanceKind.CARD, reason="越权"
        )


@pytest.mark.parametrize(
    ("kind", "provider", "after", "reason"),
    [
        (ProvenanceKind.PARTY, None, -1, "有"),
        (ProvenanceKind.SURVEILLANCE, " ", -1, None),
        (ProvenanceKind.ORGAN, "市局", None, None),
        (ProvenanceKind.PARTY, "张三", 1, None),
        (ProvenanceKind.CARD, "张三", -1, " "),
        (ProvenanceKind.OTHER, None, None, None),
    ],
)
async def test_what_a_person_says_is_whole(
    bureau: Bureau, kind: ProvenanceKind, provider: str | None, after: int | None,
    reason: str | None,
) -> None:  # fmt: skip
    recording = await bureau.recording()
    at = bureau.clock.now() + timedelta(seconds=after) if after is not None else None
    with pytest.raises(Unprocessable) as raised:
        await stating.state_provenance(
            bureau.deps, bureau.actor(), recording, kind=kind, provider=provider,
            handed_over_at=at, reason=reason,
        )  # fmt: skip
    assert raised.value.code == "provenance-incomplete"


async def test_a_recording_is_of_classes_by_itself(bureau: Bureau) -> None:
    deps, clerk, recording = bureau.deps, bureau.actor(), await bureau.recording()
    wanted = [CaseClass.MAJOR, CaseClass.OBSTRUCTION]
    with pytest.raises(InvalidInput):
        await stating.class_recording(deps, clerk, recording, classes=wanted, reason=" ")
    for _ in range(2):
        classed = await stating.class_recording(
            deps, clerk, recording, classes=wanted, reason="阻碍执法"
        )
        assert classed.classes == ("obstruction", "major")
    query = review.RecordingQuery(class_="major")
    assert [each.id for each in (await review.find_recordings(deps, clerk, query)).items] == [
        recording
    ]
    await stating.class_recording(deps, clerk, recording, classes=[], reason="误设")
    assert (await review.find_recordings(deps, clerk, query)).items == ()
    events = await review.recording_events(deps, clerk, recording)
    told = [each.facts for each in events if each.name == "RecordingClassed"]
    assert [(fact["before"], fact["classes"]) for fact in told] == [
        ([], ["obstruction", "major"]), (["obstruction", "major"], []),
    ]  # fmt: skip
    above = replace(bureau.actor(agency=bureau.theirs), below=(bureau.ours,))
    for classes in ([], wanted):
        with pytest.raises(Forbidden):
            await stating.class_recording(deps, above, recording, classes=classes, reason="x")
