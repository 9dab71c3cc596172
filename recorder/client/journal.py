"""What the client must remember over its own death: one SQLite file in the state folder.

A row is committed, with synchronous FULL, before the step that relies on it. The offset is not
here: the service knows it better. Calls block and come from one thread at a time.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from recorder.client.state_folder import JOURNAL_NAME
from recorder.errors import Conflict, InvalidInput, Locked, Unavailable

_VERSION = 2
_SCHEMA = """
CREATE TABLE transfer (
    id           INTEGER PRIMARY KEY,
    server       TEXT    NOT NULL,
    path         BLOB    NOT NULL,  -- absolute, the bytes of the file system
    size         INTEGER NOT NULL,
    mtime_ns     INTEGER NOT NULL,
    ends         TEXT    NOT NULL,  -- digest of the first and last 64 KiB
    statement    TEXT    NOT NULL,  -- fingerprint of the metadata it is sent with
    state        TEXT    NOT NULL CHECK (state IN ('open', 'received', 'done', 'abandoned')),
    upload_url   TEXT,
    token_print  TEXT,              -- under which token the upload was made
    sha256       TEXT,
    recording    TEXT,
    receipt      TEXT,              -- file name in receipts/
    verifier     TEXT,              -- public key the receipt was checked with
    shown_state  TEXT,              -- sealed or quarantined
    reasons      TEXT,              -- why it is quarantined: the service's words, with commas
    changed_at   TEXT    NOT NULL,
    UNIQUE (server, path, size, mtime_ns, ends, statement)
);
CREATE TABLE service_key (
    server    TEXT PRIMARY KEY,
    verifier  TEXT NOT NULL,
    pinned_at TEXT NOT NULL
);
"""
#: What makes a journal of this version of the one before.
_NEXT = "ALTER TABLE transfer ADD COLUMN reasons TEXT;"
_COLUMNS = (
    "id, state, upload_url, token_print, sha256, recording, receipt, verifier, shown_state, reasons"
)


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two sendings the same transfer."""

    server: str
    path: Path
    size: int
    mtime_ns: int
    ends: str
    statement: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the journal as it was read."""

    id: int
    state: str
    upload_url: str | None
    token_print: str | None
    sha256: str | None
    recording: str | None
    receipt: str | None
    verifier: str | None
    shown_state: str | None
    reasons: str | None


class Journal:
    """The open journal. Opening takes the lock of the state folder for this process."""

    def __init__(self, state_dir: Path) -> None:
        """Open or make the journal.

        Raises Locked when another client works with this folder, Unavailable when it cannot be
        written, Conflict when a newer release wrote it.
        """
        self.folder = state_dir
        self.receipts = state_dir / "receipts"
        try:
            self.receipts.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(
                "state-folder-unwritable",
                f"The state folder {state_dir} cannot be written ({error.strerror}); "
                "choose another one with --state.",
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise Locked(
                "state-folder-in-use",
                f"Another recorder client is working with {state_dir}; wait for it, "
                "or give this one its own folder with --state.",
            ) from error
        try:
            self._connection = self._open(state_dir / JOURNAL_NAME)
        except BaseException:
            os.close(self._lock)
            raise

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                connection.executescript(
                    f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;"
                )
            elif version == 1:
                connection.executescript(
                    f"BEGIN IMMEDIATE; {_NEXT} PRAGMA user_version = {_VERSION}; COMMIT;"
                )
        except sqlite3.Error as error:
            raise Unavailable(
                "journal-unreadable", f"The journal {path} cannot be used: {error}."
            ) from error
        if version > _VERSION:
            connection.close()
            raise Conflict(
                "journal-newer", f"A newer release wrote the journal {path}; install that release."
            )
        return connection

    def close(self) -> None:
        self._connection.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def entry(self, key: Key) -> Entry:
        """The row of this transfer; made in state ``open`` if there is none."""
        values = (
            key.server,
            os.fsencode(key.path),
            key.size,
            key.mtime_ns,
            key.ends,
            key.statement,
        )
        self._connection.execute(
            "INSERT INTO transfer"
            " (server, path, size, mtime_ns, ends, statement, state, changed_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 'open', ?) ON CONFLICT DO NOTHING",
            (*values, _now()),
        )
        row = self._connection.execute(
            f"SELECT {_COLUMNS} FROM transfer WHERE server = ? AND path = ? AND size = ?"  # noqa: S608  the columns are a constant of this module
            " AND mtime_ns = ? AND ends = ? AND statement = ?",
            values,
        ).fetchone()
        return Entry(*row)

    def abandon_other_versions(self, key: Key) -> bool:
        """Give up begun uploads of this path with other content; True if there was one."""
        cursor = self._connection.execute(
            "UPDATE transfer SET state = 'abandoned', changed_at = ?"
            " WHERE server = ? AND path = ? AND state IN ('open', 'received')"
            " AND upload_url IS NOT NULL AND (size, mtime_ns, ends) <> (?, ?, ?)",
            (_now(), key.server, os.fsencode(key.path), key.size, key.mtime_ns, key.ends),
        )
        return cursor.rowcount > 0

    def opened(self, entry: int, url: str, token_print: str, sha256: str | None) -> None:
        """The service made an upload at this address."""
        self._update(
            entry,
            "state = 'open', upload_url = ?, token_print = ?, sha256 = ?, recording = NULL,"
            " receipt = NULL, shown_state = NULL, reasons = NULL",
            (url, token_print, sha256),
        )

    def forgotten(self, entry: int) -> None:
        """The upload is of no use any more; the file will be sent anew."""
        self._update(
            entry, "state = 'open', upload_url = NULL, recording = NULL, receipt = NULL", ()
        )

    def received(self, entry: int, recording: str, sha256: str) -> None:
        """All bytes are at the service under this recording; the local digest is known."""
        self._update(entry, "state = 'received', recording = ?, sha256 = ?", (recording, sha256))

    def done(
        self, entry: int, receipt: str, verifier: str, shown_state: str, reasons: str = ""
    ) -> None:
        """The receipt was checked and is on disk; ``reasons`` say why it is quarantined."""
        self._update(
            entry,
            "state = 'done', receipt = ?, verifier = ?, shown_state = ?, reasons = ?",
            (receipt, verifier, shown_state, reasons),
        )

    def pinned_key(self, server: str) -> str | None:
        """The public key recorded for this service."""
        row = self._connection.execute(
            "SELECT verifier FROM service_key WHERE server = ?", (server,)
        ).fetchone()
        return None if row is None else str(row[0])

    def pin_key(self, server: str, verifier: str) -> None:
        """Record the public key of this service; only the operator's word replaces one."""
        if not verifier:
            raise InvalidInput("service-key-empty", "The service's public key is empty.")
        self._connection.execute(
            "INSERT INTO service_key (server, verifier, pinned_at) VALUES (?, ?, ?)"
            " ON CONFLICT (server) DO UPDATE SET verifier = excluded.verifier,"
            " pinned_at = excluded.pinned_at WHERE verifier <> excluded.verifier",
            (server, verifier, _now()),
        )

    def save_receipt(self, recording: str, text: str) -> str:
        """Write the receipt so that it survives a power cut; answers with its file name."""
        name = f"{recording}.receipt"
        target = self.receipts / name
        fresh = self.receipts / f".{name}.new"
        with fresh.open("wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, target)
        folder = os.open(self.receipts, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return name

    def _update(self, entry: int, assignments: str, values: tuple[str | None, ...]) -> None:
        self._connection.execute(
            f"UPDATE transfer SET {assignments}, changed_at = ? WHERE id = ?",  # noqa: S608  only literals of this module come in
            (*values, _now(), entry),
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
