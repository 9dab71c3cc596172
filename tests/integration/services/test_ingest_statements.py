"""What an upload costs the database: hundreds may end in the same second."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.people import Actor
from recorder.services import ingest
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera, opened, send
from tests.support.senders import Body, content
from tests.support.statements import statements

_CONNECTIONS = 2
#: Shows that open appends live, once a second.
_BY_THE_CLOCK = "UPDATE upload u SET holder_seen_at"


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(
        database_url, tmp_path, database_connections=_CONNECTIONS
    ) as opened_bureau:
        ingest.begin(opened_bureau.deps)
        yield opened_bureau
        await ingest.shutdown(opened_bureau.deps)


async def asked(bureau: Bureau, actor: Actor, seed: int, **values: str) -> list[str]:
    """The statements of one PATCH that brings all bytes of an upload, from its head to its end."""
    sent = content(10_000, seed=seed)
    upload = await opened(bureau, actor, len(sent), **values)
    async with statements(bureau.deps.database, _CONNECTIONS) as heard:
        status = await send(bureau.deps, actor, upload.id, 0, Body(sent))
    assert status.recording is not None
    return [text for text in heard if not text.startswith(_BY_THE_CLOCK)]


def _behind_the_last_byte(heard: list[str]) -> list[str]:
    (first,) = (n for n, text in enumerate(heard) if "INSERT INTO upload_part" in text)
    return heard[first:]


async def test_an_upload_of_one_part_costs_few_statements(bureau: Bureau) -> None:
    actor = await camera(bureau)
    # What a process asks once: whether the database belongs to the store.
    await asked(bureau, actor, 1)
    heard = await asked(bureau, actor, 2)
    behind = _behind_the_last_byte(heard)
    assert len(behind) <= 10, behind
    assert len(heard) - len(behind) <= 5, heard
    # The offset with the beginning of the completion, and the recording.
    assert behind.count("COMMIT;") == 1, behind
    assert await bureau.value("SELECT count(*) FROM recording") == 2


async def test_a_case_number_adds_few_statements(bureau: Bureau) -> None:
    actor = await camera(bureau)
    await asked(bureau, actor, 1, case_number="A-2026-1")
    behind = _behind_the_last_byte(await asked(bureau, actor, 2, case_number="A-2026-1"))
    assert len(behind) <= 17, behind
    assert await bureau.value("SELECT count(*) FROM case_link") == 2


async def test_a_repeated_file_costs_no_more(bureau: Bureau) -> None:
    actor = await camera(bureau)
    await asked(bureau, actor, 1)
    behind = _behind_the_last_byte(await asked(bureau, actor, 1))
    assert len(behind) <= 10, behind
    assert await bureau.value("SELECT count(*) FROM duplicate_object") == 1
