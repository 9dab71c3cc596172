from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from recorder.client import FileProgress, FileState
from recorder.ledger.note import NoteSigner
from tests.integration.client.conftest import MakeFile, MakeUploader
from tests.support.tus_peer import Hold, TusPeer


async def test_a_receipt_signed_by_another_key_is_no_receipt(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 10)
    peer.receipt_signer = NoteSigner.generate(peer.signer.name)
    async with make_uploader(delete_after_receipt=True) as uploader:
        (result,) = await uploader.upload([path])
    assert (result.state, result.code) == (FileState.FAILED, "receipt-signature-bad")
    assert path.exists()
    # The bytes are there; once the right key signs, nothing needs to be sent again.
    peer.receipt_signer = None
    async with make_uploader() as uploader:
        (again,) = await uploader.upload([path])
    assert again.done
    assert peer.count("create") == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sha256": "1" * 64}, "receipt-digest-mismatch"),
        (
            {"length": 11, "objects": [{"key": "x", "version": "1", "length": 11}]},
            "receipt-length-mismatch",
        ),
    ],
)
async def test_a_receipt_for_other_bytes_is_reported_and_the_file_is_sent_anew_next_time(
    peer: TusPeer,
    make_uploader: MakeUploader,
    make_file: MakeFile,
    changes: dict[str, object],
    code: str,
) -> None:
    path = make_file("a.mp4", 10)
    peer.receipt_changes = changes
    async with make_uploader(delete_after_receipt=True) as uploader:
        (result,) = await uploader.upload([path])
    assert (result.state, result.code) == (FileState.FAILED, code)
    assert path.exists()
    peer.receipt_changes = {}
    async with make_uploader() as uploader:
        (again,) = await uploader.upload([path])
    assert again.done
    assert peer.count("create") == 2


async def test_a_mismatched_recording_is_never_done(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 10)
    peer.integrity_shown = "mismatched"
    async with make_uploader(delete_after_receipt=True) as uploader:
        (result,) = await uploader.upload([path])
    assert (result.state, result.code) == (FileState.MISMATCHED, "recording-mismatched")
    assert not result.done
    assert path.exists()
    assert peer.count("receipt") == 0


async def test_the_seal_is_awaited(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    peer.polls_until_sealed = 4
    async with make_uploader() as uploader:
        (result,) = await uploader.upload([make_file("a.mp4", 10)])
    assert result.done
    assert peer.count("recording") == 4


async def test_a_recording_the_service_lost_is_sent_anew_next_time(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 10)
    peer.receipt_signer = NoteSigner.generate(peer.signer.name)
    async with make_uploader() as uploader:
        await uploader.upload([path])
    peer.receipt_signer = None
    peer.recordings.clear()
    async with make_uploader() as uploader:
        (lost,) = await uploader.upload([path])
        (again,) = await uploader.upload([path])
    assert lost.code == "recording-unknown"
    assert again.done


async def test_a_service_that_shows_another_key_than_before_gets_nothing(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    async with make_uploader() as uploader:
        await uploader.upload([make_file("a.mp4", 10)])
    peer.signer = NoteSigner.generate("peer.example")
    paths = [make_file("b.mp4", 10), make_file("c.mp4", 10)]
    async with make_uploader() as uploader:
        results = await uploader.upload(paths)
    assert [result.code for result in results] == ["service-key-changed"] * 2
    assert len(peer.uploads) == 1
    # The operator's word replaces the key, for this run and the next.
    async with make_uploader(verifier=peer.signer.verifier) as uploader:
        results = await uploader.upload(paths)
    assert all(result.done for result in results)
    async with make_uploader() as uploader:
        (result,) = await uploader.upload([make_file("d.mp4", 10)])
    assert result.done


async def test_a_given_key_is_believed_and_never_asked_for(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    stranger = NoteSigner.generate("peer.example").verifier
    async with make_uploader(verifier=stranger) as uploader:
        (result,) = await uploader.upload([make_file("a.mp4", 10)])
    assert result.code == "receipt-signature-bad"
    assert peer.count("key") == 0


async def test_a_local_file_is_deleted_only_after_its_receipt_is_on_disk(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 10)
    there: list[tuple[FileState, bool]] = []

    def look(step: FileProgress) -> None:
        there.append((step.state, path.exists()))

    async with make_uploader(delete_after_receipt=True) as uploader:
        (result,) = await uploader.upload([path], progress=look)
    assert result.deleted
    assert result.receipt is not None
    assert result.receipt.exists()
    assert [exists for state, exists in there if state is not FileState.SEALED] == [True] * (
        len(there) - 1
    )
    assert not path.exists()


async def test_without_the_wish_nothing_is_deleted(
    make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 10)
    async with make_uploader() as uploader:
        (result,) = await uploader.upload([path])
    assert not result.deleted
    assert path.exists()


async def test_a_file_that_changed_after_it_was_sent_is_not_deleted(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 10)
    steps: list[FileProgress] = []
    hold = Hold()
    peer.plan("recording", hold)
    async with make_uploader(delete_after_receipt=True) as uploader:
        work = asyncio.create_task(uploader.upload([path], progress=steps.append))
        async with asyncio.timeout(60):
            await hold.reached.wait()
        path.write_bytes(b"new footage")
        hold.release.set()
        (result,) = await work
    assert result.done
    assert not result.deleted
    assert path.read_bytes() == b"new footage"
    assert "was not deleted" in (steps[-1].notice or "")


async def test_a_later_run_reads_the_whole_file_again_before_it_deletes_it(
    make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    kept, gone = make_file("kept.mp4", 200_000), make_file("gone.mp4", 200_000)
    async with make_uploader() as uploader:
        await uploader.upload([kept, gone])
    _change_the_middle_unseen(kept)
    async with make_uploader(delete_after_receipt=True) as uploader:
        first, second = await uploader.upload([kept, gone])
    assert (first.deleted, second.deleted) == (False, True)
    assert kept.exists()
    assert not gone.exists()


def _change_the_middle_unseen(path: Path) -> None:
    """Other bytes under the same length and times: only reading them tells."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(100_000)
        file.write(b"tampered")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
