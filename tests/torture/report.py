"""What a run did, as text for docs/torture-report.md."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.torture.rounds import Outcome
from tests.torture.schedule import ERROR, FILES, LIVE, Cell, Job, matrix


@dataclass
class Run:
    """Rounds of one seed on one stand."""

    seed: int
    store: str
    #: Number of the first round.
    first: int = 0
    job: Job = FILES
    outcomes: list[Outcome] = field(default_factory=list)
    #: What the last look at everything found; None while there was none.
    at_the_end: list[str] | None = None
    given_up: int = 0
    #: Fields of the matrix that are to be struck once each; None: faults are drawn by chance.
    left: set[Cell] | None = None

    def note(self, outcome: Outcome) -> None:
        """A round has ended."""
        self.outcomes.append(outcome)
        if self.left is not None:
            self.left -= {fault.cell for fault in outcome.fired}

    @property
    def next_round(self) -> int:
        """Number of the round that comes next."""
        return self.first + len(self.outcomes)

    @property
    def fired(self) -> int:
        """How many faults have struck."""
        return sum(len(outcome.fired) for outcome in self.outcomes)


def text(run: Run) -> str:
    """Faults by point and victim, bytes, and everything that was broken."""
    outcomes = run.outcomes
    fired = [fault for outcome in outcomes for fault in outcome.fired]
    when = Counter(fault.when for fault in fired)
    missed = sum(len(outcome.missed) for outcome in outcomes)
    broken = [
        (f"round {n}", line) for n, each in enumerate(outcomes, run.first) for line in each.broken
    ]
    broken += [("at the end", line) for line in run.at_the_end or []]
    lines = [
        f"### {run.store}, seed {run.seed}",
        "",
        f"- rounds: {len(outcomes)}, from number {run.first} on;"
        f" {sum(outcome.seconds for outcome in outcomes) / 60:.0f} minutes",
        f"- faults that struck: {len(fired)} ({when['before']} before, {when['after']} after they"
        f" took effect); drawn, but their place was not reached: {missed}",
        *(_bytes(outcomes) if run.job is not LIVE else []),
        f"- task runs that a person had to retry: {sum(o.retried for o in outcomes)}",
        f"- uploads of which the killed store itself had lost an acknowledged part, told by the"
        f" alarm upload_stuck and sent anew by the client: {run.given_up}",
        *(_fields(run.job, run.left) if run.left is not None else []),
        "- audit by digest of everything at the end: "
        + ("not made" if run.at_the_end is None else "made"),
        f"- promises broken: {len(broken)}",
        *(f"  - {place}: {line}" for place, line in broken),
        "",
        *_table(run.job, Counter((fault.point, fault.victim) for fault in fired)),
        "",
    ]
    return "\n".join(lines)


def _fields(job: Job, left: set[Cell]) -> list[str]:
    every = len(matrix(job))
    return [
        f"- fields of the matrix (point, before or after, error or death of a victim) that were"
        f" struck: {every - len(left)} of {every}",
        *(f"  - not struck: {each.victim} {each.when} {each.point}" for each in sorted(left)),
    ]


def _bytes(outcomes: list[Outcome]) -> list[str]:
    files = sum(outcome.file_bytes for outcome in outcomes)
    sent = sum(outcome.sent_bytes for outcome in outcomes)
    again = sum((outcome.sent_again for outcome in outcomes), Counter[str]())
    own = again.pop("client", 0)
    others = ", ".join(f"{cause} {count}" for cause, count in again.most_common()) or "none"
    return [
        f"- bytes of files: {files}; bytes of bodies that the client sent for them: {sent}"
        f" ({sent / max(files, 1):.3f} times)",
        f"- sent again because a body had been cut: {own} by the death of the client itself,"
        f" {again.total()} by other faults ({others}); without the client's own deaths:"
        f" {(sent - own) / max(files, 1):.3f} times",
    ]


def _table(job: Job, struck: Counter[tuple[str, str]]) -> list[str]:
    causes = (ERROR, *job.victims)
    return [
        "| point | " + " | ".join(causes) + " |",
        "|---" * (len(causes) + 1) + "|",
        *(
            f"| {point} | " + " | ".join(str(struck[point, cause]) for cause in causes) + " |"
            for point in job.points
        ),
    ]
