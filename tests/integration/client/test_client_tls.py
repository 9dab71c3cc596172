from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from recorder.client import RetryPolicy
from tests.integration.client.conftest import MakeFile, MakeUploader
from tests.support import certificates
from tests.support.certificates import Certificate
from tests.support.tus_peer import TusPeer


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return certificates.make(tmp_path / "peer.pem")


async def test_only_a_trusted_certificate_gets_the_footage(
    certificate: Certificate, peer: TusPeer, make_uploader: MakeUploader, make_file: MakeFile
) -> None:
    await peer.serve_tls(certificate.server())
    path = make_file("a.mp4", 3_000_000)
    short = RetryPolicy(base_seconds=0.01, give_up_after_seconds=0.1)
    async with make_uploader(retry=short) as uploader:
        (refused,) = await uploader.upload([path])
    assert refused.code == "gave-up"
    assert "certificate" in (refused.error or "")
    assert peer.requests == []
    trusting = ssl.create_default_context(cafile=str(certificate.path))
    async with make_uploader(tls=trusting) as uploader:
        (result,) = await uploader.upload([path])
    assert result.done, result
