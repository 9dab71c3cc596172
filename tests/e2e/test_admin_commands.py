"""``recorder admin`` on a data folder: exactly the lines of the contract, server up or down."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from recorder.ledger.note import NoteVerifier
from tests.support.product import Ended, Product, command, recorder_line, running_product
from tests.support.servers import REPOSITORY

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_product() as running:
        yield running


async def _admin(product: Product, line: str, given: str = "") -> Ended:
    """A line of the contract, as it stands there."""
    return await command("admin", *line.split(), "--data", str(product.data), given=given)


async def _role(product: Product, token: str) -> dict[str, object]:
    answer = await product.ask("GET", "/api/v1/me", token)
    assert answer.status == 200, answer.content
    return answer.json


@pytest.mark.parametrize(
    ("line", "role", "agency"),
    [
        ("device add ADM-1 --json", "device", "local"),
        ("device add ADM-2 --agency futian --json", "device", "futian"),
        ("dock add ground-floor --json", "dock", "local"),
        ("dock add first-floor --agency futian --json", "dock", "futian"),
        ("token add feed --role supervisor --json", "supervisor", "local"),
        ("token add audit --role administrator --agency futian --json", "administrator", "futian"),
    ],
)
async def test_a_token_is_printed_once_as_one_json_object_and_opens_the_service(
    product: Product, line: str, role: str, agency: str
) -> None:
    done = await _admin(product, line)
    assert done.code == 0, done.err
    assert done.out.count("\n") == 1
    told = json.loads(done.out)
    me = await _role(product, told["token"])
    assert me["role"] == role
    async with product.database() as database:
        code = await database.fetchval(
            "SELECT a.code FROM token t JOIN agency a ON a.id = t.agency_id WHERE t.id = $1",
            told["token_id"],
        )
        assert code == agency
        everything = await database.fetch("SELECT t::text AS line FROM token t")
    assert not any(told["token"] in row["line"] for row in everything)
    if role in ("device", "dock"):
        key = await product.ask("GET", "/api/v1/service-key")
        assert (
            NoteVerifier.from_text(told["verifier_key"]).to_text() == key.content.decode().strip()
        )


@pytest.mark.parametrize("role", ["officer", "supervisor", "administrator"])
async def test_a_person_is_added_with_the_password_from_standard_input(
    product: Product, role: str
) -> None:
    line = f"user add {role}-1 --role {role} --agency local --password-stdin"
    done = await _admin(product, line, given=f"{PASSWORD}\n")
    assert done.code == 0, done.err
    assert PASSWORD not in done.out + done.err
    async with product.database() as database:
        row = await database.fetchrow(
            "SELECT role, password_hash FROM person WHERE login = $1", f"{role}-1"
        )
    assert row is not None
    assert row["role"] == role
    assert row["password_hash"].startswith("$argon2id$")


async def test_without_json_the_token_stands_on_a_line_for_people(product: Product) -> None:
    done = await _admin(product, "device add ADM-PLAIN")
    assert done.code == 0
    (token,) = [line for line in done.out.splitlines() if line.startswith("token: ")]
    assert (await _role(product, token.removeprefix("token: ")))["role"] == "device"


@pytest.mark.parametrize(
    ("line", "given", "code", "word"),
    [
        ("user add x --role king --agency local --password-stdin", PASSWORD, 2, "king"),
        ("user add x --role officer --agency local --password-stdin", "", 1, "12"),
        ("user add x --role device --agency local --password-stdin", PASSWORD, 2, "device"),
        ("token add x --role dock --json", "", 1, "dock"),
        ("device add", "", 2, "NUMBER"),
        ("device", "", 2, "VERB"),
    ],
)
async def test_a_wrong_line_gets_a_sentence_and_nothing_on_standard_output(
    product: Product, line: str, given: str, code: int, word: str
) -> None:
    done = await _admin(product, line, given)
    assert (done.code, done.out) == (code, "")
    assert word in done.err
    assert "Traceback" not in done.err


async def test_names_of_any_kind_are_kept_as_they_are(product: Product) -> None:
    name = "执法记录仪-7号; DROP TABLE device; --'\"$(x)"
    done = await command("admin", "device", "add", name, "--data", str(product.data), "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["number"] == name


async def test_devices_are_added_at_once_and_each_has_its_own_token(
    product: Product,
) -> None:
    added = await asyncio.gather(*(product.admin("device", "add", f"AT-{n}") for n in range(6)))
    assert len({one["token"] for one in added}) == 6


async def test_the_same_device_added_twice_at_once_is_one_device(product: Product) -> None:
    words = ("admin", "device", "add", "TWICE", "--data", str(product.data), "--json")
    done = await asyncio.gather(command(*words), command(*words))
    assert sorted(one.code for one in done) == [0, 1]
    (refused,) = [one for one in done if one.code == 1]
    assert "already" in refused.err


@pytest.fixture
async def piped(product: Product) -> AsyncIterator[asyncio.subprocess.Process]:
    line = recorder_line("admin", "device", "add", "PIPED", "--data", str(product.data), "--json")
    process = await asyncio.create_subprocess_exec(
        *line, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    yield process
    await process.wait()


async def test_the_printed_object_is_a_token_file_for_the_client(
    product: Product, piped: asyncio.subprocess.Process, tmp_path: Path
) -> None:
    """``recorder admin device add … --json > token`` is all it takes."""
    out, _ = await piped.communicate()
    (tmp_path / "token").write_bytes(out)
    (tmp_path / "note.txt").write_text("notes of the officer")
    sent = await command(
        "upload", "--server", product.url, "--token-file", str(tmp_path / "token"),
        "--state", str(tmp_path / "state"), "--json", str(tmp_path / "note.txt"),
    )  # fmt: skip
    assert sent.code == 0, sent.err
    assert sent.json_lines[0]["state"] == "sealed"
