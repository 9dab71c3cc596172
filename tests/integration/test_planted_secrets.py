"""Planted secrets turn up in no log line, no answer, no finding of the doctor and no help text."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typing_extensions import override

from recorder.domain.people import OPERATOR, Role
from recorder.services import accounts, registry
from recorder.telemetry import JsonLines
from tests.support.servers import REPOSITORY
from tests.support.web_service import open_web_service

PLANT = "planted-7f3e9c"
COMMANDS = ("serve", "work", "migrate", "doctor", "admin", "audit", "backup", "restore", "rebuild")


@pytest.fixture
def settings(tmp_path: Path, free_port: int) -> dict[str, str]:
    """Addresses where nobody answers, with a secret in each place that takes one."""
    return {
        "RECORDER_DATABASE_URL": f"postgresql://who:{PLANT}-database@127.0.0.1:{free_port}/x",
        "RECORDER_REDIS_URL": f"redis://:{PLANT}-redis@127.0.0.1:{free_port}/0",
        "RECORDER_OBJECTS": "s3",
        "RECORDER_S3_ENDPOINT": f"127.0.0.1:{free_port}",
        "RECORDER_S3_SECURE": "false",
        "RECORDER_S3_ACCESS_KEY": f"{PLANT}-access",
        "RECORDER_S3_SECRET_KEY": f"{PLANT}-secret",
        "RECORDER_SIGNING_KEY_FILE": str(tmp_path / "signing.key"),
        "RECORDER_LOG_LEVEL": "debug",
    }


def said_by(settings: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "recorder", *words], cwd=REPOSITORY,
        env={**os.environ, **settings}, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_no_setting_of_this_place(settings: dict[str, str], command: str) -> None:
    said = said_by(settings, command, "--help")
    assert command in said
    assert PLANT not in said


@pytest.mark.parametrize("words", [("doctor",), ("doctor", "--json"), ("migrate",), ("audit",)])
def test_a_command_that_reaches_nothing_says_so_without_its_secrets(
    settings: dict[str, str], words: tuple[str, ...]
) -> None:
    said = said_by(settings, *words)
    assert said.strip()
    assert PLANT not in said


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Every log line of this process, at every level, as the service writes it."""
    written: list[str] = []

    class Keeping(logging.Handler):
        @override
        def emit(self, record: logging.LogRecord) -> None:
            written.append(JsonLines().format(record))

    root, handler = logging.getLogger(), Keeping()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


async def test_no_secret_of_a_request_stands_in_a_log_line_or_in_an_answer(
    database_url: str, tmp_path: Path, lines: list[str]
) -> None:
    async with open_web_service(database_url, tmp_path) as service:
        token = await service.token(Role.DEVICE)
        await accounts.add_person(
            service.deps, OPERATOR, login="li", role=Role.OFFICER, password=f"{PLANT}-password"
        )
        link = await accounts.make_login_link(service.deps, OPERATOR, login="li")
        device = await registry.add_device(service.deps, OPERATOR, number="D-1")
        code = await registry.enrolment_code(service.deps, OPERATOR, device=device.device.id)
        form = {"login": "li", "password": f"{PLANT}-password"}
        said = [
            await service.ask("POST", "/sign-in", data={**form, "password": f"{PLANT}-wrong"}),
            await service.ask("GET", f"/login/{link}"),
            await service.ask("GET", "/api/v1/me", f"rec_{PLANT}-token"),
            await service.ask("GET", "/api/v1/me", token),
            await service.ask("GET", f"/api/v1/recordings/{PLANT}/playback/{PLANT}-grant", token),
            await service.ask("POST", "/api/v1/devices/enrol", json={"code": f"{PLANT}-code"}),
            await service.ask("POST", "/api/v1/devices/enrol", json={"code": code, "x": PLANT}),
            await service.ask("GET", f"/api/v1/me?secret={PLANT}-query", token),
            await service.ask("GET", "/", headers={"Cookie": f"recorder_session={PLANT}-cookie"}),
        ]
        signed_in = await service.ask("POST", "/sign-in", data=form)
        cookie = signed_in.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
        await asyncio.sleep(0)
    assert signed_in.status == 303
    logged = "\n".join(lines)
    assert "sign-in" in logged
    for secret in (PLANT, token, link, code, cookie, device.token):
        assert secret not in logged
    answered = "".join(answer.content.decode() for answer in said)
    for secret in (PLANT, token, code):
        assert secret not in answered
