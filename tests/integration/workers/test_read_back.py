"""Fixity: every sealed original is read back in its turn, and what is wrong is never silent."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from typing_extensions import override

from recorder.adapters.media import FfmpegTool
from recorder.adapters.objects import Bucket, StoredObject
from recorder.domain.people import Actor, ActorKind, Role
from recorder.errors import Unavailable
from recorder.ledger import canonical
from recorder.services import alarms, ingest
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.sealed import Sealed, with_store
from tests.support.senders import content
from tests.support.workshop import (
    deliver,
    events_of,
    look_up,
    open_alarms,
)
from workers.read_back import read_back


async def test_the_longest_unread_original_comes_first_and_only_what_is_due_is_read(
    sealed: Sealed,
) -> None:
    await read_back(sealed.deps)
    assert await sealed.looks() == [(3, 3, None), (2, 2, None), (1, 1, None)]
    sealed.bureau.clock.forward(days=88)
    deps, store = with_store(sealed.deps)
    await read_back(deps)
    assert await sealed.looks() == [(0, 0, None), (90, 90, None), (89, 89, None)]
    assert store.calls.count("read") == 1
    sealed.bureau.clock.forward(days=30)
    await read_back(deps)
    assert await sealed.looks() == [(30, 30, None), (0, 0, None), (0, 0, None)]
    assert await open_alarms(sealed.bureau) == []


async def test_a_batch_of_looks_is_one_event_whose_digest_can_be_made_again(
    sealed: Sealed,
) -> None:
    sealed.bureau.clock.forward(days=100)
    await read_back(sealed.deps)
    assert await sealed.facts("FixityChecked") == []
    sealed.bureau.clock.forward(hours=1)
    await read_back(sealed.deps)
    await read_back(sealed.deps)
    (batch,) = await sealed.facts("FixityChecked")
    assert (batch["objects"], batch["length"], batch["failing"]) == (3, 9000, 0)
    async with sealed.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT object_key, version, length_bytes, sha256, sm3 FROM original_object"
            " ORDER BY object_key"
        )
    lines = [
        canonical.encode(
            {
                "key": row["object_key"], "version": row["version"],
                "length": row["length_bytes"], "sha256": row["sha256"].hex(),
                "sm3": row["sm3"].hex(), "at": batch["first_at"], "failure": None,
            }
        )
        + b"\n"
        for row in rows
    ]  # fmt: skip
    assert batch["digest"] == hashlib.sha256(b"".join(lines)).hexdigest()


@pytest.mark.parametrize("reason", ["digest", "length", "missing"])
async def test_an_original_that_is_not_what_was_sealed_is_an_event_and_an_alarm(
    sealed: Sealed, reason: str
) -> None:
    before, _ = await look_up(sealed.bureau, sealed.recordings[0])
    path = await sealed.file()
    path.chmod(0o600)
    match reason:
        case "digest":
            await sealed.alter()
        case "length":
            path.write_bytes(path.read_bytes() + b"more")
        case _:
            path.unlink()
    sealed.bureau.clock.forward(days=88)
    await read_back(sealed.deps)
    (failed,) = await sealed.facts("FixityFailed")
    assert failed["reason"] == reason
    assert before.sha256 is not None
    assert (failed["sealed_sha256"], failed["sealed_length"]) == (before.sha256.hex(), 3000)
    ((code, severity, detail),) = await open_alarms(sealed.bureau)
    assert (code, severity) == ("fixity_failed", "critical")
    assert "is not what was sealed" in detail
    after, _ = await look_up(sealed.bureau, sealed.recordings[0])
    assert after == before, "what was sealed stays as it was"
    assert (await sealed.looks())[0] == (0, 91, reason)


async def test_a_failure_is_never_retried_into_silence(sealed: Sealed) -> None:
    whole = (await sealed.file()).read_bytes()
    await sealed.alter()
    sealed.bureau.clock.forward(days=88)
    await read_back(sealed.deps)
    # The same failure a day later: no second event while its alarm is open ...
    sealed.bureau.clock.forward(days=1, minutes=1)
    await read_back(sealed.deps)
    assert len(await sealed.facts("FixityFailed")) == 1
    assert await sealed.bureau.value("SELECT times FROM alarm") == 2
    # ... a new alarm where somebody cleared it although nothing has changed ...
    actor = sealed.bureau.actor()
    (alarm,) = (await alarms.list_alarms(sealed.deps, actor)).items
    await alarms.clear(sealed.deps, actor, alarm.id, "Nothing to see.")
    sealed.bureau.clock.forward(days=1, minutes=1)
    await read_back(sealed.deps)
    assert len(await open_alarms(sealed.bureau)) == 1
    # ... and where the bytes are right again that is an event: neither alarm nor failure go.
    (await sealed.file()).write_bytes(whole)
    sealed.bureau.clock.forward(days=1, minutes=1)
    await read_back(sealed.deps)
    names = await events_of(sealed.bureau, sealed.recordings[0])
    assert [name for name in names if name.startswith("Fixity")] == [
        "FixityFailed",
        "FixityRestored",
    ]
    assert len(await open_alarms(sealed.bureau)) == 1
    assert (await sealed.looks())[0] == (0, 0, "digest")
    # A second failure after that is a new fact.
    await sealed.alter()
    sealed.bureau.clock.forward(days=90, minutes=1)
    await read_back(sealed.deps)
    assert len(await sealed.facts("FixityFailed")) == 2


async def test_a_store_that_is_away_is_nobodys_failure(sealed: Sealed) -> None:
    sealed.bureau.clock.forward(days=100)
    deps, store = with_store(
        sealed.deps,
        Fault("read", When.BEFORE, times=9),
        Fault("ping", When.BEFORE, times=9),
    )
    for _ in range(8):
        with pytest.raises(Unavailable):
            await read_back(deps)
        sealed.bureau.clock.forward(hours=2)
    assert {failure for *_, failure in await sealed.looks()} == {None}
    store.faults = []
    await read_back(deps)
    assert [look[0] for look in await sealed.looks()] == [0, 0, 0]


async def test_one_object_that_the_store_cannot_give_holds_up_no_other_and_fails_in_the_end(
    sealed: Sealed,
) -> None:
    sealed.bureau.clock.forward(days=100)

    class Unreadable(FaultyObjects):
        @override
        async def stat(self, bucket: Bucket, key: str, version: str) -> StoredObject:
            if key == self.bad:
                raise Unavailable("store-unavailable", "Input/output error.")
            return await super().stat(bucket, key, version)

        bad = ""

    store = Unreadable(sealed.deps.objects)
    store.bad = (await look_up(sealed.bureau, sealed.recordings[0]))[1].key
    deps = dataclasses.replace(sealed.deps, objects=store)
    for attempt in range(5):
        assert await open_alarms(sealed.bureau) == [], attempt
        await read_back(deps)
        await read_back(deps)
        assert [look[2] for look in (await sealed.looks())[1:]] == [None, None]
        sealed.bureau.clock.forward(hours=1)
    assert [fact["reason"] for fact in await sealed.facts("FixityFailed")] == ["unreadable"]
    assert "Input/output error." in (await open_alarms(sealed.bureau))[0][2]


async def test_a_second_copy_is_kept_where_the_original_failed(
    sealed: Sealed, tool: FfmpegTool
) -> None:
    """It may be all that is left of the content."""
    before = await look_up(sealed.bureau, sealed.recordings[0])
    async with sealed.deps.database.acquire() as connection:
        device = await connection.fetchval("SELECT device_id FROM recording LIMIT 1")
    actor = Actor(
        ActorKind.DEVICE, str(device), "TA00716",
        role=Role.DEVICE, agency=sealed.bureau.ours, device=device,
    )  # fmt: skip
    for seed in (0, 1):
        await deliver(sealed.bureau, actor, content(3000, seed=seed), f"again{seed}.mp4")
    await sealed.alter()
    sealed.bureau.clock.forward(days=100)
    await read_back(sealed.deps)
    assert await ingest.release_duplicates(sealed.deps) == 1
    kept = await sealed.bureau.value(
        "SELECT recording_id FROM duplicate_object WHERE released_at IS NULL"
    )
    assert kept == before[0].id
