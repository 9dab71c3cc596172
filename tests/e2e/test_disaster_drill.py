"""The database is destroyed, with real processes and commands: with an older backup only on an S3
store, with a fresh one and with none on a folder (each store with all of them:
tests/integration/services/test_rebuild.py, test_backup.py).

With a backup everything comes back as it was; with an older one, also what came in since; with
none, every recording with its digests and case numbers. Each time the audit reads every byte.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import postgres as databases
from tests.support import s3
from tests.support.drill import Installation, installation

CASES = ("深市监罚〔2026〕101号", "深市监罚〔2026〕102号", "深市监罚〔2026〕103号")
DEVICE = "TA00716"
_RECORDINGS = (
    "SELECT r.original_name, r.length_bytes, r.sha256, r.sm3, o.object_key, o.version, i.raw"
    " FROM recording r JOIN original_object o ON o.recording_id = r.id"
    " JOIN case_link l ON l.recording_id = r.id AND l.unlinked_at IS NULL"
    " JOIN case_identifier i ON i.case_id = l.case_id ORDER BY r.original_name"
)
_HANDOVERS = "SELECT officer, at FROM device_handover ORDER BY at"
_FLAGGED = "SELECT original_name FROM recording WHERE 'rebuilt' = ANY(flags) ORDER BY 1"
_EVENTS = "SELECT position, id, leaf FROM custody_event ORDER BY position"


@pytest.fixture
def on_a_folder(tmp_path: Path) -> dict[str, str]:
    """The settings of a folder store."""
    (tmp_path / "objects").mkdir()
    return {"RECORDER_OBJECTS_FOLDER": str(tmp_path / "objects")}


@pytest.fixture
def on_s3(versitygw: s3.S3Server) -> dict[str, str]:
    """The settings of an S3 store."""
    server = versitygw
    return {
        "RECORDER_OBJECTS": "s3",
        "RECORDER_S3_ENDPOINT": server.host,
        "RECORDER_S3_SECURE": "false",
        "RECORDER_S3_ACCESS_KEY": server.access_key,
        "RECORDER_S3_SECRET_KEY": server.secret_key,
        "RECORDER_S3_MAKE_BUCKETS": "true",
        **{
            f"RECORDER_S3_BUCKET_{name.upper()}": f"{server.bucket_prefix}drill-{name}"
            for name in ("originals", "renditions", "staging")
        },
    }


class Camera:
    """Clips of a device, sent by ``recorder upload``, which ends when each receipt fits."""

    def __init__(self, folder: Path, footage: Path) -> None:
        self._folder = folder
        self._clips = {
            "first.mp4": footage / "01_h264_1080p.mp4",
            "photo.jpg": footage / "15_photo.jpg",
            "later.mp4": footage / "08_faststart.mp4",
            "last.mp4": footage / "11_noaudio.mp4",
        }

    async def enrol(self, place: Installation) -> None:
        added = await place.told("admin", "device", "add", DEVICE, "--json")
        (self._folder / "token").write_text(str(added["token"]))
        (self._folder / "token").chmod(0o600)

    async def send(self, place: Installation, name: str, case: str, code: int = 0) -> str:
        clip = self._folder / name
        if not clip.exists():
            clip.write_bytes(self._clips[name].read_bytes())
        return await place.command(
            *("upload", clip, "--server", place.url, "--token-file", self._folder / "token"),
            *("--case", case, "--device", DEVICE, "--state", self._folder / "state", "--json"),
            *("--give-up-after", "4" if code else "100"),
            code=code,
        )


async def takes_nothing(place: Installation, camera: Camera, name: str) -> None:
    """Uploads are refused, and nothing is written for them."""
    async with place.running("serve"):
        out = await camera.send(place, name, CASES[2], code=1)
        assert "sealed" not in [json.loads(line).get("state") for line in out.splitlines()]
    assert name not in str(await place.rows("SELECT facts FROM upload"))


@pytest.mark.timeout(400)
async def test_a_destroyed_database_comes_back_from_an_older_backup_and_the_store(
    postgres: databases.Cluster, tmp_path: Path, footage: Path, on_s3: dict[str, str]
) -> None:
    camera, settings = Camera(tmp_path, footage), on_s3
    async with installation(postgres, tmp_path, settings) as place:
        await camera.enrol(place)
        await place.command("admin", "device", "hand-over", DEVICE, "--officer", "100001")
        # The backup is taken in the middle of work: what it knows as waiting is done after it.
        async with place.running("serve"):
            await camera.send(place, "photo.jpg", CASES[1], code=1)
        await place.command("backup", tmp_path / "older")
        async with place.running("serve", "work"):
            await camera.send(place, "photo.jpg", CASES[1])
            await camera.send(place, "later.mp4", CASES[0])
            await place.all_done()
        await place.audit()
        whole, handovers = await place.rows(_RECORDINGS), await place.rows(_HANDOVERS)
        assert [row[0] for row in whole] == ["later.mp4", "photo.jpg"]

    async with installation(postgres, tmp_path, settings) as place:
        assert "younger than the backup" in await place.command("restore", tmp_path / "older")
        await takes_nothing(place, camera, "last.mp4")
        assert "1 recordings written anew" in await place.command("rebuild")
        async with place.running("serve", "work"):
            await place.all_done()
            await camera.send(place, "last.mp4", CASES[2])
            await place.all_done()
        await place.audit()
        assert [row for row in await place.rows(_RECORDINGS) if row[0] != "last.mp4"] == whole
        assert await place.rows(_HANDOVERS) == handovers
        assert await place.rows(_FLAGGED) == [("later.mp4",)]


@pytest.mark.timeout(400)
async def test_a_destroyed_database_comes_back_from_a_backup_and_without_one(
    postgres: databases.Cluster, tmp_path: Path, footage: Path, on_a_folder: dict[str, str]
) -> None:
    camera, settings = Camera(tmp_path, footage), on_a_folder
    async with installation(postgres, tmp_path, settings) as place:
        await camera.enrol(place)
        await place.command("admin", "device", "hand-over", DEVICE, "--officer", "100001")
        async with place.running("serve", "work"):
            await camera.send(place, "first.mp4", CASES[0])
            await camera.send(place, "photo.jpg", CASES[1])
            await place.all_done()
        await place.command("backup", tmp_path / "backup")
        whole, events = await place.rows(_RECORDINGS), await place.rows(_EVENTS)
        handovers = await place.rows(_HANDOVERS)
        assert len(whole) == 2

    # A backup of the last moment: every row and every event is what it was.
    async with installation(postgres, tmp_path, settings) as place:
        await place.command("restore", tmp_path / "backup")
        assert await place.rows(_EVENTS) == events
        assert "0 recordings written anew" in await place.command("rebuild")
        await place.audit()
        assert await place.rows(_RECORDINGS) == whole
        assert await place.rows(_HANDOVERS) == handovers

    # No backup at all.
    async with installation(postgres, tmp_path, settings) as place:
        await camera.enrol(place)
        await takes_nothing(place, camera, "last.mp4")
        assert "2 recordings written anew" in await place.command("rebuild")
        async with place.running("work"):
            await place.all_done()
        await place.audit()
        assert await place.rows(_RECORDINGS) == whole
        assert await place.rows(_FLAGGED) == [("first.mp4",), ("photo.jpg",)]
        assert await place.rows(_HANDOVERS) == [], "the hand-over log comes back by a backup only"
