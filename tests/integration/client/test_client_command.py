from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from recorder.client import command
from recorder.ledger.note import NoteSigner
from tests.integration.client.conftest import MakeFile
from tests.support.servers import REPOSITORY
from tests.support.tus_peer import TOKEN, Hold, LoseAnswer, Refuse, TusPeer

MIB = 1024 * 1024


@dataclass
class Ended:
    code: int
    lines: list[dict[str, object]]
    said: str


Start = Callable[..., Awaitable[asyncio.subprocess.Process]]
Run = Callable[..., Awaitable[Ended]]


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return path


@pytest.fixture
def start(peer: TusPeer, tmp_path: Path, token_file: Path) -> Start:
    async def begin(*more: str | Path, server: str = "") -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "recorder.client", "--server", server or peer.url),
            *("--token-file", token_file, "--json"),
            *more,
            cwd=REPOSITORY,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "xdg")},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    return begin


@pytest.fixture
def run(start: Start) -> Run:
    async def to_the_end(*more: str | Path, server: str = "") -> Ended:
        return await ended(await start(*more, server=server))

    return to_the_end


async def ended(process: asyncio.subprocess.Process) -> Ended:
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    lines = [json.loads(line) for line in out.decode().splitlines()]
    return Ended(process.returncode or 0, lines, err.decode())


async def test_each_file_has_its_line_and_all_sealed_is_exit_zero(
    peer: TusPeer, run: Run, make_file: MakeFile, card: Path, tmp_path: Path
) -> None:
    paths = [make_file("a.mp4", 100), make_file("b.mp4", 3 * MIB)]
    done = await run("--case", "1", "--case", "2", "--stage", "review", "--note", "x", card)
    assert done.code == 0, done.said
    by_path = {line["path"]: line for line in done.lines}
    assert set(by_path) == {str(path) for path in paths}
    for path in paths:
        line = by_path[str(path)]
        assert line["state"] == "sealed"
        assert line["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert line["recording"] in peer.recordings
    (first, *_) = peer.uploads.values()
    assert first.metadata["case_number"] == b"1,2"
    assert first.metadata["stage"] == b"review"
    assert (tmp_path / "xdg/recorder/journal.sqlite3").exists()


async def test_one_file_that_is_not_sealed_is_exit_one(
    run: Run, make_file: MakeFile, card: Path
) -> None:
    path = make_file("a.mp4", 100)
    done = await run(path, card / "missing.mp4")
    assert done.code == 1
    states = {Path(str(line["path"])).name: line["state"] for line in done.lines}
    assert states == {"a.mp4": "sealed", "missing.mp4": "failed"}


@pytest.mark.parametrize("after", [0, 3])
async def test_a_killed_client_continues_when_it_is_started_again(
    peer: TusPeer, start: Start, run: Run, make_file: MakeFile, after: int
) -> None:
    path = make_file("a.mp4", 20 * MIB)
    hold = Hold()
    peer.plan("patch", hold, skip=after)
    process = await start(path)
    async with asyncio.timeout(60):
        await hold.reached.wait()
    process.send_signal(signal.SIGKILL)
    killed = await ended(process)
    assert killed.code == -signal.SIGKILL
    hold.release.set()
    done = await run(path)
    assert done.code == 0, done.said
    assert peer.count("create") == 1
    recording = str(done.lines[0]["recording"])
    assert peer.recordings[recording].content == path.read_bytes()
    assert peer.body_bytes <= path.stat().st_size + 16 * MIB


@pytest.mark.parametrize("step", ["key", "create", "recording", "receipt"])
async def test_a_client_killed_between_two_steps_ends_well_the_second_time(
    peer: TusPeer, start: Start, run: Run, make_file: MakeFile, step: str
) -> None:
    path = make_file("a.mp4", MIB)
    hold = Hold()
    peer.plan(step, hold)
    process = await start("--delete-after-receipt", path)
    async with asyncio.timeout(60):
        await hold.reached.wait()
    process.kill()
    await ended(process)
    hold.release.set()
    assert path.exists()
    done = await run("--delete-after-receipt", path)
    assert done.code == 0, done.said
    assert done.lines[0]["deleted"] is True
    assert not path.exists()
    assert len(peer.recordings) == 1


async def test_a_kill_after_a_lost_answer_loses_and_doubles_nothing(
    peer: TusPeer, start: Start, run: Run, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 4 * MIB)
    hold = Hold()
    peer.plan("patch", LoseAnswer(), skip=1)
    peer.plan("head", hold)
    process = await start(path)
    async with asyncio.timeout(60):
        await hold.reached.wait()
    process.kill()
    await ended(process)
    hold.release.set()
    done = await run(path)
    assert done.code == 0, done.said
    assert peer.body_bytes == path.stat().st_size


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_stops_cleanly_and_the_next_start_continues(
    peer: TusPeer,
    start: Start,
    run: Run,
    make_file: MakeFile,
    number: signal.Signals,
    code: int,
) -> None:
    path = make_file("a.mp4", 6 * MIB)
    hold = Hold()
    peer.plan("patch", hold, skip=2)
    process = await start(path)
    async with asyncio.timeout(60):
        await hold.reached.wait()
    process.send_signal(number)
    stopped = await ended(process)
    hold.release.set()
    assert stopped.code == code
    assert "Traceback" not in stopped.said
    assert "Start the same command again" in stopped.said
    done = await run(path)
    assert done.code == 0, done.said
    assert peer.count("create") == 1


async def test_two_clients_on_one_state_folder_get_a_sentence(
    peer: TusPeer, start: Start, run: Run, make_file: MakeFile
) -> None:
    path = make_file("a.mp4", 100)
    hold = Hold()
    peer.plan("patch", hold)
    process = await start(path)
    async with asyncio.timeout(60):
        await hold.reached.wait()
    second = await run(path)
    assert second.code == 1
    assert "Another recorder client is working with" in second.said
    hold.release.set()
    assert (await ended(process)).code == 0


async def test_a_name_that_is_no_utf8_survives_json(run: Run, card: Path, peer: TusPeer) -> None:
    raw = os.path.join(os.fsencode(card), b"\xd6\xb4\xb7\xa8.mp4")
    Path(os.fsdecode(raw)).write_bytes(b"footage")
    done = await run(card)
    assert done.code == 0, done.said
    assert os.fsencode(str(done.lines[0]["path"])) == raw


async def test_without_json_a_person_reads_lines_and_programs_read_nothing(
    peer: TusPeer, make_file: MakeFile, token_file: Path, tmp_path: Path
) -> None:
    path = make_file("a\x1b[31m.mp4", 100)
    peer.plan("create", Refuse(503))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "recorder.client", "--server", peer.url, "--token-file", token_file),
        *("--state", tmp_path / "state", path),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    done = await ended(process)
    assert done.code == 0
    assert done.lines == []
    assert "\x1b" not in done.said
    assert "Planned trouble" in done.said
    assert "sealed, recording" in done.said
    assert "receipt checked" in done.said


