from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from recorder.client import FileProgress, FileState, Limits, Metadata, RetryPolicy
from recorder.client.source import Identity
from tests.integration.client.conftest import MakeFile, MakeUploader
from tests.support.tus_peer import (
    Corrupt,
    Cut,
    Fault,
    Hold,
    LoseAnswer,
    Refuse,
    TusPeer,
)

MIB = 1024 * 1024


async def send(uploader_of: MakeUploader, path: Path, peer: TusPeer, **changes: object) -> None:
    """Send one file and see that it arrived as it is."""
    async with uploader_of(**changes) as uploader:
        (result,) = await uploader.upload([path])
    assert result.done, result
    assert result.recording is not None
    assert peer.recordings[result.recording].content == path.read_bytes()


async def interrupted(
    peer: TusPeer,
    uploader_of: MakeUploader,
    path: Path,
    *,
    after: int,
    metadata: Metadata | None = None,
) -> None:
    """Send a file and cancel while the body after the first ``after`` ones is under way."""
    hold = Hold()
    peer.plan("patch", hold, skip=after)
    async with uploader_of() as uploader:
        work = asyncio.create_task(uploader.upload([path], metadata=metadata))
        async with asyncio.timeout(60):
            await hold.reached.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    hold.release.set()


async def test_a_cut_connection_costs_no_more_than_the_body_under_way(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 20 * MIB)
    peer.plan("patch", Cut(100_000), skip=3, times=2)
    await send(make_uploader, path, peer)
    assert peer.count("create") == 1
    assert peer.count("head") == 2
    assert peer.body_bytes <= 1.1 * path.stat().st_size


@pytest.mark.parametrize(
    ("step", "skip"),
    [("create", 0), ("patch", 0), ("patch", 2), ("recording", 0), ("receipt", 0), ("key", 0)],
)
@pytest.mark.parametrize(
    "fault",
    [
        Refuse(500),
        Refuse(503, {"Retry-After": "0"}),
        Refuse(429, {"Retry-After": "0"}),
        Refuse(423),
        Refuse(507),
        Cut(0),
    ],
    ids=lambda fault: type(fault).__name__ + str(getattr(fault, "status", "")),
)
async def test_trouble_that_passes_is_waited_out(
    peer: TusPeer,
    make_uploader: MakeUploader,
    make_file: MakeFile,
    step: str,
    skip: int,
    fault: Fault,
) -> None:
    peer.plan(step, fault, skip=skip, times=2)
    await send(make_uploader, make_file("a.mp4", 5 * MIB), peer)


@pytest.mark.parametrize("skip", [0, 1, 3])
async def test_an_answer_lost_after_the_bytes_took_effect_sends_nothing_twice(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile, skip: int
) -> None:
    path = make_file("a.mp4", 8 * MIB)
    peer.plan("patch", LoseAnswer(), skip=skip)
    await send(make_uploader, path, peer)
    assert peer.body_bytes == path.stat().st_size
    assert len(peer.recordings) == 1


