"""Which faults strike, at which named points: a schedule made from a seed, and its counting."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from typing_extensions import override

ERROR = "error"


@dataclass(frozen=True, slots=True)
class Job:
    """What a round does: its commit points, and who may die at them."""

    #: Commit points by phase; database.py, store.py, disk.py, ear.py and drawer.py find them.
    phases: Mapping[str, tuple[str, ...]]
    victims: tuple[str, ...]
    #: Points that most rounds reach once or twice, so that a third time need not be drawn.
    rare: Mapping[str, int]
    #: Reached only where an earlier fault has left something.
    secondary: frozenset[str]
    #: Where the covering round kills whom, and on which side.
    killing: tuple[tuple[str, str, str], ...]
    #: Where errors lead to the points of the third: these are only reached by them.
    leading: tuple[str, tuple[int, ...], tuple[str, ...]] | None = None

    @property
    def points(self) -> tuple[str, ...]:
        return tuple(point for points in self.phases.values() for point in points)


_PHASES = {
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
    "codes": ("db.filmed_codes",),
    "renditions": ("db.rendition_intent", "store.rendition"),
    "link": ("http.link", "db.link"),
    "expire": ("db.expire_empty", "db.expire_early"),
    "locks": ("store.lock_ahead", "db.locked"),
    "alarms": ("db.alarm_raised", "db.alarm_again", "db.alarm_cleared"),
    "turns": ("db.turn", "db.turn_back"),
    "duplicates": ("folder.delete", "db.released"),
    "superseded": ("db.superseded_gone",),
    "sweep": (
        *("store.delete_piece", "db.pieces_removed", "db.sweep_claim"),
        *("store.list_multiparts", "store.abort", "db.sweep_drop"),
    ),
}

FILES = Job(
    phases=_PHASES,
    victims=("service", "worker", "client", "store", "database", "redis"),
    rare={
        **dict.fromkeys(("db.duplicate", "db.mismatched", "db.proxy", "db.filmed_codes"), 1),
        **dict.fromkeys(("db.link", "http.link"), 1),
        **dict.fromkeys(("db.expire_empty", "db.expire_early"), 1),
        **dict.fromkeys(("db.alarm_raised", "db.alarm_again", "db.alarm_cleared"), 1),
        **dict.fromkeys(
            ("db.superseded_gone", "db.released", "db.give_back", "db.sweep_drop", "store.abort"), 2
        ),
    },
    secondary=frozenset({"store.abort", "store.piece_read", "db.sweep_claim", "db.sweep_drop"}),
    killing=(
        *(("http.append", "before", "service"), ("store.part", "after", "client")),
        *(("db.offset", "before", "database"), ("store.piece", "after", "store")),
        *(("db.claim", "before", "worker"), ("store.lock", "after", "redis")),
    ),
)

#: Objects in a folder: its own commit points, tails in place among them.
_FOLDER_PHASES = {
    "tail": (
        *("folder.create", "folder.begun", "folder.named", "folder.hold", "folder.settle"),
        *("db.piece_placed", "folder.adopt"),
    ),
    "join": (
        *("folder.join", "folder.cut", "folder.publish", "folder.linked"),
        *("folder.sidecar", "folder.forget", "folder.unlink"),
    ),
    "read": ("folder.read_original", "folder.rendition"),
    "leftovers": ("folder.lock_ahead", "folder.list", "folder.abort"),
}
#: What only a store with staged pieces comes to.
_STAGED = ("db.piece_intent", "db.pieces_removed")

#: Only the points of the folder: what make test adds to a round of FILES.
TAILS = Job(
    phases=_FOLDER_PHASES,
    victims=("service", "worker", "client", "database", "redis"),
    rare={"folder.rendition": 2, "folder.abort": 2},
    secondary=frozenset({"folder.cut", "folder.abort"}),
    killing=(
        *(("folder.settle", "before", "service"), ("db.piece_placed", "after", "service")),
        *(("folder.publish", "after", "database"), ("folder.read_original", "before", "worker")),
        ("folder.hold", "before", "client"),
    ),
)

FOLDER = Job(
    phases={
        **{
            name: kept
            for name, points in _PHASES.items()
            if (kept := tuple(p for p in points if p[:6] != "store." and p not in _STAGED))
        },
        **_FOLDER_PHASES,
    },
    victims=TAILS.victims,
    rare={**FILES.rare, **TAILS.rare},
    secondary=FILES.secondary | TAILS.secondary,
    killing=TAILS.killing,
)

_LIVE_PHASES = {
    "open": ("http.live_open", "db.live_open", "store.live_opening", "db.live_described"),
    "segment": (
        *("http.live_segment", "db.live_claim", "store.live_segment", "store.live_received"),
        *("db.live_counted", "db.live_counted_alone"),
    ),
    "period": ("http.live_init", "store.live_init", "db.live_period"),
    "chunks": (
        *("http.push_key", "db.push_key", "http.live_chunk", "store.live_chunk"),
        "db.chunk_began",
    ),
    "pulls": (
        *("http.pull_open", "db.pull_open", "db.pull_take", "db.pull_told", "db.pull_marked"),
        *("store.pull_received", "db.pull_let_go", "db.pull_forgotten"),
    ),
    "lease": ("db.live_take", "db.live_keep", "db.live_let_go"),
    "spool": (
        *("spool.describe", "spool.keep", "spool.read", "spool.remove", "spool.forget"),
        "db.live_promised",
    ),
    "states": ("db.live_interrupted", "db.live_closing", "http.live_close", "db.live_told"),
    "seal": ("db.live_named", "store.live_manifest", "db.live_closed"),
    "verify": ("store.live_read", "db.sealed"),
    "compact": (
        *("db.volume_claim", "store.volume_versions", "store.volume_open", "store.volume_create"),
        *("store.volume_part", "store.volume_complete", "store.volume_abort"),
        *("store.volume_read", "db.volume_lock", "db.index_claim", "store.volume_index"),
        "db.compacted",
    ),
    "locks": ("store.live_lock", "db.live_locked", "db.live_opening_locked"),
}

LIVE = Job(
    phases=_LIVE_PHASES,
    victims=(
        *("service", "worker", "device", "phone", "publisher", "ingest"),
        *("store", "database", "redis"),
    ),
    rare={
        **dict.fromkeys(("db.live_opening_locked", "db.live_closed", "db.live_interrupted"), 1),
        **dict.fromkeys(("db.compacted", "store.volume_index", "db.index_claim"), 2),
        **dict.fromkeys(("db.volume_claim", "store.volume_abort"), 2),
        **dict.fromkeys(("store.live_manifest", "db.live_named", "spool.forget"), 2),
        **dict.fromkeys(("db.live_closing", "http.live_close", "http.live_open"), 2),
        **dict.fromkeys(("http.push_key", "db.push_key", "db.chunk_began"), 2),
        **dict.fromkeys(("http.pull_open", "db.pull_open", "db.pull_take", "db.pull_let_go"), 2),
    },
    secondary=frozenset({"store.volume_abort"}),
    killing=(
        *(("db.live_take", "before", "publisher"), ("http.live_segment", "after", "publisher")),
        *(("db.pull_marked", "before", "ingest"), ("spool.read", "after", "ingest")),
        *(("store.live_received", "after", "service"), ("db.live_counted", "after", "database")),
        *(("store.live_init", "before", "store"), ("spool.keep", "before", "redis")),
        *(("store.live_segment", "before", "device"), ("store.volume_part", "after", "worker")),
        *(("http.live_init", "after", "device"), ("http.live_chunk", "before", "phone")),
        ("store.live_chunk", "after", "phone"),
    ),
    leading=("store.live_received", (1, 2, 4, 6, 8, 10), ("spool.", "db.live_promised")),
)


@dataclass(frozen=True, slots=True)
class Hold:
    """The first time that ``point`` is reached, it waits until ``awaited`` was reached so often.

    For what the product does by the clock while something takes long: here, it takes so long. It
    does not wait in a round that has no fault there.
    """

    point: str
    awaited: str
    times: int


HOLDS = (
    *(Hold("store.part", "db.touch", 2), Hold("store.read_original", "db.heartbeat", 3)),
    *(Hold("folder.settle", "db.touch", 2), Hold("folder.read_original", "db.heartbeat", 3)),
)
_LONGEST_HOLD_S = 20.0


class Cell(NamedTuple):
    """One field of the matrix that a job is: what happens at a point, on one side of its effect."""

    point: str
    when: str
    victim: str


@dataclass(frozen=True, slots=True)
class Fault:
    """At the ``nth`` time that this point is reached: an error, or kill -9 of a victim."""

    point: str
    nth: int
    #: before or after what the point stands for took effect.
    when: str
    victim: str

    @property
    def cell(self) -> Cell:
        """The field of the matrix that it strikes."""
        return Cell(self.point, self.when, self.victim)

    @override
    def __str__(self) -> str:
        act = "error" if self.victim == ERROR else f"kill -9 {self.victim}"
        return f"{act} {self.when} {self.point} #{self.nth}"


def random_faults(chance: random.Random, count: int, job: Job = FILES) -> list[Fault]:
    """So many faults at different places; the same for the same state of ``chance``."""
    places = [(point, nth) for point in job.points for nth in range(1, job.rare.get(point, 3) + 1)]
    drawn = [
        Fault(
            point, nth,
            chance.choice(("before", "after")),
            ERROR if chance.random() < 0.5 else chance.choice(job.victims),
        )
        for point, nth in chance.sample(places, count)
    ]  # fmt: skip
    return [*drawn, *_leading(job, drawn)]


def matrix(job: Job = FILES) -> set[Cell]:
    """Every point, on both sides of its effect, with an error and with each victim's death."""
    return {
        Cell(point, when, victim)
        for point in job.points
        for when in ("before", "after")
        for victim in (ERROR, *job.victims)
    }


