"""verify decides once: what the store gives back is what arrived and was declared, or it is not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from recorder.adapters.digests import fallback_sm3, new_sm3
from recorder.adapters.media import FfmpegTool
from recorder.domain.pipeline import WorkQueue
from recorder.domain.recording import Integrity
from recorder.domain.upload import MIB
from recorder.errors import Conflict, Unavailable
from recorder.services import review, tasks
from tests.support.bureau import Bureau
from tests.support.senders import content, sha256
from tests.support.workshop import (
    camera,
    deliver,
    events_of,
    look_up,
    open_alarms,
    runs,
    stored_file,
    work_off,
)
from workers.steps.digests import DoubleDigest, absorb, absorb_file


def alter(path: Path, change: str) -> None:
    """Change a stored file behind the store's back, as a broken disk or a thief does."""
    path.chmod(0o600)
    with path.open("r+b") as stored:
        match change:
            case "a byte":
                stored.seek(-7, os.SEEK_END)
                byte = stored.read(1)
                stored.seek(-1, os.SEEK_CUR)
                stored.write(bytes([byte[0] ^ 1]))
            case "longer":
                stored.seek(0, os.SEEK_END)
                stored.write(b"one more")
            case "shorter":
                stored.truncate(stored.seek(-9, os.SEEK_END))
            case _:
                stored.truncate(0)


@pytest.mark.parametrize("length", [0, 1, MIB - 1, 16 * MIB, 33 * MIB + 5])
async def test_what_arrived_is_sealed_with_both_digests(
    bureau: Bureau, tool: FfmpegTool, length: int
) -> None:
    sent = content(length)
    actor = await camera(bureau)
    recording = await deliver(bureau, actor, sent, sha256=sha256(sent).hex())
    await work_off(bureau.deps, tool, WorkQueue.IO)
    row, _ = await look_up(bureau, recording)
    sm3 = new_sm3()
    sm3.update(sent)
    assert (row.integrity, row.sha256, row.sm3) == (Integrity.SEALED, sha256(sent), sm3.digest())
    assert (await events_of(bureau, recording)).count("RecordingSealed") == 1


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ("a byte", "arrival_digests"),
        ("longer", "length"),
        ("shorter", "length, arrival_digests"),
        ("empty", "length, arrival_digests"),
    ],
)
async def test_a_stored_object_that_changed_is_mismatched_alarmed_and_has_no_receipt(
    bureau: Bureau, tool: FfmpegTool, change: str, reasons: str
) -> None:
    actor = await camera(bureau)
    recording = await deliver(bureau, actor, content(17 * MIB))
    _, original = await look_up(bureau, recording)
    alter(stored_file(bureau, original), change)
    assert await work_off(bureau.deps, tool, WorkQueue.IO) == 1
    row, _ = await look_up(bureau, recording)
    assert row.integrity is Integrity.MISMATCHED
    ((code, severity, detail),) = await open_alarms(bureau)
    assert (code, severity) == ("recording_mismatched", "critical")
    assert detail.endswith(f": {reasons}")
    with pytest.raises(Conflict) as refused:
        await review.receipt(bureau.deps, bureau.actor(), recording)
    assert refused.value.code == "receipt-never"
    assert "RecordingSealed" not in await events_of(bureau, recording)
    (offsets,) = [await bureau.value(
        "SELECT facts->'differing_offsets' FROM custody_event WHERE name = 'RecordingMismatched'"
    )]  # fmt: skip
    expected = {"a byte": [16 * MIB], "longer": [], "shorter": [16 * MIB], "empty": [0, 16 * MIB]}
    assert offsets == expected[change]


async def test_another_digest_than_the_device_declared_is_mismatched(
    bureau: Bureau, tool: FfmpegTool
) -> None:
    actor = await camera(bureau)
    recording = await deliver(bureau, actor, b"abc", sha256=sha256(b"abd").hex())
    await work_off(bureau.deps, tool, WorkQueue.IO)
    row, _ = await look_up(bureau, recording)
    assert (row.integrity, row.sha256) == (Integrity.MISMATCHED, sha256(b"abc"))
    assert [code for code, _, _ in await open_alarms(bureau)] == ["recording_mismatched"]


async def test_the_same_content_may_come_again_after_a_mismatch_and_is_then_sealed(
    bureau: Bureau, tool: FfmpegTool
) -> None:
    actor = await camera(bureau)
    first = await deliver(bureau, actor, content(5000))
    _, original = await look_up(bureau, first)
    alter(stored_file(bureau, original), "a byte")
    await work_off(bureau.deps, tool, WorkQueue.IO)
    second = await deliver(bureau, actor, content(5000))
    assert second != first
    await work_off(bureau.deps, tool, WorkQueue.IO)
    row, _ = await look_up(bureau, second)
    assert row.integrity is Integrity.SEALED


