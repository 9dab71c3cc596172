"""What a process keeps of playlists it has written: 24 hours are read once, not each second.

Everything here can be read again from the database; nothing here is ever the only place of a word.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from weakref import WeakKeyDictionary

from recorder.domain.ids import LivestreamId, RecordingId
from recorder.runtime import Deps
from recorder.services.live.playlist import Beginning

#: Of all livestreams together: some thirty of 24 hours. The one used longest ago goes first.
MOST_CHARACTERS = 64 * 1024 * 1024


class Shelf:
    """Beginnings of running livestreams, whole playlists of recordings; bounded by their size."""

    def __init__(self, most: int = MOST_CHARACTERS) -> None:
        self._most = most
        self._held = 0
        self._kept: OrderedDict[uuid.UUID, Beginning] = OrderedDict()

    def beginning(self, livestream: LivestreamId) -> Beginning:
        """What is known of it; an empty one if nothing is."""
        return self._find(livestream) or Beginning()

    def keep_beginning(self, livestream: LivestreamId, beginning: Beginning) -> None:
        """Keep it unless a longer one is there: of two requests at once, one may be slow."""
        if beginning.segments > self.beginning(livestream).segments:
            self._keep(livestream, beginning)

    def text(self, recording: RecordingId) -> str | None:
        """The playlist of a recording, which never changes."""
        kept = self._find(recording)
        return kept.lines if kept else None

    def keep_text(self, recording: RecordingId, text: str) -> None:
        self._keep(recording, Beginning(lines=text))

    def _find(self, key: uuid.UUID) -> Beginning | None:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def _keep(self, key: uuid.UUID, beginning: Beginning) -> None:
        before = self._kept.pop(key, None)
        self._held += len(beginning.lines) - (len(before.lines) if before else 0)
        self._kept[key] = beginning
        while self._held > self._most and self._kept:
            _, gone = self._kept.popitem(last=False)
            self._held -= len(gone.lines)


_SHELVES: WeakKeyDictionary[Deps, Shelf] = WeakKeyDictionary()


def shelf_of(deps: Deps) -> Shelf:
    """The one shelf of this process."""
    return _SHELVES.setdefault(deps, Shelf())
