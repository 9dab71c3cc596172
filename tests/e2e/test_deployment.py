"""A full deployment as deploy/ describes it: two replicas, a worker, an S3 store behind nginx."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.web.routes import ROUTES
from tests.support import footage, reverse_proxy, s3, servers
from tests.support.alert_rules import alerts, used
from tests.support.deployment import Deployment, open_deployment
from tests.support.relay import Relay
from tests.support.senders import content
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(180)

TUS = {"Tus-Resumable": "1.0.0"}
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory,
    redis_server: str,
    redis_databases: Iterator[int],
    versitygw_url: str,
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployment")
    redis_url = f"{redis_server}/{next(redis_databases)}"
    with open_deployment(folder, redis_url, s3.at(versitygw_url)) as running:
        yield running


@pytest.fixture(scope="module")
def token(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The token file of a camera."""
    file = tmp_path_factory.mktemp("camera") / "token.json"
    file.write_text(json.dumps(deployment.answer("admin", "device", "add", "TA00716")))
    file.chmod(0o600)
    return file


@pytest.fixture(scope="module")
def supervisor(deployment: Deployment) -> str:
    """The token of somebody who may see everything."""
    return deployment.answer("admin", "token", "add", "feed", "--role", "supervisor")["token"]


def bearer(token: Path | str) -> dict[str, str]:
    word = json.loads(token.read_text())["token"] if isinstance(token, Path) else token
    return {"Authorization": f"Bearer {word}"}


def trusted(deployment: Deployment) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=os.fspath(deployment.certificate))


