"""Every file of the footage set from its upload through all tasks, on real stores."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from minio import Minio

from recorder.adapters.media import FfmpegTool
from recorder.adapters.objects import Bucket
from recorder.domain.ids import RecordingId
from recorder.domain.recording import Integrity
from recorder.ledger import receipt as receipts
from recorder.services import ingest, review
from recorder.store import renditions
from recorder.store.renditions import Rendition
from tests.support.bureau import Bureau, open_bureau
from tests.support.s3 import S3Server
from tests.support.senders import sha256
from tests.support.workshop import (
    camera,
    deliver,
    events_of,
    look_up,
    open_alarms,
    runs,
    work_off,
)

README = Path(__file__).parents[2] / "footage/README.md"


@dataclass(frozen=True)
class Verdict:
    """A line of the set's own table."""

    words: str
    reason: str

    @property
    def can_be_shown(self) -> bool:
        return not self.words.startswith("not showable")

    @property
    def needs_proxy(self) -> bool:
        return "needs proxy" in self.words


def verdicts() -> dict[str, Verdict]:
    """File → verdict and reason word, as the README of the set promises them."""
    found = {}
    for line in README.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.match(r"\d\d_", cells[0]):
            for name in re.findall(r"\d\d_\w+\.\w+", cells[0]):
                found[name] = Verdict(cells[2], cells[3].strip("`"))
    return found


async def made_of(bureau: Bureau, recording: RecordingId) -> dict[str, Rendition]:
    async with bureau.deps.database.acquire() as connection:
        found = await renditions.of_recording(connection, recording)
    return {rendition.profile: rendition for rendition in found}


async def check_sealed(bureau: Bureau, recording: RecordingId, sent: bytes) -> None:
    row, original = await look_up(bureau, recording)
    assert row.integrity is Integrity.SEALED
    assert row.sha256 == sha256(sent) == original.sha256
    assert row.sm3 is not None
    assert row.sm3 == original.sm3
    text = await review.receipt(bureau.deps, bureau.actor(), recording)
    proven = receipts.verify(text, [bureau.deps.signer.verifier])
    assert (proven.sha256, proven.length) == (sha256(sent).hex(), len(sent))
    assert proven.object_version == original.version


async def check_lineage(bureau: Bureau, recording: RecordingId, made: Rendition) -> None:
    row, _ = await look_up(bureau, recording)
    blocks = bureau.deps.objects.read(Bucket.RENDITIONS, made.key, made.version)
    content = b"".join([block async for block in blocks])
    assert (len(content), sha256(content)) == (made.length, made.sha256)
    assert made.parent_sha256 in (None, row.sha256)
    assert len(made.parent_arrival_sha256) == 32
    assert made.tool == "ffmpeg"
    assert made.tool_version
    assert made.worker == bureau.deps.instance
    assert made.started_at <= made.finished_at
    assert {"{tool}", "{input}", "{output}"} <= set(made.arguments)
    places = [word for word in made.arguments if word.startswith("/") or "127.0.0.1" in word]
    assert places == []


async def test_every_file_is_sealed_with_its_verdict_and_what_can_be_shown_is_shown(
    bureau: Bureau, tool: FfmpegTool, footage: Path
) -> None:
    promised = verdicts()
    files = {path.name: path.read_bytes() for path in sorted(footage.iterdir()) if path.is_file()}
    assert set(files) == set(promised)
    arrived = {}
    for number, (name, sent) in enumerate(files.items()):
        # A camera each: two files of the set have the same content, one recording for one camera.
        actor = await camera(bureau, f"TA{number:05}")
        arrived[name] = await deliver(bureau, actor, sent, name)
    await asyncio.gather(*(work_off(bureau.deps, tool) for _ in range(3)))
    for name, recording in arrived.items():
        verdict = promised[name]
        await check_sealed(bureau, recording, files[name])
        row, _ = await look_up(bureau, recording)
        assert verdict.reason == "-" or verdict.reason in row.flags, name
        assert (row.showable != "none") is verdict.can_be_shown, name
        done = await runs(bureau, recording)
        assert {run.state for run in done.values()} == {"done"}, name
        made = await made_of(bureau, recording)
        has_pictures = row.showable not in ("none", "audio")
        expected = {"verify", "probe", *made} | ({"codes"} if has_pictures else set())
        assert set(done) == expected, name
        assert ("poster" in made) is has_pictures, name
        if verdict.needs_proxy and verdict.can_be_shown:
            assert "proxy" in made, name
        for rendition in made.values():
            await check_lineage(bureau, recording, rendition)
        seen = await review.recording(bureau.deps, bureau.actor(), recording)
        assert seen.playable.state == ("ready" if verdict.can_be_shown else "none"), name
    assert await open_alarms(bureau) == []


@asynccontextmanager
async def open_s3_bureau(
    database_url: str, folder: Path, server: S3Server
) -> AsyncIterator[Bureau]:
    async with open_bureau(
        database_url,
        folder,
        objects="s3",
        s3_endpoint=server.host,
        s3_secure="false",
        s3_access_key=server.access_key,
        s3_secret_key=server.secret_key,
        s3_bucket_originals=f"{server.bucket_prefix}originals",
        s3_bucket_renditions=f"{server.bucket_prefix}renditions",
        s3_bucket_staging=f"{server.bucket_prefix}staging",
        s3_make_buckets="true",
    ) as bureau:
        # A real store has its own clock and takes no lock that ends in its past.
        bureau.clock.at = datetime.now(UTC)
        ingest.begin(bureau.deps)
        yield bureau
        await ingest.shutdown(bureau.deps)


def hide_behind_newer_versions(server: S3Server, key: str) -> None:
    """What whoever stole the store's password could do to a locked object: write on top of it."""
    client = Minio(
        server.host, server.access_key, server.secret_key, secure=False, region=server.region
    )
    bucket = f"{server.bucket_prefix}originals"
    client.put_object(bucket, key, io.BytesIO(b"not it"), 6)
    client.remove_object(bucket, key)


async def test_on_s3_the_same_tasks_read_the_pinned_version(
    database_url: str, tmp_path: Path, versitygw: S3Server, tool: FfmpegTool, footage: Path
) -> None:
    async with open_s3_bureau(database_url, tmp_path, versitygw) as bureau:
        actor = await camera(bureau)
        names = ["01_h264_1080p.mp4", "05_mpegts.ts", "56_corrupt_middle.mp4", "54_zero.mp4"]
        sent = {name: (footage / name).read_bytes() for name in names}
        arrived = {name: await deliver(bureau, actor, sent[name], name) for name in names}
        for recording in arrived.values():
            _, original = await look_up(bureau, recording)
            await asyncio.to_thread(hide_behind_newer_versions, versitygw, original.key)
        await work_off(bureau.deps, tool)
        for name, recording in arrived.items():
            await check_sealed(bureau, recording, sent[name])
            made = await made_of(bureau, recording)
            assert ("proxy" in made) is (name in names[1:3])
            for rendition in made.values():
                await check_lineage(bureau, recording, rendition)
            assert "RecordingSealed" in await events_of(bureau, recording)
