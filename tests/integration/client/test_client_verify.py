from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from recorder.client import FileResult
from recorder.commands import verify
from recorder.ledger.note import NoteSigner
from tests.integration.client.conftest import MakeFile, MakeUploader
from tests.support.tus_peer import TusPeer


@pytest.fixture
async def sent(make_uploader: MakeUploader, make_file: MakeFile) -> FileResult:
    async with make_uploader() as uploader:
        (result,) = await uploader.upload([make_file("a.mp4", 1000)])
    return result


def run(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    verify.add_arguments(parser)
    return verify.run(parser.parse_args(["receipt", *map(str, words)]))


def receipt_of(result: FileResult) -> Path:
    assert result.receipt is not None
    return result.receipt


async def test_a_receipt_and_its_footage_fit(
    peer: TusPeer, sent: FileResult, capsys: pytest.CaptureFixture[str]
) -> None:
    key = peer.signer.verifier.to_text()
    assert run(receipt_of(sent), "--footage", sent.path, "--key", key) == 0
    shown = capsys.readouterr().out
    assert str(sent.recording) in shown
    assert str(sent.sha256) in shown
    assert "this length and this SHA-256" in shown


async def test_the_key_the_client_pinned_is_found_beside_the_receipt_and_that_is_said(
    peer: TusPeer, sent: FileResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(receipt_of(sent), "--footage", sent.path) == 0
    said = capsys.readouterr().err
    assert "beside the receipt" in said
    assert "--key" in said
    key = peer.signer.verifier.to_text()
    for words in (("--key", key), ("--state", tmp_path / "state")):
        assert run(receipt_of(sent), *words) == 0
    assert capsys.readouterr().err == ""


async def test_a_key_can_be_taken_from_another_state_folder(
    sent: FileResult, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere" / "deep" / "copy.receipt"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(receipt_of(sent).read_bytes())
    assert run(copy, "--state", tmp_path / "state") == 0
    assert run(copy, "--state", tmp_path / "nothing") == 1


async def test_without_any_key_nothing_is_called_proven(
    sent: FileResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(receipt_of(sent), "--state", tmp_path / "nothing") == 1
    assert "NOT checked" in capsys.readouterr().err


async def test_another_key_an_altered_receipt_and_other_footage_do_not_fit(
    peer: TusPeer,
    sent: FileResult,
    make_file: MakeFile,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = peer.signer.verifier.to_text()
    receipt = receipt_of(sent)
    stranger = NoteSigner.generate(peer.signer.name).verifier.to_text()
    assert run(receipt, "--key", stranger) == 1
    altered = tmp_path / "altered.receipt"
    altered.write_text(receipt.read_text().replace('"length":1000', '"length":1001'))
    assert run(altered, "--key", key) == 1
    assert run(receipt, "--key", key, "--footage", make_file("b.mp4", 1000)) == 1
    assert run(receipt, "--key", key, "--footage", make_file("c.mp4", 999)) == 1
    assert run(tmp_path / "missing", "--key", key) == 1
    assert run(sent.path, "--key", key) == 1
    said = capsys.readouterr().err
    assert "receipt-signature-bad" in said
    assert "receipt-digest-mismatch" in said
    assert "receipt-length-mismatch" in said


async def test_a_key_that_is_none_is_wrong_usage(sent: FileResult) -> None:
    assert run(receipt_of(sent), "--key", "nonsense") == 2