def ask(
    deployment: Deployment,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> tuple[http.client.HTTPResponse, bytes]:
    """One request through nginx, and its whole answer."""
    connection = http.client.HTTPSConnection(
        "127.0.0.1", deployment.port, context=trusted(deployment), timeout=30
    )
    with contextlib.closing(connection):
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer, answer.read()


def head_of(port: int, path: str, headers: Mapping[str, str]) -> int:
    """Where a replica says that an upload stands, asked past nginx."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as direct:
        direct.request("HEAD", path, headers={**TUS, **headers})
        answer = direct.getresponse()
        answer.read()
        assert answer.status == 200
        return int(answer.headers["Upload-Offset"])


@asynccontextmanager
async def patching(
    deployment: Deployment, path: str, headers: Mapping[str, str], length: int
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A PATCH through nginx whose head has been sent and whose body the test sends itself."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", deployment.port, ssl=trusted(deployment)
    )
    try:
        lines = {
            "Host": f"127.0.0.1:{deployment.port}",
            **TUS,
            "Upload-Offset": "0",
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(length),
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"PATCH {path} HTTP/1.1\r\n{head}\r\n".encode())
        await writer.drain()
        yield reader, writer
    finally:
        writer.transport.abort()


def create(deployment: Deployment, token: Path, length: int, **metadata: str) -> str:
    """The path of a new upload."""
    told = ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items()
    )
    headers = {**TUS, **bearer(token), "Upload-Length": str(length), "Upload-Metadata": told}
    answer, said = ask(deployment, "POST", "/api/v1/uploads", headers)
    assert answer.status == 201, said
    return answer.headers["Location"]


async def holder_of(deployment: Deployment, path: str) -> int:
    """The process that takes this upload."""
    upload = path.rpartition("/")[2]

    async def held() -> tuple[int, datetime] | None:
        return await deployment.holder(upload)

    found: tuple[int, datetime] = await eventually(held, within=10, what="a holder")
    return found[0]


async def test_a_clip_arrives_whole_although_the_replica_that_takes_it_is_killed(
    deployment: Deployment, token: Path, supervisor: str, tmp_path: Path
) -> None:
    clip = tmp_path / "TA00716_440301_20260302101500.mp4"
    sent = await asyncio.to_thread(footage.small_clip, clip)
    assert len(sent) > 4 * MIB
    async with Relay(deployment.port, hold_after=2_700_000) as relay:
        client = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "recorder", "upload"),
            *("--server", relay.url.replace("http:", "https:"), "--token-file", str(token)),
            *("--ca-file", str(deployment.certificate), "--state", str(tmp_path / "state")),
            *("--json", "--case", "深市监罚〔2026〕12号", str(clip)),
            cwd=servers.REPOSITORY,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(60):
                await relay.reached.wait()
            since = datetime.now(UTC)

            async def held() -> int | None:
                # Only a replica with the body of a PATCH on its hands goes on showing life.
                now = await deployment.holder()
                return now[0] if now and now[1] > since else None

            pid: int = await eventually(held, within=15, what="a replica that shows life")
            victim, survivor = deployment.replica_of(pid)
            os.kill(pid, signal.SIGKILL)
            await asyncio.to_thread(victim.server.leash.wait, 20)
            relay.release()
            async with asyncio.timeout(90):
                out, words = await client.communicate()
        finally:
            if client.returncode is None:
                client.kill()
                await client.wait()
    assert client.returncode == 0, words.decode()
    told = json.loads(out)
    assert told["sha256"] == hashlib.sha256(sent).hexdigest()
    assert told["state"] in ("sealed", "quarantined")
    assert re.search(rf"PATCH 50[23] .* by=127\.0\.0\.1:{victim.port}:", deployment.proxy_log())
    assert f"by=127.0.0.1:{survivor.port}:204" in deployment.proxy_log()
    await asyncio.to_thread(victim.start_again)
    await it_plays_and_downloads(deployment, supervisor, told["recording"], sent)


async def it_plays_and_downloads(
    deployment: Deployment, supervisor: str, recording: str, sent: bytes
) -> None:
    """Playback and original come through nginx as they were sent, whole and in ranges."""
    path, viewer = f"/api/v1/recordings/{recording}", bearer(supervisor)

    async def grant() -> str | None:
        answer, said = await asyncio.to_thread(ask, deployment, "GET", f"{path}/playback", viewer)
        return str(json.loads(said)["url"]) if answer.status == 200 else None

    playback: str = await eventually(grant, within=60, what="playback")
    for address in (playback, f"{path}/original"):
        whole, said = await asyncio.to_thread(ask, deployment, "GET", address, viewer)
        assert (whole.status, said == sent) == (200, True)
        first, last = 1_000_003, 3_000_017
        ranged = {**viewer, "Range": f"bytes={first}-{last}"}
        part, said = await asyncio.to_thread(ask, deployment, "GET", address, ranged)
        assert (part.status, said == sent[first : last + 1]) == (206, True)
        assert part.headers["Content-Range"] == f"bytes {first}-{last}/{len(sent)}"


async def test_bytes_of_an_upload_reach_the_service_while_they_are_sent(
    deployment: Deployment, token: Path
) -> None:
    sent = content(3 * MIB, seed=7)
    half = len(sent) // 2
    path = create(deployment, token, len(sent), filename="half.bin")
    async with patching(deployment, path, bearer(token), len(sent)) as (reader, writer):
        writer.write(sent[:half])
        await writer.drain()
        _, other = deployment.replica_of(await holder_of(deployment, path))

        async def arrived() -> bool:
            where = await asyncio.to_thread(head_of, other.port, path, bearer(token))
            assert where <= half
            return where == half

        # The other half has not left this test, so nobody can have waited for it.
        all_there: bool = await eventually(arrived, within=20, what="half of the body")
        assert all_there
        writer.write(sent[half:])
        await writer.drain()
        async with asyncio.timeout(60):
            status = await reader.readline()
    assert status.startswith(b"HTTP/1.1 204 "), status
    assert head_of(other.port, path, bearer(token)) == len(sent)


async def test_what_arrived_before_the_sender_vanished_is_kept(
    deployment: Deployment, token: Path
) -> None:
    sent = content(2 * MIB, seed=8)
    path = create(deployment, token, len(sent), filename="cut.bin")
    async with patching(deployment, path, bearer(token), len(sent)) as (_, writer):
        writer.write(sent[:MIB])
        await writer.drain()
        await holder_of(deployment, path)

    def kept_bytes() -> int:
        return head_of(deployment.replicas[0].port, path, bearer(token))

    kept = await eventually(kept_bytes, within=20, what="the bytes that arrived")
    rest = {**TUS, **bearer(token), "Upload-Offset": str(kept),
            "Content-Type": "application/offset+octet-stream"}  # fmt: skip
    answer, _ = await asyncio.to_thread(ask, deployment, "PATCH", path, rest, sent[kept:])
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(len(sent)))


async def test_a_sender_that_waits_for_100_continue_is_served_or_refused(
    deployment: Deployment, token: Path
) -> None:
    sent = content(300_000, seed=9)
    path = create(deployment, token, len(sent), filename="continue.bin")
    for headers, status in (
        ({"Authorization": "Bearer rec_wrong"}, b"401"),
        (bearer(token), b"204"),
    ):
        waiting = {**headers, "Expect": "100-continue"}
        async with patching(deployment, path, waiting, len(sent)) as (reader, writer):
            async with asyncio.timeout(60):
                first = await reader.readline()
                if first.startswith(b"HTTP/1.1 100 "):
                    assert await reader.readline() == b"\r\n"
                    writer.write(sent)
                    first = await reader.readline()
        assert first.split()[1] == status, first


def test_everything_a_clip_can_say_about_itself_passes(deployment: Deployment, token: Path) -> None:
    path = create(deployment, token, 10, filename="long.mp4", note="长" * 7_000)
    assert head_of(deployment.replicas[1].port, path, bearer(token)) == 0


def test_security_headers_come_once_and_metrics_stay_inside(
    deployment: Deployment, supervisor: str
) -> None:
    answer, _ = ask(deployment, "GET", "/sign-in", {})
    assert answer.status == 200
    names = [name.lower() for name, _ in answer.getheaders()]
    for name in ("content-security-policy", "x-content-type-options", "x-frame-options",
                 "referrer-policy", "strict-transport-security"):  # fmt: skip
        assert names.count(name) == 1, name
    assert "Secure" in (answer.headers["Set-Cookie"] or "Secure")
    assert ask(deployment, "GET", "/metrics", bearer(supervisor))[0].status == 404
    assert ask(deployment, "GET", "/healthz", {})[0].status == 200


def test_every_figure_that_an_alert_asks_for_is_told_by_a_process(deployment: Deployment) -> None:
    told = {kind: deployment.figures_of(kind) for kind in deployment.figures}
    assert {"recorder_task_attempts_total"} <= told["worker"]
    assert {"recorder_spool_bytes", "recorder_ingest_listed_delay_seconds"} <= told["live"]
    asked = {re.sub("_(bucket|count|sum)$", "", name) for a in alerts() for name in used(a.expr)}
    assert asked <= {name for names in told.values() for name in names}


def test_nobody_says_who_they_are_by_a_header(deployment: Deployment) -> None:
    answer, _ = ask(deployment, "GET", "/healthz", {"X-Forwarded-For": "203.0.113.9"})
    assert answer.status == 200
    lines = [replica.log() for replica in deployment.replicas]
    assert any(answer.headers["X-Request-Id"] in line for line in lines)
    assert not any("203.0.113.9" in line for line in lines)


def test_without_tls_people_are_sent_on_and_devices_are_refused(deployment: Deployment) -> None:
    for method, status in (("GET", 308), ("POST", 403), ("PATCH", 403)):
        plain = http.client.HTTPConnection("127.0.0.1", deployment.http_port, timeout=10)
        with contextlib.closing(plain):
            plain.request(method, "/api/v1/uploads?x=1")
            answer = plain.getresponse()
            answer.read()
            assert answer.status == status
            if status == 308:
                assert answer.headers["Location"] == "https://127.0.0.1/api/v1/uploads?x=1"


def test_with_every_replica_away_senders_are_told_to_try_again(deployment: Deployment) -> None:
    nobody = (servers.free_port(), servers.free_port())
    nginx = reverse_proxy.start(deployment.certificate, nobody)
    connection = http.client.HTTPSConnection(
        "127.0.0.1", nginx.port, context=trusted(deployment), timeout=10
    )
    try:
        with contextlib.closing(connection):
            connection.request("PATCH", "/api/v1/uploads/x", b"bytes", TUS)
            answer = connection.getresponse()
            problem = json.loads(answer.read())
    finally:
        nginx.stop()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (problem["status"], problem["code"]) == (503, "service-away")


def test_one_time_addresses_are_in_no_log(deployment: Deployment) -> None:
    secret = "one-time-secret-of-a-person"
    ask(deployment, "GET", f"/login/{secret}?next={secret}", {})
    written = [deployment.proxy_log(), *(replica.log() for replica in deployment.replicas)]
    assert not any(secret in text for text in written)


def test_no_role_gets_further_than_the_table_says_and_no_agency_into_another(
    deployment: Deployment,
) -> None:
    command = [sys.executable, "-m", "tests.tryall", deployment.url]
    done = subprocess.run(
        [*command, "--ca", str(deployment.certificate)],
        cwd=servers.REPOSITORY,
        env={**os.environ, **deployment.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    found = re.fullmatch(r"(\d+) routes, (\d+) questions, 0 findings\.(.*)\n", done.stdout)
    assert found, done.stdout
    assert int(found[1]) == len(ROUTES)
    assert int(found[2]) > 1000
    # Nothing has failed, no case system is heard, and rows of registries have no list.
    missing = found[3].removeprefix(" Nothing of ours was there to be asked about: ").strip(".")
    rows = {"organisations", "officers", "matters", "subjects", "entrustments", "holidays"}
    assert {*missing.split(", ")} <= rows | {"", "alarms", "work", "merge-proposals", "findings"}


def test_the_doctor_finds_nothing_to_mend_but_what_tests_do_without(
    deployment: Deployment,
) -> None:
    done = deployment.recorder("doctor", "--json")
    found = {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, done.stdout
    for name in ("database", "clock", "store", "redis", "signing key", "ffmpeg", "addresses"):
        assert found[name]["state"] == "ok", found[name]
    # The database of the tests is not durable, and what the kernel can do is not ours to choose.
    others = {name for name, line in found.items() if line["state"] != "ok"}
    assert others <= {"durability", "confinement", "sm3", "work folder"}


def test_the_database_lets_the_service_do_its_work_and_no_more(deployment: Deployment) -> None:
    checked = deployment.recorder("migrate", "--check")
    assert (checked.returncode, checked.stdout) == (0, "The schema is up to date.\n")
    # Without the owner's address nobody migrates, and the login of the service is no owner.
    refused = deployment.recorder("migrate")
    assert refused.returncode == 1
    assert "RECORDER_OWNER_DATABASE_URL" in refused.stderr
