"""A bureau on a folder store with an open intake, and the real media tool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.adapters.media import FfmpegTool
from recorder.services import ingest
from tests.support import footage as footage_set
from tests.support.bureau import Bureau, open_bureau
from tests.support.sealed import Sealed, seal_some


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    work = tmp_path / "work"
    work.mkdir()
    async with open_bureau(database_url, tmp_path, work_folder=work) as opened:
        ingest.begin(opened.deps)
        yield opened
        await ingest.shutdown(opened.deps)


@pytest.fixture
def tool() -> FfmpegTool:
    return FfmpegTool(Path(footage_set.ffmpeg()))


@pytest.fixture
async def sealed(bureau: Bureau, tool: FfmpegTool) -> Sealed:
    """Three sealed recordings."""
    return await seal_some(bureau, tool)
