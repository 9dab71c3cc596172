"""``recorder admin``: the lines that operators and scripts rely on."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from minio import Minio

from recorder.config import read_config
from recorder.domain.people import Role
from recorder.errors import RecorderError
from recorder.ledger.note import NoteVerifier
from recorder.runtime import open_deps
from recorder.services import accounts, registry
from tests.support.s3 import S3Server

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"


def admin(
    environment: Mapping[str, str], *words: str, given: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "recorder", "admin", *words],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": "/", **environment},
        input=given,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def answer(environment: Mapping[str, str], *words: str, given: str = "") -> dict[str, str]:
    done = admin(environment, *words, "--json", given=given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "objects").mkdir()
    return {
        "RECORDER_DATABASE_URL": database_url,
        "RECORDER_OBJECTS_FOLDER": str(tmp_path / "objects"),
        "RECORDER_OBJECTS_FLOOR_BYTES": "0",
        "RECORDER_SIGNING_KEY_FILE": str(tmp_path / "signing.key"),
    }


async def test_devices_docks_people_and_tokens_are_added_for_use(
    environment: dict[str, str],
) -> None:
    device, dock, token, person = await asyncio.gather(
        asyncio.to_thread(answer, environment, "device", "add", "TA00716"),
        asyncio.to_thread(answer, environment, "dock", "add", "一楼", "--agency", "futian"),
        asyncio.to_thread(answer, environment, "token", "add", "feed", "--role", "supervisor"),
        asyncio.to_thread(
            answer,
            environment,
            *("user", "add", "wang", "--role", "officer", "--agency", "futian"),
            *("--officer", "100001", "--password-stdin"),
            given=f"{PASSWORD}\n",
        ),
    )
    assert (device["number"], device["agency"]) == ("TA00716", "local")
    assert (dock["agency"], person) == (
        "futian",
        {"login": "wang", "role": "officer", "agency": "futian"},
    )
    async with open_deps(read_config(environment)) as deps:
        roles = [
            (await accounts.actor_of_token(deps, added["token"])).role
            for added in (device, dock, token)
        ]
        assert roles == [Role.DEVICE, Role.DOCK, Role.SUPERVISOR]
        assert NoteVerifier.from_text(device["verifier_key"]) == deps.signer.verifier
        session = await accounts.sign_in(deps, login="wang", password=PASSWORD, address="192.0.2.1")
        assert session.person.officer == "100001"


async def test_the_life_of_a_device_from_enrolment_to_loss(environment: dict[str, str]) -> None:
    def life() -> str:
        answer(environment, "device", "add", "TA00716")
        code = answer(environment, "device", "enrol", "TA00716")["code"]
        answer(
            environment,
            *("device", "hand-over", "TA00716", "--officer", "100001"),
            *("--at", "2026-01-05T08:00:00+08:00"),
        )
        lost = answer(environment, "device", "lost", "TA00716", "--reason", "巡查时丢失")
        assert lost["state"] == "lost"
        assert answer(environment, "device", "activate", "TA00716", "--reason", "x")["number"]
        return code

    code = await asyncio.to_thread(life)
    async with open_deps(read_config(environment)) as deps:
        assert (await registry.enrol(deps, code)).device.number == "TA00716"


async def test_a_login_link_signs_in(environment: dict[str, str]) -> None:
    def link() -> str:
        line = ("user", "add", "wang", "--role", "supervisor", "--password-stdin")
        answer(environment, *line, given=PASSWORD)
        return answer(environment, "login-link", "wang")["secret"]

    secret = await asyncio.to_thread(link)
    async with open_deps(read_config(environment)) as deps:
        session = await accounts.sign_in_by_link(deps, secret=secret, address="192.0.2.1")
        assert session.person.login == "wang"


@pytest.mark.parametrize(
    ("words", "given", "sentence"),
    [
        (("token", "add", "x", "--role", "device"), "", "add the device instead"),
        (("user", "add", "a", "--role", "officer", "--password-stdin"), "short", "12 characters"),
        (("user", "add", "a", "--role", "officer"), "", "--password-stdin"),
        (("device", "lost", "TA1", "--reason", "x"), "", "no device TA1"),
        (("token", "revoke", "x", "--reason", "x"), "", "token_id"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    environment: dict[str, str], words: tuple[str, ...], given: str, sentence: str
) -> None:
    done = admin(environment, *words, "--json", given=given)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_adding_what_exists_is_refused(environment: dict[str, str]) -> None:
    answer(environment, "device", "add", "TA00716")
    done = admin(environment, "device", "add", "TA00716")
    assert (done.returncode, done.stdout) == (1, "")
    assert "There is a device TA00716 already." in done.stderr


def test_a_database_without_schema_is_named(
    environment: dict[str, str], empty_database_url: str
) -> None:
    done = admin(
        environment | {"RECORDER_DATABASE_URL": empty_database_url}, "device", "add", "TA00716"
    )
    assert done.returncode == 1
    assert "recorder migrate" in done.stderr


def test_a_data_folder_is_served_while_no_server_runs(tmp_path: Path) -> None:
    data = str(tmp_path / "office")
    before = answer({}, "--data", data, "device", "add", "TA00716")
    assert before["token"].startswith("rec_")
    after = admin({}, "device", "add", "TA00716", "--data", data)
    assert (after.returncode, after.stdout) == (1, "")
    assert "already" in after.stderr


async def test_an_unknown_setting_stops_the_command(environment: dict[str, str]) -> None:
    with pytest.raises(RecorderError):
        read_config(environment | {"RECORDER_DATABASE": "x"})
    done = await asyncio.to_thread(
        admin, environment | {"RECORDER_DATABASE": "x"}, "device", "add", "TA00716"
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "RECORDER_DATABASE" in done.stderr


async def test_a_bucket_is_fetched_with_keys_that_no_command_line_holds(
    environment: dict[str, str], versitygw: S3Server
) -> None:
    environment["RECORDER_FEED_PULL_NETWORKS"] = "127.0.0.1/32"
    bucket = f"{versitygw.bucket_prefix}cases"
    Minio(
        versitygw.host, versitygw.access_key, versitygw.secret_key,
        region=versitygw.region, secure=False,
    ).make_bucket(bucket)  # fmt: skip
    await asyncio.to_thread(answer, environment, "feed", "add", "market")
    words = ("feed", "pull", "market", "--bucket", f"{versitygw.endpoint}/{bucket}/2026/")
    keys = f"{versitygw.access_key}\n{versitygw.secret_key}\n"
    added = await asyncio.to_thread(answer, environment, *words, given=keys)
    assert added == {"name": "market", "kind": "bucket", "every_s": 60}
    refused = await asyncio.to_thread(admin, environment, *words, given="one\n")
    assert refused.returncode != 0
    assert "secret key" in refused.stderr