async def test_quarantined_footage_is_done_and_the_reason_is_said_in_words(
    peer: TusPeer, run: Run, make_file: MakeFile, token_file: Path, tmp_path: Path
) -> None:
    peer.state_shown = "quarantined"
    peer.quarantine_reasons = ["device_contradicted", "some_later_word"]
    path = make_file("a.mp4", 100)
    done = await run(path)
    assert done.code == 0
    (line,) = done.lines
    assert line["state"] == "quarantined"
    assert line["quarantine_reasons"] == ["device_contradicted", "some_later_word"]
    again = await run(path)
    assert again.lines == done.lines, "the journal remembers it"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "recorder.client", "--server", peer.url, "--token-file", token_file),
        *("--state", tmp_path / "other", path),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told = await ended(process)
    assert told.code == 0
    assert "receipt checked. It is kept in quarantine because token, --device" in told.said
    assert "and some_later_word, until a supervisor admits it" in told.said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--stage", "closing"], "invalid choice"),
        (["--jobs", "0"], "at least 1"),
        (["--jobs", "65"], "Between 1 and 64"),
        (["--give-up-after", "-1"], "positive number"),
        (["--case", "1,2"], "no case number"),
        (["--key", "nonsense"], "key"),
        (["--ca-file", "missing.pem"], "holds no certificates"),
        (["--token-file", "missing"], "cannot be read"),
        (["--server", "evidence.example"], "no address of a service"),
    ],
)
def test_a_command_that_cannot_be_meant_is_exit_two(
    token_file: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    usual = ["--server", "http://127.0.0.1:1", "--token-file", str(token_file)]
    code: object
    try:
        code = command.run(parser.parse_args([*usual, *arguments, "a.mp4"]))
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert sentence in capsys.readouterr().err


async def test_a_state_folder_that_cannot_be_written_gets_a_sentence(
    run: Run, make_file: MakeFile, tmp_path: Path
) -> None:
    (tmp_path / "plain").write_text("a file where a folder should be")
    done = await run("--state", tmp_path / "plain/state", make_file("a.mp4", 1))
    assert done.code == 1
    assert "choose another one with --state" in done.said
    assert "Traceback" not in done.said


async def test_the_key_in_the_token_file_is_believed(
    peer: TusPeer, run: Run, make_file: MakeFile, token_file: Path
) -> None:
    stranger = NoteSigner.generate("peer.example").verifier.to_text()
    token_file.write_text(json.dumps({"token": TOKEN, "verifier_key": stranger}))
    done = await run(make_file("a.mp4", 1))
    assert done.code == 1
    assert done.lines[0]["code"] == "receipt-signature-bad"
    token_file.write_text(
        json.dumps({"token": TOKEN, "verifier_key": peer.signer.verifier.to_text()})
    )
    assert (await run(make_file("b.mp4", 1))).code == 0


async def test_a_service_that_is_not_there_is_given_up_when_asked(
    peer: TusPeer, run: Run, make_file: MakeFile
) -> None:
    await peer.stop()
    done = await run("--give-up-after", "0.3", make_file("a.mp4", 1))
    assert done.code == 1
    assert done.lines[0]["code"] == "gave-up"
    assert "No connection to the service" in str(done.lines[0]["error"])


async def test_a_folder_without_files_is_said_to_be_empty(run: Run, card: Path) -> None:
    done = await run(card)
    assert (done.code, done.lines) == (0, [])
    assert "no files" in done.said


async def test_the_client_imports_nothing_of_the_server() -> None:
    program = (
        "import sys\n"
        "import recorder.client, recorder.client.command, recorder.commands.upload\n"
        "import recorder.commands.verify\n"
        "print('\\n'.join(sorted(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    loaded = set(out.decode().split())
    assert "recorder.client.uploader" in loaded
    foreign = {"asyncpg", "arq", "minio", "ffmpeg", "av", "pydantic", "jinja2", "argon2", "uvloop"}
    assert loaded & foreign == set()
    own = {name for name in loaded if name.startswith("recorder.")}
    servers = ("store", "adapters", "services", "config", "runtime", "web", "telemetry")
    assert not [name for name in own if name.split(".")[1] in servers]
