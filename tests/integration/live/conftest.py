"""What the ways in for livestreams are tested with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import certificates
from tests.support.certificates import Certificate


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return certificates.make(tmp_path / "server.pem")
