"""Which faults strike, at which named points: a schedule made from a seed, and its counting."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from typing_extensions import override

ERROR = "error"
VICTIMS = ("service", "worker", "client", "store", "database", "redis")

#: Commit points by the phase of the main job; database.py, store.py, ear.py and duplicates.py
#: find them.
PHASES: dict[str, tuple[str, ...]] = {
    "create": ("http.create", "db.create"),
    "append": ("http.append", "http.head", "db.take", "db.touch", "db.offset", "db.let_go"),
    "piece": ("db.piece_intent", "store.piece", "store.piece_read"),
    "part": (
        *("db.part_intent", "store.create_multipart", "db.multipart", "db.part_number"),
        "store.part",
    ),
    "complete": (
        *("db.completing", "store.complete", "store.versions", "store.sidecar"),
        *("store.lock", "db.finished", "db.duplicate"),
    ),
    "tasks": ("db.claim", "db.heartbeat", "db.give_back", "store.read_original"),
    "verify": ("db.sealed", "db.mismatched"),
    "probe": ("db.probed",),
    "examine": ("db.examined",),
    "poster": ("db.poster",),
    "proxy": ("db.proxy",),
    "renditions": ("db.rendition_intent", "store.rendition"),
    "link": ("http.link", "db.link"),
    "expire": ("db.expire_empty", "db.expire_early"),
    "locks": ("store.lock_ahead", "db.locked"),
    "alarms": ("db.alarm_raised", "db.alarm_again", "db.alarm_cleared"),
    "turns": ("db.turn", "db.turn_back"),
    "duplicates": ("folder.delete", "db.released"),
    "sweep": (
        *("store.delete_piece", "db.pieces_removed", "db.sweep_claim"),
        *("store.list_multiparts", "store.abort", "db.sweep_drop"),
    ),
}
POINTS = tuple(point for points in PHASES.values() for point in points)
#: Reached only where an earlier fault has left something.
SECONDARY = frozenset({"store.abort", "store.piece_read", "db.sweep_claim", "db.sweep_drop"})
#: Most rounds reach these once or twice, so that a third time need not be drawn.
_RARE = {
    **dict.fromkeys(("db.duplicate", "db.mismatched", "db.proxy", "db.link", "http.link"), 1),
    **dict.fromkeys(("db.expire_empty", "db.expire_early"), 1),
    **dict.fromkeys(("db.alarm_raised", "db.alarm_again", "db.alarm_cleared"), 1),
    **dict.fromkeys(("db.released", "db.give_back", "db.sweep_drop", "store.abort"), 2),
}


@dataclass(frozen=True, slots=True)
class Hold:
    """The first time that ``point`` is reached, it waits until ``awaited`` was reached so often.

    For what the product does by the clock while something takes long: here, it takes so long.
    """

    point: str
    awaited: str
    times: int


HOLDS = (Hold("store.part", "db.touch", 2), Hold("store.read_original", "db.heartbeat", 3))
_LONGEST_HOLD_S = 20.0


@dataclass(frozen=True, slots=True)
class Fault:
    """At the ``nth`` time that this point is reached: an error, or kill -9 of a victim."""

    point: str
    nth: int
    #: before or after what the point stands for took effect.
    when: str
    victim: str

    @override
    def __str__(self) -> str:
        act = "error" if self.victim == ERROR else f"kill -9 {self.victim}"
        return f"{act} {self.when} {self.point} #{self.nth}"


def random_faults(chance: random.Random, count: int) -> list[Fault]:
    """So many faults at different places; the same for the same state of ``chance``."""
    places = [(point, nth) for point in POINTS for nth in range(1, _RARE.get(point, 3) + 1)]
    return [
        Fault(
            point, nth,
            chance.choice(("before", "after")),
            ERROR if chance.random() < 0.5 else chance.choice(VICTIMS),
        )
        for point, nth in chance.sample(places, count)
    ]  # fmt: skip


def covering_faults() -> list[Fault]:
    """Every point fails before its effect when it is reached first, and after it the next time;
    every victim is killed on both sides of something."""
    killing = ("http.append", "store.part", "db.offset", "store.piece", "db.claim", "store.lock")
    errors = [
        Fault(point, nth, when, ERROR)
        for point in POINTS
        for nth, when in ((1, "before"), (2, "after"))
    ]
    kills = [
        Fault(point, 3 + shift, when, VICTIMS[(index + shift) % len(VICTIMS)])
        for shift, when in enumerate(("before", "after"))
        for index, point in enumerate(killing)
    ]
    return errors + kills


class Director:
    """Counts how often each point is reached and says which fault strikes; for all threads."""

    def __init__(self, kill: Callable[[str], None]) -> None:
        self._kill = kill
        self._change = threading.Condition()
        self._waiting: dict[tuple[str, int], Fault] = {}
        self._reached: Counter[str] = Counter()
        self._killed: Counter[str] = Counter()
        self.fired: list[Fault] = []

    @property
    def reached(self) -> Counter[str]:
        """How often each point was reached since the faults were loaded."""
        with self._change:
            return self._reached.copy()

    @property
    def killed(self) -> Counter[str]:
        """How often each victim was killed since the beginning."""
        with self._change:
            return self._killed.copy()

    def load(self, faults: Iterable[Fault]) -> None:
        """Begin to count anew, with these faults to come."""
        with self._change:
            self._reached.clear()
            self.fired = []
            self._waiting = {(fault.point, fault.nth): fault for fault in faults}

    def clear(self) -> list[Fault]:
        """No fault strikes any more; gives those whose place was not reached."""
        with self._change:
            left = list(self._waiting.values())
            self._waiting = {}
        return left

    def at(self, point: str | None) -> Fault | None:
        """The point is reached: the fault that strikes now, if any."""
        if point is None:
            return None
        with self._change:
            self._reached[point] += 1
            self._change.notify_all()
            fault = self._waiting.pop((point, self._reached[point]), None)
            if fault is not None:
                self.fired.append(fault)
        return fault

    def hold(self, point: str | None) -> None:
        """Wait as ``HOLDS`` says; only in threads that may be blocked, before ``at``."""
        with self._change:
            for hold in HOLDS:
                if hold.point == point and not self._reached[point]:
                    self._change.wait_for(
                        lambda hold=hold: self._reached[hold.awaited] >= hold.times,  # type: ignore[misc]
                        timeout=_LONGEST_HOLD_S,
                    )

    def strikes(self, fault: Fault | None, when: str) -> bool:
        """Whether the connection breaks now; a victim is killed and the act goes on."""
        if fault is None or fault.when != when:
            return False
        if fault.victim == ERROR:
            return True
        with self._change:
            self._killed[fault.victim] += 1
        self._kill(fault.victim)
        return False
