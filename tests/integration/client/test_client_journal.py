from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest

from recorder.client.failures import FileRefused, SourceChanged
from recorder.client.journal import Journal, Key
from recorder.client.source import Source
from recorder.client.state_folder import default_state_dir, pinned_keys
from recorder.client.token_file import read_token_file
from recorder.errors import Conflict, InvalidInput, Locked, Unavailable
from recorder.ledger.note import NoteSigner


def key(path: str = "/card/a.mp4", *, size: int = 1, ends: str = "e", said: str = "s") -> Key:
    return Key("http://one.example", Path(path), size, 5, ends, said)


def test_a_row_outlives_the_process_that_wrote_it(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        row = journal.entry(key())
        journal.opened(row.id, "http://one.example/up/1", "print", None)
    with Journal(tmp_path) as journal:
        again = journal.entry(key())
        assert (again.id, again.state, again.upload_url) == (
            row.id,
            "open",
            "http://one.example/up/1",
        )
        journal.received(row.id, "recording-1", "ab")
        journal.done(row.id, "recording-1.receipt", "key", "sealed")
    with Journal(tmp_path) as journal:
        assert journal.entry(key()).state == "done"
        journal.forgotten(row.id)
        assert journal.entry(key()).upload_url is None


def test_a_journal_of_the_release_before_goes_on_with_its_rows(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        row = journal.entry(key())
        journal.done(row.id, "a.receipt", "key", "quarantined", "device_unknown,other")
        assert journal.entry(key()).reasons == "device_unknown,other"
    with sqlite3.connect(tmp_path / "journal.sqlite3") as older:
        older.execute("ALTER TABLE transfer DROP COLUMN reasons")
        older.execute("PRAGMA user_version = 1")
    with Journal(tmp_path) as journal:
        again = journal.entry(key())
        assert (again.id, again.shown_state, again.reasons) == (row.id, "quarantined", None)


def test_files_that_differ_in_anything_have_their_own_rows(tmp_path: Path) -> None:
    keys = [key(), key("/card/b.mp4"), key(size=2), key(ends="f"), key(said="t")]
    with Journal(tmp_path) as journal:
        assert len({journal.entry(one).id for one in keys}) == len(keys)


def test_only_a_begun_upload_of_other_content_is_abandoned(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        row = journal.entry(key())
        assert not journal.abandon_other_versions(key(size=2))
        journal.opened(row.id, "http://one.example/up/1", "print", None)
        assert not journal.abandon_other_versions(key())
        assert not journal.abandon_other_versions(key("/card/b.mp4", size=2))
        assert journal.abandon_other_versions(key(size=2))
        assert journal.entry(key()).state == "abandoned"


def test_a_second_journal_on_one_folder_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(Locked, match="Another recorder client"):
        Journal(tmp_path)


def test_a_journal_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "journal.sqlite3")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Conflict, match="newer release"):
        Journal(tmp_path)


def test_a_damaged_journal_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"not a database at all, but long enough" * 100)
    with pytest.raises(Unavailable, match="cannot be used"):
        Journal(tmp_path)
    assert pinned_keys(tmp_path) == []


def test_pinned_keys_are_read_beside_a_client_at_work(tmp_path: Path) -> None:
    verifier = NoteSigner.generate("one.example").verifier
    with Journal(tmp_path) as journal:
        journal.pin_key("http://one.example", verifier.to_text())
        assert journal.pinned_key("http://two.example") is None
        assert pinned_keys(tmp_path) == [verifier]


def test_the_state_folder_has_its_usual_place() -> None:
    assert default_state_dir().name == "recorder"
    assert default_state_dir().is_absolute()


@pytest.mark.parametrize(
    ("content", "token", "verifier_key"),
    [
        (b"abc\n", "abc", None),
        (b'{"token": "abc", "device": "D"}', "abc", None),
        (b'{"token": "abc", "verifier_key": "k"}', "abc", "k"),
        (b'{"token": "abc", "service_key": "k", "device": "D"}', "abc", "k"),
    ],
)
def test_a_token_file_is_a_line_or_json(
    tmp_path: Path, content: bytes, token: str, verifier_key: str | None
) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    found = read_token_file(path)
    assert (found.token, found.verifier_key) == (token, verifier_key)
    assert "abc" not in repr(found)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"two words",
        b"{}",
        b'{"token": 5}',
        b"{",
        b"\xff\xfe",
        b'{"token":"a","verifier_key":1}',
    ],
)
def test_a_token_file_without_a_token_gets_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(InvalidInput):
        read_token_file(path)


def test_bodies_and_the_whole_digest_come_from_one_pass_wherever_it_begins(
    tmp_path: Path,
) -> None:
    content = bytes(range(256)) * 20_000
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    for begin in (0, 1, 1_000_000, 4_999_999):
        source, position = Source(path), begin
        while position < len(content):
            end = min(len(content), position + 1_500_000)
            chunk = source.read_chunk(bytearray(2_000_000), position, end, whole=True)
            assert chunk.content == content[position:end]
            assert chunk.sha256 == hashlib.sha256(content[position:end]).digest()
            # The service may send the client back; the digest must not count bytes twice.
            source.read_chunk(bytearray(2_000_000), position, end, whole=True)
            position = end
        assert source.whole_sha256() == hashlib.sha256(content).hexdigest()
        source.close()


def test_a_file_that_ends_early_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x" * 1000)
    source = Source(path)
    path.write_bytes(b"x" * 10)
    with pytest.raises(SourceChanged):
        source.read_chunk(bytearray(1000), 0, 1000, whole=False)
    with pytest.raises(SourceChanged):
        source.check_unchanged()
    path.unlink()
    with pytest.raises(SourceChanged):
        source.check_unchanged()
    source.close()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="not a regular file"):
        Source(tmp_path)
