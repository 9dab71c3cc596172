"""The peer server and a client beside it, with waits too short to notice."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from recorder.client import RetryPolicy, Uploader
from tests.support.tus_peer import TOKEN, TusPeer

MakeFile = Callable[[str, int], Path]
MakeUploader = Callable[..., Uploader]


@pytest.fixture
async def peer() -> AsyncIterator[TusPeer]:
    server = TusPeer()
    await server.start()
    yield server
    await server.stop()
    assert server.violations == []


@pytest.fixture
def card(tmp_path: Path) -> Path:
    folder = tmp_path / "card"
    folder.mkdir()
    return folder


@pytest.fixture
def make_file(card: Path) -> MakeFile:
    """Bytes that compress to nothing and repeat nowhere, so that misplaced ones are seen."""

    def make(name: str, length: int) -> Path:
        path = card / name
        path.write_bytes(random.Random(name).randbytes(length))
        return path

    return make


@pytest.fixture
def make_uploader(peer: TusPeer, tmp_path: Path) -> MakeUploader:
    def make(**changes: object) -> Uploader:
        settings: dict[str, object] = {
            "state_dir": tmp_path / "state",
            "retry": RetryPolicy(base_seconds=0.01, cap_seconds=0.05),
        }
        token = str(changes.pop("token", TOKEN))
        return Uploader(peer.url, token, **{**settings, **changes})  # type: ignore[arg-type]

    return make
