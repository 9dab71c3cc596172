"""``recorder doctor`` as operators run it: each thing that is wrong is named, with what to do."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support import footage, postgres, s3
from tests.support.servers import REPOSITORY

Findings = dict[str, dict[str, str]]


@pytest.fixture
def settings(
    postgres: postgres.Cluster,
    database_name: str,
    redis_url: str,
    versitygw: s3.S3Server,
    tmp_path: Path,
) -> dict[str, str]:
    return {
        "RECORDER_DATABASE_URL": postgres.url(database_name, "test_service"),
        "RECORDER_REDIS_URL": redis_url,
        "RECORDER_OBJECTS": "s3",
        "RECORDER_S3_ENDPOINT": versitygw.host,
        "RECORDER_S3_SECURE": "false",
        "RECORDER_S3_ACCESS_KEY": versitygw.access_key,
        "RECORDER_S3_SECRET_KEY": versitygw.secret_key,
        **{
            f"RECORDER_S3_BUCKET_{name}": f"{versitygw.bucket_prefix}{name.lower()}"
            for name in ("ORIGINALS", "RENDITIONS", "STAGING")
        },
        "RECORDER_SIGNING_KEY_FILE": str(tmp_path / "keys" / "signing.key"),
        "RECORDER_FFMPEG": footage.ffmpeg(),
        "RECORDER_WORK_FOLDER": str(tmp_path),
        "RECORDER_PUBLIC_URL": "https://evidence.example",
        "RECORDER_TRUSTED_PROXIES": "127.0.0.1",
    }


def examine(settings: Mapping[str, str], *words: str) -> tuple[int, Findings]:
    done = subprocess.run(
        [sys.executable, "-m", "recorder", "doctor", "--json", *words],
        cwd=REPOSITORY,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {line["name"]: line for line in lines}


async def make_buckets(settings: Mapping[str, str]) -> None:
    from recorder.config import read_config
    from recorder.runtime import open_deps

    async with open_deps(read_config({**settings, "RECORDER_S3_MAKE_BUCKETS": "true"})):
        pass


async def test_a_sound_deployment_is_found_sound(settings: dict[str, str]) -> None:
    await make_buckets(settings)
    code, found = await asyncio.to_thread(examine, settings)
    assert code == 0, found
    for name in ("settings", "database", "clock", "store", "redis", "signing key", "ffmpeg",
                 "addresses", "python", "open uploads"):  # fmt: skip
        assert found[name]["state"] == "ok", found[name]
    # The databases of the tests give durability up; the doctor must see that.
    assert found["durability"]["state"] == "warning"
    assert {"confinement", "sm3", "work folder"} <= set(found)


async def test_all_that_is_wrong_is_named_at_once(settings: dict[str, str], tmp_path: Path) -> None:
    key = tmp_path / "other.key"
    key.write_text("no key at all")
    code, found = await asyncio.to_thread(
        examine,
        {
            **settings,
            "RECORDER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "RECORDER_REDIS_URL": "redis://127.0.0.1:1/0",
            "RECORDER_SIGNING_KEY_FILE": str(key),
            "RECORDER_FFMPEG": str(tmp_path / "no-ffmpeg"),
            "RECORDER_WORK_FOLDER": str(tmp_path / "no-folder"),
            "RECORDER_TRUSTED_PROXIES": "",
        },
    )
    assert code == 1
    # No bucket has been made.
    for name in ("database", "store", "signing key", "ffmpeg", "work folder"):
        assert found[name]["state"] == "failing", found[name]
        assert found[name]["advice"], name
    for name in ("redis", "addresses"):
        assert found[name]["state"] == "warning", found[name]
        assert found[name]["advice"], name


async def test_a_bucket_without_lock_is_no_place_for_footage(settings: dict[str, str]) -> None:
    await make_buckets(settings)
    # Renditions keep versions and no locks: taken for originals, they must be found out.
    swapped = {
        **settings,
        "RECORDER_S3_BUCKET_ORIGINALS": settings["RECORDER_S3_BUCKET_RENDITIONS"],
    }
    code, found = await asyncio.to_thread(examine, swapped)
    assert (code, found["store"]["state"]) == (1, "failing")


async def test_a_tool_that_cannot_make_what_is_played_is_found_out(
    settings: dict[str, str],
) -> None:
    _, found = await asyncio.to_thread(examine, {**settings, "RECORDER_FFMPEG": sys.executable})
    assert found["ffmpeg"]["state"] == "failing", found["ffmpeg"]


async def test_the_owner_of_the_schema_is_too_strong_for_the_service(
    settings: dict[str, str], owner_database_url: str
) -> None:
    from recorder.store import server_facts

    facts = await server_facts.look(owner_database_url)
    assert facts.may_too_much
    assert facts.major >= 15
    plain = await server_facts.look(settings["RECORDER_DATABASE_URL"])
    assert not plain.may_too_much


def test_an_unknown_setting_is_the_first_thing_to_mend(settings: dict[str, str]) -> None:
    code, found = examine({**settings, "RECORDER_COLOUR": "red"})
    assert (code, found["settings"]["state"]) == (1, "failing")
    assert "RECORDER_COLOUR" in found["settings"]["detail"]
    assert found["settings"]["advice"]


def test_a_data_folder_is_examined_while_nothing_runs_on_it(tmp_path: Path) -> None:
    folder = tmp_path / "office"
    code, found = examine({}, "--data", str(folder))
    assert found["database"]["state"] == found["store"]["state"] == "ok", found
    assert code == (1 if found["disk"]["state"] == "failing" else 0)
    # A folder of something else stays as it is.
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear")
    code, found = examine({}, "--data", str(tmp_path / "letters"))
    assert (code, set(found)) == (1, {"data folder"})
    assert os.listdir(tmp_path / "letters") == ["a.txt"]
