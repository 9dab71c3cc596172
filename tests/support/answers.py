"""What a service answers, for whoever asks; imports nothing, so that senders start at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    reason: str | None = None

    @property
    def json(self) -> dict[str, object]:
        loaded: dict[str, object] = json.loads(self.content)
        return loaded
