"""STEPS: what each task of the pipeline does. A test demands the same names as in PIPELINE.

A step may run twice, or be cut off at any line: it writes nothing but objects named after its
attempt, and says what it found as events.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from recorder.domain.events import CustodyEvent
from workers.context import StepContext
from workers.steps import codes, compact, poster, probe, proxy, verify

Step = Callable[[StepContext], Awaitable[Sequence[CustodyEvent]]]

STEPS: dict[str, Step] = {
    "verify": verify.verify,
    "probe": probe.probe,
    "poster": poster.poster,
    "codes": codes.codes,
    "proxy": proxy.proxy,
    "examine": probe.examine,
    "compact": compact.compact,
}
