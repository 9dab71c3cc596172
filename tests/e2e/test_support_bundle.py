"""``recorder support-bundle``: it tells what helps, and nothing of what was planted."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import asyncpg
import pytest

from recorder.domain.ids import new_uuid
from tests.support.product import Product, command, recorder_line, running_product
from tests.support.servers import REPOSITORY

CASE = "深市监罚〔2026〕7788号"
CAMERA, PERSON, LOGIN = "TA00777", "欧阳锋芒", "ouyang.fm"
FILE = "TA00777_440301_20260302101500"
PASSWORD = "correct horse of the bundle"
NOTE = "seen by Ouyang"
SECRET = "sesame-open-of-the-bundle"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_product() as running:
        yield running


def opened(path: Path) -> dict[str, str]:
    """The texts of a bundle; nothing else is in it."""
    with tarfile.open(path) as bundle:
        members = bundle.getmembers()
        assert all(member.isfile() and member.mode == 0o600 for member in members)
        texts = {}
        for member in members:
            file = bundle.extractfile(member)
            assert file is not None
            texts[member.name.removeprefix("recorder-support/")] = file.read().decode()
    assert path.stat().st_mode & 0o777 == 0o600
    return texts


def planted_in(texts: Mapping[str, str], words: list[str]) -> list[tuple[str, str]]:
    """Where a word that must not leave was found."""
    return [(name, word) for name, text in texts.items() for word in words if word in text]


async def plant(product: Product, footage: Path, folder: Path) -> list[str]:
    """A clip of a case, a person, a failed task, an alarm and logs that quote all of them."""
    device = await product.device(CAMERA)
    await product.admin(
        *("user", "add", LOGIN, "--name", PERSON, "--role", "officer", "--password-stdin"),
        given=PASSWORD,
    )
    clip = folder / f"{FILE}.mp4"
    clip.write_bytes((footage / "08_faststart.mp4").read_bytes())
    token = folder / "token.json"
    token.write_text(json.dumps({"token": device}))
    sent = await command(
        *("upload", "--server", product.url, "--token-file", str(token), "--json"),
        *("--state", str(folder / "state"), "--case", CASE, str(clip)),
    )
    assert sent.code == 0, sent.err
    async with product.database() as owner:
        await leave_words(owner)
    quoted = f"{CASE} {CAMERA} {PERSON} '{LOGIN}' {clip}"
    with (product.data / "log" / "web.log").open("a") as log:
        line = {"at": "2026-11-25T20:28:32+00:00", "level": "error", "message": f"no {quoted}",
                "file": clip.name, "error": f"ValueError: {quoted}"}  # fmt: skip
        log.write(json.dumps(line, ensure_ascii=False) + "\n")
    with (product.data / "log" / "postgres.log").open("a") as log:
        log.write(f"2026-11-25 20:28:32.100 UTC [8] ERROR:  no {quoted}\n")
        log.write(f"2026-11-25 20:28:32.100 UTC [8] DETAIL:  Key (a)=({LOGIN}) exists.\n")
        log.write(f"\tand {quoted}\n")
    key = (product.data / "keys" / "signing.key").read_text()
    secrets = [line for line in [*key.splitlines(), device, PASSWORD] if len(line) > 7]
    words = [CASE, CAMERA, PERSON, LOGIN, FILE, NOTE]
    return [*words, *secrets, *(word.rpartition("+")[2] for word in secrets)]


async def leave_words(owner: asyncpg.Connection) -> None:
    quoted = f"{CASE} {PERSON} {FILE}.mp4"
    agency = await owner.fetchval("SELECT id FROM agency")
    await owner.execute(
        "INSERT INTO task_run (id, task, queue, priority, subject_kind, subject_id, agency_id,"
        " due_at, created_at, state, error_code, error_detail, finished_at) VALUES ($1, 'proxy',"
        " 'media', 1, 'recording', $1, $2, now(), now(), 'failed', 'media-broken', $3, now())",
        new_uuid(),
        agency,
        quoted,
    )
    await owner.execute(
        "INSERT INTO alarm (id, code, severity, about_kind, about_id, detail, raised_at, seen_at,"
        " note, acknowledged_at, acknowledged_by)"
        " VALUES ($1, 'disk_low', 'warning', 'store', $2, $2, now(), now(), $3, now(), $4)",
        new_uuid(),
        quoted,
        NOTE,
        LOGIN,
    )


async def test_the_bundle_of_a_running_office_helps_and_tells_nothing_of_what_was_planted(
    product: Product, footage: Path, tmp_path: Path
) -> None:
    words = await plant(product, footage, tmp_path)
    audited = await command("audit", "--data", str(product.data), "--level", "presence")
    assert audited.code in (0, 1), audited.err
    path = tmp_path / "bundle.tar.gz"
    done = await command(
        "support-bundle", "--data", str(product.data), "--output", str(path), within=100
    )
    assert (done.code, done.err) == (0, "")
    texts = opened(path)
    assert planted_in(texts, words) == []
    assert {name for name in texts if "/" not in name} == {
        "README.txt", "versions.json", "settings.json", "doctor.json", "schema.json",
        "metrics.txt", "task_runs.json", "failed_runs.json", "uploads.json", "alarms.json",
        "events.json", "audits.json", "tables.json", "connections.json",
    }  # fmt: skip
    told = {name: json.loads(text) for name, text in texts.items() if name.endswith(".json")}
    assert told["settings.json"]["database_url"] == "(set)"
    assert {finding["name"] for finding in told["doctor.json"]} >= {"database", "store"}
    assert told["schema.json"][0]["name"] == "initial"
    assert "recorder_database_up 1.0" in texts["metrics.txt"]
    assert [run["error_code"] for run in told["failed_runs.json"]] == ["media-broken"]
    assert "disk_low" in {alarm["code"] for alarm in told["alarms.json"]}
    assert {"UploadCompleted", "AuditCompleted"} <= {e["name"] for e in told["events.json"]}
    assert told["audits.json"][0]["level"] == "presence"
    assert {"logs/web.log", "logs/postgres.log"} <= set(texts)
    assert '"message": "no …' in texts["logs/web.log"]
    assert "ERROR:  no …" in texts["logs/postgres.log"]
    # A second one does not go over the first.
    again = await command("support-bundle", "--data", str(product.data), "--output", str(path))
    assert (again.code, "exists" in again.err) == (1, True)


def bundle_of(environment: Mapping[str, str], path: Path) -> dict[str, str]:
    done = subprocess.run(
        recorder_line("support-bundle", "--output", str(path)),
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return opened(path)


def test_a_full_deployment_is_described_by_its_environment(
    database_url: str, tmp_path: Path
) -> None:
    environment = {
        "RECORDER_DATABASE_URL": database_url,
        "RECORDER_REDIS_URL": f"redis://:{SECRET}@127.0.0.1:9/0",
        "RECORDER_OBJECTS_FOLDER": str(tmp_path / "objects"),
        "RECORDER_SIGNING_KEY_FILE": str(tmp_path / "signing.key"),
    }
    texts = bundle_of(environment, tmp_path / "bundle.tar.gz")
    assert planted_in(texts, [SECRET, database_url]) == []
    assert json.loads(texts["tables.json"])
    assert not [name for name in texts if name.startswith("logs/")]


def test_there_is_a_bundle_although_nothing_answers(tmp_path: Path) -> None:
    environment = {
        "RECORDER_DATABASE_URL": f"postgresql://web:{SECRET}@127.0.0.1:9/recorder",
        "RECORDER_OBJECTS_FOLDER": str(tmp_path / "objects"),
        "RECORDER_SIGNING_KEY_FILE": str(tmp_path / "signing.key"),
    }
    texts = bundle_of(environment, tmp_path / "bundle.tar.gz")
    assert planted_in(texts, [SECRET]) == []
    assert json.loads(texts["error.json"])["code"] == "database-unavailable"
    (database,) = [f for f in json.loads(texts["doctor.json"]) if f["name"] == "database"]
    assert database["state"] == "failing"
    wrong = bundle_of({"RECORDER_NONSENSE": SECRET}, tmp_path / "wrong.tar.gz")
    assert json.loads(wrong["error.json"])["code"] == "configuration-invalid"
    assert planted_in(wrong, [SECRET]) == []
    assert json.loads(wrong["versions.json"])["recorder"]
