"""What is known of the segments of a recording to be, page by page: a day of them is 43,200."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from recorder.domain.livestream import Segment, list_beginning, list_line


class Tally:
    """Sums over segments in the order of an original; keeps their numbers and no more of them."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.periods: set[int] = set()
        self.length = 0
        #: How long its media last together.
        self.media = timedelta()
        self.received_at: datetime | None = None
        #: Of those with media; of init segments where nothing else has come.
        self.first: Segment | None = None
        self.last: Segment | None = None
        self._list = hashlib.sha256(list_beginning())

    @property
    def arrival_sha256(self) -> bytes:
        """SHA-256 over the ordered list of what arrived (``domain.livestream.list_digest``)."""
        return self._list.digest()

    def taken(self, page: Sequence[Segment]) -> Sequence[Segment]:
        """Take in the next segments, and give them back."""
        for each in page:
            self.numbers.append(each.number)
            self.periods.add(each.period)
            self.length += each.length
            self.media += each.length_of_time
            self._list.update(list_line(each.period, each.number, each.length, each.sha256))
            self._take_times(each)
        return page

    def _take_times(self, segment: Segment) -> None:
        if self.first is not None and segment.number < 0 < self.first.number:
            return
        if self.first is None or self.first.number < 0 < segment.number:
            self.first, self.received_at = segment, segment.arrived_at
        self.last = segment
        self.received_at = min(self.received_at or segment.arrived_at, segment.arrived_at)
