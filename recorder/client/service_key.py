"""The public key with which receipts are checked: given by the operator, or pinned at first use.

Trust on first use: the key the service shows first is recorded; a service that later shows, or
signs with, another one is not trusted. Only the operator's word replaces a key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from recorder.client.failures import AccessRefused, FileRefused, ProofFailed, TryLater
from recorder.client.service import expect
from recorder.client.shared import Shared
from recorder.errors import InvalidInput
from recorder.ledger.note import NoteVerifier


class ServiceKey:
    """The key of one service; shared by all files of an uploader."""

    def __init__(self, shared: Shared, given: NoteVerifier | None) -> None:
        self._shared = shared
        self._given = given
        self._verifier: NoteVerifier | None = None
        self._turn = asyncio.Lock()

    async def known(self, notice: Callable[[str], None]) -> None:
        """Settle the key before the first byte is sent, if the service shows it to this token.

        A suspended device may upload and nothing else: its footage must come in all the same, so
        a refusal is left for the moment the key is needed. Raises ProofFailed for a changed key.
        """
        try:
            await self.verifier(notice)
        except (AccessRefused, FileRefused) as refusal:
            notice(f"The service's public key is not known yet ({refusal}).")

    async def verifier(self, notice: Callable[[str], None]) -> NoteVerifier:
        """The key to check receipts with.

        Raises ProofFailed ``service-key-changed`` when the service shows another key than the
        recorded one; AccessRefused or FileRefused when it shows none and none is recorded.
        """
        async with self._turn:
            if self._verifier is None:
                self._verifier = await self._settle(notice)
            return self._verifier

    async def _settle(self, notice: Callable[[str], None]) -> NoteVerifier:
        shared, journal = self._shared, self._shared.journal
        server = str(shared.service.server)
        if self._given is not None:
            await shared.record(journal.pin_key, server, self._given.to_text())
            return self._given
        pinned = await shared.record(journal.pinned_key, server)
        shown = await self._shown(notice)
        if pinned is None:
            await shared.record(journal.pin_key, server, shown.to_text())
            return shown
        if shown.to_text() != pinned:
            raise ProofFailed(
                "service-key-changed",
                f"The service at {server} shows another public key ({shown.to_text()}) than the "
                f"one recorded at first use ({pinned}). Nothing is sent. A server that was set "
                "up anew has a new key: if its operator confirms that, repeat this once with "
                f"--key '{shown.to_text()}'.",
            )
        return shown

    async def _shown(self, notice: Callable[[str], None]) -> NoteVerifier:
        service = self._shared.service
        patience = self._shared.patience()
        while True:
            try:
                answer = await service.ask("GET", service.address("/api/v1/service-key"))
                text = expect(answer, 200).content.decode("ascii").strip()
                return NoteVerifier.from_text(text)
            except TryLater as trouble:
                notice(str(trouble))
                await patience.wait(trouble)
            except (InvalidInput, UnicodeDecodeError) as error:
                raise FileRefused(
                    "service-key-malformed", "What the service shows as its public key is none."
                ) from error
