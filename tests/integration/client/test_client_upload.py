from __future__ import annotations

import asyncio
import hashlib
import os
from datetime import datetime
from pathlib import Path

import pytest

from recorder.client import FileProgress, FileState, Metadata, Uploader
from recorder.domain.case import Stage
from recorder.errors import InvalidInput, Locked
from recorder.ledger import receipt
from tests.integration.client.conftest import MakeFile, MakeUploader
from tests.support.tus_peer import Hold, TusPeer

MIB = 1024 * 1024


async def test_real_footage_arrives_byte_for_byte_with_its_receipt(
    peer: TusPeer, make_uploader: MakeUploader, footage: Path
) -> None:
    async with make_uploader() as uploader:
        results = await uploader.upload([footage])
    assert results
    for result in results:
        assert result.state is FileState.SEALED, result
        content = result.path.read_bytes()
        assert result.recording is not None
        assert peer.recordings[result.recording].content == content
        assert result.sha256 == hashlib.sha256(content).hexdigest()
        assert result.receipt is not None
        saved = receipt.verify(result.receipt.read_text(), [peer.signer.verifier])
        assert saved.recording == result.recording


async def test_a_long_file_goes_in_growing_bodies_of_a_twentieth_of_it_at_most(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("long.mp4", 70 * MIB + 12345)
    async with make_uploader() as uploader:
        (result,) = await uploader.upload([path])
    assert result.done
    assert result.recording is not None
    assert peer.recordings[result.recording].content == path.read_bytes()
    assert peer.body_bytes == path.stat().st_size
    # 1, 1 MiB and then 2 at a time: a cut costs a twentieth of the file at most.
    assert peer.count("patch") == 37


async def test_an_empty_file_is_a_recording_too(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    async with make_uploader() as uploader:
        (result,) = await uploader.upload([make_file("empty.mp4", 0)])
    assert result.state is FileState.SEALED
    assert peer.count("patch") == 0


async def test_the_service_is_told_all_that_is_known(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("TA00716_JX0227_20170623093621.MP4", 5000)
    said = Metadata(
        case_numbers=("穗综执字〔2026〕12号", "B-7"),
        stage=Stage.INVESTIGATION,
        officer="JX0227",
        device="TA00716",
        note="夜间",
    )
    async with make_uploader() as uploader:
        await uploader.upload([path], metadata=said)
    (upload,) = peer.uploads.values()
    clock = datetime.fromisoformat(upload.metadata.pop("device_clock_at").decode())
    assert clock.tzinfo is not None
    assert upload.metadata == {
        "filename": path.name.encode(),
        "filetype": b"video/mp4",
        "case_number": "穗综执字〔2026〕12号,B-7".encode(),
        "stage": b"investigation",
        "officer": b"JX0227",
        "device": b"TA00716",
        "note": "夜间".encode(),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest().encode(),
    }


async def test_the_digest_of_a_long_file_is_declared_only_on_request(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("long.mp4", 64 * MIB + 1)
    async with make_uploader() as uploader:
        await uploader.upload([path])
    async with make_uploader(hash_first=True) as uploader:
        await uploader.upload([path], metadata=Metadata(note="again"))
    first, second = peer.uploads.values()
    assert "sha256" not in first.metadata
    assert second.metadata["sha256"].decode() == hashlib.sha256(path.read_bytes()).hexdigest()


async def test_a_name_that_is_no_utf8_goes_out_with_its_own_bytes(
    peer: TusPeer, make_uploader: MakeUploader, card: Path
) -> None:
    raw = "执法记录.mp4".encode("gbk")
    path = Path(os.fsdecode(os.path.join(os.fsencode(card), raw)))
    path.write_bytes(b"footage")
    async with make_uploader() as uploader:
        (result,) = await uploader.upload([card])
        assert result.done
        (again,) = await uploader.upload([card])
    assert again.recording == result.recording
    (upload,) = peer.uploads.values()
    assert upload.metadata["filename"] == raw


async def test_several_files_are_sent_at_once_and_no_more_than_asked(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile, card: Path
) -> None:
    for number in range(8):
        make_file(f"{number}.mp4", 50_000)
    holds = [Hold(), Hold(), Hold()]
    for hold in holds:
        peer.plan("patch", hold)
    async with make_uploader(jobs=3) as uploader:
        work = asyncio.create_task(uploader.upload([card]))
        async with asyncio.timeout(60):
            for hold in holds:
                await hold.reached.wait()
        for hold in holds:
            hold.release.set()
        results = await work
    assert [result.path.name for result in results] == [f"{n}.mp4" for n in range(8)]
    assert all(result.done for result in results)
    assert peer.most_busy_bodies == 3


async def test_folders_are_walked_in_name_order_without_hidden_files_and_links(
    make_uploader: MakeUploader, make_file: MakeFile, card: Path, tmp_path: Path
) -> None:
    (card / "b").mkdir()
    for name in ("c.mp4", "b/1.mp4", "a.mp4", ".hidden.mp4"):
        make_file(name, 10)
    outside = tmp_path / "outside.txt"
    outside.write_text("private")
    (card / "link.mp4").symlink_to(outside)
    os.mkfifo(card / "pipe.mp4")
    async with make_uploader(state_dir=card / "state") as uploader:
        results = await uploader.upload([card, card / "a.mp4"])
    sent = [str(result.path.relative_to(card)) for result in results]
    assert sent == ["a.mp4", "b/1.mp4", "c.mp4"]


async def test_a_missing_file_fails_alone(
    make_uploader: MakeUploader, make_file: MakeFile, card: Path
) -> None:
    path = make_file("here.mp4", 10)
    async with make_uploader() as uploader:
        missing, present = await uploader.upload([card / "missing.mp4", path])
    assert (missing.state, missing.code) == (FileState.FAILED, "file-unreadable")
    assert present.done


async def test_a_second_run_sends_nothing_and_remembers_the_proof(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 10)
    async with make_uploader() as uploader:
        (first,) = await uploader.upload([path])
    asked = len(peer.requests)
    async with make_uploader() as uploader:
        (second,) = await uploader.upload([path])
    assert second == first
    assert len(peer.requests) == asked


async def test_a_lost_receipt_is_fetched_again_without_sending_the_file(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 10)
    async with make_uploader() as uploader:
        (first,) = await uploader.upload([path])
    assert first.receipt is not None
    first.receipt.unlink()
    async with make_uploader() as uploader:
        (second,) = await uploader.upload([path])
    assert second == first
    assert first.receipt.exists()
    assert peer.count("create") == 1


async def test_another_case_number_is_another_upload(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 10)
    async with make_uploader() as uploader:
        await uploader.upload([path], metadata=Metadata(case_numbers=("1",)))
        await uploader.upload([path], metadata=Metadata(case_numbers=("2",)))
    numbers = [upload.metadata["case_number"] for upload in peer.uploads.values()]
    assert numbers == [b"1", b"2"]


async def test_metadata_may_depend_on_the_file(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile, card: Path
) -> None:
    make_file("TA1.mp4", 10)
    make_file("TA2.mp4", 10)
    async with make_uploader(jobs=1) as uploader:
        await uploader.upload([card], metadata=lambda path: Metadata(device=path.stem))
    assert [up.metadata["device"] for up in peer.uploads.values()] == [b"TA1", b"TA2"]


async def test_progress_rises_to_the_length_and_ends_with_the_result(
    make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 3 * MIB)
    steps: list[FileProgress] = []
    async with make_uploader() as uploader:
        (result,) = await uploader.upload([path], progress=steps.append)
    sent = [step.sent for step in steps if step.state is FileState.SENDING]
    assert sent == sorted(sent)
    assert sent[-1] == 3 * MIB
    assert steps[-1].result == result


async def test_a_quarantined_recording_is_sealed_and_says_so(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    peer.state_shown, peer.quarantine_reasons = "quarantined", ["device_unknown"]
    path = make_file("a.mp4", 10)
    async with make_uploader() as uploader:
        (result,) = await uploader.upload([path])
        (again,) = await uploader.upload([path])
    assert result.state is again.state is FileState.QUARANTINED
    assert result.done
    assert again.done
    assert result.quarantine_reasons == ("device_unknown",)


async def test_a_state_folder_serves_one_client_at_a_time(make_uploader: MakeUploader) -> None:
    async with make_uploader():
        with pytest.raises(Locked, match="Another recorder client"):
            async with make_uploader():
                pass
    async with make_uploader():
        pass


@pytest.mark.parametrize("address", ["", "evidence.example", "ftp://evidence.example", "http://"])
def test_an_address_that_is_none_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no address of a service"):
        Uploader(address, "token", state_dir=tmp_path)


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nbreak", "令牌"])
def test_a_token_that_is_none_is_refused(token: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="token"):
        Uploader("http://127.0.0.1", token, state_dir=tmp_path)
