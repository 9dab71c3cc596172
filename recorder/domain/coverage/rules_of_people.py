"""Who was there: two officers, valid certificates, nobody at two places at once (R9, R76)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from math import asin, cos, radians, sin, sqrt

from recorder.domain.coverage import spans
from recorder.domain.coverage.facts import CaseFacts, Certificate, Interval, Presence
from recorder.domain.coverage.measure import Measured
from recorder.domain.coverage.placing import PlacedFootage
from recorder.domain.coverage.scenes import Scene
from recorder.domain.coverage.words import found, moment
from recorder.domain.finding import Finding, FindingKind, Severity
from recorder.domain.instant import CHINA

#: Two events that meet by less are one after the other, by clocks of people.
AT_ONCE = timedelta(minutes=1)
#: One place tells of so many others at most: a number that is at more is no person's.
MOST_OTHERS = 5
#: Nearer than this is one place.
APART_M = 1000.0
EARTH_M = 6_371_000.0


def distance_m(
    latitude: float, longitude: float, other_latitude: float, other_longitude: float
) -> float:
    """Great-circle distance in metres."""
    one, other = radians(latitude), radians(other_latitude)
    a = (
        sin((other - one) / 2) ** 2
        + cos(one) * cos(other) * sin(radians(other_longitude - longitude) / 2) ** 2
    )
    return 2 * EARTH_M * asin(sqrt(min(1.0, a)))


def of_officers(facts: CaseFacts, measured: Measured) -> Iterable[Finding]:
    """How many there were, and whether each had a certificate that day."""
    scene = measured.scene
    if scene.rule is None:
        return
    if len(scene.officers) < scene.rule.officers:
        yield found(
            facts, FindingKind.TOO_FEW_OFFICERS, Severity.MAJOR, scene=scene,
            facts_={"wanted": scene.rule.officers, "present": len(scene.officers)},
        )  # fmt: skip
    day = scene.began_at.astimezone(CHINA).date()
    for officer in scene.officers:
        certificates = facts.officers.get(officer.number)
        if certificates is None:
            if scene.agency in facts.officers_on_file:
                yield found(
                    facts, FindingKind.OFFICER_UNKNOWN, Severity.NOTICE, scene=scene,
                    about=officer.number, officers=[officer.number],
                    facts_={"officer": officer.number},
                )  # fmt: skip
        elif not any(each.is_valid(day) for each in certificates):
            yield found(
                facts,
                FindingKind.CERTIFICATE_INVALID,
                Severity.MAJOR,
                scene=scene,
                about=officer.number,
                officers=[officer.number],
                facts_={"officer": officer.number, **last_certificate(certificates, day)},
            )
        elif (left := facts.last_days.get(officer.number)) is not None and left < day:
            # The paper is valid; whoever holds it had left by then.
            yield found(
                facts, FindingKind.OFFICER_UNKNOWN, Severity.MAJOR, scene=scene,
                about=officer.number, officers=[officer.number],
                facts_={"officer": officer.number, "last_day": left.isoformat()},
            )  # fmt: skip


def last_certificate(certificates: Sequence[Certificate], day: date) -> dict[str, object]:
    """Of those that are not valid on a day the one that ran out last, else the next to begin."""
    ended = [each for each in certificates if each.valid_to is not None and each.valid_to < day]
    coming = [each for each in certificates if each not in ended]
    last = max(ended, key=lambda each: (each.valid_to or day, each.number), default=None)
    following = min(coming, key=lambda each: (each.valid_from or day, each.number), default=None)
    told = last or following
    return {
        "certificate": told.number if told else None,
        "valid_to": last.valid_to.isoformat() if last and last.valid_to else None,
        "valid_from": following.valid_from.isoformat()
        if last is None and following and following.valid_from
        else None,
    }


def of_places(
    facts: CaseFacts, scenes: Sequence[Scene], placed: PlacedFootage
) -> Iterable[Finding]:
    """Officers and devices that were at two places at once, each pair told once in this case."""
    here = [each for scene in scenes for each in officers_of(scene)]
    own = {each.about for each in here}
    elsewhere = [each for each in facts.officers_elsewhere if each.about not in own]
    by_key = {scene.key: scene for scene in scenes}
    for one, other, span in _collisions(here, elsewhere):
        yield found(
            facts,
            FindingKind.OFFICER_IN_TWO_PLACES,
            Severity.MAJOR,
            scene=by_key[one.scene or ""],
            about=f"{one.who} {other.about}",
            span=span,
            officers=[one.who],
            facts_={"officer": one.who, **_apart(one, other)},
        )
    cameras = [
        Presence(
            who=each.footage.device,
            about=str(each.footage.recording),
            scene=None,
            began_at=each.span.began_at,
            ended_at=each.span.ended_at,
            latitude=each.footage.latitude,
            longitude=each.footage.longitude,
        )
        for each in placed.counted
        if each.footage.device is not None
        and each.footage.latitude is not None
        and each.footage.longitude is not None
    ]
    recordings = {str(each.footage.recording): each for each in placed.counted}
    others = [each for each in facts.devices_elsewhere if each.about not in recordings]
    for one, other, span in _collisions(cameras, others):
        yield found(
            facts,
            FindingKind.DEVICE_IN_TWO_PLACES,
            Severity.MINOR,
            about=f"{one.who} {one.about} {other.about}",
            day_of=one.began_at,
            span=span,
            confidence=recordings[one.about].confidence,
            recordings=[recordings[one.about].footage.recording],
            officers=[name for name in (recordings[one.about].footage.officer,) if name],
            facts_={"device": one.who, **_apart(one, other)},
        )


def officers_of(scene: Scene) -> Iterable[Presence]:
    place, span = scene.place, scene.span
    if span is None or place is None or place.latitude is None or place.longitude is None:
        return
    for officer in scene.officers:
        yield Presence(
            who=officer.number,
            about=scene.key,
            scene=scene.key,
            began_at=span.began_at,
            ended_at=span.ended_at,
            latitude=place.latitude,
            longitude=place.longitude,
        )


def _collisions(
    here: Sequence[Presence], elsewhere: Sequence[Presence]
) -> Iterable[tuple[Presence, Presence, Interval]]:
    """Of each one here, in the order of time, those after it and those elsewhere at its time."""
    inside = _by_who(here)
    outside = _by_who(sorted(elsewhere, key=lambda one: (one.began_at, one.about)))
    for who, own in inside.items():
        for n, one in enumerate(own):
            told = 0
            for other in (*_beginning_within(one, own[n + 1 :]), *outside.get(who, ())):
                if one.about == other.about or (span := _at_once(one, other)) is None:
                    continue
                yield one, other, span
                told += 1
                if told == MOST_OTHERS:
                    break


def _by_who(presences: Sequence[Presence]) -> dict[str, list[Presence]]:
    found: dict[str, list[Presence]] = {}
    for each in presences:
        found.setdefault(each.who, []).append(each)
    return found


def _beginning_within(one: Presence, later: Sequence[Presence]) -> Iterable[Presence]:
    return itertools.takewhile(lambda other: other.began_at < one.ended_at, later)


def _at_once(one: Presence, other: Presence) -> Interval | None:
    """When both were, if that is too long and too far apart for one."""
    span = Interval(max(one.began_at, other.began_at), min(one.ended_at, other.ended_at))
    if span.ended_at - span.began_at <= AT_ONCE:
        return None
    apart = distance_m(one.latitude, one.longitude, other.latitude, other.longitude)
    return span if apart > APART_M else None


def _apart(one: Presence, other: Presence) -> dict[str, object]:
    return {
        "other": other.about,
        "from": moment(max(one.began_at, other.began_at)),
        "overlap_ms": spans.milliseconds(
            min(one.ended_at, other.ended_at) - max(one.began_at, other.began_at)
        ),
        "distance_m": round(
            distance_m(one.latitude, one.longitude, other.latitude, other.longitude)
        ),
    }
