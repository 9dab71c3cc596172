"""The web service of these tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.people import Role
from tests.support.web_service import WebService, open_web_service


@pytest.fixture
async def service(database_url: str, tmp_path: Path) -> AsyncIterator[WebService]:
    """A service whose patience no slow machine tries."""
    async with open_web_service(database_url, tmp_path, upload_silence_s=120) as running:
        yield running


@pytest.fixture
async def hasty(database_url: str, tmp_path: Path) -> AsyncIterator[WebService]:
    """One that loses patience with silent senders after a second."""
    async with open_web_service(database_url, tmp_path, upload_silence_s=1) as running:
        yield running


@pytest.fixture
async def device(service: WebService) -> str:
    """The token of a device of our agency."""
    return await service.token(Role.DEVICE)


@pytest.fixture
async def supervisor(service: WebService) -> str:
    """The token of a program with a supervisor's role in our agency."""
    return await service.token(Role.SUPERVISOR)
