"""Whose a matter was on the day of an act, where it passed from organ to organ (R83)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta

from recorder.domain.coverage.facts import CaseFacts
from recorder.domain.coverage.measure import Measured
from recorder.domain.coverage.scenes import Scene
from recorder.domain.coverage.words import found
from recorder.domain.finding import Finding, FindingKind, Severity
from recorder.domain.ids import AgencyId
from recorder.domain.instant import CHINA
from recorder.domain.matter import PassedMatter, Passing
from recorder.domain.organisation import organs_of


def of_matters(facts: CaseFacts, measured: Measured) -> Iterable[Finding]:
    """Whether the matter was the organ's on the day, of which the register tells a passing.

    Nothing is found where anybody who takes part in the case has the matter that day or is
    entrusted with it: the others assist. Cases opened before a passing are finished by who opened
    them, so what was given away is only asked of cases whose day of opening is known.
    """
    scene = measured.scene
    matter = facts.matters.get(scene.matter or "")
    if scene.rule is None or matter is None:
        return
    day = scene.began_at.astimezone(CHINA).date()
    if _is_theirs(facts, matter, scene, day):
        return
    doers = {scene.agency, *organs_of(facts.names, scene.agency, day)}
    given, name = _given(facts, matter, doers, day), "handed_on"
    if not given:
        given, name = _coming(matter, doers, day), "not_before"
    given = [each for each in given if _is_about(each, scene)]
    if not given:
        return
    others = [each.taker if name == "handed_on" else each.giver for each in given]
    own = given[0].giver if name == "handed_on" else given[0].taker
    yield found(
        facts, FindingKind.MATTER_ELSEWHERE, Severity.MAJOR, scene=scene,
        facts_={
            "day": day.isoformat(),
            "matter": scene.matter,
            "matter_name": own.name,
            "organ": own.organ,
            "holder": "、".join(dict.fromkeys(each.organ for each in others)),
            name: given[0].on.isoformat(),
        },
    )  # fmt: skip


def _is_theirs(facts: CaseFacts, matter: PassedMatter, scene: Scene, day: date) -> bool:
    part = {facts.agency, scene.agency, *(event.agency for event in facts.events)}
    part |= {organ for each in part for organ in organs_of(facts.names, each, day)}
    return matter.is_of(part, day) or any(
        term.covers(day, scene.matter) for each in part for term in facts.entrusted.get(each, ())
    )


def _given(
    facts: CaseFacts, matter: PassedMatter, doers: Collection[AgencyId], day: date
) -> Sequence[Passing]:
    """Where it was given away last before the day, to organs that have it on the day."""
    ended = [term.ends for term in matter.terms if term.agency in doers and term.ends < day]
    opened = _opened(facts)
    if not ended or opened is None or opened <= max(ended):
        return ()
    on = max(ended) + timedelta(days=1)
    return [
        each
        for each in matter.passings
        if each.on == on and each.giver.agency in doers and matter.is_of({each.taker.agency}, day)
    ]


def _coming(matter: PassedMatter, doers: Collection[AgencyId], day: date) -> Sequence[Passing]:
    """Where it comes to them first, after the day, from organs that have it on the day."""
    own = [term for term in matter.terms if term.agency in doers]
    if not own or any(term.begins <= day for term in own):
        return ()
    first = min(term.begins for term in own)
    return [
        each
        for each in matter.passings
        if each.on == first and each.taker.agency in doers
        and matter.is_of({each.giver.agency}, day)
    ]  # fmt: skip


def _is_about(passing: Passing, scene: Scene) -> bool:
    """A power to punish may pass without that to inspect."""
    kinds = {each.act_type for each in (passing.giver, passing.taker) if each.act_type}
    return scene.act_type is None or not kinds or scene.act_type in kinds


def _opened(facts: CaseFacts) -> date | None:
    """When the case was opened at the latest; None where its system does not say when."""
    if facts.opened_on is None:
        return None
    acts = [event.began_at for event in facts.events]
    acts += [document.occurred_at for document in facts.documents]
    return min(facts.opened_on, *(at.astimezone(CHINA).date() for at in acts))
