"""Who may not watch what is known again with the database gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.adapters.objects import Bucket
from recorder.domain.original_key import RESTRICTIONS
from recorder.domain.people import OPERATOR
from recorder.domain.restriction import RestrictionGround
from recorder.services import audit, ingest, live, restriction_notes, review
from recorder.services.rebuild import rebuild
from tests.support import postgres as databases
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.lost_database import new_database
from tests.support.streams import opened, put, put_init, take
from tests.support.workshop import deliver

BASIS = "当事人书面同意（2026-03-02）"


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened_bureau:
        ingest.begin(opened_bureau.deps)
        yield opened_bureau
        await ingest.shutdown(opened_bureau.deps)


async def notes(bureau: Bureau) -> int:
    return len(
        [each async for each in bureau.deps.objects.versions_below(Bucket.ORIGINALS, RESTRICTIONS)]
    )


async def test_restrictions_stand_again_after_a_rebuild_from_the_store_alone(
    bureau: Bureau, postgres: databases.Cluster
) -> None:
    deps, supervisor = bureau.deps, bureau.actor()
    device, sent = await camera(bureau), take()
    kept, lifted = [await deliver(bureau, device, content) for content in (b"kept", b"lifted")]
    livestream = await opened(deps, device)
    await put_init(deps, device, livestream.id, sent.init)
    await put(deps, device, livestream.id, 1, sent.segments[0])
    imposed = await review.restrict(
        deps, supervisor, kept, ground=RestrictionGround.PRIVATE_SPACE, basis=BASIS
    )
    wrong = await review.restrict(
        deps, supervisor, lifted, ground=RestrictionGround.MINOR, basis=BASIS
    )
    await live.restrict_livestream(
        deps, supervisor, livestream.id, ground=RestrictionGround.MINOR, basis=BASIS
    )
    assert await restriction_notes.note_restrictions(deps) == 3
    assert await restriction_notes.note_restrictions(deps) == 0
    await review.lift_restriction(deps, supervisor, lifted, wrong.id, reason="误设")
    # A worker that dies behind the note and before its row writes nothing twice.
    await bureau.value("UPDATE restriction SET noted_at = NULL")
    assert await restriction_notes.note_restrictions(deps) == 2
    assert await notes(bureau) == 4
    closed = await live.request_close(deps, device, livestream.id, last=1)
    assert await restriction_notes.note_restrictions(deps) == 1
    async with new_database(bureau, postgres) as after:
        report = await rebuild(after.deps, OPERATOR)
        assert (report.restrictions, report.findings) == (3, 0)
        assert closed.recording is not None
        grounds = [
            (await review.recording(after.deps, OPERATOR, each)).recording.restrictions
            for each in (kept, lifted, closed.recording)
        ]
        assert grounds == [("private_space",), (), ("minor",)]
        (again,) = await review.recording_restrictions(after.deps, OPERATOR, kept)
        assert (again.id, again.act, again.basis, again.imposed_by, again.imposed_at) == (
            (imposed.id, imposed.act, BASIS, supervisor.name, imposed.imposed_at)
        )
        found = await live.find_livestream(after.deps, OPERATOR, livestream.id)
        assert found.is_restricted
        assert (await rebuild(after.deps, OPERATOR)).restrictions == 0
        assert await restriction_notes.note_restrictions(after.deps) == 3
    assert await notes(bureau) == 5
    audited = await audit.run(deps, OPERATOR, level=audit.Level.PRESENCE)
    assert [
        each for each in audited.findings if RESTRICTIONS in f"{each.about} {each.detail}"
    ] == []


async def test_a_database_from_before_a_lifting_lifts_it_by_its_note(bureau: Bureau) -> None:
    deps, supervisor = bureau.deps, bureau.actor()
    recording = await deliver(bureau, await camera(bureau), b"footage")
    imposed = await review.restrict(
        deps, supervisor, recording, ground=RestrictionGround.MINOR, basis=BASIS
    )
    await review.lift_restriction(deps, supervisor, recording, imposed.id, reason="误设")
    await restriction_notes.note_restrictions(deps)
    await bureau.value(
        "UPDATE restriction SET lifted_at = NULL, lifted_by = NULL, lift_reason = NULL"
    )
    assert (await restriction_notes.restore(deps, OPERATOR)).restrictions == 0
    (again,) = await review.recording_restrictions(deps, OPERATOR, recording)
    assert (again.lift_reason, again.lifted_by) == ("误设", OPERATOR.name)


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"v":1}'])
async def test_a_note_that_cannot_be_read_is_told_and_hinders_no_other(
    bureau: Bureau, content: bytes
) -> None:
    deps = bureau.deps
    await deps.objects.put(Bucket.ORIGINALS, f"{RESTRICTIONS}x.json", [content])
    report = await rebuild(deps, OPERATOR)
    assert report.unreadable_sidecars == [f"{RESTRICTIONS}x.json"]