def matrix_faults(
    chance: random.Random, left: Iterable[Cell], count: int, job: Job = FILES
) -> list[Fault]:
    """So many of these fields at most, as many of a point as a round reaches it."""
    drawn: list[Fault] = []
    places: Counter[str] = Counter()
    fields = sorted(left)
    chance.shuffle(fields)
    for field in fields:
        if len(drawn) < count and places[field.point] < job.rare.get(field.point, 3):
            places[field.point] += 1
            drawn.append(Fault(field.point, places[field.point], field.when, field.victim))
    return [*drawn, *_leading(job, drawn)]


def _leading(job: Job, faults: Sequence[Fault]) -> list[Fault]:
    """What makes sure that faults are reached where nothing comes unless something fails."""
    if job.leading is None:
        return []
    point, times, to = job.leading
    if not any(fault.point.startswith(to) for fault in faults):
        return []
    taken = {(fault.point, fault.nth) for fault in faults}
    return [Fault(point, nth, "before", ERROR) for nth in times if (point, nth) not in taken]


def covering_faults(job: Job = FILES) -> list[Fault]:
    """Every point fails before its effect when it is reached first, and after it the next time;
    then victims are killed."""
    errors = [
        Fault(point, nth, when, ERROR)
        for point in job.points
        for nth, when in ((1, "before"), (2, "after"))
    ]
    kills = [Fault(point, 3, when, victim) for point, when, victim in job.killing]
    return [*errors, *kills, *_leading(job, errors + kills)]


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

    def is_waiting(self, begin: str) -> bool:
        """Whether a fault is still to come at a point whose name begins so."""
        with self._change:
            return any(name.startswith(begin) for name, _ in self._waiting)

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
                if (
                    hold.point == point
                    and not self._reached[point]
                    and any(awaited == hold.awaited for awaited, _ in self._waiting)
                ):
                    self._change.wait_for(
                        lambda hold=hold: self._reached[hold.awaited] >= hold.times,  # type: ignore[misc]
                        timeout=_LONGEST_HOLD_S,
                    )

    def strikes(
        self, fault: Fault | None, when: str, kill: Callable[[str], None] | None = None
    ) -> bool:
        """Whether the connection breaks now; a victim is killed and the act goes on.

        ``kill`` is for who knows better which of several processes the victim is.
        """
        if fault is None or fault.when != when:
            return False
        if fault.victim == ERROR:
            return True
        with self._change:
            self._killed[fault.victim] += 1
        (kill or self._kill)(fault.victim)
        return False
