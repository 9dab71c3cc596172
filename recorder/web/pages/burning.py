"""What is worst now, as a few sentences with numbers. Pure: from the figures to the words."""

from __future__ import annotations

from dataclasses import dataclass

from recorder.services.dashboard import Dashboard, Line

#: From so many days on, by the classes of age, something is old.
OLD = 3
#: Points (in thousandths) that a share has to fall before anybody speaks of it.
_FALL = 10
_MOST = 4


@dataclass(frozen=True, slots=True)
class Burning:
    """A sentence: its word, its numbers, and how bad it is."""

    word: str
    numbers: dict[str, object]
    is_bad: bool = True
    #: The organisation that it leads to.
    line: Line | None = None


def burning(told: Dashboard) -> list[Burning]:
    """At most four, the worst first; none where all is well."""
    found: list[tuple[float, Burning]] = []
    scenes = told.total.scenes
    worst = told.lines[0] if len(told.lines) > 1 else None
    if worst is not None and worst.scenes.missing_ms and worst.scenes.permille is not None:
        share = f"{worst.scenes.permille / 10:.1f}"
        hours_missing = f"{worst.scenes.missing_ms / 3_600_000:.1f}"
        numbers: dict[str, object] = {
            "name": worst.place.name,
            "share": share,
            "hours": hours_missing,
        }
        found.append((9, Burning("worst", numbers, line=worst)))
    if scenes.unrecorded:
        part = scenes.unrecorded / max(1, scenes.must)
        found.append((3 + part, Burning("unrecorded", {"n": scenes.unrecorded})))
    before = told.total.before
    if before is not None and scenes.permille is not None and before.permille is not None:
        fallen = before.permille - scenes.permille
        if fallen >= _FALL and told.beside is None:
            found.append((4, Burning("fallen", {"n": f"{fallen / 10:.1f}"})))
    old = sum(told.waiting[OLD:])
    if old:
        found.append((2, Burning("waiting", {"n": old, "all": sum(told.waiting)})))
    pool = sum(count for count, _ in told.unlinked[OLD:])
    if pool:
        hours = sum(length for _, length in told.unlinked[OLD:]) // 3_600_000
        found.append((1.5, Burning("pool", {"n": pool, "hours": hours}, False)))
    open_gaps = scenes.gaps - scenes.explained
    if open_gaps:
        found.append((1 + open_gaps / max(1, scenes.must), Burning("gaps", {"n": open_gaps})))
    if scenes.late:
        part = scenes.late / max(1, scenes.recordings)
        found.append((0.9 + part, Burning("late", {"n": scenes.late}, False)))
    use = told.total.devices
    if use.idle:
        told_idle: dict[str, object] = {"n": use.idle, "all": use.registered}
        found.append((0.5 + use.idle / max(1, use.registered), Burning("idle", told_idle, False)))
    return [one for _, one in sorted(found, key=lambda each: -each[0])[:_MOST]]
