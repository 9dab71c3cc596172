"""Beside a media server: a file is sent when nobody writes to it any more, whole, and once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

import pytest

from recorder.client import Uploader
from recorder.client.gateway import layout
from recorder.client.gateway.closing import Closing, Writer, writer_of
from recorder.client.gateway.pushing import Folder, Pusher
from recorder.domain.gateway import GatewayKind
from tests.integration.client.conftest import MakeUploader
from tests.support.tus_peer import TusPeer

SHANGHAI = ZoneInfo("Asia/Shanghai")


def pusher(folder: Path, uploader: Uploader, kind: GatewayKind) -> Pusher:
    place = Folder(place=folder, kind=kind)
    return Pusher(place, uploader, Closing(kind, settle_s=0), lambda _: None)


async def test_a_file_is_sent_when_its_writer_has_closed_it_and_again_if_it_grew_after_all(
    card: Path, make_uploader: MakeUploader, peer: TusPeer
) -> None:
    path = card / "live" / "D-1-1772440000.flv"
    path.parent.mkdir()
    for other in (".hidden.flv", "D-1-1772440000.flv.tmp", "index.m3u8"):
        (path.parent / other).write_bytes(b"x")
    async with make_uploader() as uploader:
        beside = pusher(card, uploader, GatewayKind.NGINX_RTMP)
        with path.open("wb") as writer:
            writer.write(b"first")
            writer.flush()
            assert writer_of(path) is Writer.SOMEBODY
            assert await beside.look() == []
            assert beside.waiting() == [path]
        sent = await beside.look()
        assert [(result.path, result.done) for result in sent] == [(path, True)]
        assert await beside.look() == []
        with path.open("ab") as writer:
            writer.write(b" and more")
        grown = await beside.look()
        assert grown[0].done
        assert grown[0].recording != sent[0].recording
        assert beside.waiting() == []
    assert peer.violations == []


async def test_a_file_that_could_not_be_sent_waits_while_others_go(
    card: Path, make_uploader: MakeUploader
) -> None:
    now = 1000.0
    good, bad = card / "good-1772440000.flv", card / "bad-1772440000.flv"
    async with make_uploader() as uploader:
        beside = pusher(card, uploader, GatewayKind.NGINX_RTMP)
        beside.monotonic = lambda: now
        beside.folder = Folder(place=card, kind=GatewayKind.NGINX_RTMP)
        for path in (good, bad):
            path.write_bytes(path.name.encode())
        bad.unlink()
        bad.symlink_to("/nowhere")
        assert [result.done for result in await beside.look()] == [True]
        bad.unlink()
        bad.write_bytes(b"back")
        assert [result.path for result in await beside.look()] == [bad]


def test_who_renames_is_believed_where_the_kernel_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "1.flv"
    path.write_bytes(b"x")

    def silent(_: Path) -> Writer:
        return Writer.UNKNOWN

    for kind in GatewayKind:
        closing = Closing(kind, settle_s=0, writer=silent)
        renames = kind in (GatewayKind.SRS, GatewayKind.ZLMEDIAKIT)
        assert closing.is_closed(path) is renames
        assert closing.unknown == (set() if renames else {path})
    assert not Closing(GatewayKind.SRS, settle_s=0).is_closed(tmp_path / "gone.flv")


def test_a_file_that_changed_between_two_looks_is_not_finished(tmp_path: Path) -> None:
    path, now = tmp_path / "1.flv", 0.0
    closing = Closing(GatewayKind.SRS, settle_s=2.0, monotonic=lambda: now)
    path.write_bytes(b"x")
    assert not closing.is_closed(path)
    now = 1.9
    assert not closing.is_closed(path)
    path.write_bytes(b"xx")
    now = 2.5
    assert not closing.is_closed(path)
    now = 4.5
    assert closing.is_closed(path)


@pytest.mark.parametrize(
    ("kind", "path", "stream", "started"),
    [
        ("nginx-rtmp", "live/D-1-1772440000.flv", "D-1", "2026-03-02T08:26:40"),
        ("nginx-rtmp", "D%201-1772440000.flv", "D 1", "2026-03-02T08:26:40"),
        ("srs", "live/D-1/1772440000500.flv", "D-1", "2026-03-02T08:26:40.500"),
        ("zlmediakit", "record/rtp/340200/2026-03-02/16-26-40-0.mp4", "340200",
         "2026-03-02T08:26:40"),
        ("zlmediakit", "live/D-1/2026-03-02/16-26-40.mp4", "D-1", "2026-03-02T08:26:40"),
        ("mediamtx", "live/D-1/2026-03-02_16-26-40-123456.mp4", "D-1", "2026-03-02T08:26:40"),
        ("mediamtx", "D-1/2026-03-02_08-26-40-123456Z.ts", "D-1", "2026-03-02T08:26:40"),
        ("mediamtx", "D-1/2026-03-02_16-26-40-123456+0800.mp4", "D-1", "2026-03-02T08:26:40"),
        ("mediamtx", "D-1/2026-02-30_16-26-40.mp4", "D-1", None),
        ("mediamtx", "notes.mp4", None, None),
        ("mediamtx", "D-1/2026-03-02_16-26-40+9999.mp4", "D-1", None),
    ],
)  # fmt: skip
def test_names_of_files_say_their_stream_and_beginning(
    kind: str, path: str, stream: str | None, started: str | None
) -> None:
    named = layout.read(GatewayKind(kind), PurePosixPath(path), SHANGHAI)
    assert named.stream == stream
    expected = datetime.fromisoformat(started).replace(tzinfo=UTC) if started else None
    assert named.started_at == expected


def test_a_stream_is_a_device_or_a_livestream(tmp_path: Path) -> None:
    livestream = "019cad8f-ac00-7d43-a8c9-5db991b5deb7"
    folder = Folder(place=tmp_path, kind=GatewayKind.SRS)
    told = folder.metadata(tmp_path / "live" / livestream / "1772440000500.flv")
    assert (told.livestream, told.device) == (livestream, None)
    assert told.path == f"live/{livestream}/1772440000500.flv"
    told = folder.metadata(tmp_path / "live" / "D-1" / "1772440000500.flv")
    assert (told.livestream, told.device) == (None, "D-1")
