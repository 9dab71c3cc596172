"""A tree around the two agencies of a Bureau: ours is a branch, the foreign one stands beside."""

from __future__ import annotations

from datetime import date

from recorder.domain.events import RegistryImported
from recorder.domain.ids import AgencyId, new_uuid
from recorder.domain.organisation import OrganisationKind
from recorder.domain.people import OPERATOR
from recorder.domain.registry_facts import OrganisationFacts
from recorder.domain.validity import Term
from recorder.services import organs
from recorder.store.registry import organisations
from tests.support.bureau import Bureau

#: A district, the bureau below it of which our agency is a branch.
ABOVE, ORGAN = "above", "organ"


async def plant(bureau: Bureau) -> dict[str, AgencyId]:
    """The city has our district and the foreign agency; gives the new agencies by code."""
    made = {
        code: (await organs.add_agency(bureau.deps, OPERATOR, code=code, name=code)).id
        for code in ("city", ABOVE, ORGAN)
    }
    tree = (
        (made["city"], OrganisationKind.CITY, None),
        (made[ABOVE], OrganisationKind.DISTRICT, made["city"]),
        (made[ORGAN], OrganisationKind.BUREAU, made[ABOVE]),
        (bureau.ours, OrganisationKind.BRANCH, made[ORGAN]),
        (bureau.theirs, OrganisationKind.DISTRICT, made["city"]),
    )
    async with bureau.deps.change(OPERATOR) as change:
        await organisations.insert(
            change,
            [
                (agency, Term(OrganisationFacts(name=kind.value, kind=kind, parent=parent)))
                for agency, kind, parent in tree
            ],
            None,
        )
        await organisations.renew_reach(change.connection, date(2026, 3, 2))
        change.record(
            RegistryImported(
                subject=new_uuid(change.now),
                agency=None,
                kind="organisations",
                file_name="tree.csv",
                digest="00",
                length=1,
                rows=len(tree),
                added=len(tree),
                changed=0,
                ended=0,
            )
        )
    return made
