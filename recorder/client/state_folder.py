"""Where the client keeps its state, and the keys an earlier run pinned there."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from recorder.errors import InvalidInput
from recorder.ledger.note import NoteVerifier

JOURNAL_NAME = "journal.sqlite3"


def default_state_dir() -> Path:
    """The folder for state of the XDG Base Directory Specification 0.8."""
    configured = os.environ.get("XDG_STATE_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".local" / "state"
    return base / "recorder"


def pinned_keys(state_dir: Path) -> list[NoteVerifier]:
    """The public keys recorded in a state folder; none if there is no readable journal.

    Reads only, without the folder's lock: a client may be at work there.
    """
    journal = state_dir / JOURNAL_NAME
    if not journal.is_file():
        return []
    try:
        connection = sqlite3.connect(f"{journal.absolute().as_uri()}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT verifier FROM service_key").fetchall()
        finally:
            connection.close()
        return [NoteVerifier.from_text(str(text)) for (text,) in rows]
    except (sqlite3.Error, InvalidInput):
        return []
