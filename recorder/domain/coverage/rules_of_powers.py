"""Who acted, and whether with powers: published subjects and entrustments of the day (R82, R83)."""

from __future__ import annotations

from collections.abc import Iterable

from recorder.domain.coverage.facts import CaseFacts
from recorder.domain.coverage.measure import Measured
from recorder.domain.coverage.words import found
from recorder.domain.finding import Finding, FindingKind, Severity
from recorder.domain.instant import CHINA
from recorder.domain.organisation import organs_of


def of_powers(facts: CaseFacts, measured: Measured) -> Iterable[Finding]:
    """Whether the organ was a published subject that day, and the body entrusted with the matter.

    Absence says nothing: of an organ of which no publication is on file, and of a body of which
    no entrustment is, nothing is found.
    """
    scene = measured.scene
    if scene.rule is None:
        return
    day, agency = scene.began_at.astimezone(CHINA).date(), scene.agency
    # A branch acts in the name of its organ, whose publication counts.
    known = [
        facts.published[each]
        for each in (agency, *organs_of(facts.names, agency, day))
        if each in facts.published
    ]
    if known and not any(term.covers(day) for terms in known for term in terms):
        yield found(
            facts, FindingKind.SUBJECT_UNPUBLISHED, Severity.MAJOR, scene=scene,
            facts_={"day": day.isoformat()},
        )  # fmt: skip
    acts_entrusted = any(
        each.entrusted and each.begins <= day <= each.ends for each in facts.names.get(agency, ())
    )
    given = facts.entrusted.get(agency, ())
    if acts_entrusted and given and not any(term.covers(day, scene.matter) for term in given):
        yield found(
            facts, FindingKind.ENTRUSTMENT_INVALID, Severity.MAJOR, scene=scene,
            facts_={"day": day.isoformat(), "matter": scene.matter},
        )  # fmt: skip
