"""What the client says of a file: one sentence for a person, one line of JSON for a program.

File names are foreign: control characters in them never reach a terminal.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from recorder.client.progress import FileProgress, FileResult, FileState

#: One file's repeated trouble is told again after so many seconds.
_SAME_NOTICE_SECONDS = 30.0

#: The service's words for why footage is not admitted yet, as halves of a sentence.
_QUARANTINE = {
    "device_unknown": "no device of this number is registered",
    "device_suspended": "the device is suspended",
    "device_contradicted": "token, --device and file name do not name the same device",
    "agency_contradicted": "the device belongs to another agency",
}


def printable(path: Path | str) -> str:
    """A name that is safe on a terminal; bytes that are no UTF-8 become U+FFFD."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def json_line(result: FileResult) -> str:
    """One line for a program. Bytes of the path that are no UTF-8 are lone surrogates (PEP 383)."""
    fields: dict[str, object] = {
        "path": os.fspath(result.path),
        "recording": result.recording,
        "sha256": result.sha256,
        "state": result.state.value,
    }
    if result.done:
        fields["receipt"] = os.fspath(result.receipt) if result.receipt else None
        fields["deleted"] = result.deleted
        if result.state is FileState.QUARANTINED:
            fields["quarantine_reasons"] = list(result.quarantine_reasons)
    else:
        fields["code"] = result.code
        fields["error"] = result.error
    return json.dumps(fields)


def sentence(result: FileResult) -> str:
    """The line for a person at the end of a file."""
    name = printable(result.path)
    if not result.done:
        return f"{name}: {result.state.value}. {printable(result.error or '')}"
    line = f"{name}: {result.state.value}, recording {result.recording}, receipt checked"
    if result.deleted:
        line = f"{line}, local file deleted"
    return f"{line}. {_why(result)}" if result.state is FileState.QUARANTINED else line


def _why(result: FileResult) -> str:
    known = [_QUARANTINE.get(word, word) for word in result.quarantine_reasons]
    because = f" because {' and '.join(map(printable, known))}" if known else ""
    return f"It is kept in quarantine{because}, until a supervisor admits it"


class Notices:
    """Lets a notice through unless the same one was told for this file a moment ago."""

    def __init__(self) -> None:
        self._told: dict[Path, tuple[str, float]] = {}

    def fresh(self, step: FileProgress) -> str | None:
        if step.result is not None:
            self._told.pop(step.path, None)
        if step.notice is None:
            return None
        now = time.monotonic()
        text, at = self._told.get(step.path, ("", now))
        if text == step.notice and now - at < _SAME_NOTICE_SECONDS:
            return None
        if step.result is None:
            self._told[step.path] = (step.notice, now)
        return f"{printable(step.path)}: {printable(step.notice)}"