async def test_a_lost_original_fails_every_task_at_once_and_critically_and_is_never_a_loop(
    bureau: Bureau, tool: FfmpegTool
) -> None:
    actor = await camera(bureau)
    recording = await deliver(bureau, actor, content(5000))
    _, original = await look_up(bureau, recording)
    path = stored_file(bureau, original)
    kept = path.read_bytes()
    path.unlink()
    assert await work_off(bureau.deps, tool) == 2, "verify and probe, once each"
    failed = await runs(bureau, recording)
    assert {run.state for run in failed.values()} == {"failed"}
    assert {run.error_code for run in failed.values()} == {"original-missing"}
    alarms = await open_alarms(bureau)
    assert ("recording_mismatched", "critical") in [(code, s) for code, s, _ in alarms]
    row, _ = await look_up(bureau, recording)
    assert row.integrity is Integrity.RECEIVED
    bureau.clock.forward(days=1)
    assert await work_off(bureau.deps, tool) == 0
    # The store was restored from its backup; a person presses the button.
    path.write_bytes(kept)
    await tasks.retry(bureau.deps, bureau.actor(), failed["verify"].id)
    assert await work_off(bureau.deps, tool) == 1
    row, _ = await look_up(bureau, recording)
    assert row.integrity is Integrity.SEALED


async def test_spans_that_cross_blocks_and_groups_have_their_own_digests() -> None:
    sent = content(9 * MIB)
    spans = [1, 5 * MIB, 0, 3, 4 * MIB - 4]
    digest = DoubleDigest([length for length in spans if length])
    shown: list[int] = []

    async def blocks() -> AsyncIterator[bytes]:
        for start in range(0, len(sent), 700_001):
            yield sent[start : start + 700_001]

    await absorb(blocks(), [digest], shown.append)
    assert digest.sha256 == sha256(sent)
    begin, expected = 0, []
    for length in spans:
        if length:
            expected.append(sha256(sent[begin : begin + length]))
        begin += length
    assert digest.spans == expected
    assert shown[-1] == digest.length == len(sent)
    assert len(shown) > 1


async def test_a_local_file_is_read_once_into_all_digests(tmp_path: Path) -> None:
    sent = content(9 * MIB + 5)
    path = tmp_path / "original"
    path.write_bytes(sent)
    whole, spanned, shown = DoubleDigest(), DoubleDigest([5 * MIB, 4 * MIB + 5]), list[int]()
    await absorb_file(path, [whole, spanned], shown.append)
    slow = DoubleDigest()

    async def blocks() -> AsyncIterator[bytes]:
        yield sent

    await absorb(blocks(), [slow])
    assert (whole.sha256, whole.sm3) == (spanned.sha256, spanned.sm3) == (slow.sha256, slow.sm3)
    assert spanned.spans == [sha256(sent[: 5 * MIB]), sha256(sent[5 * MIB :])]
    assert whole.length == spanned.length == shown[-1] == len(sent)


async def test_a_local_file_that_cannot_be_read_is_a_store_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        await absorb_file(tmp_path, [DoubleDigest()])
    assert caught.value.code == "store-unavailable"


async def test_a_digest_that_fails_ends_the_reading(tmp_path: Path) -> None:
    class Broken(DoubleDigest):
        @override
        def update_sm3(self, group: list[bytes]) -> None:
            raise MemoryError("no more")

    path = tmp_path / "original"
    path.write_bytes(content(40 * MIB))
    with pytest.raises(MemoryError):
        await absorb_file(path, [Broken()])


async def test_reading_a_local_file_ends_with_its_task(tmp_path: Path) -> None:
    path = tmp_path / "endless"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    try:
        reading = asyncio.create_task(absorb_file(path, [DoubleDigest()]))
        os.write(descriptor, b"some")
        reading.cancel()
        os.write(descriptor, b"more")
        with pytest.raises(asyncio.CancelledError):
            await reading
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("make", [new_sm3, fallback_sm3], ids=["openssl", "fallback"])
def test_sm3_is_that_of_the_standard_whoever_computes_it(make: Callable[[], Any]) -> None:
    # GB/T 32905-2016, annex A, both examples.
    running = make()
    running.update(b"abc")
    assert running.digest().hex() == (
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )
    running = make()
    for _ in range(16):
        running.update(b"abcd")
    assert running.digest().hex() == (
        "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    )


async def test_mismatched_footage_is_prepared_and_played_all_the_same(
    bureau: Bureau, tool: FfmpegTool, footage: Path
) -> None:
    sent = (footage / "02_h265_hvc1.mp4").read_bytes()
    actor = await camera(bureau)
    recording = await deliver(bureau, actor, sent, "02_h265_hvc1.mp4", sha256="0" * 64)
    await work_off(bureau.deps, tool)
    row, _ = await look_up(bureau, recording)
    assert row.integrity is Integrity.MISMATCHED
    done = await runs(bureau, recording)
    assert {task: run.state for task, run in done.items()} == {
        "verify": "done", "probe": "done", "poster": "done", "codes": "done", "proxy": "done",
    }  # fmt: skip
    grant = await review.grant_playback(bureau.deps, bureau.actor(), recording)
    assert grant.media_type == "video/mp4"