async def test_a_lost_answer_to_the_creation_leaves_only_an_empty_upload(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    peer.plan("create", LoseAnswer())
    await send(make_uploader, make_file("a.mp4", 2 * MIB), peer)
    assert sorted(len(upload.content) for upload in peer.uploads.values()) == [0, 2 * MIB]


async def test_a_refused_offset_is_asked_for(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    peer.plan("patch", Refuse(409), skip=1)
    await send(make_uploader, make_file("a.mp4", 5 * MIB), peer)
    assert peer.count("head") == 1


async def test_bytes_that_changed_on_the_way_are_sent_again(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    peer.plan("patch", Corrupt(), times=2)
    await send(make_uploader, make_file("a.mp4", 200_000), peer)
    # The whole file in vain, then the shortest body there is, then all of it in such ones.
    assert peer.body_bytes == 200_000 + 64 * 1024 + 200_000


@pytest.mark.parametrize("status", [404, 410])
async def test_an_upload_that_expired_is_begun_anew(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile, status: int
) -> None:
    peer.plan("patch", Refuse(status), skip=1)
    await send(make_uploader, make_file("a.mp4", 3 * MIB), peer)
    assert peer.count("create") == 2


async def test_a_wish_for_patience_is_granted(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    retry = RetryPolicy(base_seconds=0.5, draw=lambda low, high: high, sleep=sleep)
    peer.plan("patch", Refuse(503, {"Retry-After": "77"}))
    peer.plan("patch", Refuse(429))
    await send(make_uploader, make_file("a.mp4", 10), peer, retry=retry)
    assert slept == [77.5, 1.0]


async def test_a_service_that_stays_away_is_given_up_if_so_asked(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    retry = RetryPolicy(base_seconds=0.01, cap_seconds=0.05, give_up_after_seconds=0.3)
    paths = [make_file(f"{n}.mp4", 10) for n in range(5)]
    peer.plan("create", Refuse(503), times=10_000)
    async with make_uploader(retry=retry) as uploader:
        results = await uploader.upload(paths)
    assert {result.code for result in results} == {"gave-up"}
    assert "Planned trouble" in (results[0].error or "")


async def test_a_silent_service_counts_as_away(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    hold = Hold()
    peer.plan("patch", hold)
    limits = Limits(connect=5, stall=0.3, answer=0.3)
    await send(make_uploader, make_file("a.mp4", 2 * MIB), peer, limits=limits)
    hold.release.set()


async def test_a_reason_against_one_file_does_not_stop_the_others(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    problem = {"code": "upload-too-large", "title": "Too large", "detail": "At most 1 byte."}
    peer.plan("create", Refuse(413, problem=problem))
    paths = [make_file("a.mp4", 10), make_file("b.mp4", 10)]
    async with make_uploader(jobs=1) as uploader:
        first, second = await uploader.upload(paths)
    assert (first.code, first.error) == ("upload-too-large", "Too large: At most 1 byte.")
    assert second.done


async def test_a_refused_token_stops_everything(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile, card: Path
) -> None:
    for number in range(6):
        make_file(f"{number}.mp4", 10)
    async with make_uploader(token="stolen", jobs=2) as uploader:
        results = await uploader.upload([card])
    assert {result.code for result in results} == {"token-unknown"}
    assert len(results) == 6
    assert peer.uploads == {}


async def test_a_suspended_device_still_gets_its_footage_in(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    paths = [make_file("a.mp4", 10), make_file("b.mp4", 10)]
    suspended = {"code": "device-suspended", "title": "Device suspended", "detail": "It is."}
    for step in ("recording", "receipt"):
        peer.plan(step, Refuse(403, problem=suspended), times=100)
    async with make_uploader() as uploader:
        results = await uploader.upload(paths)
    assert [result.state for result in results] == [FileState.FAILED, FileState.FAILED]
    assert {result.code for result in results} == {"device-suspended"}
    assert all("has all bytes" in (result.error or "") for result in results)
    assert len(peer.recordings) == 2
    assert all(path.exists() for path in paths)


async def test_a_redirect_never_carries_the_token_away(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    peer.plan("create", Refuse(307, {"Location": "http://elsewhere.example/"}))
    async with make_uploader() as uploader:
        (result,) = await uploader.upload([make_file("a.mp4", 10)])
    assert result.code == "server-moved"


async def test_an_upload_address_on_another_host_is_refused(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    peer.plan("create", Refuse(201, {"Location": "http://elsewhere.example/upload"}))
    async with make_uploader() as uploader:
        (result,) = await uploader.upload([make_file("a.mp4", 10)])
    assert result.code == "location-elsewhere"


async def test_a_cancelled_upload_is_continued_by_the_next_client(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 70 * MIB)
    await interrupted(peer, make_uploader, path, after=12)
    (upload,) = peer.uploads.values()
    had = len(upload.content)
    assert had >= 16 * MIB
    before = peer.body_bytes
    await send(make_uploader, path, peer)
    assert peer.count("create") == 1
    assert peer.body_bytes - before <= path.stat().st_size - had + 16 * MIB


async def test_an_upload_begun_under_another_token_is_sent_anew(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 2 * MIB)
    await interrupted(peer, make_uploader, path, after=1)
    peer.token = "second-token"
    peer.plan("head", Refuse(403))
    await send(make_uploader, path, peer, token="second-token")
    assert peer.count("create") == 2


async def test_a_file_that_changes_while_it_is_sent_is_reported_and_sent_anew(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 70 * MIB)
    hold = Hold()
    peer.plan("patch", hold, skip=3)
    steps: list[FileProgress] = []
    async with make_uploader() as uploader:
        work = asyncio.create_task(uploader.upload([path], progress=steps.append))
        async with asyncio.timeout(60):
            await hold.reached.wait()
        with path.open("r+b") as file:
            file.write(b"rewritten")
        hold.release.set()
        (result,) = await work
    assert result.done
    assert any("source-changed" in (step.notice or "") for step in steps)
    assert result.recording is not None
    assert peer.recordings[result.recording].content == path.read_bytes()
    assert peer.count("create") == 2


async def test_a_file_that_is_cut_short_while_it_is_sent_is_sent_anew(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 10 * MIB)
    hold = Hold()
    peer.plan("patch", hold, skip=1)
    async with make_uploader() as uploader:
        work = asyncio.create_task(uploader.upload([path]))
        async with asyncio.timeout(60):
            await hold.reached.wait()
        os.truncate(path, 3 * MIB)
        hold.release.set()
        (result,) = await work
    assert result.done
    assert result.recording is not None
    assert len(peer.recordings[result.recording].content) == 3 * MIB


async def test_a_file_that_never_holds_still_is_given_up(
    make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 3 * MIB)

    def touch(step: FileProgress) -> None:
        if step.state is FileState.SENDING:
            status = path.stat()
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))

    async with make_uploader() as uploader:
        (result,) = await uploader.upload([path], progress=touch)
    assert (result.state, result.code) == (FileState.FAILED, "source-changed")


async def test_a_file_that_changed_between_two_runs_is_reported_and_sent_anew(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 3 * MIB)
    await interrupted(peer, make_uploader, path, after=1)
    path.write_bytes(b"something else")
    steps: list[FileProgress] = []
    async with make_uploader() as uploader:
        (result,) = await uploader.upload([path], progress=steps.append)
    assert result.done
    assert any("source-changed" in (step.notice or "") for step in steps)


async def test_a_card_that_is_mounted_again_continues_although_inodes_differ(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile, card: Path
) -> None:
    path = make_file("a.mp4", 4 * MIB)
    await interrupted(peer, make_uploader, path, after=2)
    before = Identity.of(path.stat())
    copy = card / "copy"
    copy.write_bytes(path.read_bytes())
    os.utime(copy, ns=(before.mtime_ns, before.mtime_ns))
    os.replace(copy, path)
    assert Identity.of(path.stat()).inode != before.inode
    await send(make_uploader, path, peer)
    assert peer.count("create") == 1


async def test_the_description_decides_which_upload_is_continued(
    peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 3 * MIB)
    await interrupted(peer, make_uploader, path, after=1, metadata=Metadata(officer="1"))
    async with make_uploader() as uploader:
        await uploader.upload([path], metadata=Metadata(officer="2"))
        await uploader.upload([path], metadata=Metadata(officer="1"))
    assert [up.metadata["officer"] for up in peer.uploads.values()] == [b"1", b"2"]
    assert all(upload.recording for upload in peer.uploads.values())
