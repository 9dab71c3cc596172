"""From "all bytes are there" to "done": wait for the seal, check the receipt, keep it.

A file is done only when the service's signature, the length and the SHA-256 in the receipt fit
the local file and the receipt is on disk. Only then may the local file be removed, if asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from recorder.client.failures import (
    AccessRefused,
    FileRefused,
    ProofFailed,
    SourceChanged,
    TryLater,
)
from recorder.client.journal import Entry
from recorder.client.progress import FileState
from recorder.client.service import Answer, expect
from recorder.client.service_key import ServiceKey
from recorder.client.shared import Shared, finish_in_thread
from recorder.client.source import Identity, Source
from recorder.client.transfer import Received
from recorder.errors import IntegrityError, InvalidInput, Unavailable
from recorder.ledger import receipt as receipts
from recorder.ledger.note import NoteVerifier

_FIRST_POLL_SECONDS = 0.2
_LAST_POLL_SECONDS = 5.0
#: However many files wait for their seal, the service is asked about so many a second.
_POLLS_PER_SECOND = 20.0


@dataclass(frozen=True, slots=True)
class Sealed:
    """Proven and on disk."""

    recording: str
    sha256: str
    state: FileState
    receipt: Path
    #: The service's words for why it is quarantined.
    quarantine_reasons: tuple[str, ...] = ()


class Waiting:
    """How many files wait for their seal, so that together they do not ask too often."""

    def __init__(self) -> None:
        self.files = 0

    def interval(self, polls: int) -> float:
        """Seconds until a file that has asked ``polls`` times asks again."""
        own = min(_LAST_POLL_SECONDS, _FIRST_POLL_SECONDS * 1.5 ** min(polls, 16))
        return max(own, self.files / _POLLS_PER_SECOND)


async def seal(
    shared: Shared,
    key: ServiceKey,
    waiting: Waiting,
    entry: Entry,
    received: Received,
    length: int,
    notice: Callable[[str], None],
) -> Sealed:
    """Wait for the seal, then fetch, check and save the receipt; all of it may be repeated.

    Raises ProofFailed when the service holds other bytes or the receipt does not fit, FileRefused
    or AccessRefused when it does not answer this token, Unavailable when patience ends.
    """
    waiting.files += 1
    try:
        reasons = await _seal_awaited(shared, waiting, entry, received.recording, notice)
        text = await _receipt_text(shared, received.recording, notice)
    finally:
        waiting.files -= 1
    verifier = await key.verifier(notice)
    try:
        check_receipt(text, verifier, received, length)
    except ProofFailed as failure:
        if failure.code in ("receipt-digest-mismatch", "receipt-length-mismatch"):
            # The service holds something else: the next start sends the file anew.
            await shared.record(shared.journal.forgotten, entry.id)
        raise
    state = FileState.SEALED if reasons is None else FileState.QUARANTINED
    name = await shared.record(shared.journal.save_receipt, received.recording, text)
    await shared.record(
        shared.journal.done, entry.id, name, verifier.to_text(), state.value,
        ",".join(reasons or ()),
    )  # fmt: skip
    return Sealed(
        received.recording,
        received.sha256,
        state,
        shared.journal.receipts / name,
        reasons or (),
    )


async def recall(shared: Shared, entry: Entry, length: int) -> Sealed | None:
    """What an earlier run proved, if the saved receipt still says so; None otherwise."""
    if entry.state != "done" or not (entry.receipt and entry.recording and entry.sha256):
        return None
    path = shared.journal.receipts / entry.receipt
    try:
        text = path.read_text("utf-8")
        verifier = NoteVerifier.from_text(entry.verifier or "")
        check_receipt(text, verifier, Received(entry.recording, entry.sha256), length)
    except (OSError, UnicodeDecodeError, InvalidInput, ProofFailed):
        # A lost or damaged receipt is fetched again.
        return None
    state = FileState(entry.shown_state or FileState.SEALED)
    reasons = tuple(filter(None, (entry.reasons or "").split(",")))
    return Sealed(entry.recording, entry.sha256, state, path, reasons)


def check_receipt(text: str, verifier: NoteVerifier, received: Received, length: int) -> None:
    """Raise ProofFailed unless the receipt is signed by the key and speaks of these very bytes."""
    try:
        receipt = receipts.verify(text, [verifier], length=length, sha256=received.sha256)
    except (IntegrityError, InvalidInput) as error:
        raise ProofFailed(error.code, error.detail) from error
    if receipt.recording != received.recording:
        raise ProofFailed(
            "receipt-wrong-recording", "The receipt is for another recording than this one."
        )


async def delete_source(
    shared: Shared, path: Path, identity: Identity, sealed: Sealed, *, digest_again: bool
) -> None:
    """Remove the local file of a proven recording.

    The file is gone afterwards, or it was not what the receipt speaks of: then SourceChanged is
    raised and it stays. ``digest_again``: the digest is an earlier run's word; read the file.
    """
    stopping = False

    def remove() -> None:
        source = Source(path)
        try:
            if source.identity != identity:
                raise SourceChanged(
                    "source-changed", "The file changed after it was sent; it was not deleted."
                )
            if digest_again and source.whole_sha256(lambda: stopping) != sealed.sha256:
                raise SourceChanged(
                    "source-changed", "The file is not what was sent; it was not deleted."
                )
            source.check_unchanged()
            os.unlink(path)
        finally:
            source.close()

    def stop() -> None:
        nonlocal stopping
        stopping = True

    await finish_in_thread(shared.reading_threads, remove, stop)


async def _seal_awaited(
    shared: Shared,
    waiting: Waiting,
    entry: Entry,
    recording: str,
    notice: Callable[[str], None],
) -> tuple[str, ...] | None:
    """Ask until it is sealed; answers with why it is quarantined, None if it is not."""
    service, polls = shared.service, 0
    url = service.address(f"/api/v1/recordings/{quote(recording, safe='')}")
    patience = shared.patience()
    started = shared.retry.monotonic()
    while True:
        try:
            answer = await service.ask("GET", url)
            if answer.status in (404, 410):
                await shared.record(shared.journal.forgotten, entry.id)
            seen = _expect_told(answer).object()
            patience.progress()
        except TryLater as trouble:
            notice(str(trouble))
            await patience.wait(trouble)
            continue
        integrity = seen.get("integrity")
        if integrity == "sealed":
            if seen.get("state") != "quarantined":
                return None
            reasons = seen.get("quarantine_reasons")
            return tuple(map(str, reasons)) if isinstance(reasons, list) else ()
        if integrity == "mismatched":
            await shared.record(shared.journal.forgotten, entry.id)
            raise ProofFailed(
                "recording-mismatched",
                "The service stored other bytes than were sent. It keeps them and has raised an "
                "alarm; start again to send the file anew.",
            )
        limit = shared.retry.give_up_after_seconds
        if limit is not None and shared.retry.monotonic() - started > limit:
            raise Unavailable(
                "not-sealed-yet",
                f"All bytes are there; not sealed within {limit:g} s. Start again to check.",
            )
        polls += 1
        await shared.retry.sleep(waiting.interval(polls))


def _expect_told(answer: Answer) -> Answer:
    """The answer about a recording; a suspended device is not told, and its footage is safe."""
    try:
        return expect(answer, 200)
    except AccessRefused as refusal:
        if refusal.code != "device-suspended":
            raise
        raise AccessRefused(
            refusal.code,
            "The service has all bytes and keeps them in quarantine, because this device is "
            "suspended. It gives a suspended device no receipt, so the file counts as not done and "
            "stays here; when the device is active again, start again to fetch the receipt.",
        ) from refusal


async def _receipt_text(shared: Shared, recording: str, notice: Callable[[str], None]) -> str:
    service = shared.service
    url = service.address(f"/api/v1/recordings/{quote(recording, safe='')}/receipt")
    patience = shared.patience()
    while True:
        try:
            answer = await service.ask("GET", url)
            if answer.status in (404, 409):
                raise TryLater("receipt-not-ready", "The receipt is not there yet.")
            return _expect_told(answer).content.decode("utf-8")
        except TryLater as trouble:
            notice(str(trouble))
            await patience.wait(trouble)
        except UnicodeDecodeError as error:
            raise FileRefused("receipt-malformed", "The receipt is no text.") from error
